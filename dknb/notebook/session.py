"""What is set in one kernel: the model, the prompts, the store, the recording, and the conversations that are open.

Needs no IPython, so `dknb.chat` works in a plain script too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._sync import run
from ..conversations.branches import check_name
from ..conversations.manager import ConversationManager
from ..conversations.project import Project, find_project, notebook_path
from ..errors import (
    ConfigError,
    ConversationError,
    ConversationNotFound,
    PromptNotFound,
    StorageError,
    did_you_mean,
)
from ..llm.config import LLMConfig, parse_spec
from ..llm.registry import create_llm_provider
from .asking import Talk

if TYPE_CHECKING:
    from ..conversations.storage import ConversationStorage
    from ..llm.base import AsyncLLMProvider
    from ..llm.recordings.recording import Recording
    from ..prompts.builder import AsyncPromptBuilder, PromptBuilder
    from ..prompts.library import AbstractPromptLibrary
    from ..prompts.types import PromptTemplateDict, PromptType
    from ..prompts.versioning import VersionedPromptLibrary, VersionManager

__all__ = ["Session", "SystemText"]


class SystemText(str):
    """The text of a system prompt, which is no name of one."""

    __slots__ = ()


class Session:
    """The settings of a kernel.

    Attributes:
        project: The project that the notebook lies in.
        namespace: The notebook's variables.
        config: The model that cells talk to.
        conversation: The name of the conversation that cells are part of.
        notebook: The path of the notebook, if the front end tells it.
        library_specs: Where the prompts lie, as `open_library` takes it.
        streams: Whether answers are to be shown while they arrive.
        used_prompts: The prompts that were used, by kind and name, as they were then.
        promoted: The versions that are served instead of files, by kind and name, as the user was last told.
        promoted_at: The revision of the versions that they are of.
        next_cell: The id of the cell that asks now, once for each question; None where cells have no ids.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        project: Project | None = None,
        *,
        streams: Callable[[], bool] = lambda: True,
        next_cell: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.project = project or find_project()
        self.namespace = namespace
        self.streams = streams
        self.next_cell = next_cell
        self.config: LLMConfig = parse_spec(self.project.model)
        self.notebook: Path | None = notebook_path(namespace)
        self.conversation = self.project.conversation_name(self.notebook)
        self.library_specs: tuple[str | Path, ...] = self.project.library_specs
        self._library: VersionedPromptLibrary | None = None
        self.used_prompts: dict[tuple[PromptType, str], PromptTemplateDict] = {}
        self.promoted: dict[tuple[PromptType, str], str] = {}
        self.promoted_at = 0
        self._talks: dict[str, Talk] = {}
        self._providers: dict[tuple[Any, ...], AsyncLLMProvider] = {}

    @cached_property
    def storage(self) -> ConversationStorage:
        """Where conversations are kept; its file is made when something is written."""
        from ..conversations.sql import SQLConversationStorage

        return SQLConversationStorage(self.project.store_address)

    @property
    def files(self) -> AbstractPromptLibrary:
        """The prompts as they lie on disk, whatever was promoted."""
        return self.library.base_library

    @property
    def library(self) -> VersionedPromptLibrary:
        """The prompts: those on disk, and instead of them the versions that were promoted."""
        if self._library is None:
            self.set_library(*self.library_specs)
        assert self._library is not None
        return self._library

    def set_library(self, *specs: str | Path) -> None:
        """Use the prompts in a folder, a zip file or ``package:NAME``, or in several: the first that has a name gives it.

        Raises:
            PromptError: There is no such package or file.
        """
        from ..prompts.sources.opening import open_library
        from ..prompts.versioning import VersionedPromptLibrary

        self._library = VersionedPromptLibrary(open_library(specs, self.project.root), self.versions)
        self.used_prompts.clear()
        self.library_specs = specs
        self._providers.clear()  # they render with the library that they were made with
        self.__dict__.pop("renderer", None)

    @cached_property
    def versions(self) -> VersionManager:
        """What prompts were before they were saved anew, and what was promoted; made when something is written.

        They lie beside the store where that is a file, else in the same database.
        """
        from ..prompts.versioning import VersionManager

        address = self.project.store_address
        on_server = isinstance(address, str) and address.startswith("postgres")
        return VersionManager(address if on_server else self.project.root / ".dknb" / "versions.db")

    def changed_prompts(self) -> list[str]:
        """The prompts that somebody changed on disk since this was last asked; none before the library is used."""
        return self._library.changes() if self._library is not None else []

    def shown(self, path: Path) -> str:
        """A path as one would type it in the project."""
        root = self.project.root
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
        # Beside the project as one would type it; a home is named as such, so that a saved notebook does not tell it.
        beside = root.parent
        if path.is_relative_to(beside):
            return f"../{path.relative_to(beside).as_posix()}"
        home = Path.home()
        return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)

    @property
    def prompt_count(self) -> int:
        """How many prompts the library has, sequences of messages among them."""
        library = self.library
        return sum(
            map(len, (library.list_user_prompts(), library.list_system_prompts(), library.list_message_indexes()))
        )

    @property
    def builder(self) -> AsyncPromptBuilder:
        """Renders the prompts of the library for providers and conversations."""
        from ..prompts.builder import AsyncPromptBuilder

        return AsyncPromptBuilder(self.library)

    @cached_property
    def renderer(self) -> PromptBuilder:
        """Renders the prompts of the library for magics."""
        from ..prompts.builder import PromptBuilder

        return PromptBuilder(self.library)

    @property
    def recording(self) -> Recording | None:
        """What model calls are recorded in or replayed from."""
        from ..llm.recordings.recording import active

        return active()

    def model(self, spec: str | None, settings: dict[str, Any]) -> LLMConfig:
        """The model of a spec (the kernel's own by default) with settings on top.

        Raises:
            ConfigError: There is no such provider, or no such setting.
        """
        if "api_key" in settings:
            raise ConfigError(
                "A key does not belong into a notebook, which would be saved with it.",
                hint="Set it in the environment; %dknb models says in which variable",
            )
        config = self.config if spec is None else parse_spec(spec)
        return config.with_settings(**settings) if settings else config

    def provider(self, config: LLMConfig) -> AsyncLLMProvider:
        """The provider for a model; the same one for the same settings, so that connections are kept."""
        key = (repr(sorted(config.to_dict().items(), key=str)), config.api_key)
        if key not in self._providers:
            self._providers[key] = create_llm_provider(config, prompt_builder=self.builder)
        return self._providers[key]

    def open_providers(self) -> list[AsyncLLMProvider]:
        """The providers that this kernel has used."""
        return list(self._providers.values())

    @property
    def open_talk(self) -> Talk | None:
        """The current conversation, if this kernel has it open."""
        return self._talks.get(self.conversation)

    @property
    def open_talks(self) -> list[Talk]:
        """The conversations that this kernel has open."""
        return list(self._talks.values())

    def use_conversation(self, name: str) -> None:
        """Talk in the conversation ``name`` from now on.

        Raises:
            ConversationError: It cannot be a name.
        """
        self.conversation = check_name(name, "conversation")

    @contextmanager
    def conversation_named(self, name: str | None) -> Iterator[None]:
        """Change to the conversation ``name``, if one is given; back, if what is done with it fails before it is open."""
        before = self.conversation
        try:
            if name is not None:
                self.use_conversation(name)
            yield
        except BaseException:
            if self.open_talk is None or self.open_talk.is_new:
                self.conversation = before
            raise

    def home_of(self, cell: str | None) -> str | None:
        """The conversation that a cell has asked in, in this kernel."""
        return next((name for name, talk in self._talks.items() if talk.places.has_run(cell)), None)

    def bind(self, name: str | None, value: object) -> None:
        """Bind a variable of the notebook, if one is named."""
        if name is not None:
            self.namespace[name] = value

    def talk(self, *, system: str | None = None) -> Talk:
        """The current conversation, opened or begun.

        Args:
            system: The system prompt of a new one.

        Raises:
            StorageError: The store cannot be read or written.
        """
        if self.conversation not in self._talks:
            self._talks[self.conversation] = run(self._open(system))
        talk = self._talks[self.conversation]
        address = self.project.store_address
        if isinstance(address, Path) and not address.exists():
            # Somebody removed the store under us: what this kernel has of the conversation goes into a new one.
            address.parent.mkdir(parents=True, exist_ok=True)
            run(self.storage.save_conversation(talk.manager.state))
        return talk

    async def _open(self, system: str | None) -> Talk:
        name, llm = self.conversation, self.provider(self.config)
        try:
            manager = await ConversationManager.resume(name, llm, self.builder, self.storage)
        except ConversationNotFound:
            try:
                manager = await ConversationManager.create(
                    llm, self.builder, self.storage, conversation_id=name, system_prompt=system
                )
            except StorageError:
                raise
            except ConversationError:  # another kernel was faster
                manager = await ConversationManager.resume(name, llm, self.builder, self.storage)
        return Talk(manager)

    def existing_talk(self) -> Talk:
        """The current conversation, which must be there already.

        Raises:
            ConversationNotFound: Nothing has been said in it.
        """
        if self.conversation not in self._talks:
            known = [str(each["conversation_id"]) for each in run(self.storage.list_conversations())]
            if self.conversation not in known:
                raise ConversationNotFound(
                    f"There is no conversation {self.conversation!r} yet.{did_you_mean(self.conversation, known)}",
                    hint="Begin it with a  %%chat  cell"
                    + (f", or take another:  %dknb conversation {known[0]}" if known else ""),
                )
        return self.talk()

    def system_text(self, prompt: str, words: Mapping[str, str] | None = None, *, include_rag: bool = True) -> str:
        """The text that ``--system`` means: a prompt of the library, rendered with the notebook's variables.

        Several words that name no prompt are the text itself. ``words`` are values of its parameters (``--param``);
        without ``include_rag`` nothing is searched for.

        Raises:
            PromptNotFound: There is no prompt of that name.
            MagicError: A word is for no parameter of it.
            PromptError: It is a sequence of messages; or values are missing or wrong, or a search failed.
        """
        from .prompting.rendering import render_named

        if isinstance(prompt, SystemText):
            return prompt
        try:
            return render_named(self, prompt, words, include_rag=include_rag)
        except PromptNotFound:
            if len(prompt.split()) > 1 and not words:
                return prompt
            raise

    def stop_recording(self) -> None:
        """Call models again, and close the recording."""
        from ..llm.recordings.recording import use

        if (before := use(None)) is not None:
            before.close()

    def close(self) -> None:
        """Let go of the store, the recording and all connections."""
        self.stop_recording()
        run(self._close())

    async def _close(self) -> None:
        for provider in self._providers.values():
            await provider.close()
        if "storage" in self.__dict__:
            await self.storage.close()
