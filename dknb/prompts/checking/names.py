"""The names in a prompt: what it declares, what its templates and queries use, what its searches fill."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from ...errors import DknbError, PromptError
from ...templates import compile_template
from ..checks import Path
from ..library import AbstractPromptLibrary
from ..plan import Plan
from ..rag.retrieval import PLACEHOLDER
from ..types import PromptType

__all__ = ["config_placeholders", "declared_names", "names_used", "placed_sections", "query_variables"]

_TAG = re.compile(r"\{[{%](.*?)[}%]\}", re.DOTALL)
_NAME = re.compile(r"\w+")


def declared_names(prompt: Mapping[str, Any]) -> dict[str, Path]:
    """The parameters that a prompt declares, each with the path of its declaration."""
    validation = prompt.get("validation")
    listed = [
        *(
            (name, ("validation", "required_params"))
            for name in sorted(validation.required_params if validation else ())
        ),
        *(
            (name, ("validation", "optional_params"))
            for name in sorted(validation.optional_params if validation else ())
        ),
    ]
    names: dict[str, Path] = {}
    for name, path in [
        *((name, ("parameters", name)) for name in prompt.get("parameters", ())),
        *((name, ("defaults", name)) for name in prompt.get("defaults", ())),
        *listed,
    ]:
        names.setdefault(name, path)
    return names


def names_used(plan: Plan, lookup: AbstractPromptLibrary) -> set[str] | None:
    """Names that the prompt's templates mention; None when it refers to prompts that only the render knows."""
    if plan.refers and len(plan.references) < plan.composed.text.count("prompt_ref"):
        return None
    prompt = cast(dict[str, Any], plan.prompt)
    texts = list(prompt.get("sections", {}).values())
    texts += [str(text) for _, config in _configs(prompt, lookup) for text in config.values()]
    texts += [text for name in plan.references for text in _referred(name, lookup)]
    in_tags = {name for text in texts for tag in _TAG.findall(text) for name in _NAME.findall(tag)}
    return in_tags | set(plan.template.variables)


def placed_sections(plan: Plan) -> set[str]:
    """The sections that a template places, or refers to."""
    return {section for _, section, _, _ in plan.composed.origins if section is not None} | set(plan.references)


def config_placeholders(prompt: Mapping[str, Any], lookup: AbstractPromptLibrary) -> Iterator[tuple[str, Path]]:
    """The variables that the searches of a prompt fill, each with the path of its configuration."""
    for path, config in _configs(prompt, lookup):
        yield config.get("placeholder", PLACEHOLDER), path


def query_variables(prompt: Mapping[str, Any], lookup: AbstractPromptLibrary) -> Iterator[tuple[str, Path]]:
    """The parameters that the searches of a prompt take, each with the path of the template that does."""
    for path, config in _configs(prompt, lookup):
        for key in ("query", "header"):
            try:
                names = compile_template(config.get(key, ""), "mixed").variables
            except DknbError:  # told where the configuration stands
                continue
            yield from ((name, (*path, key) if path[0] == "rag_configs" else path) for name in names)


def _configs(prompt: Mapping[str, Any], lookup: AbstractPromptLibrary) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for index, config in enumerate(prompt.get("rag_configs", ())):
        yield ("rag_configs", index), config
    for index, name in enumerate(prompt.get("rag_config_refs", ())):
        # One that is missing or broken is told as that.
        with suppress(PromptError):
            if (config := lookup.get_rag_config(name)) is not None:
                yield ("rag_config_refs", index), config


def _referred(name: str, lookup: AbstractPromptLibrary) -> Iterator[str]:
    """The templates of a prompt that another refers to: parameters of the one are parameters of the other."""
    kinds: tuple[PromptType, PromptType] = ("system", "user")
    for kind in kinds:
        try:
            prompt = lookup.find_prompt(name, kind)
        except PromptError:
            continue
        yield from [(prompt or {}).get("template", ""), *(prompt or {}).get("sections", {}).values()]
