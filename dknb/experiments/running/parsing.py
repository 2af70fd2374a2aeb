"""What is read in an answer: ``response_format`` and ``parse``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._sync import in_thread
from ...errors import DesignError, did_you_mean
from ...llm.answers.answer_shape import Misfit, plain_data, shape_of
from ...llm.answers.parsing import ResponseParser
from ...llm.messages import LLMResponse

__all__ = ["AnswerReader"]

_BY_NAME: dict[str, Callable[[str], Any]] = {
    "json": ResponseParser.extract_json,
    "code": ResponseParser.extract_code,
    "list": ResponseParser.extract_list,
    "sections": ResponseParser.extract_sections,
}


class AnswerReader:
    """Reads answers.

    Args:
        parse: ``"json"``, ``"code"``, ``"list"``, ``"sections"``, or a function of the output; None reads nothing more.
        response_format: The shape that answers are asked for in.

    Raises:
        DesignError: ``parse`` is none of these.
    """

    def __init__(self, parse: str | Callable[[str], Any] | None, response_format: Any) -> None:
        self._made_of = (parse, response_format)
        self._shape = shape_of(response_format)
        self._parse: Callable[[str], Any] | None
        if parse is None or callable(parse):
            self._parse = parse
        elif parse in _BY_NAME:
            self._parse = _BY_NAME[parse]
        else:
            near = did_you_mean(str(parse), _BY_NAME)
            raise DesignError(
                f"parse is {parse!r}.{near}", hint=f"Give a function of the output, or one of {', '.join(_BY_NAME)}"
            )

    def __reduce__(self) -> tuple[object, ...]:
        return AnswerReader, self._made_of

    async def read(self, response: LLMResponse) -> tuple[Any, str | None]:
        """What is read in an answer, and why there is nothing."""
        return await self._parsed(response.content) if self._parse is not None else (response.parsed, None)

    async def read_again(self, output: str | None, stored: Any) -> Any:
        """What is read in an answer of the store: what was read when it came."""
        if self._parse is not None:
            return None if output is None else (await self._parsed(output))[0]
        if self._shape is None or stored is None:
            return stored
        try:
            return self._shape.parsed(stored)
        except Misfit:  # another shape was asked for then
            return stored

    async def _parsed(self, output: str) -> tuple[Any, str | None]:
        assert self._parse is not None
        try:
            own = self._parse in _BY_NAME.values()
            return (self._parse(output) if own else await in_thread(self._parse, output)), None
        except Exception as error:  # noqa: BLE001 - it is a stranger's code, and must not cost the answer
            return None, f"{type(error).__name__}: {error}"


def stored_form(parsed: Any) -> Any:
    """What was read, as JSON data."""
    return plain_data(parsed)
