"""What an experiment takes from the kernel: its prompts, its model, its store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...experiments.surroundings import KnownPrompt, Surroundings
from ..live import show
from ..views.text import note

if TYPE_CHECKING:
    from ...conversations.storage import ConversationStorage
    from ...prompts.library import AbstractPromptLibrary
    from ..session import Session

__all__ = ["KernelSurroundings"]


class KernelSurroundings(Surroundings):
    """The kernel that an experiment runs in: what is set there counts."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.project)
        self._session = session

    @property
    def model(self) -> str:
        """The kernel's model."""
        return self._session.config.spec

    @property
    def library(self) -> AbstractPromptLibrary:  # asked each time: it may be changed
        """The kernel's prompts."""
        return self._session.library

    def storage(self) -> tuple[ConversationStorage, bool]:
        """The kernel's store."""
        return self._session.storage, False

    def say(self, text: str) -> None:
        """Show a line below the cell."""
        show(note(text))

    def find(self, name: str) -> KnownPrompt:
        """The prompt that magics mean by that name.

        Raises:
            PromptNotFound: There is none.
        """
        from ..prompting.finding import find_prompt

        return KnownPrompt(*find_prompt(self._session, name))
