"""A library that serves versions."""

from __future__ import annotations

from typing import NamedTuple

from ...errors import PromptError, PromptNotFound, VersionNotFound
from ..checking.problems import Problem, Source
from ..config import ConfigPromptLibrary
from ..library import AbstractPromptLibrary, fresh, named
from ..types import Kind, MessageIndex, PromptTemplateDict, PromptType, RAGConfig
from .ab_testing import ABTestManager
from .assigning import assign_arms, check_user, running_on
from .fingerprints import prompt_fingerprint
from .manager import VersionManager, active_of, newest_first, version_of
from .metrics import MetricsCollector
from .numbers import split_name
from .storage import StorageLike, VersioningStore
from .types import PromptVersion

__all__ = ["VersionedPromptLibrary"]


class _Served(NamedTuple):
    """What a name means, and the prompt below that this depends on, if it does."""

    prompt: PromptTemplateDict | None = None
    version: PromptVersion | None = None
    depends: bool = False
    below: PromptTemplateDict | None = None


class VersionedPromptLibrary(AbstractPromptLibrary):
    """Prompts by name, from their versions: ``NAME`` is the active one, ``NAME@1.2`` that one or the newest 1.2.x.

    A version that was promoted over a prompt of the library below is served until that prompt changes. What has no such
    version comes from the library below, which also has the message indexes and RAG configurations. There, ``NAME@1.2`` is
    the prompt whose metadata say that it is version 1.2.

    ``for_subject(user_id)`` is the same library for one user, in whose experiments ``NAME`` is his arm. The metadata of such
    a prompt have the ``experiment_id`` and the ``version``, which ``ab_test_manager.record_metric`` takes.

    ``create_version``, ``get_version``, ``list_versions``, ``tag_version``, ``promote_version``, ``create_experiment``,
    ``get_experiment``, ``list_experiments``, ``get_variant_for_user``, ``get_random_variant``, ``record_usage``,
    ``get_metrics`` and ``compare_variants`` are those of its managers.

    Args:
        base_library: The library below; an empty one if it is not given.
        version_manager: The versions; those in ``storage`` if it is not given.
        storage: Where versions, experiments and what is recorded are kept, as for ``ABTestManager``; that of the
            ``version_manager``, else in memory, if it is not given.
        subject: The user whose arms are served; see `for_subject`.
    """

    def __init__(
        self,
        base_library: AbstractPromptLibrary | None = None,
        version_manager: VersionManager | None = None,
        *,
        storage: StorageLike = None,
        subject: str | None = None,
    ) -> None:
        self.base_library = base_library if base_library is not None else ConfigPromptLibrary()
        self.version_manager = versions = version_manager or VersionManager(storage)
        store = versions.storage
        self.ab_test_manager = tests = ABTestManager(
            store if isinstance(store, VersioningStore) else storage, elsewhere=self._has_version
        )
        self.metrics_collector = metrics = MetricsCollector(tests.storage)
        self.subject = None if subject is None else check_user(subject)
        self._served: dict[tuple[PromptType, str], _Served] = {}
        self._revision: tuple[int, ...] | None = None
        self.create_version = versions.create_version
        self.get_version, self.list_versions = versions.get_version, versions.list_versions
        self.tag_version, self.promote_version = versions.tag_version, versions.promote_version
        self.create_experiment = tests.create_experiment
        self.get_experiment, self.list_experiments = tests.get_experiment, tests.list_experiments
        self.get_variant_for_user, self.get_random_variant = tests.get_variant_for_user, tests.get_random_variant
        self.record_usage = metrics.record_event
        self.get_metrics, self.compare_variants = metrics.get_metrics, metrics.compare_variants

    def for_subject(self, user_id: str) -> VersionedPromptLibrary:
        """This library for one user: where an experiment runs on a prompt, its plain name is the arm of that user.

        Of several experiments on one prompt it is the last one that was begun.

        Raises:
            VersioningError: The user is told by no text.
        """
        return VersionedPromptLibrary(
            self.base_library, self.version_manager, storage=self.ab_test_manager.storage, subject=check_user(user_id)
        )

    def find_prompt(self, name: str, prompt_type: PromptType = "user", index: int = 0) -> PromptTemplateDict | None:
        """The prompt of that name and type, for reading only: the same object as long as nothing changed.

        Raises:
            PromptError: It is broken, or the versions cannot be read.
        """
        served = self._of_version(named(name), prompt_type).prompt if prompt_type in ("system", "user") else None
        if served is not None:
            return served if index == 0 else None
        found = self.base_library.find_prompt(name, prompt_type, index)
        return found if found is not None else self._told_below(name, prompt_type, index)

    def get_system_prompt(self, name: str) -> PromptTemplateDict | None:
        """The system prompt of that name; yours to change."""
        return fresh(self.find_prompt(name, "system"))

    def get_user_prompts(self, name: str) -> list[PromptTemplateDict]:
        """The variants of the user prompt of that name; a version has one. Yours to change."""
        variants: list[PromptTemplateDict] = []
        while (prompt := self.find_prompt(name, "user", len(variants))) is not None:
            variants.append(fresh(prompt))
        return variants

    def get_message_index(self, name: str) -> MessageIndex | None:
        """The message index of that name, from the library below."""
        return self.base_library.get_message_index(name)

    def get_rag_config(self, name: str) -> RAGConfig | None:
        """The RAG configuration of that name, from the library below."""
        return self.base_library.get_rag_config(name)

    def home_of(self, kind: Kind, name: str) -> AbstractPromptLibrary:
        """Where what an entry refers to is looked up: in the library below, whatever version it is."""
        return self.base_library.home_of(kind, split_name(name)[0])

    def list_system_prompts(self) -> list[str]:
        """The names of all system prompts, sorted; without versions."""
        return self._names("system", self.base_library.list_system_prompts())

    def list_user_prompts(self) -> list[str]:
        """The names of all user prompts, sorted; without versions."""
        return self._names("user", self.base_library.list_user_prompts())

    def list_message_indexes(self) -> list[str]:
        """The names of all message indexes, sorted."""
        return self.base_library.list_message_indexes()

    def list_rag_configs(self) -> list[str]:
        """The names of all RAG configurations, sorted."""
        return self.base_library.list_rag_configs()

    def reload(self) -> None:
        """Forget what was read."""
        self._revision = None
        self.base_library.reload()

    def source(self, kind: Kind, name: str) -> Source | None:
        """The file of an entry that no version stands for."""
        served = kind in ("system", "user") and self._of_version(name, kind).prompt is not None
        return None if served else self.base_library.source(kind, name)

    def changes(self) -> list[str]:
        """The names that changed in the library below since this was last asked."""
        return self.base_library.changes()

    def problems(self, lookup: AbstractPromptLibrary) -> list[Problem]:
        """What is wrong in the library below, and in the versions that are served."""
        served = ConfigPromptLibrary()
        found: list[Problem] = []
        kinds: tuple[PromptType, PromptType] = ("system", "user")
        for kind in kinds:
            for name in self.version_manager.storage.names(kind):
                try:
                    prompt = self._of_version(name, kind).prompt
                    if prompt is not None:
                        (served.add_system_prompt if kind == "system" else served.add_user_prompt)(name, prompt)
                except PromptError as error:
                    found.append(Problem(str(error), hint=error.hint))
        return [*self.base_library.problems(lookup), *found, *served.problems(lookup)]

    def _names(self, kind: PromptType, below: list[str]) -> list[str]:
        versioned = self.version_manager.storage.names(kind)
        return sorted({*below, *(name for name in versioned if self._of_version(name, kind).prompt is not None)})

    def served_version(self, name: str, prompt_type: PromptType = "user") -> PromptVersion | None:
        """The version that a name means; None where it means the prompt of the library below, or nothing.

        Raises:
            PromptError: It is broken, or the versions cannot be read.
        """
        return self._of_version(named(name), prompt_type).version

    def _of_version(self, name: str, kind: PromptType) -> _Served:
        """The version that a name means, if it means one."""
        with_arms = self.subject is not None
        revision = (
            self.version_manager.storage.revision(),
            self.ab_test_manager.storage.revision() if with_arms else 0,
        )
        if revision != self._revision:
            self._served = {}
            self._revision = revision
        served = self._served.get((kind, name))
        if served is None or (served.depends and self.base_library.find_prompt(name, kind) is not served.below):
            served = self._served[kind, name] = self._meant(name, kind)
        return served

    def _meant(self, name: str, kind: PromptType) -> _Served:
        storage = self.version_manager.storage
        versions = newest_first(storage.versions(name, kind))
        if self.subject is not None and (arm := self._arm(self.subject, name, kind, versions)) is not None:
            return arm
        if not versions:
            prompt, number = split_name(name)
            return _of(version_of(newest_first(storage.versions(prompt, kind)), number) if number is not None else None)
        if all(version.stands_for is None for version in versions):
            return _of(active_of(versions))
        below = self.base_library.find_prompt(name, kind)
        told = prompt_fingerprint(below)
        standing = [version for version in versions if version.stands_for in (None, told)]
        return _of(active_of(standing))._replace(depends=True, below=below)

    def _arm(self, subject: str, name: str, kind: PromptType, versions: list[PromptVersion]) -> _Served | None:
        """What the subject gets of an experiment that runs on the prompt."""
        storage = self.ab_test_manager.storage
        experiment = running_on(storage, name, kind)
        if experiment is None:
            return None
        number = assign_arms(storage, experiment, [subject])[subject]
        version = version_of(versions, number)
        prompt = version.as_prompt() if version is not None else self._told_below(f"{name}@{number}", kind, 0)
        if prompt is None:
            raise VersionNotFound(
                f"The experiment {experiment.experiment_id} gives {name!r} version {number}, which is not there.",
                hint=f"Its versions: {', '.join(version.version for version in versions[:20]) or 'none'}",
            )
        told = {**prompt.get("metadata", {}), "version": number, "experiment_id": experiment.experiment_id}
        return _Served({**prompt, "metadata": told}, version)

    def _has_version(self, name: str, kind: PromptType, number: str) -> bool:
        versions = newest_first(self.version_manager.storage.versions(name, kind))
        return version_of(versions, number) is not None or self._told_below(f"{name}@{number}", kind, 0) is not None

    def _told_below(self, name: str, kind: PromptType, index: int) -> PromptTemplateDict | None:
        """The prompt below whose metadata tell the version that the name asks for."""
        name, number = split_name(name)
        if number is None:
            return None
        found = self.base_library.find_prompt(name, kind, index)
        told = found.get("metadata", {}).get("version") if found is not None else None
        return found if told is not None and str(told) == number else None

    def _not_found(self, name: str, prompt_type: PromptType, index: int) -> PromptNotFound:
        prompt, number = split_name(name)
        versions = newest_first(self.version_manager.storage.versions(prompt, prompt_type)) if number else []
        if not versions:
            return super()._not_found(name, prompt_type, index)
        known = ", ".join(version.version for version in versions[:20])
        return PromptNotFound(f"Prompt {prompt!r} has no version {number}.", hint=f"Its versions: {known}")

    def __repr__(self) -> str:
        subject = "" if self.subject is None else f", subject={self.subject!r}"
        return f"VersionedPromptLibrary({self.base_library!r}{subject})"


def _of(version: PromptVersion | None) -> _Served:
    return _Served() if version is None else _Served(version.as_prompt(), version)
