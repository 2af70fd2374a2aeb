"""Saying again what was said: otherwise, or elsewhere."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ..._sync import run
from ...errors import BranchError
from ..asking import Question, Talk
from ..places import Node
from ..replying import in_a_row
from ..views.text import counted, note
from ..views.tree import node_label
from .here import Command, Here, branch_parser

__all__ = ["COMMANDS"]

_EDIT = branch_parser("edit", "Say something else in the place of a node: a sibling, where one is then.", "node")
_EDIT.add_argument("text", nargs="*", help="what to say; without it, a cell to write it in")
_PICK = branch_parser("pick", "Say what was said at nodes below another node too, in this order.")
_PICK.add_argument("nodes", nargs="+", metavar="NODE")
_PICK.add_argument("--onto", required=True, metavar="NODE|BRANCH", help="below which node, or at which branch's end")


def _edit(here: Here, options: Any) -> dict[str, str]:
    node = here.talk.node(options.node)[0]
    if node.parent is None:
        raise BranchError(
            "The top of a conversation has no siblings.", hint="Ask with another system prompt:  --system"
        )
    is_question = node.data.role == "user"
    if not options.text:
        return _put_cell(here, node, is_question)
    edited = run(_said_otherwise(here.talk, node, " ".join(options.text)))
    if not is_question:
        return note(
            f"at node {node_label(edited)}, said in the place of {node_label(node)}, on no branch: "
            "%branch new NAME gives what follows a name"
        )
    if here.shell is not None:
        here.shell.set_next_input(_question_cell(edited))
    return note(
        f"at node {node_label(edited)}, asked in the place of {node_label(node)}; the cell below gets it answered"
    )


def _put_cell(here: Here, node: Node, is_question: bool) -> dict[str, str]:
    text = node.data.message.content
    words = _question_cell(node) if is_question else f"%branch edit {node_label(node)} {_quoted(text)}"
    if here.shell is not None:
        here.shell.set_next_input(words)
    return note(f"node {node_label(node)}: in the cell below; change it and run it")


def _question_cell(question: Node) -> str:
    assert question.parent is not None
    return f"%%chat --from {node_label(question.parent)}\n{question.data.message.content}"


def _quoted(text: str) -> str:
    """A text as one word of a line: white space becomes blanks, and double quotes single ones where it has both."""
    line = " ".join(text.split())
    if '"' not in line:
        return f'"{line}"'
    return f"'{line}'" if "'" not in line else '"' + line.replace('"', "'") + '"'


async def _said_otherwise(talk: Talk, node: Node, text: str) -> Node:
    """The sibling that says ``text``; one that says it already is it, so that Run All adds none."""
    assert node.parent is not None
    beside = (each for each in node.parent.children if each.data.role == node.data.role and not each.data.hidden)
    known = next((each for each in beside if each.data.message.content == text), None)
    edited = known or await talk.manager.edit(node, text)
    talk.places.give(edited)
    await talk.go(edited, None)
    return edited


def _pick(here: Here, options: Any) -> dict[str, str]:
    sources = [here.talk.node(ref)[0] for ref in options.nodes]
    above, end = run(_picked(here.talk, here.session.next_cell(), sources, options.onto))
    on = f" on {here.talk.places.branch}" if here.talk.places.branch is not None else ""
    told = [f"{counted(len(sources), 'node')} copied; at node {node_label(end)}{on}"]
    told += [text for upper, lower in pairwise([above, *sources]) if (text := in_a_row(upper, lower.data.role))]
    return note("\n".join(told))


async def _picked(talk: Talk, cell: str | None, sources: list[Node], onto: str) -> tuple[Node, Node]:
    """What the copies are below, and the last of them.

    A cell that is run again copies to the same place, and what is there already is not copied again. Only the branch that
    is named goes along, whatever else ends there.
    """
    place = talk.place_for(Question(sources[0].data.message.content, cell, source=onto))
    above = end = talk.places.parent(place)
    rest = list(sources)
    while rest and (known := _copy_below(end, rest[0])) is not None:
        end = known
        rest.pop(0)
    if rest:
        end = await talk.manager.cherry_pick(rest, end, still=True, cell=cell, metadata=place.told())
    talk.places.answered(cell, place, end)
    await talk.settle(end, place.branch)
    return above, end


def _copy_below(node: Node, source: Node) -> Node | None:
    for child in node.children:
        origin = child.data.metadata.get("cherry_picked") or {}
        if not child.data.hidden and origin.get("node_seq") == source.data.seq:
            return child
    return None


COMMANDS: dict[str, tuple[Any, Command]] = {"edit": (_EDIT, _edit), "pick": (_PICK, _pick)}
