"""`ResponseParser`: what a model wrote, taken apart."""

from __future__ import annotations

from typing import Any

from ..messages import LLMResponse
from .loose_json import first_json
from .text_blocks import blocks, lines_of

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
        text = _text(text)
        lines = lines_of(text)
        headings = list(blocks(text, "heading"))
        preface = "\n".join(lines[: headings[0].first if headings else None]).strip()
        sections = {"main": [preface]} if preface or not headings else {}
        starts = [*(block.first for block in headings), len(lines)]
        for (title, _, _, start), end in zip(headings, starts[1:], strict=True):
            texts = sections.setdefault(title, [])
            if start < end:
                texts.append("\n".join(lines[start:end]).strip())
        return {name: "\n\n".join(filter(None, texts)) for name, texts in sections.items()}


def _text(text: str | LLMResponse) -> str:
    return text.content if isinstance(text, LLMResponse) else text


def _trimmed(code: str) -> str:
    """The code without blank lines at its beginning and white space at its end; the first line keeps its indent."""
    code = code.rstrip()
    start = len(code) - len(code.lstrip())
    return code[code.rfind("\n", 0, start) + 1 :]
