"""Flows in YAML: what a file may say, where an error is, and the flows that ship."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dknb.conversations import ConversationManager, MemoryConversationStorage
from dknb.conversations.flow import (
    FLOW_SCHEMA,
    ConversationFlow,
    FlowLibrary,
    KeywordCondition,
    RegexCondition,
    parse_flow,
    read_flow,
)
from dknb.conversations.flow.judged import MODEL
from dknb.errors import PromptError, PromptFileError
from dknb.llm import EchoProvider, LLMResponse
from dknb.prompts import AsyncPromptBuilder, FileSystemPromptLibrary

PROMPTS = Path(__file__).parents[2] / "prompts"

WHOLE = """\
name: support
description: A case.
version: 2.1.0
initial_state: greet
final_states: [bye]
max_total_loops: 7
timeout_seconds: 2.5
initial_context: {product: dknb}
metadata: {owner: tests}
states:
  greet:
    template: Greet them.
    prompt_params: {tone: kind}
    max_loops: 2
    metadata: {icon: hand}
    on_enter: enter
    on_exit: leave
    transitions:
      - {name: fixed, to: bye, when: {keyword: {keywords: [solved], match_whole_word: true}}}
      - {to: greet, when: {regex: {pattern: "^again", flags: [ignorecase, multiline]}}}
      - to: ask
  ask:
    template: "{{user_input}}"
    waits: true
    transitions:
      - {to: bye}
  bye:
    template: Bye.
"""


def test_a_file_says_all_of_a_flow() -> None:
    """Every field of flows and states can be written in YAML; transitions keep their order."""
    functions = {"enter": print, "leave": repr}
    flow = parse_flow(WHOLE, functions=functions)
    greet = flow.states["greet"]
    assert (flow.name, flow.description, flow.version) == ("support", "A case.", "2.1.0")
    assert (flow.initial_state, list(flow.final_states)) == ("greet", ["bye"])
    assert (flow.max_total_loops, flow.timeout_seconds) == (7, 2.5)
    assert (flow.initial_context, flow.metadata) == ({"product": "dknb"}, {"owner": "tests"})
    assert (greet.template, greet.prompt_params, greet.max_loops, greet.metadata) == (
        "Greet them.",
        {"tone": "kind"},
        2,
        {"icon": "hand"},
    )
    assert (greet.on_enter, greet.on_exit, flow.states["ask"].waits) == (print, repr, True)
    assert greet.transitions == {"fixed": "bye", "regex": "greet", "always": "ask"}
    assert greet.transition_conditions["fixed"] == KeywordCondition(["solved"], match_whole_word=True)
    assert greet.transition_conditions["regex"] == RegexCondition("^again", 2 | 8)


async def holds(when: str, answer: str, context: dict[str, Any] | None = None) -> bool:
    def ends_in_dot(response: str) -> bool:
        return response.endswith(".")

    text = f"initial_state: a\nstates: {{a: {{template: x, transitions: [{{to: end, name: t, when: {when}}}]}}}}"
    flow = parse_flow(text, functions={"dot": ends_in_dot})
    return await flow.states["a"].transition_conditions["t"].evaluate(answer, context or {})


@pytest.mark.parametrize(
    ("when", "yes", "no"),
    [
        ("always", "anything", None),
        ("{keyword: solved}", "It is SOLVED", "no"),
        ("{keyword: [solved, done]}", "done", "no"),
        ("{keyword: {keywords: [Aye], case_sensitive: true}}", "Aye", "aye"),
        ("{regex: '^ok$'}", "ok", "not ok"),
        ("{json: ticket.id}", 'Here: {"ticket": {"id": 0}}', '{"ticket": {}}'),
        ("{json: {key: ok, value: true}}", '{"ok": true}', '{"ok": 1}'),
        ("{json: {schema: {required: [a], properties: {a: {type: integer}}}}}", '{"a": 1}', '{"a": "x"}'),
        ("{sentiment: positive}", "This is great", "This is awful"),
        ("{sentiment: {expected_sentiment: negative, threshold: 1}}", "awful", "awful but nice"),
        ("{custom: dot}", "End.", "End"),
        ("{all: [{keyword: a}, {keyword: b}]}", "a b", "a"),
        ("{any: [{keyword: a}, {keyword: b}]}", "b", "c"),
    ],
)
async def test_every_condition_can_be_written(when: str, yes: str, no: str | None) -> None:
    """Each is true of the one answer, and not of the other."""
    assert await holds(when, yes)
    assert no is None or not await holds(when, no)


async def test_a_question_alone_is_asked_of_the_model() -> None:
    """``llm: "…?"`` is true when the model says yes to it, about the answer."""
    asked: list[str] = []

    async def answered(prompt: str) -> LLMResponse:
        asked.append(prompt)
        return LLMResponse(content="Yes." if "hurry" in prompt.partition("<answer>")[2] else "No.", model="judge")

    context = {MODEL: SimpleNamespace(complete=answered)}
    assert await holds('{llm: "Is it urgent?"}', "Please hurry.", context)
    assert not await holds('{llm: "Is it urgent?"}', "Whenever you like.", context)
    assert asked[0].startswith("Is it urgent? Answer with yes or no")


async def test_a_condition_can_look_at_the_context() -> None:
    """That a key has a value, or this one."""
    assert await holds("{context: plan}", "", {"plan": "pro"})
    assert not await holds("{context: plan}", "", {"plan": ""})
    assert await holds("{context: {key: user.plan, value: pro}}", "", {"user": {"plan": "pro"}})


HEAD = "initial_state: a\nstates:\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("initial_state: a\nstats: {}\n", 2, 1, "no key 'stats' here. Did you mean 'states'?"),
        ("initial_state: a\n", 1, 1, "'states' is missing"),
        ("initial_state: b\nstates: {a: {template: x}}", 1, 16, "begins in 'b', which is no state"),
        (HEAD + "  a: {promt_name: x}", 3, 7, "no key 'promt_name' here. Did you mean 'prompt_name'?"),
        (HEAD + "  a: {}", 3, 3, "needs a prompt"),
        (HEAD + "  a:\n    template: x\n    max_loops: 0", 5, 16, "0 is less than the minimum of 1"),
        (HEAD + "  a:\n    template: x\n    transitions:\n      - to: ende", 6, 13, "Did you mean 'end'?"),
        (HEAD + "  a: {template: x, transitions: [{when: always}]}", 3, 34, "'to' is missing"),
        (HEAD + "  a: {template: x, transitions: [{to: end, when: {regex: '('}}]}", 3, 50, "no regular expression"),
        (HEAD + "  a: {template: x, transitions: [{to: end, when: {custom: f}}]}", 3, 50, "no function 'f'"),
        (HEAD + "  a: {template: x, transitions: [{to: end, when: sometimes}]}", 3, 50, "'always' was expected"),
        (HEAD + "  a: {template: x, transitions: [{to: end}, {to: a}]}", 3, 45, "two transitions 'always'"),
        (HEAD + "  a: {template: x, on_enter: os.system}", 3, 30, "no function 'os.system'"),
        (HEAD + "  yes: {template: x}", 3, 3, "True is not of type 'string'"),
        ("initial_state: a\nstates: {a: {template: x}}\nfinal_states: [b]", 3, 16, "no state 'b'"),
        ("[1, 2]", 1, 1, "is not of type 'object'"),
        (
            "initial_state: a\nstates: {a: !!python/object/apply:os.system [id]}",
            2,
            13,
            "could not determine a constructor",
        ),
        ("a: &a [1]\na: *a", 2, 1, "there twice"),
    ],
)
def test_an_error_says_where_it_is(text: str, line: int, column: int, says: str) -> None:
    """What is wrong is named with line and column, and nothing of the file is executed."""
    with pytest.raises(PromptFileError, match=re.escape(says)) as caught:
        parse_flow(text, source_name="bad.yaml")
    assert (caught.value.line, caught.value.column) == (line, column)


def test_yes_without_quotes_is_explained() -> None:
    """YAML takes it for true: the hint says so."""
    with pytest.raises(PromptFileError) as caught:
        parse_flow(HEAD + "  a: {template: x, transitions: [{to: end, when: {keyword: [yes]}}]}")
    assert caught.value.hint == "YAML reads yes, no, on and off as true and false: put the word in quotes."


@pytest.mark.parametrize(
    ("way", "example"),
    [("[{to: end, when: keyword}]", "when: {keyword: [invoice, refund]}"), ("{to: end}", "transitions: [{to: NEXT")],
)
def test_an_error_shows_what_to_write(way: str, example: str) -> None:
    """Where the form is wrong, the hint is an example of it."""
    with pytest.raises(PromptFileError) as caught:
        parse_flow(HEAD + f"  a: {{template: x, transitions: {way}}}")
    assert (caught.value.hint or "").startswith(f"Like this:  {example}")


def test_a_bomb_of_aliases_is_refused() -> None:
    """A few lines that stand for millions are no flow."""
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(PromptFileError, match="aliases stand for too much"):
        parse_flow("\n".join(lines))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, no text, or far too large."""
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    for name, says in (("none", "No such file"), ("latin", "codec"), ("large", "1,000,000 bytes")):
        with pytest.raises(PromptFileError, match=f"{name}.yaml: .*{says}"):
            read_flow(tmp_path / f"{name}.yaml")


def test_a_library_finds_flows_by_name(tmp_path: Path) -> None:
    """By the name of the file, in folders too, and nowhere else."""
    folder = tmp_path / "flows" / "mail"
    folder.mkdir(parents=True)
    (folder / "reply.yaml").write_text("initial_state: a\nstates: {a: {template: x}}")
    (tmp_path / "flows" / "broken.yml").write_text("states: []")
    (tmp_path / "secret.yaml").write_text("initial_state: a\nstates: {a: {template: x}}")
    library = FlowLibrary(tmp_path)
    assert library.names() == ["broken", "mail/reply"]
    assert library.get("mail/reply").name == "mail/reply"
    assert [line.partition(":")[0] for line in library.validate()] == ["flows/broken.yml, line 1, column 1"]
    for name in ("../secret", "/etc/passwd", "mail/repl"):
        with pytest.raises(PromptError, match="There is no flow"):
            library.get(name)


def test_the_schema_is_a_schema() -> None:
    """Editors can use it: it is valid, and so are the flows that ship."""
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(json.loads(FLOW_SCHEMA.read_text(encoding="utf-8")))
    library = FlowLibrary(PROMPTS)
    assert library.names() == ["interview", "support"]
    assert library.validate() == []


def test_a_flow_comes_from_a_file() -> None:
    """`ConversationFlow.from_file` reads it too."""
    assert ConversationFlow.from_file(PROMPTS / "flows" / "support.yaml").initial_state == "triage"


async def shipped(name: str, answers: list[str], inputs: list[str], context: dict[str, Any]) -> list[str]:
    flow = FlowLibrary(PROMPTS).get(name)
    builder = AsyncPromptBuilder(FileSystemPromptLibrary(PROMPTS))
    echo = EchoProvider().set_responses(answers)
    manager = await ConversationManager.create(echo, builder, MemoryConversationStorage())
    result = await flow.execute(manager, context, inputs=inputs)
    assert result.status == "ended"
    for node in manager.state.message_tree.walk():
        assert "{{" not in node.data.message.content
    return result.states


async def test_the_support_flow_solves_a_case() -> None:
    """What is missing is asked for, a step is tried, and the case is closed."""
    triage = '{"topic": "defect", "urgency": "low", "wants_human": false, "missing": ["Which model?"]}'
    states = await shipped(
        "support",
        [triage, "Which model is it?", "Press reset.\nSTATUS: WAITING", "Good.\nSTATUS: SOLVED", "Bye."],
        ["It is dead", "The X1", "It works again"],
        {"articles": [{"title": "Reset", "text": "Press it for ten seconds."}]},
    )
    assert states == ["triage", "ask", "follow_up", "follow_up", "closing"]


async def test_the_support_flow_hands_over() -> None:
    """Who asks for a human gets one at once."""
    triage = '```json\n{"topic": "other", "urgency": "low", "wants_human": true, "missing": []}\n```'
    assert await shipped("support", [triage, "note"], ["A human, please"], {}) == ["triage", "handover"]


async def test_the_interview_flow_ends_with_findings() -> None:
    """After some questions, or when one stops."""
    context = {"topic": "notebooks", "goal": "what hurts"}
    said = ["one", "two", "three", "four", "five"]
    states = await shipped("interview", ["Q1", "Q2", "Q3", "Q4", "Q5", "Findings"], said, context)
    assert states == ["opening", "question", "question", "question", "question", "last_answer"]
    assert await shipped("interview", ["Q1", "Q2", "F"], ["stop"], context) == ["opening", "question", "findings"]
