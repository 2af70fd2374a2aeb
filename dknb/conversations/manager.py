"""A conversation that one can hold: say something, get an answer, go elsewhere in the tree."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Self

from ..errors import ConfigError, ConversationError, ConversationNotFound, did_you_mean
from ..llm.calls.telemetry import labelled
from ..llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from . import branches as _branches
from .conversation import Conversation
from .middleware import ConversationMiddleware, process_request, process_response
from .node import ConversationNode
from .rendering import PromptRenderer, render_prompt
from .state import ConversationState
from .steps import Start, Step
from .storage import ConversationStorage
from .tree import Tree
from .turns import Adopt, Arrived, ChatModel, Turn, closable, with_seq

__all__ = ["ConversationManager"]

NodeTree = Tree[ConversationNode]

ROLES = ("system", "user", "assistant", "tool", "function", "developer")


class ConversationManager(Conversation):
    """A conversation with a model, kept in a store as it goes.

    Make one with `create` or `resume`. Several may work on one conversation, in one process or in many: each has its
    own position, and sees what the others added when it adds something itself, moves, or calls `refresh`.

    Attributes:
        state: The tree, the branches and the position.
        llm: The provider that answers.
        prompt_builder: Renders prompts of the library; may be None.
        storage: Where it is kept.
        middleware: What sees requests (in this order) and responses (in reverse).
        last_answer: The node of the last answer, cut ones included; None before it, and after a call that gave none.
    """

    def __init__(
        self,
        state: ConversationState,
        llm: ChatModel,
        prompt_builder: PromptRenderer | None,
        storage: ConversationStorage,
        middleware: Sequence[ConversationMiddleware] | None = None,
        *,
        cache_rag_results: bool = False,
        reuse_rag_on_branch: bool = False,
    ) -> None:
        super().__init__(state, storage)
        self.llm = llm
        self.prompt_builder = prompt_builder
        self.middleware = list(middleware or ())
        self.cache_rag_results = cache_rag_results
        self.reuse_rag_on_branch = reuse_rag_on_branch
        self.last_answer: NodeTree | None = None

    @classmethod
    async def create(
        cls,
        llm: ChatModel,
        prompt_builder: PromptRenderer | None,
        storage: ConversationStorage,
        system_prompt_name: str | None = None,
        system_params: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        middleware: Sequence[ConversationMiddleware] | None = None,
        cache_rag_results: bool = False,
        reuse_rag_on_branch: bool = False,
        conversation_id: str | None = None,
        *,
        system_prompt: str | None = None,
    ) -> Self:
        """Begin a conversation, and write it.

        Args:
            llm: The provider that answers.
            prompt_builder: Renders prompts by name; None if none are used.
            storage: Where to keep it.
            system_prompt_name: A system prompt of the library.
            system_params: Its parameters.
            metadata: What to keep with the conversation (JSON data), to find it by.
            middleware: What sees requests and responses.
            cache_rag_results: Keep with each rendered message what was found for it.
            reuse_rag_on_branch: Where a prompt was rendered before at the same place, search nothing anew.
            conversation_id: Its name; a new unique one if it is not given.
            system_prompt: The system prompt's text, used as it is, instead of one of the library.

        Raises:
            ConversationError: There is a conversation of that id, or it cannot be one.
            ConfigError: Two system prompts are given, or a prompt but no builder.
            StorageError: It could not be written.
        """
        if system_prompt is not None and system_prompt_name is not None:
            raise ConfigError("Give either system_prompt or system_prompt_name, not both.")
        conversation_id = str(uuid.uuid4()) if conversation_id is None else conversation_id
        _branches.check_name(conversation_id, "conversation")
        root = ConversationNode(LLMMessage("system", system_prompt or ""), prompt_name=system_prompt_name)
        state = ConversationState(conversation_id, Tree(root), metadata=dict(metadata or {}))
        manager = cls(
            state,
            llm,
            prompt_builder,
            storage,
            middleware,
            cache_rag_results=cache_rag_results,
            reuse_rag_on_branch=reuse_rag_on_branch,
        )
        if system_prompt_name is not None:
            text, found = await manager._render("system", system_prompt_name, system_params, include_rag=True)
            root.message.content = text
            root.metadata.update(found)
        await storage.create_conversation(state)
        return manager

    @classmethod
    async def resume(
        cls,
        conversation_id: str,
        llm: ChatModel,
        prompt_builder: PromptRenderer | None,
        storage: ConversationStorage,
        middleware: Sequence[ConversationMiddleware] | None = None,
        *,
        cache_rag_results: bool = False,
        reuse_rag_on_branch: bool = False,
    ) -> Self:
        """Go on with a conversation of the store, where it was left.

        Raises:
            ConversationNotFound: The store has none of that id.
            StorageError: The store could not be read.
        """
        state = await storage.load_conversation(conversation_id)
        if state is None:
            known = [str(each["conversation_id"]) for each in await storage.list_conversations()]
            raise ConversationNotFound(
                f"There is no conversation {conversation_id!r}.{did_you_mean(conversation_id, known)}",
                hint=f"The store has {len(known)} conversations.",
            )
        return cls(
            state,
            llm,
            prompt_builder,
            storage,
            middleware,
            cache_rag_results=cache_rag_results,
            reuse_rag_on_branch=reuse_rag_on_branch,
        )

    # Saying something

    async def add_message(
        self,
        role: str = "user",
        content: str | list[Any] | None = None,
        prompt_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        metadata: Mapping[str, Any] | None = None,
        *,
        cell: str | None = None,
        at: NodeTree | str | None = None,
        tool_call_id: str | None = None,
        name: str | None = None,
    ) -> ConversationNode:
        """Add a message below the current node and go there; the branch one is on goes along.

        Args:
            role: Who speaks.
            content: The text (or a list of parts), stored as it is. Without it, the prompt is rendered.
            prompt_name: The prompt to render; beside ``content``, the prompt that it came from.
            params: The prompt's parameters.
            include_rag: Whether the prompt may search.
            metadata: What to keep with the message (JSON data).
            cell: The notebook cell that says it.
            at: The node (or its id, or a branch) below which it goes instead of the current one.
            tool_call_id: In a message of role ``tool``: the call that it answers.
            name: Name of the speaker, or of the tool that answers.

        Raises:
            ConfigError: There is neither content nor a prompt, the role is unknown, or there is no builder.
            StorageError: It could not be written; the conversation is as before.
        """
        if role not in ROLES:
            raise ConfigError(f"Unknown role {role!r}.{did_you_mean(role, ROLES)}", hint=f"Roles: {', '.join(ROLES)}")
        branch = self.state.current_branch
        parent = self.state.current if at is None else self.resolve(at)
        kept = dict(metadata or {})
        if content is None:
            if prompt_name is None:
                raise ConfigError("A message needs content, or the name of a prompt.")
            content, found = await self._render(role, prompt_name, params, include_rag=include_rag, below=parent)
            kept.update(found)
        # A list is a message in parts, which LLMMessage takes and its annotation does not say.
        message = LLMMessage(role, content, name, tool_call_id=tool_call_id)  # type: ignore[arg-type]
        node = ConversationNode(message, prompt_name=prompt_name, metadata=kept, cell=cell)
        await self._write_owed()
        hung = await self.storage.append(self.state, Step(parent, [node], branch))
        return hung[-1].data

    async def _render(
        self,
        role: str,
        name: str,
        params: Mapping[str, Any] | None,
        *,
        include_rag: bool,
        below: NodeTree | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """The text of a prompt, and the metadata to keep with it."""
        rag: dict[str, Any] = {"return_rag_metadata": True} if self.cache_rag_results else {}
        if self.reuse_rag_on_branch and below is not None:
            before = [child.data for child in below.children if child.data.prompt_name == name]
            found = [node.metadata["rag_metadata"] for node in before if node.metadata.get("rag_metadata")]
            if found:
                rag["cached_rag"] = found[-1]
        result = await render_prompt(self.prompt_builder, role, name, params, include_rag=include_rag, **rag)
        kept = {"rag_metadata": result.rag_metadata} if self.cache_rag_results and result.rag_metadata else {}
        return result.content, kept

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
            **overrides: Settings of the provider for this call.

        Returns:
            The response; ``metadata["node_seq"]`` says where it is stored (see `node_of`).

        Raises:
            ProviderError: The call failed; what had arrived is stored as incomplete, at `last_answer`.
            StorageError: The answer came and could not be written. It is in the tree, and written by the next message
                or by `flush`.
        """
        turn = await self._begin(branch_name, save, cell, adopt, at, overrides.get("model"))
        messages = await process_request(self.middleware, self.history_to(turn.question, system=system), self.state)
        try:
            with labelled(**turn.labels()):
                response = await self.llm.complete(messages, **overrides)
        except BaseException as error:
            await turn.failed(error, None)
            self.last_answer = turn.answer
            raise
        return await self._finish(turn, response)

    async def stream_complete(
        self,
        branch_name: str | None = None,
        save: bool = True,
        *,
        cell: str | None = None,
        adopt: Adopt | None = None,
        at: NodeTree | str | None = None,
        system: str | None = None,
        **overrides: Any,
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        """The answer in pieces, as they arrive; the last has ``is_final``, the whole ``response``, and is stored.

        Arguments and errors are those of `complete`. A stream that is cut, cancelled or left early leaves what arrived
        in the conversation, marked incomplete.
        """
        turn = await self._begin(branch_name, save, cell, adopt, at, overrides.get("model"))
        messages = await process_request(self.middleware, self.history_to(turn.question, system=system), self.state)
        arrived = Arrived()
        final: LLMStreamResponse | None = None
        try:
            async with aclosing(closable(self.llm.stream_complete(messages, **overrides), turn.labels())) as pieces:
                async for piece in pieces:
                    arrived.add(piece)
                    if piece.is_final:
                        final = piece
                        break
                    yield piece
        except BaseException as error:
            await turn.failed(error, arrived.response())
            self.last_answer = turn.answer
            raise
        if final is None:
            await turn.keep(arrived.response(), state="incomplete", outcome="incomplete")
            self.last_answer = turn.answer
            return
        response = await self._finish(turn, final.response or arrived.response())
        yield replace(final, response=response)

    async def _begin(
        self,
        label: str | None,
        save: bool,
        cell: str | None,
        adopt: Adopt | None,
        at: NodeTree | str | None,
        model: str | None,
    ) -> Turn:
        start = Start.of(self.state)
        question = self.state.current if at is None else self.resolve(at)
        self.last_answer = None
        if not self.history_to(question):
            raise ConversationError(
                "There is nothing to answer: the conversation has no message here.", hint="Add one:  add_message(...)"
            )
        if label is not None:
            _branches.check_name(label)
            if (known := self.state.branches.get(label)) is not None and known.deletion:
                _branches.refuse_taken(self.state, label)
        await self._write_owed()
        return Turn(
            state=self.state,
            storage=self.storage,
            question=question,
            start=start,
            branch=start.branch if label is None else label,
            label=label,
            cell=cell,
            save=save,
            adopt=adopt,
            provider=getattr(self.llm, "provider", None),
            model=model or getattr(self.llm, "model", None),
        )

    async def _finish(self, turn: Turn, response: LLMResponse) -> LLMResponse:
        """Keep a whole answer: as the middleware leaves it, or as it came when the middleware fails."""
        try:
            try:
                processed = await process_response(self.middleware, response, self.state)
                known = turn.find_known(processed)
            except BaseException:
                await turn.keep(response)
                raise
            await turn.keep(processed, known=known)
        finally:
            self.last_answer = turn.answer
        return with_seq(processed, turn.answer)

    async def flush(self) -> None:
        """Write what is not written yet: answers that a failing store refused, or made with ``save=False``.

        Raises:
            StorageError: The store still fails; nothing is lost, call again.
        """
        await self._write_owed()
        for node in list(self.state.unsaved()):
            if node.data.seq is None:
                await self.storage.append(self.state, _there(node, self.state))

    async def _write_owed(self) -> None:
        while self.state.owed:
            # What the store refuses again is owed again: the step is paid for.
            await self.storage.append(self.state, self.state.owed.pop(0))


def _there(node: NodeTree, state: ConversationState) -> Step:
    """A step that writes ``node``, which hangs already, and moves what points at it, in the store as in ``state``."""
    branch = next((name for name, each in state.branches.items() if each.head is node), None)
    return Step(node, (), branch, Start(node, branch, node))
