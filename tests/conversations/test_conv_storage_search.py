"""Full-text search: the same for each store."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from conversations_help import stored, user

from dknb.conversations import Change, ConversationNode, ConversationState, ConversationStorage, Hit, Query, Step
from dknb.conversations.search import CANDIDATES
from dknb.errors import ConfigError
from dknb.llm.messages import LLMMessage

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def storage(each_storage: ConversationStorage) -> ConversationStorage:
    return each_storage


async def talk(storage: ConversationStorage, *texts: str, name: str = "c") -> ConversationState:
    """A conversation in which these are said, an hour apart, by turns."""
    state = await stored(storage, name, length=0)
    for number, text in enumerate(texts):
        role = "assistant" if number % 2 else "user"
        node = ConversationNode(LLMMessage(role, text), timestamp=NOON + timedelta(hours=number))
        await storage.append(state, Step(state.current, [node], "main"))
    return state


async def seqs(storage: ConversationStorage, text: str, **conditions: object) -> list[int]:
    return sorted(hit.seq for hit in await storage.search(Query(text, **conditions)))


async def test_all_words_in_any_order_and_case(storage: ConversationStorage) -> None:
    """Accents and case do not count; parts of words are not words."""
    await talk(storage, "The quick brown fox", "A BROWN café", "quickly, foxes!", "Über die Füchse", "漢字 и слово")
    assert await seqs(storage, "fox quick") == [1]
    assert await seqs(storage, "brown") == [1, 2]
    assert await seqs(storage, "CAFE") == [2]
    assert await seqs(storage, "café") == [2]
    assert await seqs(storage, "fox") == [1]
    assert await seqs(storage, "uber fuchse") == [4]
    assert await seqs(storage, "СЛОВО 漢字") == [5]
    assert await seqs(storage, "nothing") == []


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "a OR b",
        "NOT a",
        "NEAR(a b)",
        "content:a",
        "^a",
        "a*",
        "-a",
        "(a",
        "'",
        "a' & 'b",
        "a | !b",
        "\0",
        "{a}",
        ":*",
    ],
)
async def test_a_query_is_no_syntax(storage: ConversationStorage, text: str) -> None:
    """Operators of either database are words or nothing."""
    await talk(storage, "b c d", "unrelated")
    assert await seqs(storage, text) == []


async def test_a_query_without_words_finds_nothing(storage: ConversationStorage) -> None:
    """Blank, or punctuation only; and a store that is not there yet is not made."""
    assert await storage.search(Query("fox")) == []
    await talk(storage, "fox")
    for text in ("", "  ", "?!", "\ud800"):
        assert await storage.search(Query(text)) == []


async def test_conditions_narrow_what_is_found(storage: ConversationStorage) -> None:
    """Conversation, role, labels and time; each alone and together."""
    state = await talk(storage, "fox one", "fox two", "fox three")
    await talk(storage, "fox elsewhere", name="d")
    await storage.update(state, Change(label=[(state.stored[1], "x"), (state.stored[3], "x"), (state.stored[3], "y")]))
    assert len(await storage.search(Query("fox"))) == 4
    assert await seqs(storage, "fox", conversation_id="c") == [1, 2, 3]
    assert await seqs(storage, "fox", conversation_id="no") == []
    assert await seqs(storage, "fox", role="assistant") == [2]
    assert await seqs(storage, "fox", labels=["x"]) == [1, 3]
    assert await seqs(storage, "fox", labels=["x", "y"]) == [3]
    hour = timedelta(hours=1)
    assert await seqs(storage, "fox", conversation_id="c", since=NOON + hour) == [2, 3]
    assert await seqs(storage, "fox", conversation_id="c", since=NOON + hour, before=NOON + 2 * hour) == [2]


async def test_what_was_deleted_is_found_only_on_demand(storage: ConversationStorage) -> None:
    """And is found again when it is shown again; what is gone for good is not."""
    state = await talk(storage, "fox one", "fox two")
    await storage.update(state, Change(hide=[state.stored[2]]))
    assert await seqs(storage, "fox") == [1]
    assert await seqs(storage, "fox", deleted=True) == [1, 2]
    await storage.update(state, Change(unhide=[state.stored[2]]))
    assert await seqs(storage, "fox") == [1, 2]
    await storage.delete_conversation("c")
    assert await seqs(storage, "fox", deleted=True) == []


async def test_the_best_comes_first(storage: ConversationStorage) -> None:
    """What has the words more often for its length; of two alike the newer; no more than asked for."""
    await talk(storage, "fox " + "and much else " * 30, "a fox, the fox, every fox", "a fox here", "a fox here")
    hits = await storage.search(Query("fox"))
    assert [hit.seq for hit in hits] == [2, 4, 3, 1]
    assert [hit.seq for hit in await storage.search(Query("fox", limit=2))] == [2, 4]
    assert 0 < hits[-1].score < hits[0].score < 1


async def test_a_hit_shows_where_the_words_are(storage: ConversationStorage) -> None:
    """The snippet is the part with the most of the words; the marks are the words in it."""
    text = "the beginning fox " + "x " * 400 + "where the Quick brown FÓX jumps\nover " + "y " * 400
    await talk(storage, text)
    [hit] = await storage.search(Query("quick fox"))
    assert isinstance(hit, Hit)
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["Quick", "FÓX"]
    assert hit.snippet[0] == hit.snippet[-1] == "…"
    assert len(hit.snippet) < 140
    assert (hit.conversation_id, hit.seq, hit.role, hit.timestamp) == ("c", 1, "user", NOON)


async def test_many_fitting_messages_give_the_newest(storage: ConversationStorage) -> None:
    """Where more fit than are ranked, the newest are."""
    state = await stored(storage, length=0)
    nodes = [user(f"fox {number}", timestamp=NOON + timedelta(seconds=number)) for number in range(CANDIDATES + 50)]
    await storage.append(state, Step(state.current, nodes, "main"))
    hits = await storage.search(Query("fox", limit=CANDIDATES))
    assert sorted(hit.seq for hit in hits) == list(range(51, CANDIDATES + 51))
    assert len(await storage.search(Query("fox", limit=CANDIDATES + 20))) == CANDIDATES + 20


async def test_long_and_strange_text_is_stored_and_found(storage: ConversationStorage) -> None:
    """A million different words, a word of a million letters, NUL and half a surrogate pair."""
    await talk(storage, "needle " + " ".join(f"w{number}" for number in range(200_000)))
    await talk(storage, "needle " + "x" * 1_000_000, name="d")
    await talk(storage, "needle\0 \ud800 thread", name="e")
    assert len(await storage.search(Query("needle"))) == 3
    assert [hit.conversation_id for hit in await storage.search(Query("thread needle"))] == ["e"]


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("한국어", "한국어"),
        ("Ёлка й", "Й ёлка"),
        ("Ά λόγος", "ά ΛΌΓΟΣ"),
        ("\N{CHEROKEE LETTER A}", "\N{CHEROKEE SMALL LETTER A}"),
        ("STRASSE", "straße"),
        ("ﬁne", "FINE"),
        ("İstanbul", "i̇stanbul"),
        ("\uff41\uff42", "ab"),
    ],
)
@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
async def test_forms_and_case_of_any_script_do_not_count(
    storage: ConversationStorage, said: str, asked: str, forms: tuple[str, str]
) -> None:
    """What was typed on one machine is found from another."""
    await talk(storage, unicodedata.normalize(forms[0], said), "unrelated")
    assert await seqs(storage, unicodedata.normalize(forms[1], asked)) == [1]


async def test_what_an_index_takes_for_alike_is_looked_at(storage: ConversationStorage) -> None:
    """Letters that an index folds and we do not; words whose first letters only are in an index."""
    await talk(storage, "и", "й", "a" * 45 + "b", "a" * 45 + "c")
    assert await seqs(storage, "й") == [2]
    assert await seqs(storage, "a" * 45 + "c") == [4]


async def test_conditions_hold_after_changes(storage: ConversationStorage) -> None:
    """Labels given and taken, messages deleted and shown again, several conditions at once."""
    state = await talk(storage, "fox", "fox", "fox")
    one, two = state.stored[1], state.stored[2]
    await storage.update(state, Change(label=[(one, "a b'c\N{BLACK STAR}"), (two, "good")], hide=[state.stored[3]]))
    assert await seqs(storage, "fox", labels=["a b'c\N{BLACK STAR}"]) == [1]
    assert await seqs(storage, "fox") == [1, 2]
    assert await seqs(storage, "fox", deleted=True, since=NOON + timedelta(hours=2)) == [3]
    await storage.update(state, Change(unlabel=[(two, "good")], unhide=[state.stored[3]]))
    assert await seqs(storage, "fox", labels={"good"}) == []
    assert await seqs(storage, "fox", role="user", before=NOON + timedelta(hours=2, seconds=1)) == [1, 3]


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=-11, minutes=-30))])
async def test_any_span_of_time(storage: ConversationStorage, zone: timezone) -> None:
    """Across seconds, days, years and centuries, to the microsecond; years that no step of the index tells apart, too."""
    times = [
        datetime(1, 1, 2, tzinfo=timezone.utc),
        datetime(1970, 1, 1, tzinfo=timezone.utc),
        datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc),
        datetime(2024, 1, 1, tzinfo=timezone.utc),
        datetime(2024, 2, 29, 12, 30, 30, 5, tzinfo=timezone.utc),
        datetime(2024, 2, 29, 12, 30, 30, 6, tzinfo=timezone.utc),
        datetime(2100, 1, 1, tzinfo=timezone.utc),
        datetime(9999, 12, 30, tzinfo=timezone.utc),
    ]
    state = await stored(storage, length=0)
    await storage.append(state, Step(state.current, [user("fox", timestamp=at) for at in times], "main"))
    bounds = [None, *(at.astimezone(zone) for at in times)]
    for since in bounds:
        for before in bounds:
            expected = [
                number
                for number, at in enumerate(times, 1)
                if (since is None or at >= since) and (before is None or at < before)
            ]
            assert await seqs(storage, "fox", since=since, before=before) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": 5},
        {"text": None},
        {"limit": -1},
        {"limit": 100_000},
        {"limit": "x"},
        {"limit": True},
        {"labels": "abc"},
        {"labels": 5},
        {"labels": [5]},
        {"role": 5},
        {"since": "2020-01-01"},
        {"conversation_id": b"x"},
        {"deleted": 1},
    ],
)
def test_a_condition_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    """Before anything is looked for."""
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Query(**{"text": "fox", **wrong})
