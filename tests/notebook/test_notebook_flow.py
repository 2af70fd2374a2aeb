"""``%%flow``: a flow of the library in a cell, its place in the tree, and what it shows."""

from __future__ import annotations

import pytest

from dknb.errors import FlowError, MagicError, PromptError
from dknb.notebook.views.text import MIME

GUIDE = """
name: guide
description: A walk in two towns.
initial_state: town
states:
  town:
    template: "Name a town in {{country}}."
    transitions: [{to: choice}]
  choice:
    template: "They said: {{user_input}}. Why there?"
    waits: true
    transitions:
      - {name: enough, to: end, when: {context: {key: user_input, value: stop}}}
      - {name: more, to: choice}
"""
ASKS_FIRST = """
initial_state: hear
states:
  hear: {waits: true, transitions: [{name: sad, to: comfort, when: {keyword: sad}}]}
  comfort: {template: Comfort them.}
"""


@pytest.fixture
def flows(project, notebook):
    """A notebook whose library has two flows and a broken one."""
    folder = project / "prompts" / "flows"
    folder.mkdir(parents=True)
    (folder / "guide.yaml").write_text(GUIDE)
    (folder / "listen.yaml").write_text(ASKS_FIRST)
    (folder / "broken.yaml").write_text("states: 3\n")
    return notebook


def stored(notebook):
    return len(notebook.talk.manager.state.stored)


def test_flows_are_listed_with_what_is_wrong(flows):
    """%flow lists the flows, their states, and those that wait; a broken file is named as one."""
    text = flows.ok("%flow")
    assert "guide   town, choice   choice" in text
    assert "listen  hear, comfort  hear" in text
    assert "broken: " in text


def test_a_flow_is_shown_with_its_ways_and_a_picture(flows):
    """%flow NAME shows states, prompts and ways, and a picture that is an image, not markup of the page."""
    (bundle,) = flows.run("%flow guide").bundles
    assert "guide: A walk in two towns." in bundle["text/plain"]
    assert "enough → end, more → choice" in bundle["text/plain"]
    assert '<img src="data:image/svg+xml;base64,' in bundle["text/html"]
    assert "<svg" not in bundle["text/html"]


def test_a_library_without_flows_says_how_to_make_one(notebook):
    """%flow in a project without flows says where one would lie."""
    assert "flows/NAME.yaml" in notebook.ok("%flow")


def test_a_run_shows_its_states_and_waits(flows):
    """Each state is shown when it is entered, with its answer and way; then the steps, and what it waits for."""
    ran = flows.run("%%flow guide country=Mali", cell="a")
    texts = [bundle["text/plain"] for bundle in ran.bundles]
    assert texts[0] == "▸ town: Name a town in Mali."
    assert texts[1] == "Echo: Name a town in Mali."
    assert texts[2].startswith("node 0.0 · ")
    assert texts[2].endswith("town → choice (always)")
    assert texts[3].startswith("guide · waits for the user in 'choice': answer in a cell  %%flow --go-on\n")
    assert flows.paths() == [("Name a town in Mali.",), ("Name a town in Mali.", "Echo: Name a town in Mali.")]


def test_a_waiting_run_is_gone_on_with_to_its_end(flows):
    """--go-on gives the run the user's words, until a way leads to the end."""
    flows.ok("%%flow guide country=Mali", cell="a")
    assert "choice → choice (more)" in flows.ok("%%flow --go-on\nTimbuktu", cell="b")
    text = flows.ok("%%flow --go-on >> result\nstop", cell="c")
    assert "guide · ended in 'choice'" in text
    result = flows.shell.user_ns["result"]
    assert [(step["state"], step["user_input"]) for step in result.rows()] == [
        ("town", None), ("choice", "Timbuktu"), ("choice", "stop"),
    ]  # fmt: skip
    assert "choice \N{MULTIPLICATION SIGN}2" in result._repr_mimebundle_()["text/plain"]
    before = stored(flows)
    assert "the cell's text was not used" in flows.ok("%%flow --go-on\nmore", cell="d")
    assert stored(flows) == before


def test_a_cell_with_several_waiting_states_takes_its_words_for_the_first(flows):
    """The words of a cell are said once, in the first state that waits: the run then waits again."""
    text = flows.ok("%%flow guide country=Mali\nGao", cell="a")
    assert "They said: Gao. Why there?" in text
    assert "waits for the user in 'choice'" in text


def test_a_cell_run_again_makes_siblings(flows):
    """A flow that is run again begins beside the first run, and the cell below follows it there."""
    flows.ok("%%flow guide country=Mali", cell="a")
    flows.ok("%%flow --go-on\nGao", cell="b")
    assert "node 0.0.1.0" in flows.ok("%%flow --go-on\nKidal", cell="b")
    assert "node 1.0 " in flows.ok("%%flow guide country=Mali", cell="a")
    assert "node 1.0.0.0 " in flows.ok("%%flow --go-on\nGao", cell="b")
    flows.ok("%%flow --go-on\nstop", cell="c")
    assert "node 1.0.0.0.0.0.0.0 " in flows.ok("%%chat\nand now?", cell="d")


def test_run_all_in_a_new_kernel_adds_nothing(flows):
    """Restart and Run All goes over the stored steps of a run; going on with it then goes on with that run."""
    cells = [("%%flow guide country=Mali", "a"), ("%%flow --go-on\nGao", "b"), ("%%flow --go-on\nstop", "c")]
    for source, cell in cells:
        flows.ok(source, cell)
    before = stored(flows)
    flows.shell.run_line_magic("reload_ext", "dknb")
    for source, cell in cells:
        flows.ok(source, cell)
    assert stored(flows) == before
    flows.ok("%%flow --go-on --from 0.0.0.0\nSegou", cell="d")
    assert stored(flows) == before + 2
    assert "Segou" in flows.ok("%branch tree")


def test_steps_go_to_the_branch_that_is_named(flows):
    """--branch makes a branch for the steps; the one that one was on stays where it was."""
    flows.ok("%%chat\nhello", cell="a")
    assert "node 0.0.0.0" in flows.ok("%%flow guide --branch walk country=Mali", cell="b")
    heads = {name: branch.head.data.node_id for name, branch in flows.talk.manager.state.branches.items()}
    assert heads == {"main": "0.0", "walk": "0.0.0.0"}


def test_no_way_on_is_one_line_and_can_be_tried_again(flows):
    """Where no condition is true the cell fails with what was seen; the steps are shown and stored."""
    ran = flows.run("%%flow listen\nI am glad", cell="a")
    assert isinstance(ran.error, FlowError)
    assert "no transition is true ('sad')" in str(ran.error)
    assert flows.paths()[-1] == ("I am glad", "Echo: I am glad")
    assert "comfort" in flows.ok("%%flow listen\nI am sad", cell="a")


def test_functions_of_a_flow_are_those_of_the_notebook(flows, project):
    """A file may call by name what the notebook defines, and nothing else of its variables."""
    told = "initial_state: a\nstates:\n  a: {template: hi, transitions: [{to: end, when: {custom: %s}}]}\n"
    (project / "prompts/flows/own.yaml").write_text(told % "polite")
    (project / "prompts/flows/taken.yaml").write_text(told % "quit")
    flows.ok("def polite(answer):\n    return 'hi' in answer\n")
    assert "own · ended in 'a'" in flows.ok("%%flow own")
    assert "There is no function 'quit'" in str(flows.run("%%flow taken").error)


def test_a_flow_of_the_notebook_is_run_too(flows):
    """A variable that is a flow is run, and gone on with, by its name; it comes before a file of that name."""
    flows.ok("from dknb.conversations.flow import parse_flow\n"
             "guide = parse_flow('initial_state: a\\nstates: {a: {waits: true}}', name='mine')")  # fmt: skip
    assert "mine · ended in 'a'" in flows.ok("%%flow guide\nhello", cell="a")
    flows.ok(
        "walk = parse_flow('initial_state: a\\nstates: {a: {template: hi, transitions: [{to: b}]}, b: {waits: true}}')"
    )
    flows.ok("%%flow walk", cell="b")
    assert "flow · ended in 'b'" in flows.ok("%%flow --go-on\nhello", cell="c")
    assert "guide" in flows.ok("%flow")


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("%%flow", MagicError, "which one?"),
        ("%%flow giude", PromptError, "Did you mean 'guide'?"),
        ("%%flow guide listen", MagicError, "one flow at a time"),
        ("%%flow listen", MagicError, "begins in 'hear' with what the user says"),
        ("%%flow --go-on\nx", MagicError, "no run above"),
        ("%%flow guide --go-on\nx", FlowError, "holds no run of it"),
        ("%%flow broken", PromptError, "broken.yaml"),
        ("%flow nope", PromptError, "no flow 'nope'"),
    ],
)
def test_mistakes_are_one_line(flows, source, error, said):
    """What cannot be done fails the cell, says why, and stores nothing."""
    ran = flows.run(source)
    assert isinstance(ran.error, error)
    assert said in str(ran.error)
    assert flows.talk is None or stored(flows) <= 1


def test_values_are_what_the_prompts_declare(flows, project):
    """A word that looks like a number is a text where a prompt of the flow declares one."""
    (project / "prompts/user").mkdir()
    (project / "prompts/user/year.yaml").write_text(
        "parameters: {topic: {type: string}, most: {type: integer}}\nvalidation: {level: error}\n"
        "template: '{{topic}} {{most + 1}}'\n"
    )
    (project / "prompts/flows/years.yaml").write_text("initial_state: a\nstates: {a: {prompt_name: year}}\n")
    assert "Echo: 1984 6" in flows.ok("%%flow years topic=1984 most=5")


def test_words_that_no_state_takes_are_not_dropped_silently(flows, project):
    """A flow that never waits refuses a cell's text."""
    (project / "prompts/flows/mute.yaml").write_text("initial_state: a\nstates: {a: {template: hi}}\n")
    assert "ended in 'a'" in flows.ok("%%flow mute")
    assert "has ended" in str(flows.run("%%flow --go-on\nhello").error)
    assert "no state of 'mute' waits" in str(flows.run("%%flow mute\nhello").error)


def test_names_and_answers_are_data(flows, project):
    """What a file or the user says is text in the page."""
    (project / "prompts/flows/nasty.yaml").write_text(
        'name: "<b>n"\ninitial_state: "<i>s"\nstates: {"<i>s": {waits: true}}\n'
    )
    html = "".join(bundle["text/html"] for bundle in flows.run("%%flow nasty\n<script>x</script>").bundles)
    assert "<script>" not in html
    assert "<i>s" not in html
    assert "<b>n" not in html


def test_the_steps_are_in_the_tree_with_the_picture(flows):
    """The nodes of a run are ordinary nodes of the conversation."""
    flows.ok("%%flow guide country=Mali", cell="a")
    (bundle,) = flows.run("%branch tree").bundles
    assert bundle[MIME["conversation"]]["nodes"]["text"][1:] == ["Name a town in Mali.", "Echo: Name a town in Mali."]
