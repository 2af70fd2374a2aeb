"""Whether a regular expression is found in an output, in a bounded time."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...._sync import in_thread
from ....errors import ConfigError
from ..base import NoScore
from ..kinds import PASS_FAIL
from ..targets import Normaliser, TargetScorer

if TYPE_CHECKING:
    from ...trials import Trial

__all__ = ["Regex"]

#: Seconds for a search on the caller's loop, and for one that took longer and goes on in a thread.
_AT_ONCE = 0.005
_MOST_SECONDS = 1.0
_LONGEST = 10_000


class Regex(TargetScorer):
    """1 where a pattern is found in the output, else 0; with a ``target``, where what it found is the target.

    A search that takes longer than a second is given up: no score.

    Args:
        pattern: The pattern, as Python's ``re`` takes it.
        target: A column that the found text must be equal to: the first group, or all where there is no group.
        full: Whether the pattern must be all of the output.
        ignore_case: Capitals do not count.
        multiline: ``^`` and ``$`` are the ends of each line.
        dotall: ``.`` is also the end of a line.
        name: The metric.
    """

    shorthand = "pattern"

    def __init__(
        self,
        pattern: str,
        *,
        target: str | None = None,
        full: bool = False,
        ignore_case: bool = False,
        multiline: bool = False,
        dotall: bool = False,
        name: str = "regex",
    ) -> None:
        super().__init__(name, PASS_FAIL, target, None)
        self.pattern = pattern
        self._compiled = _compiled(pattern, ignore_case, multiline, dotall)
        self._full = full
        self._normal = Normaliser(ignore_case)

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """1 or 0.

        Raises:
            NoScore: The search took too long.
        """
        wanted = None if self.target is None else self.wanted_texts(trial)
        text = trial.output or ""
        try:
            found = self._find(text, _AT_ONCE)
        except TimeoutError:
            found = await in_thread(self._patiently, text)
        if found is None or wanted is None:
            return {self.name: float(found is not None)}
        said = self._normal((found[1] if found.re.groups else found[0]) or "")
        return {self.name: float(any(said == self._normal(each) for each in wanted))}

    def _find(self, text: str, seconds: float) -> Any:
        search = self._compiled.fullmatch if self._full else self._compiled.search
        return search(text, timeout=seconds, concurrent=True)

    def _patiently(self, text: str) -> Any:
        try:
            return self._find(text, _MOST_SECONDS)
        except TimeoutError:
            raise NoScore(f"the pattern {self.pattern!r:.100} took longer than {_MOST_SECONDS:g} s") from None


@functools.lru_cache(maxsize=64)
def _compiled(pattern: Any, ignore_case: bool, multiline: bool, dotall: bool) -> Any:
    import regex  # type: ignore[import-untyped, unused-ignore]

    if not isinstance(pattern, str) or len(pattern) > _LONGEST:
        raise ConfigError(f"{pattern!r:.100} is no pattern.", hint=f"Give a text of at most {_LONGEST:,} characters")
    flags = (regex.IGNORECASE if ignore_case else 0) | (regex.MULTILINE if multiline else 0)
    try:
        return regex.compile(pattern, flags | (regex.DOTALL if dotall else 0))
    except regex.error as error:
        raise ConfigError(
            f"The pattern {pattern!r:.100} is wrong: {error}.", hint="In YAML, write it in single quotes: '\\d+'"
        ) from None
