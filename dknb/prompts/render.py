"""A plan and values become a result; ``prompt_ref`` renders other prompts on the way.

Nothing here waits. What has to be fetched was fetched before, but for searches: their queries are known when the values
are. So a render that lacks answers gives the questions instead of a result, and is done again with the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from ..errors import (
    DknbError,
    InvalidParameters,
    MissingParameters,
    PromptError,
    PromptNotFound,
    RAGError,
    TemplateError,
    did_you_mean,
)
from ..templates.origin import refusing_calls
from ..templates.types import Rendered
from .library import fresh
from .parameters import check_value
from .plan import Plan, Plans
from .rag.findings import Findings, Retrieving
from .rag.marks import ResultMarks
from .rag.retrieval import Retrieval, SearchQuestion
from .types import RenderResult, ValidationLevel

__all__ = ["Call", "Render", "Renderable", "Trail", "Unanswered", "attempt"]

#: Prompts that one render may refer to, counting each time; references that double would never end.
MAX_REFERENCES = 1_000
#: Prompts within prompts.
MAX_DEPTH = 30

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: The prompts that led to the one that is being rendered, each by type and name.
Trail = tuple[tuple[str, str], ...]
_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Call:
    """What a caller asks of a render.

    Attributes:
        params: The caller's values.
        include_rag: Whether retrieval fills its placeholders; else they are blank.
        level: What a missing required parameter leads to, whatever the prompt says; None leaves it to the prompt.
        default_level: The level of a prompt that says nothing.
        namespace: Where names that neither the caller nor an adapter gives are looked up, if anywhere.
        retrieving: How it retrieves, and what was found so far.
        wants_rag_metadata: Whether the result has ``rag_metadata``.
        found: What adapters gave: name -> (adapter, value); None before they were asked.
    """

    params: Mapping[str, Any]
    include_rag: bool
    level: ValidationLevel | None
    default_level: ValidationLevel
    namespace: Mapping[str, Any] | None = None
    retrieving: Retrieving = field(default_factory=Retrieving)
    wants_rag_metadata: bool = False
    found: Mapping[str, tuple[str, Any]] | None = None


class Unanswered(NamedTuple):
    """What has to be searched for before there is a result."""

    questions: Sequence[SearchQuestion]


class Renderable(Protocol[T_co]):
    """What can be rendered: a prompt's plan, or that of a message index."""

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans that make it up."""

    def produce(self, render: Render) -> T_co:
        """What it becomes in a render."""


def attempt(plans: Plans, call: Call, what: Renderable[T]) -> T | Unanswered:
    """What it becomes; the questions that this lacks answers to, if there are any.

    Raises:
        MissingParameters: Required parameters have no value, and the level is ERROR.
        InvalidParameters: Values are not of their declared type, and the level is ERROR.
        RAGError: Retrieval failed, and the call is strict.
        PromptError: The prompt refers to what it must not.
        TemplateError: A template cannot be rendered with these values.
    """
    render = Render(plans, call)
    try:
        if call.namespace is None:
            made = what.produce(render)
        else:
            with refusing_calls(but=call.params.values()):
                made = what.produce(render)
    except (MissingParameters, InvalidParameters, RAGError):
        raise
    except DknbError:
        # It may only have failed on the text that is not there yet.
        if render.findings is None or not render.findings.needed:
            raise
        return Unanswered(tuple(render.findings.needed.values()))
    if render.findings is not None and render.findings.needed:
        return Unanswered(tuple(render.findings.needed.values()))
    return made


class Render:
    """One render, with the prompts that it refers to.

    Attributes:
        findings: What it retrieves; None when it does not.
    """

    def __init__(self, plans: Plans, call: Call, marks: ResultMarks | None = None) -> None:
        self.plans = plans
        self.call = call
        self.used: dict[str, Any] = {}
        self.missing: dict[str, None] = {}
        self.invalid: dict[str, str] = {}
        self.warnings: list[str] = []
        self.origins: dict[str, str] = {}
        self._marks = marks
        self._references = 0
        self.findings: Findings | None = None

    def result(self, plan: Plan) -> RenderResult:
        """The result of one prompt."""
        trail: Trail = ((plan.prompt_type, plan.name),)
        text = self.text(plan, _NOTHING, _NOTHING, trail)
        if self.findings is not None:
            self.locate(text, lambda marked: marked.text(plan, _NOTHING, _NOTHING, trail))
        return self.told(text, plan)

    def told(self, text: str, plan: Plan) -> RenderResult:
        """The result with this text, and what the render has to say about it."""
        call, findings = self.call, self.findings
        return RenderResult(
            content=text,
            params_used=self.used,
            params_missing=list(self.missing),
            validation_warnings=self.warnings if findings is None else [*self.warnings, *findings.warnings],
            metadata={
                "prompt_name": plan.name,
                "prompt_type": plan.prompt_type,
                "template_mode": plan.mode,
                "validation_level": self._level(plan).value,
                "include_rag": call.include_rag,
                "used_cached_rag": findings is not None and findings.reused,
                "param_origins": self.origins,
                **(fresh(plan.prompt["metadata"]) if "metadata" in plan.prompt else _NOTHING),
                **({"params_invalid": self.invalid} if self.invalid else _NOTHING),
            },
            rag_metadata=findings.records if findings is not None and call.wants_rag_metadata else None,
        )

    def locate(self, text: str, render_again: Callable[[Render], str], **facts: Any) -> None:
        """Find out which characters of ``text`` the results became; ``facts`` go into the record of each place."""
        findings = self.findings
        if findings is None or findings.needed or not self.call.wants_rag_metadata:
            return
        marks = ResultMarks()
        try:
            marked = render_again(Render(self.plans, self.call, marks))
        except DknbError:
            marked = ""  # the marks made a difference to the template: the results are looked for instead
        findings.place(marks.spans(marked, text), **facts)

    def text(self, plan: Plan, defaults: Mapping[str, Any], extra: Mapping[str, Any], trail: Trail) -> str:
        """The text of one prompt; ``defaults`` and ``extra`` come from the prompt that refers to it."""
        defaults = {**plan.defaults, **defaults} if defaults else plan.defaults
        values = self._values(plan, defaults, extra)
        self._validate(plan, values)
        if plan.retrievals and self.call.include_rag:
            values.update(self._passages(plan, values, extra))
        if plan.refers:
            rendered = plan.render(values, {"prompt_ref": self._reference(plan, defaults, extra, trail)})
        else:
            rendered = plan.render(values, _NOTHING)
        self._note(plan, rendered, extra)
        return rendered.text

    def _values(self, plan: Plan, defaults: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all names, from the weakest to the strongest."""
        call = self.call
        values = dict(defaults)
        if call.namespace is not None:
            values.update({name: call.namespace[name] for name in plan.wanted if name in call.namespace})
        if call.found:
            values.update({name: value for name, (_, value) in call.found.items()})
        if plan.placeholders:
            values.update(dict.fromkeys(plan.placeholders, ""))
        values.update(call.params)
        if extra:
            values.update(extra)
        return values

    def _level(self, plan: Plan) -> ValidationLevel:
        return self.call.level or plan.validation.level or self.call.default_level

    def _validate(self, plan: Plan, values: Mapping[str, Any]) -> None:
        if plan.validation.required_params and (missing := plan.validation.missing(values)):
            hint = f"Give a value to {', '.join(missing)} of prompt {plan.name!r}, or a default in it."
            self._object(plan, MissingParameters(missing, hint=hint))
            self.missing.update(dict.fromkeys(missing))
        if plan.parameters:
            problems = {
                name: f"{name} {problem}"
                for name, spec in plan.parameters.items()
                if (problem := check_value(spec, values.get(name))) is not None
            }
            if problems:
                self.invalid.update(problems)
                hint = f"Give prompt {plan.name!r} values of the types that it declares."
                self._object(plan, InvalidParameters(problems, hint=hint))

    def _object(self, plan: Plan, error: MissingParameters | InvalidParameters) -> None:
        """Raise the error or warn of it, as the level says."""
        level = self._level(plan)
        if level is ValidationLevel.ERROR:
            raise error
        if level is ValidationLevel.WARN and str(error) not in self.warnings:
            self.warnings.append(str(error))

    def _note(self, plan: Plan, rendered: Rendered, extra: Mapping[str, Any]) -> None:
        given = self.call.params
        for name, value in rendered.used.items():
            if name in extra or name in self.used:
                continue
            if name in given:
                self.used[name], self.origins[name] = value, "caller"
            elif name not in plan.placeholders:
                self._put(name, value, self._origin(name))
        if rendered.missing:
            self.missing.update(dict.fromkeys(name for name in rendered.missing if not _empty(plan, rendered, name)))
            self._object_to_holes(plan, rendered)

    def _object_to_holes(self, plan: Plan, rendered: Rendered) -> None:
        """Values were given, but not whole: what the text shows as ``{{example.label}}`` would go to the model."""
        holes = [name for name in rendered.missing if name not in rendered.looped and not name.isidentifier()]
        if holes:
            hint = f"Give it to each value that prompt {plan.name!r} goes through, or write {{{{ {holes[0]}|default('') }}}}."
            self._object(plan, MissingParameters(holes, hint=hint))

    def miss(self, plan: Plan, names: Sequence[str]) -> None:
        """Put down parts of given values that have no value themselves, as ``examples[0].label``.

        Raises:
            MissingParameters: The level is ERROR.
        """
        self.missing.update(dict.fromkeys(names))
        hint = f"Give each of the examples of {plan.name!r} the keys that its messages use."
        self._object(plan, MissingParameters(list(names), hint=hint))

    def use(self, name: str, value: Any) -> None:
        """Put down that a parameter was used."""
        self._put(name, value, self._origin(name))

    def _put(self, name: str, value: Any, origin: str) -> None:
        # A default is the library's: whoever has the result may change what is in it.
        self.used[name] = fresh(value) if origin == "default" else value
        self.origins[name] = origin

    def _origin(self, name: str) -> str:
        call = self.call
        if name in call.params:
            return "caller"
        if call.found and name in call.found:
            return f"adapter:{call.found[name][0]}"
        return "notebook" if call.namespace is not None and name in call.namespace else "default"

    def given(self, plan: Plan) -> dict[str, Any]:
        """The values of a plan's parameters."""
        return self._values(plan, plan.defaults, _NOTHING)

    def retrieved(self, plan: Plan) -> dict[str, str]:
        """What a plan retrieves, by placeholder, after its parameters were validated."""
        values = self.given(plan)
        self._validate(plan, values)
        return self._passages(plan, values, _NOTHING) if plan.retrievals and self.call.include_rag else {}

    def _passages(self, plan: Plan, values: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, str]:
        """What each placeholder becomes that nobody gave a value."""
        texts: dict[str, str] = {}
        for retrieval in plan.retrievals:
            name = retrieval.placeholder
            if name not in self.call.params and name not in extra:
                text = self._passage(plan, retrieval, values, extra)
                before = texts.get(name, "")
                texts[name] = before + ("\n" if before and text and not before.endswith("\n") else "") + text
        return texts

    def _passage(self, plan: Plan, retrieval: Retrieval, values: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
        query = retrieval.query.render(values, prompt_name=f"{plan.name} (query of {retrieval.placeholder})")
        header = retrieval.header.render(values, prompt_name=f"{plan.name} (header of {retrieval.placeholder})")
        self._note(plan, query, extra)
        self._note(plan, header, extra)
        if self.findings is None:
            self.findings = Findings(self.call.retrieving, self._marks)
        return self.findings.text(retrieval, query, header.text)

    def _reference(
        self, plan: Plan, defaults: Mapping[str, Any], extra: Mapping[str, Any], trail: Trail
    ) -> Callable[..., str]:
        """What ``prompt_ref`` means in the template of ``plan``."""

        def prompt_ref(name: object, /, **more: object) -> str:
            if not isinstance(name, str):
                raise TemplateError("prompt_ref wants the name of a prompt, in quotes.", prompt_name=plan.name)
            target = self._referred(plan, name)
            is_section = name in plan.prompt.get("sections", {})
            step = ("section", f"{plan.name}.{name}") if is_section else (target.prompt_type, target.name)
            self._refuse_endless([*trail, step])
            return self.text(target, defaults, {**extra, **more}, (*trail, step))

        return prompt_ref

    def _referred(self, plan: Plan, name: str) -> Plan:
        target = self.plans.referred(plan, name)
        if target is None:
            library = self.plans.library
            known = [*library.list_system_prompts(), *library.list_user_prompts()]
            raise PromptNotFound(
                f"Prompt {plan.name!r} refers to {name!r}, which does not exist.{did_you_mean(name, known)}",
                hint="Correct the name in its prompt_ref, or write that prompt.",
            )
        return target

    def _refuse_endless(self, trail: list[tuple[str, str]]) -> None:
        self._references += 1
        chain = " -> ".join(name for _, name in trail)
        if trail[-1] in trail[:-1]:
            raise PromptError(f"Prompt {trail[0][1]!r} refers to itself: {chain}.", hint="Take one prompt_ref out.")
        if len(trail) > MAX_DEPTH or self._references > MAX_REFERENCES:
            raise PromptError(
                f"Prompt {trail[0][1]!r} refers to too many prompts: {chain[:200]}.",
                hint=f"One render takes {MAX_REFERENCES} of them, {MAX_DEPTH} deep.",
            )


def _empty(plan: Plan, rendered: Rendered, name: str) -> bool:
    """Whether a loop over a name without a value is one over nothing, as the declaration of an optional list says."""
    spec = plan.parameters.get(name)
    return name in rendered.looped and spec is not None and name not in plan.validation.required_params
