"""Completion on the lines of the magics and in templates, as IPython asks for it."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

import dknb

FILES = {
    "user/summarise.yaml": "metadata: {version: '1.1'}\nparameters: {tone: {type: enum, choices: [kind, plain]}, bullets: boolean}\n"
    "template: '{{text}} {{tone}} {{bullets}}'\n",
    "user/mail/reply.yaml": "template: '{{mail}}'\n",
    "system/base.yaml": "template: 'You are {{role}}.'\n",
    "rag/facts.yaml": "adapter_name: docs\nquery: '{{question}}'\n",
}


@pytest.fixture
def complete(notebook, project):
    """A function: what may stand at the end of a text, whose last word is begun."""
    for name, text in FILES.items():
        path = project / "prompts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    notebook.shell.user_ns.update(docs=["a"], question="q", dknb=dknb)

    def completed(text):
        with provisionalcompleter():
            found = list(notebook.shell.Completer.completions(text, len(text)))
        assert all(each.end == len(text) for each in found)
        return sorted({each.text for each in found})

    return completed


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%%prompt su", ["summarise"]),
        ("%prompt mail/r", ["mail/reply"]),
        ("%prompt ", ["base", "mail/reply", "summarise"]),
        ("%prompts sh", ["show"]),
        ("%prompts show s", ["summarise"]),
        ("%prompts diff base m", ["mail/reply"]),
        ("df = %prompts li", ["list"]),
        ("%%prompt summarise ", ["bullets=", "text=", "tone="]),
        ("%%prompt summarise tone=kind te", ["text="]),
        ("%prompt summarise t", ["text=", "tone="]),
        ("%prompt summarise tone=", ["kind", "plain"]),
        ("%prompt summarise bullets=t", ["true"]),
        ("%prompt --model echo summarise te", ["text="]),
        ("%prompt summarise --sa", ["--save"]),
        ("%%prompt p --e", ["--extends"]),
        ("%%prompt p --extends ba", ["base"]),
        ("%%prompt p --rag d", ["docs"]),
        ("%%prompt p --rag fa", ["facts"]),
        ("x = 1\n%prompt summarise b", ["bullets="]),
        ("%%prompt summarise\nHello {{to", ["tone"]),
        ("%%prompt new\nHello {{ qu", ["question"]),
        ("%%prompt new\n{% if ques", ["question"]),
        ("%%prompt new\n{{ prompt_ref('su", ["summarise"]),
        ("%%chat --template\nHello {{qu", ["question"]),
        ("%%chat --system b", ["base"]),
        ("%dknb model op", ["openai-compatible/", "openai/"]),
        ("%dknb conversation", ["conversation", "conversations"]),
        ("%branch swi", ["switch"]),
        ("%branch star", ["star"]),
        ("%dknb sto", ["store"]),
        ("%prompts diff summarise@", ["summarise@1.1"]),
        ("import dknb\ndknb.prompt('su", ["summarise"]),
        ('dknb.form("mail/r', ["mail/reply"]),
        ("dknb.leave_one_out('b", ["base"]),
        ("%dknb library pro", ["prompts/"]),
        ("%dknb library zzz", []),
        ("%prompts check imp", []),
        ("%prompt summarise text=pri", []),
        ("%%chat --system base --param ", ["role="]),
        ("%%chat --system base --param ro", ["role="]),
        ("%%chat --system summarise --param tone=", ["kind", "plain"]),
        ("%%chat --system summarise --param tone=kind --param t", ["text="]),
        ("%%chat --param ro", []),
        ('dknb.prompt("summarise")(', ["bullets=", "text=", "tone="]),
        ('dknb.prompt("summarise")(tone=1, te', ["text="]),
    ],
)
def test_what_may_stand_there_is_completed(complete, text, found):
    """Names, parameters, their choices, options, variables: what is right at that place and nothing else."""
    assert complete(text) == found


def test_parameters_of_the_cells_own_template_are_completed(notebook, complete):
    """Before a prompt is saved, its parameters are those of the text below."""
    text = "%%prompt new t\nHello {{tone}} {{name}}"
    with provisionalcompleter():
        found = [each.text for each in notebook.shell.Completer.completions(text, len("%%prompt new t"))]
    assert found == ["tone="]


def test_branches_of_the_conversation_are_completed(notebook, complete):
    """Where a branch is wanted, its name is found."""
    notebook.ok("%%chat --branch skeptic\nq", cell="a")
    assert complete("%branch switch sk") == ["skeptic"]
    assert complete("%%chat --from sk") == ["skeptic"]


def test_flows_and_labels_are_completed(notebook, complete, project):
    """The name of a flow, then what its prompts take; labels where one is wanted; branches for --on and --onto."""
    (project / "prompts" / "flows").mkdir()
    (project / "prompts" / "flows" / "talk.yaml").write_text(
        "initial_state: a\ninitial_context: {mood: calm}\nstates: {a: {prompt_name: summarise, params_from: {tone: mood}}}\n"
    )
    assert complete("%%flow ta") == ["talk"]
    assert complete("%flow ta") == ["talk"]
    assert complete("%%flow talk mo") == ["mood="]
    assert complete("%%flow talk te") == ["text="]
    assert complete("%%flow talk to") == []
    assert complete("%%flow --go") == ["--go-on"]
    assert complete("%%flow --branch walk ta") == ["talk"]
    assert complete("%%flow --branch walk talk mo") == ["mood="]
    notebook.ok("%%chat --branch skeptic\nq", cell="a")
    notebook.ok("%branch label skeptic doubt")
    assert complete("%branch search x --label d") == ["doubt"]
    assert complete("%%chat --on sk") == ["skeptic"]
    assert complete("%branch pick 0 --onto sk") == ["skeptic"]


def test_a_broken_library_completes_nothing_and_does_not_fail(notebook, complete, project):
    """Completion is silent where running the cell would say what is wrong."""
    (project / "prompts" / "user" / "broken.yaml").write_text("templte: x\n")
    assert complete("%prompt broken to") == []
    assert "broken" in complete("%prompt br")


def test_elsewhere_python_is_completed(complete):
    """Our matcher has nothing to say about Python, or about prose in a cell's body."""
    assert "import" in complete("impor")
    assert "append" in complete("docs.app")


def test_after_unloading_nothing_of_ours_is_left(notebook, complete):
    """The matcher goes with the extension."""
    count = len(notebook.shell.Completer.custom_matchers)
    notebook.shell.run_line_magic("unload_ext", "dknb")
    assert len(notebook.shell.Completer.custom_matchers) == count - 1


def test_values_of_a_flow_are_completed(notebook, complete, project):
    """What its prompts declare of a value, and what the flow begins with."""
    (project / "prompts" / "flows").mkdir()
    (project / "prompts" / "flows" / "walk.yaml").write_text(
        "initial_state: a\ninitial_context: {loud: true, town: Gao, place: {a: 1}}\nstates: {a: {prompt_name: summarise}}\n"
    )
    assert complete("%%flow walk tone=") == ["kind", "plain"]
    assert complete("%%flow walk text=x bullets=t") == ["true"]
    assert complete("%%flow walk loud=") == ["false", "true"]
    assert complete("%%flow walk town=G") == ["Gao"]
    assert complete("%%flow walk place=") == []


def test_several_branches_are_completed_one_after_the_other(notebook, complete):
    """Behind a comma the next one, and none twice."""
    notebook.ok("%%chat\nhello", cell="a")
    notebook.ok("%branch new skeptic")
    assert complete("%%chat --on main,") == ["skeptic"]
    assert complete("%%chat --on skeptic,ma") == ["main"]


def test_files_to_export_to_are_completed(notebook, complete, project):
    """Folders and files that are there."""
    notebook.ok("%%chat\nhello", cell="a")
    (project / "talk.md").touch()
    assert complete("%branch export ta") == ["talk.md"]
    assert complete("%branch export pro") == ["prompts/"]
