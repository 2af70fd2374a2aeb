"""A place in a conversation, and what can be read from there. It needs neither a store nor a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from .._frames import frame_of
from ..llm.messages import LLMMessage, LLMResponse
from . import branches as _branches
from .branches import BranchRecord
from .context.marks import is_summary
from .diff import PathDiff, diff_paths
from .exports import ROW_KINDS, path_as_markdown, path_as_notebook, tree_as_rows
from .history import History
from .node import STAR, ConversationNode, preview
from .state import ConversationState
from .tree import Tree

if TYPE_CHECKING:
    from .._frames import DataFrame

__all__ = ["ConversationReader"]

NodeTree = Tree[ConversationNode]


class ConversationReader:
    """A place in a conversation. Nothing here changes the conversation or its store.

    A node is named by its id, by the name of a branch that ends at it, or is the node itself.

    Attributes:
        state: The tree, the branches and the position.
    """

    def __init__(self, state: ConversationState) -> None:
        self.state = state

    @property
    def conversation_id(self) -> str:
        """The conversation's name in its store."""
        return self.state.conversation_id

    @property
    def current_node_id(self) -> str:
        """The id of the node where the next message goes; computed, in time proportional to its depth."""
        return self.state.current_node_id

    @property
    def current_branch(self) -> str | None:
        """The branch that moves along with new messages; None when one is on none."""
        return self.state.current_branch

    @property
    def metadata(self) -> dict[str, Any]:
        """What is kept with the conversation; to change it, call `Conversation.update_metadata`."""
        return dict(self.state.metadata)

    def get_metadata(self, key: str | None = None, default: Any = None) -> Any:
        """One entry of the conversation's metadata, or all of it."""
        return self.metadata if key is None else self.state.metadata.get(key, default)

    @property
    def history(self) -> History:
        """What was said up to the current node, without copying it."""
        return self.history_to(self.state.current)

    def history_to(self, node: NodeTree, *, system: str | None = None) -> History:
        """What was said up to ``node``, without copying it; with ``system`` as the system prompt, if given.

        Raises:
            NodeNotFound: The node is not of this conversation.
        """
        return History(_branches.own(self.state, node), root=self.state.message_tree, system=system)

    def resolve(self, ref: str | NodeTree) -> NodeTree:
        """The node that a node id or the name of a branch stands for.

        Raises:
            NodeNotFound: There is no node of that id, it was deleted, or the node is not of this manager's tree.
            BranchError: There is no branch of that name.
            ConfigError: It is nothing that names a node.
        """
        return _branches.resolve(self.state, ref)

    def _at(self, ref: str | NodeTree | None) -> NodeTree:
        return self.state.current if ref is None else self.resolve(ref)

    def node_of(self, response: LLMResponse) -> NodeTree | None:
        """The node that a response of this conversation is stored in; None when it is not."""
        seq = response.metadata.get("node_seq")
        return None if seq is None else self.state.stored[seq]

    # What was said

    async def get_conversation_history(self) -> list[LLMMessage]:
        """What was said up to the current node, oldest first; an empty root is left out."""
        return list(self.history)

    async def get_history(self) -> list[LLMMessage]:
        """The same as `get_conversation_history`."""
        return list(self.history)

    def branches(self) -> list[BranchRecord]:
        """The branches, in the order in which they were made, as this conversation last saw them."""
        return _branches.records(self.state)

    async def get_branch_names(self) -> list[str]:
        """The names of the branches, in the order in which they were made."""
        return [record.name for record in self.branches()]

    async def get_branches(self, node_id: str | None = None) -> list[dict[str, Any]]:
        """The ways on from a node (the current one by default), one dict for each child that is not deleted.

        Returns:
            Dicts with ``node_id``, ``branch_name``, ``role``, ``preview`` (at most 100 characters) and ``timestamp``.
        """
        return [
            {
                "node_id": child.data.node_id,
                "branch_name": child.data.branch_name,
                "role": child.data.role,
                "preview": preview(child.data.message.content),
                "timestamp": child.data.timestamp,
            }
            for child in self._at(node_id).children
            if not child.data.hidden
        ]

    def leaves(self) -> list[NodeTree]:
        """The ends of all ways through the conversation; what is deleted, and summaries, left out."""
        shown = [node for node in _branches.shown(self.state) if not is_summary(node)]
        going_on = {id(node.parent) for node in shown}
        return [node for node in shown if id(node) not in going_on]

    def diff(self, left: str | NodeTree, right: str | NodeTree) -> PathDiff:
        """Where the ways to two nodes part, how what comes after differs word by word, and what each way cost."""
        return diff_paths(self.resolve(left), self.resolve(right))

    def with_label(self, name: str) -> list[NodeTree]:
        """The nodes that have a label, deleted ones left out."""
        return [node for node in _branches.shown(self.state) if name in node.data.labels]

    def starred(self) -> list[NodeTree]:
        """The nodes that have a star, deleted ones left out."""
        return self.with_label(STAR)

    # The same in other forms

    def to_rows(self, *, deleted: bool = False) -> list[dict[str, Any]]:
        """One row for each node, parents before children: the rows of a table.

        Args:
            deleted: Whether deleted nodes have rows, too.

        Returns:
            Dicts with ``node_id`` (None below depth 500), ``seq`` and ``parent_seq`` (numbers of the node and of the one
            above, in the order of writing), ``depth``, ``role``, ``content``, ``branches`` (those that end here),
            ``branch_name``, ``labels``, ``starred``, ``current``, ``deleted``, ``state``, ``timestamp``, ``prompt_name``,
            ``cell``, ``model``, ``provider``, ``finish_reason``, ``prompt_tokens``, ``completion_tokens``, ``cost_usd``,
            ``duration_s`` and ``metadata``.
        """
        return tree_as_rows(self.state, deleted=deleted)

    def to_frame(self, *, deleted: bool = False) -> DataFrame:
        """`to_rows` as a DataFrame, one row a node."""
        return frame_of(self.to_rows(deleted=deleted), ROW_KINDS)

    def to_messages(self, ref: str | NodeTree | None = None) -> list[dict[str, Any]]:
        """What was said up to a node (the current one by default) as JSON data, as `LLMMessage.from_dict` takes it."""
        return [message.to_dict(metadata=False) for message in self.history_to(self._at(ref))]

    def to_markdown(self, ref: str | NodeTree | None = None) -> str:
        """What was said up to a node (the current one by default) as Markdown.

        Each message has a heading, and what was said is a quotation below it: whatever is in it stays there. Its Markdown
        is Markdown; its HTML is text, and its images are links, which load nothing.
        """
        return path_as_markdown(self.conversation_id, (node.data for node in self._said(ref)))

    def to_notebook(self, ref: str | NodeTree | None = None) -> dict[str, Any]:
        """The way to a node (the current one by default) as a notebook (JSON data of nbformat 4.5).

        Each question is a ``%%chat`` cell with its answer below, and asks it again when it is run; one with images or
        documents asks by ``chat(..., attach=[...])``. It talks in the conversation of the same name: in the project that it
        is from, running it adds nothing where the model answers the same. The ids of the cells are the same in each export.
        What is no question and no answer is a raw cell.
        """
        return path_as_notebook(self.conversation_id, self._said(ref))

    def _said(self, ref: str | NodeTree | None) -> list[NodeTree]:
        return [node for node in self._at(ref).path() if node.parent is not None or not node.data.is_empty]

    # What it cost, and what was found for it

    def get_total_cost(self) -> float:
        """What all answers cost, deleted ones included, in US dollars; not a number where a price is not known.

        An answer of unknown price did not cost nothing: ``math.isnan`` tells, and `get_known_cost` leaves those out.
        """
        return _sum(self.state.message_tree.walk())

    def get_known_cost(self, ref: str | NodeTree | None = None) -> tuple[float, int]:
        """What the answers of known price cost, in US dollars, and how many are of unknown price.

        Args:
            ref: The node (or its id, or a branch) whose way counts; all answers, deleted ones included, without it.
        """
        nodes = self.state.message_tree.walk() if ref is None else self._paid_for(self.resolve(ref))
        costs = [_cost(node.data) for node in nodes]
        return sum(cost for cost in costs if not isnan(cost)), sum(map(isnan, costs))

    def get_cost_by_branch(self, ref: str | NodeTree | None = None) -> float:
        """What the answers on the way to a node (the current one by default) cost, in US dollars.

        Summaries that stand for what was said on the way count: they were made for it. Where a price is not known, it is
        not a number, as in `get_total_cost`.
        """
        return _sum(self._paid_for(self._at(ref)))

    def _paid_for(self, end: NodeTree) -> Iterator[NodeTree]:
        """The nodes on the way to ``end``, and the summaries beside it."""
        way = list(end.upward())
        asides = (child for node in way[1:] if len(node.children) > 1 for child in node.children)
        yield from (*way, *(aside for aside in asides if is_summary(aside)))

    def get_rag_metadata(self, node_id: str | NodeTree | None = None) -> dict[str, Any] | None:
        """What was found for a message (the current one by default), where ``cache_rag_results`` kept it."""
        found: dict[str, Any] | None = self._at(node_id).data.metadata.get("rag_metadata")
        return found


def _sum(nodes: Iterable[NodeTree]) -> float:
    return sum(_cost(node.data) for node in nodes)


def _cost(node: ConversationNode) -> float:
    """The price of a node in US dollars; not a number for an answer of a model whose price is not known."""
    # Only answers have a price, and metadata need not be decoded to see who speaks.
    if node.role != "assistant":
        return 0.0
    cost: float | None = node.metadata.get("cost_usd")
    if cost is not None:
        return cost
    # What a person said in a model's place, or another program kept without a model, was not paid for.
    return nan if node.metadata.get("model") else 0.0
