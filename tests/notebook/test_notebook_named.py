"""``dknb.prompt("name")``: a prompt as a function, and a column of renders."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import dknb
from dknb.errors import ConfigError, MissingParameters, PromptError, PromptNotFound
from dknb.notebook.views.text import MIME
from dknb.prompts.types import RenderResult

SUMMARISE = """parameters:
  text: {type: string, required: true, description: What to summarise}
  tone: {type: enum, choices: [kind, plain], default: kind}
  words: {type: integer, minimum: 1, default: 50}
template: "{{words}} words, {{tone}}: {{text}}"
"""


@pytest.fixture
def write(notebook, project):
    """A function that writes a user prompt; ``summarise`` is there already."""

    def put(name, text, kind="user"):
        path = project / "prompts" / kind / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    put("summarise", SUMMARISE)
    return put


def test_a_prompt_is_a_function_of_its_parameters(write):
    """The result is a render, and its text where text is wanted."""
    result = dknb.prompt("summarise")(text="T", words=3)
    assert isinstance(result, RenderResult)
    assert str(result) == result.content == "3 words, kind: T"
    assert f"{result}" == "3 words, kind: T"
    bundle = result._repr_mimebundle_()
    assert [row["origin"] for row in bundle[MIME["prompt"]]["params_used"]] == ["caller", "default", "caller"]


def test_the_notebooks_variables_are_no_parameters(notebook, write):
    """A function has what it is given; only the magic looks around."""
    notebook.shell.user_ns["text"] = "from the notebook"
    assert dknb.prompt("summarise")().params_missing == ["text"]


def test_an_edited_file_is_used_by_the_next_call(write):
    """The function is the prompt of that name, whatever it says now."""
    summarise = dknb.prompt("summarise")
    assert str(summarise(text="T")) == "50 words, kind: T"
    write("summarise", "template: 'New: {{text}}'\n")
    assert str(summarise(text="T")) == "New: T"


def test_it_says_what_it_takes(write):
    """Parameters with their types, in its repr and as data; its view is the source."""
    summarise = dknb.prompt("summarise")
    assert repr(summarise) == "dknb.prompt('summarise')(text: string, tone: kind | plain, words: integer)"
    assert summarise.parameters["tone"].choices == ("kind", "plain")
    assert "What to summarise" in summarise._repr_mimebundle_()["text/html"]


def test_a_system_prompt_is_one_too(write):
    """A name that both kinds have is the user prompt, unless the kind is said."""
    write("summarise", "template: 'You summarise.'\n", kind="system")
    assert str(dknb.prompt("summarise", kind="system")()) == "You summarise."
    assert str(dknb.prompt("summarise")(text="T")) == "50 words, kind: T"


def test_mistakes_are_told(write):
    """A wrong name is told with the nearest right one, at once."""
    with pytest.raises(PromptNotFound, match="Did you mean 'summarise'"):
        dknb.prompt("sumarise")
    with pytest.raises(PromptError, match=r"no parameter 'txt'.*Did you mean 'text'"):
        dknb.prompt("summarise")(txt="T")
    write("strict", "validation: {level: error, required_params: [a]}\ntemplate: '{{a}}'\n")
    with pytest.raises(MissingParameters):
        dknb.prompt("strict")()


def test_a_frame_gives_a_frame_of_renders(write):
    """Columns give parameters by name; what is missing has its default or is marked; the index stays."""
    data = pd.DataFrame({"text": ["a", None, "c"], "words": [1, 2, np.nan], "other": [7, 8, 9]}, index=["x", "y", "z"])
    renders = dknb.prompt("summarise").map(data, tone="plain")
    assert list(renders.columns) == ["content", "params_missing", "validation_warnings", "tokens", "error"]
    assert list(renders.index) == ["x", "y", "z"]
    assert list(renders["content"]) == ["1 words, plain: a", "2 words, plain: {{text}}", "50 words, plain: c"]
    assert list(renders["params_missing"]) == [[], ["text"], []]
    assert renders["error"].isna().all()
    assert (renders["tokens"] > 0).all()
    assert data.join(renders).shape == (3, 8)


def test_a_row_that_cannot_be_rendered_is_a_row_with_an_error(write):
    """One bad row does not lose the others."""
    write("strict", SUMMARISE.replace("template:", "validation: {level: error}\ntemplate:"))
    renders = dknb.prompt("strict").map([{"text": "a"}, {}, {"text": "c", "tone": "loud"}])
    assert renders["content"].iloc[0] == "50 words, kind: a"
    assert renders["content"].iloc[1:].isna().all()
    assert "Missing required parameters: text" in renders["error"].iloc[1]
    assert renders["params_missing"].iloc[1] == ["text"]
    assert "loud" in renders["error"].iloc[2]
    assert renders["tokens"].isna().tolist() == [False, True, True]


def test_values_of_numpy_are_plain_values(write):
    """What a column holds is rendered, and checked, as what it is in Python."""
    data = pd.DataFrame({"text": pd.Categorical(["a"]), "words": np.array([3], dtype="int8")})
    renders = dknb.prompt("summarise").map(data)
    assert renders["content"].tolist() == ["3 words, kind: a"]
    assert renders["validation_warnings"].tolist() == [[]]


def test_data_that_do_not_fit_are_refused(write):
    """No column for any parameter, two for one, or no table at all."""
    summarise = dknb.prompt("summarise")
    with pytest.raises(ConfigError, match="No column gives a parameter"):
        summarise.map(pd.DataFrame({"txt": ["a"]}))
    with pytest.raises(ConfigError, match="Two columns are called 'text'"):
        summarise.map(pd.DataFrame([["a", "b"]], columns=["text", "text"]))
    with pytest.raises(ConfigError, match="Rows are a DataFrame or mappings"):
        summarise.map(["a", "b"])
    with pytest.raises(PromptError, match="no parameter 'tne'"):
        summarise.map(pd.DataFrame({"text": ["a"]}), tne="x")
    assert summarise.map(pd.DataFrame({"text": []})).shape == (0, 5)


def test_many_rows_search_side_by_side(write):
    """A prompt that retrieves is rendered for each row, with what is found for it."""
    write(
        "ask",
        "rag_configs:\n- {adapter_name: docs, query: '{{q}}', k: 1, placeholder: F}\ntemplate: '{{F}} <- {{q}}'\n",
    )
    docs = ["Bees fly.", "The moon is far.", "Ants dig."]
    ask = dknb.prompt("ask", adapters={"docs": docs})
    renders = ask.map([{"q": word} for word in ("moon", "ants", "bees")] * 10)
    expected = ["The moon is far. <- moon", "Ants dig. <- ants", "Bees fly. <- bees"]
    assert renders["content"].tolist() == expected * 10
    assert ask(q="moon").rag_metadata["F"]["spans"][0]["end"] == len("The moon is far.")


def test_a_saved_prompt_has_versions(notebook, write, project):
    """Each text that was saved is a version: ``NAME@1.0.1`` renders it, ``diff`` compares two."""
    for word in ("one", "two", "three"):
        said = notebook.ok(f"%%prompt count --save\nThe {word} of {{{{x}}}}")
    assert "saved as prompts/user/count.yaml, version 1.0.2" in said
    assert str(dknb.prompt("count@1.0.0")(x="X")) == "The one of X"
    assert str(dknb.prompt("count")(x="X")) == "The three of X"
    assert notebook.ok("%prompt count@1.0.1 x=X").startswith("The two of X")
    assert "The [-one-]{+three+} of" in notebook.ok("%prompts diff count@1.0.0 count@1.0.2")
    assert "version 1.0.2" in notebook.ok("%%prompt count --save\nThe three of {{x}}")
    ran = notebook.run("%prompts show count@7")
    assert "has no version '7'" in ran.printed
    assert "1.0.2, 1.0.1, 1.0.0" in ran.printed


def test_a_version_has_the_number_that_its_author_gave(notebook, write, project):
    """``metadata: {version: ...}`` names it; a file that was there before is a version too."""
    notebook.ok('%%prompt summarise --save\n---\nmetadata: {version: "1.2"}\n---\nNew {{text}}')
    assert "[-" in notebook.ok("%prompts diff summarise@1.0.0 summarise@1.2")
    assert str(dknb.prompt("summarise@1.2")(text="T")) == "New T"
    assert str(dknb.prompt("summarise@1.0.0")(text="T")) == "50 words, kind: T"


def test_it_works_in_a_plain_script(project, write):
    """Without IPython: the library of the project around the working directory."""
    script = "import dknb; print(dknb.prompt('summarise')(text='T'))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "50 words, kind: T\n"


def test_a_value_without_a_name_is_refused_with_the_way_to_give_it(write):
    """As our errors are, not as a TypeError of Python."""
    with pytest.raises(PromptError, match="takes its parameters by name: text='Rome'"):
        dknb.prompt("summarise")("Rome")


def test_a_column_that_is_no_parameter_is_named_where_a_value_is_missing(write):
    """Of no use is a table that gives nothing; of little, one whose column is called otherwise."""
    summarise = dknb.prompt("summarise")
    with pytest.raises(ConfigError, match=r"Column 'txt' is no parameter\. Did you mean 'text'\?"):
        summarise.map([{"txt": "a"}])
    renders = summarise.map([{"txt": "a", "words": 3}])
    assert renders["params_missing"].tolist() == [["text"]]
    assert "Column 'txt' is no parameter. Did you mean 'text'?" in renders["validation_warnings"].iloc[0]
    assert summarise.map([{"text": "a", "note": "b"}])["validation_warnings"].tolist() == [[]]
