"""``dknb.form("name")``: a form from the declared parameters, and the render that follows what is typed."""

from __future__ import annotations

import pytest
from ipywidgets import Checkbox, Dropdown, FloatSlider, IntSlider, IntText, Text, Textarea

import dknb
from dknb.errors import PromptError, PromptNotFound
from dknb.notebook.views.text import MIME

SUMMARISE = """parameters:
  text: {type: string, required: true, description: "What to <b>summarise</b>"}
  tone: {type: enum, choices: [kind, plain], default: kind}
  style: {type: enum, choices: [dry, vivid]}
  words: {type: integer, minimum: 1, maximum: 500, default: 50}
  pages: {type: integer, default: 3}
  limit: integer
  warmth: {type: number, minimum: 0, maximum: 1, default: 0.5}
  bullets: {type: boolean, default: false}
  links: boolean
  topics: {type: list, default: [a, b]}
  facts: object
template: "{{words}} {{tone}}((, {{style}}))((, {{bullets}}))((, {{topics | join('+')}}))((, {{facts.x}}))((, {{limit}})): {{text}} {{plain}}"
"""


@pytest.fixture
def form(notebook, project):
    """The form of a prompt with parameters of every type."""
    (project / "prompts" / "user").mkdir(parents=True)
    (project / "prompts" / "user" / "summarise.yaml").write_text(SUMMARISE)
    (project / "prompts" / "user" / "ask.yaml").write_text(
        "rag_configs:\n- {adapter_name: docs, query: '{{q}}', placeholder: F}\ntemplate: '{{F}} <- {{q}}'\n"
    )
    return dknb.form("summarise")


def test_each_parameter_has_a_field_of_its_type(form):
    """Choices are a menu, bounded numbers a slider, truth a box, everything else text."""
    kinds = {name: type(field.widget) for name, field in form.fields.items()}
    assert kinds == {
        "words": IntSlider, "tone": Dropdown, "style": Dropdown, "bullets": Checkbox, "topics": Textarea,
        "facts": Textarea, "limit": Text, "text": Textarea, "plain": Textarea, "pages": IntText,
        "warmth": FloatSlider, "links": Dropdown,
    }  # fmt: skip
    assert (form.fields["words"].widget.min, form.fields["words"].widget.max) == (1, 500)
    assert form.fields["style"].widget.options == (
        ("(none)", form.fields["style"].widget.value),
        ("dry", "dry"),
        ("vivid", "vivid"),
    )


def test_at_first_the_defaults_stand_in_it(form):
    """Fields without a default are empty, and give nothing."""
    assert form.values == {
        "words": 50, "tone": "kind", "bullets": False, "topics": ["a", "b"], "pages": 3, "warmth": 0.5,
    }  # fmt: skip
    assert str(form) == "50 kind, a+b: {{text}} {{plain}}"
    assert form.result.params_missing == ["text", "plain"]
    origins = {row["name"]: row["origin"] for row in form.result._repr_mimebundle_()[MIME["prompt"]]["params_used"]}
    assert origins["words"] == "default"


def test_what_is_typed_is_rendered_at_once(form):
    """Each field's text is read as its type says."""
    for name, typed in {
        "text": "T", "words": 7, "style": "dry", "topics": "x, y", "facts": '{"x": 1}', "limit": "12", "plain": "{{p}}",
        "bullets": True,
    }.items():  # fmt: skip
        form.fields[name].widget.value = typed
    assert str(form) == "7 kind, dry, True, x+y, 1, 12: T {{p}}"
    assert form.values["limit"] == 12
    form.fields["facts"].widget.value = ""
    assert "facts" not in form.values


def test_what_cannot_be_read_is_told_and_mended(form):
    """Each bad field is marked; there is no result, and the last good render is shown greyed until there is one."""
    form.fields["limit"].widget.value = "many"
    form.fields["facts"].widget.value = "{"
    assert form.result is None
    assert "limit: 'many' is not a whole number" in str(form.error)
    assert "facts: '{' is not an object" in str(form.error)
    assert str(form) == ""
    assert [name for name, field in form.fields.items() if "⚠" in field.told.value] == ["limit", "facts"]
    shown = form._bundle()
    assert MIME["prompt"] not in shown
    assert "opacity" in shown["text/html"]
    assert "50 kind, a+b:" in shown["text/html"]
    form.fields["facts"].widget.value = ""
    form.fields["limit"].widget.value = "3"
    assert form.error is None
    assert not any("⚠" in field.told.value for field in form.fields.values())
    assert ", 3:" in str(form)


def test_what_is_typed_comes_from_the_form(form):
    """The render beside the form says of each value whether it is typed or a default."""
    form.fields["words"].widget.value = 7
    assert (form.result.origins["words"], form.result.origins["tone"]) == ("form", "default")
    assert "dknb-form" in form.widget._dom_classes


def test_json_has_the_room_that_it_needs(notebook, project, form):
    """A long default stands on several lines; a list of objects asks for one."""
    (project / "prompts" / "user" / "long.yaml").write_text(
        "parameters:\n  rows: {type: list, items: {type: object}}\n"
        f"  many: {{type: list, default: {[{'name': 'x' * 30}] * 3}}}\ntemplate: '{{{{rows}}}} {{{{many}}}}'\n"
    )
    fields = dknb.form("long").fields
    assert fields["rows"].widget.placeholder == '[{"name": "value"}]'
    assert fields["many"].widget.rows == fields["many"].widget.value.count("\n") + 1 == 11


def test_values_are_put_into_fields(notebook, form):
    """From the call, or later; wrong ones are refused with what is right."""
    made = dknb.form("summarise", text="T", topics=["q"], tone="plain")
    assert str(made) == "50 plain, q: T {{plain}}"
    made.put(words=3)
    assert str(made).startswith("3 plain")
    with pytest.raises(PromptError, match=r"no parameter 'wrds'.*'words'"):
        made.put(wrds=3)
    with pytest.raises(PromptError, match="words must be at most 500"):
        made.put(words=501)
    with pytest.raises(PromptNotFound, match="summarise"):
        dknb.form("sumarise")


def test_it_shows_a_widget_and_the_render(notebook, form):
    """Two outputs: the form, with a table of its parameters for where no widget can be, and the rendered prompt."""
    ran = notebook.run("import dknb; dknb.form('summarise', text='<script>x</script>')")
    widget, render = ran.bundles
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert "What to &lt;b&gt;summarise" in widget["text/html"]
    assert "text *" in widget["text/html"]
    assert " at 0x" not in widget["text/html"]
    assert "<script>" not in widget["text/html"]
    assert widget["text/plain"] == repr(dknb.form("summarise"))
    assert render[MIME["prompt"]]["text"].endswith("<script>x</script> {{plain}}")


def test_what_authors_wrote_is_no_markup_in_the_form(form):
    """Descriptions are text wherever they are shown."""
    told = [field.told.value for field in form.fields.values()]
    assert any("What to &lt;b&gt;summarise&lt;/b&gt;" in text for text in told)
    assert not any("<b>" in text for text in told)


def test_a_prompt_that_retrieves_searches_when_it_is_told_to(notebook, form):
    """Not at every key: there is a button."""
    searched = []

    class Source:
        def search(self, query, k=5, filters=None):
            searched.append(query)
            return [{"content": f"about {query}", "score": 1.0, "metadata": {}}]

        def get_value(self, key, default=None, context=None):
            return default

    ask = dknb.form("ask", adapters={"docs": Source()})
    ask.fields["q"].widget.value = "moon"
    assert (str(ask), searched) == (" <- moon", [])
    assert "F" not in ask.fields
    ask.widget.children[1].click()
    assert (str(ask), searched) == ("about moon <- moon", ["moon"])


def test_no_field_is_wider_than_the_form(form):
    """Each takes the room that there is, up to a width that suits it; a column may shrink below its fields."""
    assert {field.widget.layout.width for field in form.fields.values()} == {"auto"}
    assert form.fields["text"].widget.layout.max_width == "32em"
    assert form.fields["tone"].widget.layout.max_width == "16em"
    (grid,) = form.widget.children
    assert (grid.layout.width, grid.layout.grid_template_columns) == ("100%", "fit-content(40%) minmax(0, 1fr)")


def test_json_that_is_not_closed_is_no_list_of_texts(form):
    """The field says so, and the render before stays."""
    form.fields["topics"].widget.value = '{"q": 1, bad'
    assert form.result is None
    assert "topics: " in str(form.error)
    form.fields["topics"].widget.value = '{"q": 1}, {"q": 2}'
    assert form.fields["topics"].value() == [{"q": 1}, {"q": 2}]
