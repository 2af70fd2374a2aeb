"""``%prompts`` as a user runs it: the library listed, shown, compared, edited and checked."""

from __future__ import annotations

import pandas as pd
import pytest

from dknb.errors import DknbError, MagicError, PromptNotFound

SUMMARISE = """metadata: {description: A summary of a text, version: "1.2"}
parameters:
  text: {type: string, required: true, description: What to summarise}
  tone: {type: enum, choices: [kind, plain], default: kind}
  words: {type: integer, minimum: 1, maximum: 500, default: 50}
template: |
  Summarise in at most {{words}} words((, in a {{tone}} tone)):
  {{text}}
"""


@pytest.fixture
def write(project):
    """A function that writes a file of the library."""

    def put(name, text):
        path = project / "prompts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return put


@pytest.fixture
def library(write):
    """A library with a prompt of each kind, one that extends another, and a broken one."""
    write("user/summarise.yaml", SUMMARISE)
    write("user/mail/reply.md", "---\nextends: base\n---\nReply to {{mail}} as {{role}}.\n")
    write("user/broken.yaml", "template: x\ntone: kind\n")
    write(
        "system/base.yaml",
        "metadata: {use: Says who answers}\nsections: {END: Bye.}\ntemplate: 'You are {{role}}. {{END}}'\n",
    )
    write("messages/shots.yaml", "messages:\n- {role: user, content: 'Is {{this}} so?'}\n")
    return write


def listed(notebook, line="%prompts"):
    ran = notebook.shell.run_cell(line, store_history=False)
    assert ran.success
    return ran.result


def test_the_library_is_a_dataframe(notebook, library):
    """A row for each prompt: name, kind, parameters, version, description, file."""
    frame = listed(notebook)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["name", "kind", "parameters", "version", "description", "file"]
    rows = {row.name: row for row in frame.itertuples(index=False)}
    assert list(rows["summarise"])[1:] == [
        "user", ["text", "tone", "words"], "1.2", "A summary of a text", "prompts/user/summarise.yaml",
    ]  # fmt: skip
    assert rows["mail/reply"].parameters == ["mail", "role"]
    assert rows["base"].description == "Says who answers"
    assert (rows["shots"].kind, rows["shots"].parameters) == ("messages", ["this"])


def test_a_broken_prompt_is_listed_with_what_is_wrong(notebook, library):
    """It is not silently absent."""
    frame = listed(notebook)
    (row,) = frame[frame["name"] == "broken"].itertuples(index=False)
    assert row.description.startswith("broken: ")
    assert "tone" in row.description


def test_the_frame_shows_itself_as_a_table_of_ours(notebook, library):
    """A view of its own, in which data are never markup; what is made of the frame is a plain DataFrame."""
    library("user/nasty.yaml", "metadata: {description: '<script>x</script>'}\ntemplate: x\n")
    bundle = listed(notebook)._repr_mimebundle_()
    assert "summarise" in bundle["text/plain"]
    assert "text *, tone, words" in bundle["text/html"]
    assert "<script>" not in bundle["text/html"]
    assert type(listed(notebook)[["name"]]) is pd.DataFrame


def test_a_list_is_bound_to_a_variable(notebook, library):
    """``df = %prompts`` and ``%prompts >> df`` are the same."""
    notebook.ok("a = %prompts")
    assert "summarise" in notebook.ok("%prompts >> b")
    notebook.ok("%prompts list --as c")
    spaces = notebook.shell.user_ns
    assert spaces["a"].equals(spaces["b"])
    assert spaces["a"].equals(spaces["c"])


def test_an_empty_library_says_how_to_begin(notebook):
    """No prompts are an empty frame that says so."""
    frame = listed(notebook)
    assert len(frame) == 0
    assert "%%prompt NAME --save" in frame._repr_mimebundle_()["text/plain"]


def test_problems_are_a_frame_with_places(notebook, library):
    """``check`` gives file, line and column of each problem."""
    frame = listed(notebook, "%prompts check")
    row = frame[frame["file"] == "prompts/user/broken.yaml"].iloc[0]
    assert (row["line"], row["column"], row["severity"]) == (2, 1, "error")
    assert "tone" in row["problem"]
    library("user/broken.yaml", "template: fine\n")
    frame = listed(notebook, "%prompts check")
    assert frame.empty
    assert frame._repr_mimebundle_()["text/plain"] == "no problems in the library"


def test_a_prompt_is_shown_as_it_was_written(notebook, library):
    """Source with its variables marked, parameters, bases, sections and file."""
    ran = notebook.run("%prompts show summarise")
    for part in ("user · version 1.2 · prompts/user/summarise.yaml", "A summary of a text", "{{words}} words((, in a"):
        assert part in ran.text
    assert "kind | plain" in ran.text
    assert "What to summarise" in ran.text
    assert ">{{words}}</span>" in ran.bundles[0]["text/html"]
    shown = notebook.ok("%prompts show mail/reply")
    assert "extends base (system)" in shown
    assert "section END\nBye." in notebook.ok("%prompts show base")


def test_a_template_of_any_length_is_shown(notebook, library):
    """Marking what is a variable is linear, whatever stands in the template."""
    library("user/long.yaml", "template_mode: jinja2\ntemplate: '{% raw %}" + "{{ (( {# " * 20_000 + "{% endraw %}'\n")
    bundle = notebook.run("%prompts show long").bundles[0]
    assert bundle["text/plain"].count("{{ (( {#") == 20_000


def test_two_prompts_are_compared_word_by_word(notebook, library):
    """The keys that differ, each with the words."""
    library("user/other.yaml", SUMMARISE.replace("at most {{words}}", "about {{words}}").replace("1.2", "1.3"))
    said = notebook.ok("%prompts diff summarise other")
    assert "template\nSummarise in [-at most-]{+about+} {{words}} words" in said
    assert "metadata\n" in said
    assert "parameters" not in said
    assert "no difference" in notebook.ok("%prompts diff summarise summarise")


@pytest.mark.parametrize("name", ["summarise", "mail/reply", "base"])
def test_an_edited_prompt_is_the_same_when_its_cell_runs(notebook, library, project, name):
    """``edit`` puts a cell below that is the prompt: run unchanged, it is what was rendered before."""
    notebook.shell.user_ns.update(text="T", mail="M", role="R")
    notebook.ok(f"%prompt {name} --as before")
    notebook.ok(f"%prompts edit {name}")
    cell = notebook.shell.rl_next_input
    assert cell.startswith(f"%%prompt {name}")
    first, _, body = cell.partition("\n")
    notebook.ok(f"{first} --as after\n{body}")
    before, after = notebook.shell.user_ns["before"], notebook.shell.user_ns["after"]
    assert (after.content, after.params_used) == (before.content, before.params_used)


def test_an_edited_prompt_is_saved_where_it_was(notebook, library, project):
    """The cell keeps the kind: a system prompt is saved as one."""
    notebook.ok("%prompts edit base")
    first, _, body = notebook.shell.rl_next_input.partition("\n")
    notebook.ok(f"{first} --save\n{body.replace('You are', 'Be')}")
    assert "Be {{role}}" in (project / "prompts" / "system" / "base.yaml").read_text()
    assert not (project / "prompts" / "user" / "base.yaml").exists()


def test_a_file_that_was_edited_is_used_and_told_once(notebook, library):
    """The next cell uses the new text, and says so in one line."""
    notebook.shell.user_ns["text"] = "T"
    assert "changed on disk" not in notebook.ok("%prompt summarise")
    library("user/summarise.yaml", "template: 'New: {{text}}'\n")
    ran = notebook.run("%prompt summarise")
    assert ran.bundles[0]["text/plain"] == "changed on disk, used as it is now: summarise"
    assert ran.bundles[1]["text/plain"].startswith("New: T")
    assert "changed on disk" not in notebook.ok("%prompt summarise")


def test_what_a_cell_saves_is_no_change_on_disk(notebook, library):
    """Only edits of others are told."""
    notebook.ok("%%prompt mine --save\nHello")
    assert "changed on disk" not in notebook.ok("%prompt mine")


def test_a_chat_tells_of_an_edited_system_prompt(notebook, library):
    """``%%chat --system`` uses the new text as well."""
    notebook.shell.user_ns["role"] = "R"
    notebook.ok("%%chat --system base\nq", cell="a")
    library("system/base.yaml", "template: 'Be {{role}}.'\n")
    assert "changed on disk, used as it is now: base" in notebook.ok("%%chat --system base\nq", cell="b")


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("%prompts shw", MagicError, "Did you mean 'show'?"),
        ("%prompts show", MagicError, "required"),
        ("%prompts show sumarise", PromptNotFound, "Did you mean 'summarise'?"),
        ("%prompts diff summarise nothing", PromptNotFound, "nothing"),
        ("%prompts edit broken", DknbError, "tone"),
        ("%prompts diff", MagicError, "required"),
    ],
)
def test_a_mistake_is_told_in_a_line_or_two(notebook, library, line, kind, said):
    """The cell fails with what is wrong and what to type."""
    ran = notebook.run(line)
    assert isinstance(ran.error, kind)
    assert said in str(ran.error)
    assert "Traceback" not in ran.printed


def test_help_lists_the_commands(notebook):
    """``%prompts --help`` says what each command does."""
    said = notebook.ok("%prompts --help")
    for command in ("list", "show", "diff", "edit", "check"):
        assert f"%prompts {command}" in said
