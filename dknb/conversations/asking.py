"""A conversation with a model: asking it, once or several times side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ..errors import ConversationError
from ..llm.messages import LLMResponse, LLMStreamResponse
from . import branches as _branches
from .context import Fit, Fitted, Fitter, Strategy, count_messages
from .conversation import Conversation
from .given import message_metadata
from .inquiry import Inquiry
from .middleware import ConversationMiddleware, Exchange, beside
from .node import ConversationNode, place_of
from .state import ConversationState, still_growing
from .steps import Start
from .storage import ConversationStorage
from .together import CallReply, answer_many, ask_below
from .tree import Tree
from .turns import Adopt, ChatModel, Turn, awaited

if TYPE_CHECKING:
    from .._frames import DataFrame
    from ..llm.counting.tokens import TokenCount

__all__ = ["ModelConversation"]

NodeTree = Tree[ConversationNode]


class ModelConversation(Conversation):
    """A place in a conversation whose model can be asked.

    Attributes:
        state: The tree, the branches and the position.
        storage: Where it is kept.
        llm: The provider that answers; of a sync one, the async provider behind it.
        middleware: What sees requests (in this order) and responses (in reverse).
        context: How what is sent is made to fit into the model's context; None sends all of it.
        last_answer: The node of the last answer, cut ones included; None before it, and after a call that gave none.
    """

    def __init__(
        self,
        state: ConversationState,
        storage: ConversationStorage,
        llm: ChatModel,
        middleware: Sequence[ConversationMiddleware] | None = None,
        context: Fit | None = None,
    ) -> None:
        super().__init__(state, storage)
        self.llm = llm
        self.middleware = list(middleware or ())
        self.context = context
        self.last_answer: NodeTree | None = None

    @property
    def llm(self) -> ChatModel:  # noqa: D102 - described in the class
        return self._llm

    @llm.setter
    def llm(self, llm: ChatModel) -> None:
        self._llm = awaited(llm)

    def __repr__(self) -> str:
        through = f" through {self.middleware!r}" if self.middleware else ""
        return f"<{type(self).__name__} {self.conversation_id!r} on {self.current_branch!r}{through}>"

    # Getting an answer

    async def complete(
        self,
        branch_name: str | None = None,
        save: bool = True,
        *,
        cell: str | None = None,
        adopt: Adopt | None = None,
        at: NodeTree | str | None = None,
        system: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        context: Fit | None = None,
        **overrides: Any,
    ) -> LLMResponse:
        """The model's answer to the current node, added below it.

        Two calls at the same time give two siblings. Who goes elsewhere while the call runs stays there.

        Args:
            branch_name: The branch to make of the answer (or to move to it); the one one was on stays where it is.
            save: Whether the answer is written at once; otherwise with what follows it, or by `flush`.
            cell: The notebook cell that asks.
            adopt: Called with the question's node and the answer; may give a node that is this answer already, which
                is then taken instead of adding another.
            at: The node (or its id, or a branch) to answer instead of the current one.
            system: A system prompt for this call, in the place of the conversation's own.
            metadata: What to keep with the answer (JSON data).
            context: How what is sent is made to fit, in the place of the manager's own way.
            **overrides: Settings of the provider for this call.

        Returns:
            The response; ``metadata["node_seq"]`` says where it is stored (see `node_of`), and ``metadata["deleted"]`` is
            true if what it answers was deleted meanwhile: then the answer is deleted with it.

        Raises:
            ProviderError: The call failed; what had arrived is stored as incomplete, at `last_answer`.
            ConversationError: There is nothing to answer, or another process is still writing the answer that is asked about.
            StorageError: The answer came and could not be written. It is the error's ``response``, it is in the tree, and
                it is written by the next message or by `flush`; before that, no other call is made.
        """
        self.last_answer = None
        if self.state.open:
            await self.refresh()  # others are writing answers, perhaps this one
        inquiry = self.inquire(
            at,
            Start.of(self.state),
            overrides,
            branch_name=branch_name,
            save=save,
            cell=cell,
            adopt=adopt,
            system=system,
            metadata=metadata,
            context=context,
        )
        await self.storage.write_owed(self.state)
        try:
            return await inquiry.complete()
        finally:
            self.last_answer = inquiry.turn.answer

    async def stream_complete(
        self,
        branch_name: str | None = None,
        save: bool = True,
        *,
        cell: str | None = None,
        adopt: Adopt | None = None,
        at: NodeTree | str | None = None,
        system: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        context: Fit | None = None,
        **overrides: Any,
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        """The answer in pieces, as they arrive; the last has ``is_final``, the whole ``response``, and is stored.

        Arguments and errors are those of `complete`. A stream that is cut, cancelled or left early leaves what arrived
        in the conversation, marked incomplete.
        """
        self.last_answer = None
        if self.state.open:
            await self.refresh()  # others are writing answers, perhaps this one
        inquiry = self.inquire(
            at,
            Start.of(self.state),
            overrides,
            branch_name=branch_name,
            save=save,
            cell=cell,
            adopt=adopt,
            system=system,
            metadata=metadata,
            context=context,
        )
        await self.storage.write_owed(self.state)
        try:
            async with aclosing(inquiry.stream()) as pieces:
                async for piece in pieces:
                    if piece.is_final:
                        self.last_answer = inquiry.turn.answer
                    yield piece
        finally:
            self.last_answer = inquiry.turn.answer

    def inquire(
        self,
        at: NodeTree | str | None,
        start: Start | None,
        overrides: Mapping[str, Any],
        *,
        branch_name: str | None = None,
        save: bool = True,
        cell: str | None = None,
        adopt: Adopt | None = None,
        system: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        context: Fit | None = None,
    ) -> Inquiry:
        """A call that is not made yet; the arguments are those of `complete`.

        Args:
            at: The node to answer; None for the current one.
            start: Where the conversation is: who goes elsewhere stays there. None moves neither position nor branch.
            overrides: Settings of the provider.
            branch_name: The branch to make of the answer.
            save: Whether the answer is written at once.
            cell: The notebook cell that asks.
            adopt: May give a node that is this answer already.
            system: A system prompt for this call.
            metadata: What to keep with the answer.
            context: How what is sent is made to fit.

        Raises:
            ConversationError: There is nothing to answer, or another process is still writing it.
        """
        question = self._at(at)
        history = self.history_to(question, system=system)
        if not history:
            raise ConversationError(
                "There is nothing to answer: the conversation has no message here.", hint="Add one:  add_message(...)"
            )
        if (grows := still_growing(self.state, question)) is not None:
            raise ConversationError(
                f"The answer {place_of(grows)} is still coming, to another process: what is asked would see a part of it.",
                hint="Wait for its end, and ask again; one that has not grown for a few seconds counts as cut",
            )
        if branch_name is not None:
            _branches.check_name(branch_name)
            if (known := self.state.branches.get(branch_name)) is not None and known.deletion:
                _branches.refuse_taken(self.state, branch_name)
        own = None if start is None else start.branch
        turn = Turn(
            state=self.state,
            storage=self.storage,
            question=question,
            start=start or Start(question, None, None),
            branch=own if branch_name is None else branch_name,
            label=branch_name,
            cell=cell,
            save=save,
            adopt=adopt,
            provider=getattr(self.llm, "provider", None),
            model=overrides.get("model") or getattr(self.llm, "model", None),
            metadata=message_metadata(metadata),
            still=start is None,
        )
        exchange = Exchange(self.middleware, self.llm, self.state, overrides, turn.labels())
        return Inquiry(turn, exchange, history, context or self.context)

    # Asking several times

    async def complete_many(
        self, n: int, *, at: NodeTree | str | None = None, system: str | None = None, **overrides: Any
    ) -> list[CallReply]:
        """``n`` answers to the current node, asked for side by side: siblings, in the order in which they came.

        One is at the first of them then, with the branch. A call that fails takes no other with it.

        Args:
            n: How many.
            at: The node (or its id, or a branch) to answer instead of the current one.
            system: A system prompt for these calls, in the place of the conversation's own.
            **overrides: Settings of the provider for these calls.

        Returns:
            A `CallReply` for each call: the answers as the siblings stand in the tree, between them the calls that left
            nothing, in the order of asking; one that failed has its ``error``.

        Raises:
            ProviderError: Every call failed; this is the error of the first.
            ConfigError: ``n`` is less than 1.
        """
        return await answer_many(self, self._at(at), n, system, overrides)

    async def ask_all(
        self,
        leaves: Iterable[NodeTree | str],
        text: str,
        *,
        system: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> DataFrame:
        """The same question below each of several nodes or branches, asked side by side.

        A branch that ends there goes along, and so does who is there; everybody else stays.

        Args:
            leaves: Names of branches, node ids, or nodes; ``manager.leaves()`` for all ends.
            text: The question.
            system: A system prompt for these calls, in the place of the conversation's own.
            metadata: What to keep with each question (JSON data).
            **overrides: Settings of the provider for these calls.

        Returns:
            A row for each, in order, with ``branch``, ``question_id``, ``node_id``, ``answer``, ``model``, ``finish_reason``,
            ``prompt_tokens``, ``completion_tokens``, ``cost_usd``, ``duration_s`` and, of one that failed, ``error``.

        Raises:
            ProviderError: Every call failed; this is the error of the first.
            NodeNotFound: There is no such node; nothing was asked.
            BranchError: There is no such branch; nothing was asked.
        """
        return await ask_below(self, leaves, text, system, metadata, overrides)

    # What fits into the model's context

    async def count_tokens(self, ref: NodeTree | str | None = None, *, model: str | None = None) -> TokenCount:
        """The tokens of what was said up to a node (the current one by default), as a prompt of the model.

        The count's ``exact`` says whether they were counted or estimated.
        """
        counted_for = model or getattr(self.llm, "model", None) or "default"
        return await asyncio.to_thread(count_messages, self.history_to(self._at(ref)), counted_for)

    async def fit(
        self,
        ref: NodeTree | str | None = None,
        budget: int | None = None,
        *,
        strategy: Strategy = "drop_oldest",
        last: int = 6,
    ) -> Fitted:
        """What would be sent of a path (the current one by default) with this budget; see `Fit`.

        The strategy ``summarise`` asks the model for a summary, if there is none yet that will do.

        Raises:
            ContextTooLong: The last question alone does not fit.
            ConfigError: No budget is given, and the model's context window is not known.
        """
        fitter = Fitter(beside(self.llm, self.middleware, self.state), self.state, self.storage)
        return await fitter.fit(self.history_to(self._at(ref)), Fit(budget, strategy, last))
