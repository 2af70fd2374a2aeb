"""YAML as prompt files use it: loaded safely, with the place of each key; written so that people can read it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .._yaml_depth import abyss
from ..errors import PromptError, PromptFileError

if TYPE_CHECKING:
    import yaml

Path = tuple[str | int, ...]

#: Deeper nesting than this is no prompt file; everything that walks the data may recurse so far.
MAX_DEPTH = 100
#: Nodes that aliases may add to a document: ten lines of aliases of aliases stand for more than memory holds.
MAX_ALIASED = 10_000

_TEXT = "tag:yaml.org,2002:str"
# What a block scalar cannot hold: control characters, and the line breaks that only YAML 1.1 knows.
_NOT_IN_A_BLOCK = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile("[\n\r\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A value that begins in its key's line without a quote, and whether it begins as a template does.
_BARE = re.compile(r"""\s*(?:-\s+)?(?P<key>[\w.$-]+)\s*:\s+(?:(?P<braces>\{[{%#])|[^\s"'|>{[])""")
_MISREAD = (
    "mapping values are not allowed",
    "cannot start any token",
    "found undefined alias",
    "did not find expected",
)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")


def load(text: str, source: str) -> object:
    """The data of one YAML document; None when it is empty.

    Raises:
        PromptFileError: It does not parse, uses tags of objects, repeats a key, or is a bomb.
    """
    import yaml

    if (mark := abyss(text, MAX_DEPTH)) is not None:
        raise _error_at(mark, source, f"It is nested deeper than {MAX_DEPTH} levels.")
    try:
        loader = _loader(text)
    except (yaml.reader.ReaderError, UnicodeError) as error:
        raise _unreadable(text, source, error) from error
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_traps(node, source)
        data: object = loader.construct_document(node)
        return data
    except yaml.MarkedYAMLError as error:
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise _error_at(
            error.problem_mark, source, f"This is not YAML: {what}.", _hint(error, text), text=text
        ) from error
    except yaml.reader.ReaderError as error:
        raise _unreadable(text, source, error) from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise PromptFileError(f"This is not YAML: {error}.", file=source) from error
    finally:
        loader.dispose()


class KeyPlaces:
    """Where the keys and values of a YAML or JSON text stand in it.

    Nothing is anywhere in a text that does not parse.
    """

    def __init__(self, text: str) -> None:
        import yaml

        try:
            deep = abyss(text, MAX_DEPTH) is not None
            self._root: Any = None if deep else yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, UnicodeError, RecursionError):
            self._root = None

    def has(self, path: Path) -> bool:
        """Whether ``path`` leads to a value."""
        node = self._root
        for step in path:
            if node is None:
                return False
            _, node = _child(node, step)
        return node is not None

    def find(self, path: Path, *, at_key: bool = False) -> tuple[int, int] | None:
        """Line and column, from 1, of the value (or key) that ``path`` leads to, or the nearest thing above it."""
        node = self._root
        mark = node.start_mark if node is not None else None
        for depth, step in enumerate(path, start=1):
            key, node = _child(node, step)
            if node is None:
                break
            mark = key.start_mark if key is not None and at_key and depth == len(path) else node.start_mark
        return (mark.line + 1, mark.column + 1) if mark is not None else None


def readable_json(text: str) -> str:
    """JSON text as YAML reads it, with every character where it was: escapes that YAML lacks, and tabs, are blanked."""
    return _ESCAPE.sub(lambda found: "x" * len(found[0]), text.replace("\t", " "))


def refuse_depth(data: object, source: str) -> None:
    """Refuse data that are nested deeper than ``MAX_DEPTH``; they must not contain themselves.

    Raises:
        PromptFileError: They are.
    """
    level: list[object] = [data]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    if level:
        raise PromptFileError(f"It is nested deeper than {MAX_DEPTH} levels.", file=source)


def dump(data: dict[str, object]) -> str:
    """YAML text that ``load`` gives back as ``data``: texts of several lines as blocks, keys in their order.

    Raises:
        PromptError: A value is of a type that YAML does not hold.
    """
    import yaml

    try:
        return str(yaml.dump(data, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=float("inf")))
    except yaml.representer.RepresenterError as error:
        raise PromptError(
            f"A prompt file cannot hold a {type(error.args[-1]).__name__}.",
            hint="Defaults and metadata in a file are text, numbers, yes or no, lists and mappings.",
        ) from error
    except RecursionError as error:
        raise PromptError("A prompt file cannot hold a value that contains itself.") from error


def _loader(text: str) -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)


def _hint(error: yaml.MarkedYAMLError, text: str) -> str | None:
    """What to do about a text that YAML takes for something else: a template in braces, a colon, a sign of its own."""
    lines = text.split("\n")
    for mark in (error.problem_mark, error.context_mark):
        found = _BARE.match(lines[mark.line]) if mark is not None and mark.line < len(lines) else None
        likely = found is not None and (found["braces"] or any(sign in (error.problem or "") for sign in _MISREAD))
        if found is not None and likely:
            key = found["key"] or "template"
            return f'Put the text in quotes,  {key}: "..."  or write it, indented, below  {key}: |'
    return None


def _error_at(
    mark: yaml.Mark | None, source: str, message: str, hint: str | None = None, *, text: str = ""
) -> PromptFileError:
    if mark is None:
        return PromptFileError(message, file=source, hint=hint)
    line, column = mark.line, mark.column
    if text and line > text.count("\n"):  # the parser's end of a text is a line below it
        line, column = text.count("\n"), len(text) - text.rfind("\n") - 1
    return PromptFileError(message, file=source, line=line + 1, column=column + 1, hint=hint)


def _unreadable(text: str, source: str, error: Exception) -> PromptFileError:
    code = getattr(error, "character", None)
    found = text.find(chr(code)) if isinstance(code, int) else -1
    if found < 0:
        return PromptFileError(f"This is not text: {error}.", file=source)
    line, column = text.count("\n", 0, found) + 1, found - text.rfind("\n", 0, found)
    return PromptFileError(
        f"YAML does not allow the character {chr(code or 0)!r} as it is.",
        file=source,
        line=line,
        column=column,
        hint='Write it as an escape in double quotes, for example "\\x07".',
    )


def _refuse_traps(root: yaml.Node, source: str) -> None:
    """Refuse repeated keys, nesting without end, and aliases that stand for more than they should."""
    sizes: dict[int, int] = {}
    aliased = 0

    def measure(node: yaml.Node, depth: int) -> int:
        nonlocal aliased
        if id(node) in sizes:
            aliased += sizes[id(node)]
            if aliased > MAX_ALIASED:
                raise _error_at(node.start_mark, source, "Its aliases stand for too much.", "Write the values out.")
            return sizes[id(node)]
        if depth > MAX_DEPTH:
            raise _error_at(node.start_mark, source, f"It is nested deeper than {MAX_DEPTH} levels.")
        # A node that contains itself meets this entry, and is refused.
        sizes[id(node)] = MAX_ALIASED + 1
        size = sizes[id(node)] = 1 + sum(measure(child, depth + 1) for child in _children(node, source))
        return size

    measure(root, 0)


def _children(node: Any, source: str) -> list[yaml.Node]:
    if node.id == "scalar":
        return []
    if node.id == "sequence":
        return list(node.value)
    seen = set()
    for key, _ in node.value:
        if key.id == "scalar" and key.tag != "tag:yaml.org,2002:merge":
            if (key.tag, key.value) in seen:
                raise _error_at(key.start_mark, source, f"The key {key.value!r} is there twice.", "Keep one of them.")
            seen.add((key.tag, key.value))
    return [part for pair in node.value for part in pair]


def _child(node: Any, step: object) -> tuple[yaml.Node | None, yaml.Node | None]:
    if node.id == "sequence" and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    if node.id == "mapping":
        for key, value in node.value:
            if key.value == step or not (isinstance(step, str) or key.tag == _TEXT):
                return key, value
    return None, None


@lru_cache(maxsize=1)
def _dumper() -> type[yaml.SafeDumper]:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts of several lines as literal blocks wherever a block holds them exactly."""

        def ignore_aliases(self, data: object) -> bool:
            return True

        def analyze_scalar(self, scalar: str) -> Any:
            # PyYAML keeps trailing spaces and tabs out of blocks; a literal block holds both as they are.
            analysis = super().analyze_scalar(scalar)
            analysis.allow_block = _fits_block(scalar)
            return analysis

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        if _SURROGATE.search(text):
            raise PromptError("A prompt file cannot hold half a character (a lone surrogate).")
        style = "|" if _fits_block(text) else '"' if _LINE_BREAK.search(text) else None
        return dumper.represent_scalar(_TEXT, text, style=style)

    Dumper.add_representer(str, represent_text)
    return Dumper


def _fits_block(text: str) -> bool:
    return "\n" in text and not text.isspace() and not text.startswith("\t") and not _NOT_IN_A_BLOCK.search(text)
