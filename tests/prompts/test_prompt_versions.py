"""Versions of prompts: numbered, promoted, kept, and served by name."""

from __future__ import annotations

import asyncio
import multiprocessing

import pytest

from dknb.errors import PromptError, PromptNotFound
from dknb.prompts import ConfigPromptLibrary, ParameterSpec, PromptBuilder, VersionedPromptLibrary, VersionManager
from dknb.prompts.versioning import PromptVersion, SQLiteVersionStorage, VersionStatus
from dknb.prompts.versioning.numbers import sort_key, split_name


@pytest.fixture
def storage(store):
    return store


@pytest.fixture
def manager(storage):
    return VersionManager(storage)


async def test_numbers_grow_by_a_patch(manager):
    """Without a number a version gets the next patch of the greatest one; a parent is the newest before."""
    first = await manager.create_version("a", "user", "one")
    second = await manager.create_version("a", "user", "two")
    await manager.create_version("a", "user", "three", "1.10")
    fourth = await manager.create_version("a", "user", "four")
    assert [first.version, second.version, fourth.version] == ["1.0.0", "1.0.1", "1.10.1"]
    assert second.parent_version == first.version_id
    assert [each.version for each in await manager.list_versions("a")] == ["1.10.1", "1.10", "1.0.1", "1.0.0"]
    assert [each.template for each in await manager.get_version_history("a", "user")] == ["one", "two", "three", "four"]
    assert await manager.list_versions("a", "system") == []


async def test_a_number_that_is_taken_or_none_is_refused(manager):
    """A version never replaces another."""
    await manager.create_version("a", "user", "one", "2.0")
    with pytest.raises(PromptError, match=r"'a' has a version 2\.0 already"):
        await manager.create_version("a", "user", "two", "2.0")
    for number in ("v1", "1..2", "01.2", ""):
        with pytest.raises(PromptError, match="is no version"):
            await manager.create_version("a", "user", "x", number)
    with pytest.raises(PromptError, match="no versions of type 'message'"):
        await manager.create_version("a", "message", "x")
    with pytest.raises(PromptError, match="cannot be kept as a version"):
        await manager.create_version("a", "user", {"template": "x", "defaults": {"x": object()}})


async def test_versions_are_found(manager):
    """By id, by number, by the beginning of one, or the latest."""
    made = [
        await manager.create_version("a", "user", text, number)
        for text, number in [("b", "1.2.0-beta"), ("x", "1.2.0"), ("y", "1.2.1"), ("z", "1.20")]
    ]
    assert (await manager.get_version("a", version_id=made[1].version_id)).template == "x"
    for asked, template in [
        ("1.2.0", "x"),
        ("1.2", "y"),
        ("1.20", "z"),
        ("latest", "z"),
        ("1", "z"),
        ("1.2.0-beta", "b"),
    ]:
        assert (await manager.get_version("a", "user", asked)).template == template, asked
    assert await manager.get_version("a", "user", "9") is None
    assert await manager.get_version("nobody") is None


async def test_production_wins_over_active(manager):
    """The promoted version is served, the one before it is active again; a draft never is."""
    one = await manager.create_version("a", "user", "one")
    two = await manager.create_version("a", "user", "two")
    await manager.create_version("a", "user", "three", status=VersionStatus.DRAFT)
    assert (await manager.get_active_version("a")).version_id == two.version_id
    assert (await manager.promote_version(one.version_id)).status is VersionStatus.PRODUCTION
    assert (await manager.get_active_version("a")).version_id == one.version_id
    await manager.promote_version(two.version_id)
    assert (await manager.get_version("a", version_id=one.version_id)).status is VersionStatus.ACTIVE
    await manager.update_status(two.version_id, VersionStatus.ARCHIVED)
    assert (await manager.get_active_version("a")).version_id == one.version_id
    assert await manager.get_active_version("a", "system") is None
    with pytest.raises(PromptNotFound):
        await manager.promote_version("nobody")


async def test_tags_and_deletion(manager):
    """Labels are put on and taken off, and versions are found by them."""
    one = await manager.create_version("a", "user", "one", tags=["x"])
    two = await manager.create_version("a", "user", "two")
    await manager.tag_version(two.version_id, "y")
    assert (await manager.tag_version(two.version_id, "y")).tags == ["y"]
    assert [each.template for each in await manager.list_versions("a", tags=["x", "z"])] == ["one"]
    assert (await manager.untag_version(one.version_id, "x")).tags == []
    assert await manager.delete_version(one.version_id)
    assert not await manager.delete_version(one.version_id)
    assert [each.version_id for each in await manager.list_versions("a")] == [two.version_id]


async def test_versions_made_at_once_get_different_numbers(manager):
    """Nobody's version is lost when many are made side by side."""
    made = await asyncio.gather(*(manager.create_version("a", "user", str(n)) for n in range(20)))
    assert len({each.version for each in made}) == 20


def _make(path):
    async def several():
        return [await VersionManager(SQLiteVersionStorage(path)).create_version("a", "user", "x") for _ in range(10)]

    return [each.version for each in asyncio.run(several())]


def test_two_processes_get_different_numbers(tmp_path):
    """The file keeps two kernels apart."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        numbers = pool.map(_make, [tmp_path / "v.db"] * 2)
    assert len({each for part in numbers for each in part}) == 20


async def test_a_version_keeps_the_whole_prompt(manager, tmp_path):
    """All keys survive the store, and times have a zone."""
    prompt = {
        "template": "{{A}} {{n}}",
        "sections": {"A": "{{x}}"},
        "parameters": {"n": ParameterSpec("integer", required=True)},
        "defaults": {"x": [1, {"y": "z"}]},
        "metadata": {"author": "Ada"},
        "template_mode": "jinja2",
    }
    made = await manager.create_version("a", "user", prompt, "3.1", created_by="Ada")
    found = await manager.get_version("a", version_id=made.version_id)
    assert found == made
    assert found.as_prompt() == {**prompt, "metadata": {"author": "Ada", "version": "3.1"}}
    assert PromptVersion.from_dict(found.to_dict()) == found
    assert found.created_at.utcoffset().total_seconds() == 0


async def test_versions_survive_the_process(tmp_path):
    """Another manager on the same file has them; one on a file that is none of SQLite says so."""
    path = tmp_path / "v.db"
    assert await VersionManager(SQLiteVersionStorage(path)).list_versions("a") == []
    assert not path.exists()
    await VersionManager(SQLiteVersionStorage(path)).create_version("a", "user", "one")
    assert (await VersionManager(SQLiteVersionStorage(path)).get_active_version("a")).template == "one"
    path.write_bytes(b"no database, but long enough to be looked at" * 100)
    with pytest.raises(PromptError, match="cannot be used"):
        await VersionManager(SQLiteVersionStorage(path)).list_versions("a")


def test_numbers_are_ordered_as_semver_says():
    """By number, and what comes before a release before it."""
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0",
        "1.2",
        "1.10",
    ]
    assert sorted(reversed(ordered), key=sort_key) == ordered
    assert split_name("a@1.2") == ("a", "1.2")
    assert split_name("a@b") == ("a@b", None)
    assert split_name("@1.2") == ("@1.2", None)


def test_the_library_serves_versions(storage):
    """The active version by name, any by NAME@VERSION, and what has none from the library below."""
    base = ConfigPromptLibrary(
        {
            "user": {"a": "from the file", "b": {"template": "b {{x}}", "metadata": {"version": "1.0"}}},
            "rag": {"docs": {"adapter_name": "d", "query": "q"}},
        }
    )
    manager = VersionManager(storage)
    library = VersionedPromptLibrary(base, manager)
    builder = PromptBuilder(library)
    assert builder.render_user_prompt("a").content == "from the file"
    draft = asyncio.run(manager.create_version("a", "user", "a draft", status=VersionStatus.DRAFT))
    assert builder.render_user_prompt("a").content == "from the file"
    assert builder.render_user_prompt("a@1.0").content == "a draft"
    asyncio.run(manager.promote_version(draft.version_id))
    assert builder.render_user_prompt("a").content == "a draft"
    asyncio.run(manager.create_version("only", "user", {"extends": "b", "defaults": {"x": 1}}))
    assert builder.render_user_prompt("only").content == "b 1"
    assert builder.render_user_prompt("b@1.0", params={"x": 2}).content == "b 2"
    assert library.list_user_prompts() == ["a", "b", "only"]
    assert library.get_rag_config("docs") == {"adapter_name": "d", "query": "q"}
    assert library.find_prompt("a") is library.find_prompt("a")
    assert library.validate() == []
    with pytest.raises(PromptNotFound, match=r"Prompt 'a' has no version 7\.") as caught:
        library.require_prompt("a@7")
    assert caught.value.hint == "Its versions: 1.0.0"


def test_problems_of_served_versions_are_told():
    """A version that cannot be rendered is a problem of the library."""
    library = VersionedPromptLibrary()
    asyncio.run(library.version_manager.create_version("a", "user", "{{ x|"))
    [problem] = library.validate()
    assert problem.startswith("user/a: ")
