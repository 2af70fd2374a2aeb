"""What a builder draws on: its library as it is now, the namespace and adapters, off the loop where it may wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dknb import _sync
from dknb.errors import PromptFileError
from dknb.prompts import (
    AbstractPromptLibrary,
    AsyncPromptBuilder,
    CompositePromptLibrary,
    ConfigPromptLibrary,
    FileSystemPromptLibrary,
    PromptBuilder,
)

# Values


def test_the_namespace_is_between_caller_and_defaults(make):
    """Names that the caller did not give come from the namespace before the defaults, also in references."""
    config = {
        "user": {
            "p": {
                "template": "{{a}} {{b}} {{c}} {{d}} {{ prompt_ref('q') }}",
                "defaults": {"b": "db", "c": "dc"},
                "validation": {"required_params": ["e"]},
            },
            "q": {"template": "{{f}}", "defaults": {"f": "df"}},
        }
    }
    names = {"a": "na", "b": "nb", "e": "ne", "f": "nf", "unused": object()}
    result = make(config).render_user_prompt("p", params={"a": "ca", "d": None}, namespace=names)
    assert result.content == "ca nb dc  nf"
    assert result.validation_warnings == []
    assert result.metadata["param_origins"] == {
        "a": "caller",
        "b": "notebook",
        "c": "default",
        "d": "caller",
        "f": "notebook",
    }


class Values:
    """A source of values with a plain ``get_value``."""

    def __init__(self, **values):
        self.values = values
        self.asked = []
        self.threads = set()

    def get_value(self, key, default=None, context=None):
        self.asked.append((key, context))
        self.threads.add(threading.get_ident())
        return self.values.get(key, default)


class AsyncValues(Values):
    """A source of values with an async ``get_value``."""

    async def get_value(self, key, default=None, context=None):
        await asyncio.sleep(0)
        return super().get_value(key, default, context)


@pytest.mark.parametrize("source", [Values, AsyncValues])
def test_adapters_give_what_the_caller_did_not(make, source):
    """Adapters are asked in their order for names that are used and not given, before the namespace and defaults."""
    first, second = source(b=None, c="1c"), source(b="2b", c="2c", r="2r")
    config = {
        "user": {
            "p": {"template": "{{a}} {{b}} {{c}} {{d}} {{ prompt_ref('q') }}", "defaults": {"b": "db", "d": "dd"}},
            "q": "{{r}}{% if false %}{{ prompt_ref('nowhere') }}{% endif %}",
        }
    }
    builder = make(config, adapters={"one": first, "two": second})
    result = builder.render_user_prompt("p", params={"a": "ca"}, namespace={"c": "nc"})
    assert result.content == "ca 2b 1c dd 2r"
    assert result.metadata["param_origins"] == {
        "a": "caller",
        "b": "adapter:two",
        "c": "adapter:one",
        "d": "default",
        "r": "adapter:two",
    }
    assert [key for key, _ in first.asked] == ["b", "c", "d", "r"]
    assert first.asked[0][1] == {"a": "ca"}


# Threads and loops


async def test_the_async_builder_does_not_work_on_the_loop(tmp_path, monkeypatch):
    """Files are read, templates rendered and plain adapters asked in another thread than the loop's."""
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "p.yaml").write_text("template: '{{x}}'")
    here, readers = threading.get_ident(), set()
    read_bytes = Path.read_bytes

    def watched(path):
        readers.add(threading.get_ident())
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", watched)
    source = Values(x="value")
    builder = AsyncPromptBuilder(FileSystemPromptLibrary(tmp_path), adapters={"s": source})
    assert (await builder.render_user_prompt("p")).content == "value"
    assert len(readers) == 1
    assert here not in readers | source.threads


async def test_the_sync_builder_works_where_a_loop_runs():
    """In a notebook's cell a loop runs already; the plain methods work there, adapters included."""
    builder = PromptBuilder(ConfigPromptLibrary({"user": {"p": "{{x}}"}}), adapters={"s": AsyncValues(x=1)})
    assert builder.render_user_prompt("p").content == "1"


def test_the_sync_builder_is_not_for_the_background_loop():
    """With adapters it would wait for itself there, and says so."""
    builder = PromptBuilder(ConfigPromptLibrary({"user": {"p": "{{x}}"}}), adapters={"s": Values(x=1)})

    async def wrongly():
        return builder.render_user_prompt("p")

    with pytest.raises(RuntimeError, match="await the async one"):
        _sync.run(wrongly())


async def test_many_renders_at_once_give_each_its_own():
    """Renders of one builder that run side by side do not mix their values."""
    builder = AsyncPromptBuilder(ConfigPromptLibrary({"user": {"p": "{{x}}{{ prompt_ref('q', y=x) }}", "q": "-{{y}}"}}))
    results = await asyncio.gather(*(builder.render_user_prompt("p", params={"x": n}) for n in range(200)))
    assert [result.content for result in results] == [f"{n}-{n}" for n in range(200)]


# Libraries


def edits() -> Iterator[tuple[str, str, str]]:
    """File, its new text, and the text that the leaf has then."""
    yield "user/leaf.yaml", "extends: middle\nsections: {S: mine}\n", "mine"
    yield "user/leaf.yaml", "extends: middle\n", "base"
    yield "user/middle.yaml", "extends: base\nsections: {S: middle}\n", "middle"
    yield "user/base.yaml", "template: '<{{S}}>'\n", "<middle>"
    yield "system/base.yaml", "template: 'system {{S}}'\n", "system middle"


def test_an_edit_of_any_file_in_the_chain_is_used(make, tmp_path):
    """The next render uses the new text of a prompt, of its bases, and of a base that comes first now."""
    for kind in ("system", "user"):
        (tmp_path / kind).mkdir()
    (tmp_path / "user" / "base.yaml").write_text("template: '{{S}}'\nsections: {S: base}\n")
    (tmp_path / "user" / "middle.yaml").write_text("extends: base\n")
    (tmp_path / "user" / "leaf.yaml").write_text("extends: middle\n")
    builder = make(FileSystemPromptLibrary(tmp_path))
    assert builder.render_user_prompt("leaf").content == "base"
    for file, text, expected in edits():
        (tmp_path / file).write_text(text)
        assert builder.render_user_prompt("leaf").content == expected


def test_a_broken_file_is_the_error_of_whoever_renders_it(make, tmp_path):
    """The error of a file reaches the one who asks for its prompt, or for one that extends it."""
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "bad.yaml").write_text("template: x\ndefaults: [")
    (tmp_path / "user" / "child.yaml").write_text("extends: bad")
    builder = make(FileSystemPromptLibrary(tmp_path))
    for name in ("bad", "child"):
        with pytest.raises(PromptFileError, match=r"bad\.yaml, line 2"):
            builder.render_user_prompt(name)


def test_a_composite_library_composes_across_its_libraries(make):
    """A prompt of one library extends and refers to prompts of another."""
    mine = ConfigPromptLibrary({"user": {"p": {"extends": "base", "sections": {"S": "{{ prompt_ref('q') }}"}}}})
    theirs = ConfigPromptLibrary({"user": {"base": "<{{S}}>", "q": "theirs"}})
    assert make(CompositePromptLibrary([mine, theirs])).render_user_prompt("p").content == "<theirs>"


class Mutable(AbstractPromptLibrary):
    """Somebody's library, which gives the same dict every time."""

    def __init__(self):
        self.prompt = {"template": "one"}

    def get_system_prompt(self, name):
        return None

    def get_user_prompts(self, name):
        return [self.prompt]

    def get_message_index(self, name):
        return None


def test_a_foreign_library_may_change_its_dicts(make):
    """What another library gives is taken as it is at each render."""
    library = Mutable()
    builder = make(library)
    assert builder.render_user_prompt("p").content == "one"
    library.prompt["template"] = "two"
    assert builder.render_user_prompt("p").content == "two"
