"""Files of any content in a library: what they hold, or an error of ours that names the file."""

from __future__ import annotations

import faulthandler
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dknb.errors import DknbError, PromptFileError
from dknb.prompts import FileSystemPromptLibrary, PromptBuilder, ValidationLevel

FUZZ = settings(max_examples=2_000, derandomize=True, deadline=None, database=None)
PATIENCE = 600  # seconds for a test that takes some twenty

KEYS = [
    *("template", "defaults", "parameters", "validation", "metadata", "sections", "extends", "rag_configs", "messages"),
    *("rag_config_refs", "template_mode", "adapter_name", "query", "k", "x", "type", "required", "default", "<<", "é"),
]
SCALARS = [
    *(
        "x",
        "no",
        "1",
        "1.5",
        "null",
        "~",
        "string",
        "integer",
        "2026-01-01",
        "0x1F",
        ".inf",
        "f",
        "Hello {{x}}",
        "error",
    ),
    *(
        "'{{ x|upper }}'",
        "'((a {{x}}))'",
        "'{% for i in x %}'",
        '"\\x07"',
        "&a b",
        "*a",
        "!!python/object:os.system id",
    ),
    *(
        "!!binary aGk=",
        "!!set {a}",
        "|-\n    a\n    {{x}}",
        ">\n  a",
        "{}",
        "[]",
        "{a: b}",
        "[a, b]",
        "jinja2",
        "mixed",
    ),
]
PIECES = [
    *KEYS, *SCALARS, *("---\n", "...\n", ": ", "- ", "? ", "\n", "\n  ", "\t", "\r\n", "\ufeff", "#", "%YAML 1.1\n", "&a", "*a"),
    *("{", "}", "[", "]", ",", "'", '"', "|", ">", "\x00", "\x85", "\u2028", "\\", "{{", "}}", "((", "))", "{%", "%}"),
]  # fmt: skip

LINES = st.lists(
    st.builds(
        "{}{}: {}\n".format, st.sampled_from(["", "  ", "- ", "    "]), st.sampled_from(KEYS), st.sampled_from(SCALARS)
    ),
    max_size=8,
).map("".join)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(SCALARS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)
TEXTS = st.one_of(
    LINES, st.lists(st.sampled_from(PIECES), max_size=25).map("".join), DATA.map(json.dumps), st.text(max_size=60)
)
CONTENTS = st.one_of(
    TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    TEXTS.map(lambda text: b"---\n" + text.encode("utf-8", "replace") + b"\n---\nHello {{x}}"),
    TEXTS.map(lambda text: text.encode("utf-16", "replace")),
    st.binary(max_size=60),
)
KIND_AND_SUFFIX = st.sampled_from(
    [(kind, suffix) for kind in ("system", "user", "messages", "rag") for suffix in (".yaml", ".json", ".md")]
)

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (now, now, *[now - 1] * 9) for now in b"bcdefghijk"
)


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library whose one file each example writes anew."""
    root = tmp_path_factory.mktemp("fuzzed")
    for kind in ("system", "user", "messages", "rag"):
        (root / kind).mkdir()
    return root


def use(root: Path, kind: str) -> None:
    """Ask for everything that can be asked about the entry; nothing but our errors may come out."""
    library = FileSystemPromptLibrary(root)
    builder = PromptBuilder(library, default_validation=ValidationLevel.IGNORE)
    for action in (
        lambda: getattr(
            library, {"messages": "get_message_index", "rag": "get_rag_config"}.get(kind, f"get_{kind}_prompt")
        )("f"),
        lambda: builder.render_system_prompt("f", {"x": "a"}),
        lambda: builder.render_user_prompt("f", 0, {"x": "a"}, include_rag=False),
        lambda: builder.render_message_index("f", 0, {"x": "a"}),
        lambda: builder.get_required_parameters("f"),
    ):
        with suppress(DknbError):
            action()


@FUZZ
@given(content=CONTENTS, place=KIND_AND_SUFFIX)
@example(content=BOMB, place=("user", ".yaml"))
@example(content=b"---\n" + BOMB + b"---\nx", place=("system", ".md"))
@example(content=b"a: &a\n  <<: *a\n", place=("user", ".yaml"))
@example(content=b"&a [*a]", place=("user", ".yaml"))
@example(content=b"[" * 50_000, place=("user", ".json"))
@example(content=b"[" * 50_000, place=("user", ".yaml"))
@example(content=b"template: " + b"9" * 100_000, place=("user", ".yaml"))
@example(content=b'{"template": ' + b"9" * 100_000 + b"}", place=("user", ".json"))
@example(content=b"? {a: b}\n: c", place=("user", ".yaml"))
@example(content=b"? [a, b]\n: c", place=("rag", ".yaml"))
@example(content=b"template: x\nparameters: {x: {default: 2026-99-99}}", place=("user", ".yaml"))
@example(content=b"1_0: 0b2\ntemplate: 0o8", place=("user", ".yaml"))
def test_a_file_of_any_content_is_read_or_refused(root: Path, content: bytes, place: tuple[str, str]) -> None:
    """Problems are lines of text that name the file, and whoever asks for a broken entry gets one of our errors."""
    kind, suffix = place
    path = root / kind / f"f{suffix}"
    path.write_bytes(content)
    try:
        for problem in FileSystemPromptLibrary(root).validate():
            assert f"f{suffix}" in problem or f"{kind}/f" in problem
            assert problem.line is None or problem.line >= 1
        use(root, kind)
    finally:
        path.unlink()


@pytest.mark.parametrize("suffix", [".yaml", ".md"])
def test_an_alias_bomb_is_refused_before_it_goes_off(root: Path, suffix: str) -> None:
    """Ten lines that stand for three billion values; the error says what they do."""
    path = root / "user" / f"bomb{suffix}"
    path.write_bytes(BOMB if suffix == ".yaml" else b"---\n" + BOMB + b"---\nx")
    try:
        with pytest.raises(PromptFileError, match=r"line \d+, column \d+: Its aliases stand for too much"):
            FileSystemPromptLibrary(root).get_user_prompts("bomb")
    finally:
        path.unlink()


NAMES = st.one_of(
    st.text(max_size=20),
    st.lists(
        st.sampled_from(["..", ".", "/", "\\", "a", "~", "etc", "passwd", "\x00", "C:", "%2e", "\u2025"]), max_size=8
    ).map("".join),
)


@settings(FUZZ, max_examples=300)
@given(name=NAMES)
@example(name="../outside")
@example(name="a/../../outside")
@example(name="/etc/passwd")
def test_a_name_of_any_kind_leads_nowhere_but_into_the_folder(root: Path, name: str) -> None:
    """A file beside the library is not found, and a prompt is not saved beside it."""
    (root.parent / "outside.yaml").write_text("template: outside")
    library = FileSystemPromptLibrary(root / "user")  # its own kinds are missing, and root has files
    with suppress(DknbError):
        assert library.get_user_prompts(name) == []
        assert library.get_system_prompt(name) is None
    with suppress(DknbError):
        assert library.find_file("user", name) is None
