"""TemplateRenderer: validation, defaults, filters, results."""

from __future__ import annotations

from typing import Any

import pytest

from dknb.errors import ConfigError, MissingParameters, TemplateError
from dknb.templates import (
    Limits,
    RenderResult,
    TemplateMode,
    TemplateRenderer,
    TemplateStrategy,
    ValidationConfig,
    ValidationLevel,
)


def required(*names: str, level: ValidationLevel | None = None) -> ValidationConfig:
    """A validation that requires these names."""
    return ValidationConfig(level=level, required_params=set(names))


def test_render_tells_text_used_missing_and_how() -> None:
    """A result carries the facts of the render, the template's metadata on top."""
    result = TemplateRenderer().render(
        "{{a}}{{b}}((c{{c}}))", {"a": 1, "z": 2}, template_metadata={"author": "me", "template_mode": "mine"}
    )
    assert result == RenderResult(
        content="1{{b}}",
        params_used={"a": 1},
        params_missing=["b"],
        metadata={"validation_level": "warn", "template_mode": "mine", "author": "me"},
    )


def test_error_level_raises_before_anything_is_rendered() -> None:
    """Required names are checked first, also when the template would not even parse."""
    with pytest.raises(MissingParameters) as caught:
        TemplateRenderer().render("{{ b c }}", {"a": None}, required("b", "a", level=ValidationLevel.ERROR))
    assert str(caught.value) == "Missing required parameters: a, b"
    assert isinstance(caught.value, ValueError)


def test_warn_level_renders_and_warns() -> None:
    """The warning has the text of the error; required names come first among the missing."""
    result = TemplateRenderer().render("{{x}}{{b}}", {"a": None}, required("b", "a"))
    assert result.content == "{{x}}{{b}}"
    assert result.validation_warnings == ["Missing required parameters: a, b"]
    assert result.params_missing == ["a", "b", "x"]


def test_ignore_level_only_lists_what_is_missing() -> None:
    """No warning, no error."""
    result = TemplateRenderer().render("x", {}, required("a", level=ValidationLevel.IGNORE))
    assert (result.validation_warnings, result.params_missing) == ([], ["a"])


@pytest.mark.parametrize("value", ["", 0, False, []])
def test_empty_values_are_not_missing(value: object) -> None:
    """Required means neither absent nor None."""
    result = TemplateRenderer(ValidationLevel.ERROR).render("{{a}}", {"a": value}, required("a"))
    assert result.content == str(value)


def test_no_level_means_the_renderers_default() -> None:
    """A template that only lists its required names follows the renderer."""
    with pytest.raises(MissingParameters):
        TemplateRenderer(default_validation=ValidationLevel.ERROR).render("a", {}, required("a"))
    result = TemplateRenderer(default_validation=ValidationLevel.IGNORE).render("a", {}, required("a"))
    assert (result.validation_warnings, result.metadata["validation_level"]) == ([], "ignore")


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        (None, "((a{{x}}))"),
        (TemplateMode.JINJA2, "((a{{x}}))"),
        (TemplateMode.MIXED, ""),
        ("mixed", ""),
        (TemplateStrategy.CONDITIONAL, ""),
    ],
)
def test_mode_of_a_call_beats_the_renderers(mode: Any, text: str) -> None:
    """The default mode is for calls that do not say."""
    renderer = TemplateRenderer(default_mode=TemplateMode.JINJA2)
    assert renderer.render("((a{{x}}))", {}, mode=mode).content == text


def test_prompt_template_brings_its_defaults_mode_validation_and_metadata() -> None:
    """All keys of the prompt that concern rendering take effect."""
    prompt = {
        "template": "{{a}}((b{{b}}))",
        "defaults": {"a": 1, "b": 2, "c": 3},
        "template_mode": "jinja2",
        "validation": required("d"),
        "metadata": {"author": "me"},
    }
    result = TemplateRenderer().render_prompt_template(prompt, {"b": 5})
    assert result.content == "1((b5))"
    assert result.params_used == {"a": 1, "b": 5}
    assert result.validation_warnings == ["Missing required parameters: d"]
    assert result.metadata == {"validation_level": "warn", "template_mode": "jinja2", "author": "me"}


@pytest.mark.parametrize(("given", "text"), [({}, "1-2"), ({"a": None}, "-2"), ({"a": ""}, "-2"), ({"b": None}, "1")])
def test_a_parameter_that_is_given_beats_the_default(given: dict[str, object], text: str) -> None:
    """Also when it is None or empty."""
    prompt = {"template": "{{a}}((-{{b}}))", "defaults": {"a": 1, "b": 2}}
    assert TemplateRenderer().render_prompt_template(prompt, given).content == text


def test_a_default_counts_for_validation() -> None:
    """Missing is judged after defaults."""
    prompt = {"template": "{{a}}", "defaults": {"a": 1}, "validation": required("a", level=ValidationLevel.ERROR)}
    assert TemplateRenderer().render_prompt_template(prompt, {}).content == "1"
    with pytest.raises(MissingParameters):
        TemplateRenderer().render_prompt_template(prompt, {"a": None})


def test_an_override_holds_for_its_call_alone() -> None:
    """Level and mode of one call leave the prompt as it was."""
    prompt = {"template": "((a{{x}}))", "validation": required("x", level=ValidationLevel.ERROR)}
    renderer = TemplateRenderer()
    result = renderer.render_prompt_template(prompt, {}, ValidationLevel.IGNORE, TemplateMode.JINJA2)
    assert (result.content, result.params_missing) == ("((a{{x}}))", ["x"])
    with pytest.raises(MissingParameters):
        renderer.render_prompt_template(prompt, {})


def test_custom_filters_belong_to_their_renderer() -> None:
    """A filter of one renderer is unknown to another, and checks its input like the usual ones."""
    renderer = TemplateRenderer()
    renderer.add_custom_filter("double", lambda value, times=2: value * times)
    assert renderer.render("{{x|double}}((-{{x|double(3)}}))", {"x": 2}).content == "4-6"
    with pytest.raises(TemplateError, match="filter 'double' got 'x', which has no value"):
        renderer.render("{{x|double}}", {})
    with pytest.raises(TemplateError, match="No filter named 'double'"):
        TemplateRenderer().render("{{x|double}}", {"x": 1})


def test_a_custom_filter_can_replace_one_after_it_was_used() -> None:
    """Adding a filter compiles anew."""
    renderer = TemplateRenderer()
    before = renderer.render("{{x|upper}}", {"x": "a"}).content
    renderer.add_custom_filter("upper", lambda value: f"<{value}>")
    assert (before, renderer.render("{{x|upper}}", {"x": "a"}).content) == ("A", "<a>")


def test_a_filter_needs_a_name_that_templates_can_write() -> None:
    """The name of a filter is one word."""
    with pytest.raises(ConfigError, match="'to html' is no name for a filter"):
        TemplateRenderer().add_custom_filter("to html", str)


def test_batch_render_renders_each_template_in_order() -> None:
    """Several templates share the parameters and the validation."""
    results = TemplateRenderer().batch_render(["{{a}}", "<{{a}}>"], {"a": 1}, required("b"))
    assert [result.content for result in results] == ["1", "<1>"]
    assert [result.params_missing for result in results] == [["b"], ["b"]]


def test_prompt_ref_and_prompt_name_reach_the_template() -> None:
    """What the builder supplies can be called, and its name stands in errors."""
    renderer = TemplateRenderer()
    text = renderer.render("{{ prompt_ref('p') }}", {}, prompt_ref=lambda name: f"<{name}>").content
    assert text == "<p>"
    for template in ("{{x|upper}}", "{{ a b }}"):
        with pytest.raises(TemplateError, match="Prompt 'q', line 1"):
            renderer.render(template, {}, prompt_name="q")


def test_a_renderer_can_have_tighter_limits() -> None:
    """Limits of the renderer hold in both modes."""
    renderer = TemplateRenderer(limits=Limits(output=3))
    for mode in TemplateMode:
        assert renderer.render("{{x}}", {"x": "abc"}, mode=mode).content == "abc"
        with pytest.raises(TemplateError, match="more than 3 characters"):
            renderer.render("{{x}}", {"x": "abcd"}, mode=mode)


def test_settings_may_be_given_by_their_value() -> None:
    """A level written as text is the level; one that does not exist is refused with the nearest."""
    config = ValidationConfig(level="Error", required_params=["a"])  # type: ignore[arg-type]
    assert (config.level, config.required_params, config.optional_params) == (ValidationLevel.ERROR, {"a"}, set())
    with pytest.raises(ConfigError, match=r"'eror' is no ValidationLevel\. Did you mean 'error'\?"):
        ValidationConfig(level="eror")  # type: ignore[arg-type]
