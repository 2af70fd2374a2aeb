"""A long template is cut into parts, and nothing tells: not its text, not its errors, not its missing names."""

from __future__ import annotations

from typing import Any

import pytest

from dknb.errors import TemplateError
from dknb.templates import Compiler, Limits, TemplateMode
from dknb.templates.jinja.environment import Sandbox

LINE = "line {{ v%d }} ((opt {{ w%d|upper }})) {%% for x in xs %%}{{ x }}{{ loop.index }}{%% endfor %%} {{ z%d }}\n"
COUNT = 400


def made_of(lines: list[str], head: str = "{# #}") -> Any:
    return Compiler().compile(head + "".join(lines), TemplateMode.MIXED)


def lines(count: int = COUNT) -> list[str]:
    return [LINE.replace("%d", str(number)).replace("%%", "%") for number in range(count)]


def values(count: int = COUNT) -> dict[str, Any]:
    return {"xs": ["a", "b"], **{f"v{n}": n for n in range(count)}, **{f"w{n}": "w" for n in range(0, count, 2)}}


def test_the_parts_make_the_same_text_as_each_line_alone() -> None:
    """With the names that are missing, in order, and the values that were used."""
    template, given = made_of(lines()), values()
    assert len(vars(template)["_template"]) > 5
    result = template.render(given)
    alone = [made_of([line]).render(given) for line in lines()]
    assert result.text == "".join(each.text for each in alone)
    assert result.missing == [name for each in alone for name in each.missing]
    assert result.used == given


@pytest.mark.parametrize("at", [0, 1, COUNT // 2, COUNT])
def test_an_error_in_any_part_has_its_place(at: int) -> None:
    """Line and column of the whole template."""
    every = lines()
    every.insert(at, "a {{ missing.attribute }}\n")
    with pytest.raises(TemplateError) as caught:
        made_of(every).render(values())
    assert (caught.value.line, caught.value.column) == (at + 1, 8 if at == 0 else 3)


@pytest.mark.parametrize(
    "head",
    ["{% set a = 1 %}", "{% macro a() %}1{% endmacro %}", "{% block b %}{% endblock %}", "{% set a %}1{% endset %}"],
)
def test_a_template_that_binds_names_stays_whole(head: str) -> None:
    """What it binds counts to its end."""
    template = made_of([*lines(), "{{ a }}"], head)
    assert len(vars(template)["_template"]) == 1
    assert template.render(values()).text.endswith("\n{{a}}" if "block" in head else "1" if "set" in head else ">")


def test_the_bounds_hold_over_all_parts() -> None:
    """Steps and output are those of the render."""
    source = "{# #}" + "".join(lines())
    for limits, told in [({"steps": 100}, "100 passes"), ({"output": 2_000}, "2,000 characters")]:
        template = Compiler(limits=Limits(**limits)).compile(source, TemplateMode.MIXED)
        with pytest.raises(TemplateError, match=told):
            template.render(values())


def _copied(count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """The most names that Jinja2 keeps together while it compiles so many lines."""
    most = 0
    compile_part = Sandbox.compile

    def measured(self: Sandbox, tree: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal most
        from jinja2 import nodes

        most = max(most, len({name.name for name in tree.find_all(nodes.Name)}))
        return compile_part(self, tree, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "compile", measured)
        made_of(lines(count))
    return most


def test_work_grows_with_the_template_not_with_its_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are copied at each block, so how many stand in one function must not grow."""
    assert _copied(COUNT, monkeypatch) < COUNT
    assert _copied(4 * COUNT, monkeypatch) <= 1.1 * _copied(COUNT, monkeypatch)


def test_a_busy_machine_stops_no_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wall time counts up to ten times what a render may work."""
    passed = 0.0
    monkeypatch.setattr("dknb.templates.jinja.meter.monotonic", lambda: passed)
    monkeypatch.setattr("dknb.templates.jinja.meter.thread_time", lambda: passed / 20)
    template = Compiler(limits=Limits(seconds=1)).compile("{{ wait() }}{{ 'a'|upper }}", TemplateMode.MIXED)

    def wait_for(seconds: float) -> Any:
        def wait() -> str:
            nonlocal passed
            passed += seconds
            return ""

        return wait

    assert template.render({"wait": wait_for(9)}).text == "A"
    with pytest.raises(TemplateError, match="stopped after 1 seconds"):
        template.render({"wait": wait_for(11)})
