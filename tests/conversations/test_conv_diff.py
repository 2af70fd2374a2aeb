"""Comparing two paths."""

from __future__ import annotations

import pytest
from conversations_help import ScriptedModel, chain
from hypothesis import given
from hypothesis import strategies as st

from dknb.conversations import ConversationManager, MemoryConversationStorage, PathFigures, WordRun
from dknb.conversations.diff import diff_paths, diff_words


async def test_paths_part_where_they_part() -> None:
    """The fork is the last common node; what follows is paired in order, and word by word."""
    manager = await ConversationManager.create(ScriptedModel(), None, MemoryConversationStorage())
    await manager.add_message(content="one")
    await manager.complete()
    await manager.add_message(content="a red house")
    await manager.complete()
    await manager.create_branch("blue", at="0.0")
    await manager.add_message(content="a blue house")
    found = manager.diff("main", "blue")
    assert found.fork.data.node_id == "0.0"
    assert [node.data.node_id for node in found.left] == ["0.0.0", "0.0.0.0"]
    assert [node.data.node_id for node in found.right] == ["0.0.1"]
    first, second = found.messages
    assert first.words == [
        WordRun("both", "a "),
        WordRun("left", "red"),
        WordRun("right", "blue"),
        WordRun("both", " house"),
    ]
    assert second.right is None
    assert second.words == [WordRun("left", "re: a red house")]


async def test_two_ways_differ_in_tokens_price_and_time() -> None:
    """Each side's figures after the fork, and how much more the right one has; what has no figures counts as none."""
    manager = await ConversationManager.create(ScriptedModel("a b c", "d"), None, MemoryConversationStorage())
    await manager.add_message(content="one")
    await manager.complete()
    await manager.switch_to_node("0")
    await manager.complete()
    await manager.add_message(content="two")
    await manager.complete()
    found = manager.diff("0.0", "0.1.0.0")
    assert found.left_figures == PathFigures(1, 3, 3, 0.25, 1.5)
    assert found.right_figures == PathFigures(3, 6, 3, 0.5, 3.0)
    assert found.difference == PathFigures(2, 3, 0, 0.25, 1.5)
    nothing = manager.diff("0", "0")
    assert nothing.difference == PathFigures(0, 0, 0, 0, 0)


def test_a_node_differs_from_itself_in_nothing() -> None:
    """And from a node above it in what lies between."""
    tip = chain(3)
    assert diff_paths(tip, tip).messages == []
    assert tip.parent is not None
    between = diff_paths(tip.parent, tip)
    assert (between.fork, between.left, between.right) == (tip.parent, [], [tip])


def test_nodes_of_two_trees_cannot_be_compared() -> None:
    """They part nowhere."""
    with pytest.raises(ValueError, match="different trees"):
        diff_paths(chain(2), chain(2))


def test_deep_paths_are_compared() -> None:
    """Without recursion."""
    tip = chain(50_000)
    assert len(diff_paths(tip.root, tip).right) == 50_000


@given(st.text("ab c\n.", max_size=60), st.text("ab c\n.", max_size=60))
def test_the_runs_make_both_texts(left: str, right: str) -> None:
    """Nothing of either text is lost or added."""
    runs = diff_words(left, right)
    assert "".join(run.text for run in runs if run.side != "right") == left
    assert "".join(run.text for run in runs if run.side != "left") == right


def test_long_texts_are_compared_by_lines() -> None:
    """A megabyte on each side is no reason to wait; a changed line is found among thousands."""
    lines = [f"line {number} of a long text with some words in it\n" for number in range(20_000)]
    changed = [*lines[:9_999], "another line\n", *lines[10_000:]]
    runs = diff_words("".join(lines), "".join(changed))
    assert [(run.side, run.text) for run in runs if run.side != "both"] == [
        ("left", lines[9_999]),
        ("right", "another line\n"),
    ]


@pytest.mark.parametrize(
    ("left", "right", "runs"),
    [
        (
            "The quick brown fox",
            "The slow red fox",
            [("both", "The "), ("left", "quick brown"), ("right", "slow red"), ("both", " fox")],
        ),
        (
            "And what makes a bad one?",
            "Are prompts a fashion now, or what?",
            [("left", "And what makes a bad one?"), ("right", "Are prompts a fashion now, or what?")],
        ),
    ],
)
def test_changes_are_kept_together(left: str, right: str, runs: list[tuple[str, str]]) -> None:
    """Neighbouring words are one change, and texts with little in common are not torn to pieces."""
    assert [(run.side, run.text) for run in diff_words(left, right)] == runs
