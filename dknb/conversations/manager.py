"""A conversation that one can hold: say something, get an answer, go elsewhere in the tree."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..errors import ConfigError, ConversationNotFound, did_you_mean
from ..llm.messages import LLMMessage
from . import branches as _branches
from .asking import ModelConversation
from .context import Fit
from .given import given_metadata, given_text, message_metadata
from .middleware import ConversationMiddleware
from .node import ROLES, ConversationNode
from .rendering import PromptRenderer, Rendering
from .state import ConversationState
from .steps import Step
from .storage import ConversationStorage
from .tree import Tree
from .turns import ChatModel

__all__ = ["ConversationManager"]

NodeTree = Tree[ConversationNode]


class ConversationManager(ModelConversation):
    """A conversation with a model, kept in a store as it goes.

    Make one with `create` or `resume`. Several may work on one conversation, in one process or in many: each has its
    own position, and sees what the others added when it adds something itself, moves, or calls `refresh`.

    Attributes:
        state: The tree, the branches and the position.
        llm: The provider that answers.
        prompt_builder: Renders prompts of the library; may be None.
        storage: Where it is kept.
        middleware: What sees requests (in this order) and responses (in reverse).
        context: How what is sent is made to fit into the model's context; None sends all of it.
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
        context: Fit | None = None,
    ) -> None:
        super().__init__(state, storage, llm, middleware, context)
        self.cache_rag_results = cache_rag_results
        self.reuse_rag_on_branch = reuse_rag_on_branch
        keeps = cache_rag_results or reuse_rag_on_branch  # what is not kept cannot be used again
        self._rendering = Rendering(prompt_builder, keeps=keeps, reuses=reuse_rag_on_branch)

    @property
    def prompt_builder(self) -> PromptRenderer | None:  # noqa: D102 - described in the class
        return self._rendering.builder

    @prompt_builder.setter
    def prompt_builder(self, builder: PromptRenderer | None) -> None:
        self._rendering.builder = builder

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
        context: Fit | None = None,
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
            reuse_rag_on_branch: Where a prompt was rendered before in the conversation and its query is the same, search
                nothing anew; what is found is kept for that, too.
            conversation_id: Its name; a new unique one if it is not given.
            system_prompt: The system prompt's text, used as it is, instead of one of the library.
            context: How what is sent is made to fit into the model's context; None sends all of it.

        Raises:
            ConversationError: There is a conversation of that id, or it cannot be one.
            ConfigError: Two system prompts are given, or a prompt but no builder.
            StorageError: It could not be written.
        """
        if system_prompt is not None:
            given_text(system_prompt, "A system prompt")
        if system_prompt is not None and system_prompt_name is not None:
            raise ConfigError("Give either system_prompt or system_prompt_name, not both.")
        conversation_id = str(uuid.uuid4()) if conversation_id is None else conversation_id
        _branches.check_name(conversation_id, "conversation")
        kept = given_metadata(metadata, "metadata of the conversation")
        root = ConversationNode(LLMMessage("system", system_prompt or ""), prompt_name=system_prompt_name)
        state = ConversationState(conversation_id, Tree(root), metadata=kept)
        manager = cls(
            state,
            llm,
            prompt_builder,
            storage,
            middleware,
            cache_rag_results=cache_rag_results,
            reuse_rag_on_branch=reuse_rag_on_branch,
            context=context,
        )
        if system_prompt_name is not None:
            text, found = await manager._rendering.render(
                state, "system", system_prompt_name, system_params, include_rag=True
            )
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
        context: Fit | None = None,
    ) -> Self:
        """Go on with a conversation of the store, where it was left.

        Raises:
            ConversationNotFound: The store has none of that id.
            StorageError: The store could not be read.
        """
        state = await storage.load_conversation(conversation_id)
        if state is None:
            near, known = await storage.similar(conversation_id)
            raise ConversationNotFound(
                f"There is no conversation {conversation_id!r}.{did_you_mean(conversation_id, near)}",
                hint=f"The store has {known} conversations.",
            )
        return cls(
            state,
            llm,
            prompt_builder,
            storage,
            middleware,
            cache_rag_results=cache_rag_results,
            reuse_rag_on_branch=reuse_rag_on_branch,
            context=context,
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
            ConfigError: There is neither content nor a prompt, the role is unknown, there is no builder, or the metadata
                are no JSON data.
            NodeNotFound: Somebody has deleted where it goes; the conversation is as before.
            StorageError: It could not be written; the conversation is as before.
        """
        if role not in ROLES:
            raise ConfigError(
                f"Unknown role {role!r:.60}.{did_you_mean(str(role), ROLES)}", hint=f"Roles: {', '.join(ROLES)}"
            )
        branch = self.state.current_branch
        parent = self.state.current if at is None else self.resolve(at)
        kept = message_metadata(metadata)
        if not isinstance(content, str | list | None):
            raise ConfigError(f"The content of a message is a text or a list of parts, not {content!r:.60}.")
        if content is None:
            if prompt_name is None:
                raise ConfigError("A message needs content, or the name of a prompt.")
            content, found = await self._rendering.render(
                self.state, role, prompt_name, params, include_rag=include_rag
            )
            kept.update(found)
        # A list is a message in parts, which LLMMessage takes and its annotation does not say.
        message = LLMMessage(role, content, name, tool_call_id=tool_call_id)  # type: ignore[arg-type]
        node = ConversationNode(message, prompt_name=prompt_name, metadata=kept, cell=cell)
        return (await self._append(Step(parent, [node], branch)))[-1].data
