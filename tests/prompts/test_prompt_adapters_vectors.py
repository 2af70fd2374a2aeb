"""Documents found by their vectors."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest
from adapters_help import both, contents

from dknb.errors import ConfigError, RAGError
from dknb.llm import create_llm_provider
from dknb.prompts import AsyncVectorAdapter, VectorAdapter


@pytest.fixture(**both(VectorAdapter, AsyncVectorAdapter))
def make(request):
    return request.param


def letters(texts):
    """Vectors that one can see through: how often a, b, c and d occur."""
    return [[float(text.count(letter)) for letter in "abcd"] for text in texts]


DOCUMENTS = [
    {"id": "1", "content": "aaa", "lang": "en", "year": 2020},
    {"id": "2", "content": "aab", "lang": "de", "year": 2022},
    {"id": "3", "content": "bbb", "lang": "en", "metadata": {"year": 2024}},
]


def test_the_nearest_come_first(make):
    """The scores are cosines; the metadata have the id."""
    adapter = make(letters)
    assert adapter.upsert(DOCUMENTS) == ["1", "2", "3"]
    results = adapter.search("aa", 2)
    assert results == [
        {"content": "aaa", "score": pytest.approx(1.0), "metadata": {"lang": "en", "year": 2020, "id": "1"}},
        {
            "content": "aab",
            "score": pytest.approx(2 / math.sqrt(5)),
            "metadata": {"lang": "de", "year": 2022, "id": "2"},
        },
    ]
    assert contents(adapter.search("aa", 9)) == ["aaa", "aab", "bbb"]
    assert contents(adapter.search("aa", 9, min_score=0.1)) == ["aaa", "aab"]
    assert contents(adapter.search("aa", 9, {"lang": "en"})) == ["aaa", "bbb"]
    assert contents(adapter.search("aa", 9, {"id": ["2", "3"], "year": {"lt": 2024}})) == ["aab"]
    with pytest.raises(ConfigError, match="'langs': there is no such field"):
        adapter.search("aa", 9, {"langs": "en"})


async def letters_later(texts):
    return letters(texts)


class PlainProvider:
    """A provider of somebody else's: plain, with numpy."""

    def embed(self, texts):
        return np.array(letters(texts))


@pytest.mark.parametrize("source", [letters, letters_later, PlainProvider(), lambda texts: np.array(letters(texts))])
def test_vectors_come_from_functions_and_providers(make, source):
    """Plain or async, lists or arrays."""
    adapter = make(source)
    adapter.upsert(["a text", "bbb"])
    assert contents(adapter.search("b", 1)) == ["bbb"]


@pytest.mark.parametrize("is_async", [False, True])
def test_vectors_come_from_any_provider_of_dknb(make, is_async):
    """A provider's own `embed` is taken, and its spec is the model's name."""
    provider = create_llm_provider("echo/test", is_async=is_async)
    adapter = make(provider)
    adapter.upsert(["one text", "another text"])
    assert adapter.search("one text", 1)[0]["score"] == pytest.approx(1.0)


def test_the_same_text_is_the_same_document_and_is_embedded_once(make):
    """A cell that runs again costs nothing; a changed document is embedded again."""
    asked = []

    def embed(texts):
        asked.append(list(texts))
        return letters(texts)

    adapter = make(embed)
    first = adapter.upsert(["a", "b", "a"])
    assert first[0] == first[2] != first[1]
    adapter.upsert(["a", "b"])
    adapter.upsert({"id": first[0], "content": "abc"})
    assert asked == [["a", "b"], ["abc"]]
    assert adapter.count() == 2
    assert contents(adapter.search("abc", 1)) == ["abc"]


def test_add_refuses_what_is_there(make):
    """And adds nothing then."""
    adapter = make(letters)
    adapter.add(DOCUMENTS[:1])
    with pytest.raises(ConfigError, match="There is a document '1' already"):
        adapter.add(DOCUMENTS)
    assert adapter.count() == 1


def test_deleted_documents_are_gone(make):
    """Others stay; the number is that of those that were there."""
    adapter = make(letters)
    assert adapter.delete("1") == 0
    adapter.upsert(DOCUMENTS)
    assert adapter.delete(["1", "1", "x"]) == 1
    assert contents(adapter.search("aa", 9)) == ["aab", "bbb"]
    assert adapter.delete("2") == 1
    assert adapter.get_value("2", "gone") == "gone"


def test_values_are_documents_and_their_fields(make):
    """An id gives the text, `id.field` what is known of it."""
    adapter = make(letters)
    assert adapter.get_value("1", "nothing yet") == "nothing yet"
    adapter.upsert(DOCUMENTS)
    assert [adapter.get_value(key, 0) for key in ("1", "3.year", "1.x", "9.year")] == ["aaa", 2024, 0, 0]


def test_given_vectors_are_searched_by_a_vector(make):
    """Without a model; a text cannot be searched for then."""
    adapter = make()
    adapter.upsert(["x", "y"], [[1, 0], [0, 1e-30]])
    assert contents(adapter.search_vector([0.1, 3], 1)) == ["y"]
    with pytest.raises(ConfigError, match="no embedding model"):
        adapter.search("x")
    with pytest.raises(ConfigError, match="no embedding model"):
        adapter.upsert(["z"])
    with pytest.raises(ConfigError, match="1 documents and 2 vectors"):
        adapter.upsert(["z"], [[1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1, math.nan]], "Vector 0 has numbers that are none"),
        ([[1, math.inf]], "Vector 0 has numbers that are none"),
        ([[1, 2, 3]], "holds vectors of 2 numbers; these have 3"),
        ([[1, "x"]], "no vectors of numbers"),
        ([[1, 2], [1]], "no vectors of numbers"),
        ([1, 2], "their shape is"),
        ([[]], "their shape is"),
    ],
)
def test_broken_vectors_are_refused(make, vectors, message):
    """In documents and in queries, and what was there stays."""
    adapter = make(lambda texts: vectors)
    adapter.upsert(["x"], [[1, 0]])
    with pytest.raises(RAGError, match=message):
        adapter.upsert(["y"])
    assert adapter.count() == 1


def test_zero_vectors_are_near_to_nothing(make):
    """A document's has the score 0, and is warned of; a query's is refused, as a blank query is."""
    adapter = make(letters)
    with pytest.warns(
        UserWarning, match=r"^Vectors are zero, and so near to no query, of 1 of the documents: '\w{32}'$"
    ):
        adapter.upsert(["xyz", "a"])
    assert [(each["content"], each["score"]) for each in adapter.search("a")] == [("a", pytest.approx(1)), ("xyz", 0.0)]
    for query, message in (("xyz", "is zero"), (" ", "is blank"), ("", "is blank")):
        with pytest.raises(RAGError, match=message):
            adapter.search(query)
    with pytest.raises(RAGError, match="has 2 numbers, the documents' have 4"):
        adapter.search_vector([1, 2])


def test_the_largest_and_smallest_numbers_do_no_harm(make):
    """Squares that overflow or vanish are not taken."""
    adapter = make()
    adapter.upsert(["large", "small"], [[3e38, 0], [0, 1e-40]])
    assert [each["score"] for each in adapter.search_vector([1e-42, 3e38])] == [pytest.approx(1), pytest.approx(0)]


@pytest.mark.parametrize("documents", [[""], [{"body": "x"}], [{"content": None}], [3], [" \n"]])
def test_a_document_has_a_text(make, documents):
    """The error says which has none."""
    with pytest.raises(ConfigError, match=r"documents\[0\] has no text"):
        make(letters).upsert(documents)


@pytest.mark.parametrize("vectors", [[], [[1.0]], None, "text"])
def test_a_model_that_gives_too_little_is_an_error(make, vectors):
    """Nothing is added then."""
    adapter = make(lambda texts: vectors)
    with pytest.raises(RAGError):
        adapter.upsert(["a", "b"])
    assert adapter.count() == 0


def test_a_model_that_fails_is_an_error_that_names_it(make):
    """With the cause."""

    class Broken:
        provider, model = "acme", "m1"

        def embed(self, texts):
            raise OSError("no network")

    with pytest.raises(RAGError, match=r"acme/m1 failed: OSError: no network$"):
        make(Broken()).upsert(["a"])
    with pytest.raises(ConfigError, match="makes no vectors"):
        make(object())


def test_an_empty_adapter_finds_nothing(make):
    """Without a call of the model."""
    assert make(lambda texts: 1 / 0).search("a") == []
    assert make().search_vector([1, 2]) == []


@pytest.mark.parametrize("rows", [5, 3_000, 70_000])
def test_what_is_found_is_exact(rows):
    """The same as by sorting all cosines, of equal ones the older first, dead rows and filters included."""
    random = np.random.default_rng(rows)
    matrix = random.integers(-2, 3, (rows, 8)).astype(np.float32)
    adapter = VectorAdapter()
    adapter.upsert([{"id": str(n), "content": f"{n}", "third": n % 3 == 0} for n in range(rows)], matrix)
    dead = {str(n) for n in range(0, rows, 4)}
    adapter.delete(sorted(dead))
    query = np.arange(8, dtype=np.float32)
    units = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
    for filters, kept in ((None, lambda n: True), ({"third": True}, lambda n: n % 3 == 0)):
        found = adapter.search_vector(query, 20, filters)
        alive = [n for n in range(rows) if str(n) not in dead and kept(n)]
        wanted = np.sort(units[alive] @ (query / np.linalg.norm(query)))[::-1][:20]
        assert [each["score"] for each in found] == pytest.approx(wanted.tolist(), abs=1e-6)
        assert not {each["metadata"]["id"] for each in found} & dead


async def _write(adapter):
    for n in range(1, 30):
        await adapter.upsert([{"id": str(at), "content": "ab"[n % 2]} for at in range(50)])


async def _misread(adapter):
    """Results whose score is not that of their text; each search gives all documents once."""
    searches = [await adapter.search("a", 100) for _ in range(60)]
    assert [len({each["metadata"]["id"] for each in found}) for found in searches] == [50] * 60
    assert [len(found) for found in searches] == [50] * 60
    found = [each for search in searches for each in search]
    return [each for each in found if each["score"] != pytest.approx({"a": 1.0, "b": 0.0}[each["content"]])]


async def test_searches_and_writers_side_by_side():
    """Searches on one adapter from several loops and threads, while documents are replaced, see whole documents."""
    adapter = AsyncVectorAdapter(letters)
    await adapter.upsert([{"id": str(n), "content": "a"} for n in range(50)])
    elsewhere = (asyncio.to_thread(asyncio.run, work(adapter)) for work in (_misread, _write))
    wrong = await asyncio.gather(_misread(adapter), _misread(adapter), _write(adapter), *elsewhere)
    assert [wrong[0], wrong[1], wrong[3]] == [[], [], []]
    assert await adapter.count() == 50


async def test_a_write_that_is_cancelled_is_whole_or_not_there():
    """The adapter works on afterwards."""
    adapter = AsyncVectorAdapter(letters)
    for pause in (0, 0.0005, 0.002):
        task = asyncio.create_task(adapter.upsert([f"a{n}" for n in range(500)]))
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.wait([task])
        assert await adapter.count() in (0, 500)
    await adapter.upsert(["d"])
    assert contents(await adapter.search("d", 1)) == ["d"]
