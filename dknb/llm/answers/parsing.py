"""`ResponseParser`: what a model wrote, taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..messages import LLMResponse
from .loose_json import first_json
from .text_blocks import blocks, headings, with_plain_ends

__all__ = ["ResponseParser"]


class ResponseParser:
    """Takes JSON, code, lists and sections out of an answer; each takes time in proportion to the text.

    Every method takes a text or an `LLMResponse`.
    """

    @staticmethod
    def extract_json(text: str | LLMResponse) -> Any:
        """The first object or array in a text, in a fence or in prose; None where there is none.

        What models get wrong is repaired: commas too many or too few, Python's and JavaScript's words, quotes of any
        kind, keys without them, comments, an end that is missing. A lone ``[1]`` (a reference) counts only where
        there is nothing else.

        >>> ResponseParser.extract_json("Sure: {'ok': True, 'tags': ['a', 'b',],}")
        {'ok': True, 'tags': ['a', 'b']}
        """
        return first_json(_text(text))

    @staticmethod
    def extract_code(text: str | LLMResponse, language: str | None = None) -> list[str]:
        """The fenced blocks of code, without the blank lines around them.

        Args:
            text: The answer.
            language: Only blocks whose tag (the first word after the fence) is this, in any case.
        """
        wanted = None if language is None else language.lower()
        found = blocks(_text(text), "code")
        return [_trimmed(block.text) for block in found if wanted is None or block.tag.lower() == wanted]

    @staticmethod
    def extract_list(text: str | LLMResponse, numbered: bool = False) -> list[str]:
        """The items of all bullet lists, or of all numbered ones; those of nested lists too, empty ones not."""
        wanted = "numbered" if numbered else "bullet"
        return [block.text for block in blocks(_text(text), "item") if block.tag == wanted and block.text]

    @staticmethod
    def extract_sections(text: str | LLMResponse) -> dict[str, str]:
        """Heading to the text below it, up to the next heading of any level.

        Text before the first heading is under ``"main"``; sections of the same name are joined by a blank line.
        """
        sections: dict[str, list[str]] = {}
        for title, below in _sections(with_plain_ends(_text(text))):
            texts = sections.setdefault(title, [])
            if below:
                texts.append(below)
        return {title: "\n\n".join(texts) for title, texts in sections.items()}


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Each heading and the text below it; first, where there is any or no heading, what stands before them."""
    title, start = "main", 0
    for following, end, further in headings(text):
        below = text[start:end].strip() if start < end else ""
        if start or below:
            yield title, below
        title, start = following, further
    yield title, text[start:].strip()


def _text(text: str | LLMResponse) -> str:
    return text.content if isinstance(text, LLMResponse) else text


def _trimmed(code: str) -> str:
    """The code without blank lines at its beginning and white space at its end; the first line keeps its indent."""
    code = code.rstrip()
    start = len(code) - len(code.lstrip())
    return code[code.rfind("\n", 0, start) + 1 :]
