"""What is said about a request that is not recorded: the nearest one, and the difference."""

from __future__ import annotations

from typing import Any

import pytest

from dknb.llm.recordings.differences import differences, nearest_request, word_diff


def asking(*texts: str, **changes: Any) -> dict[str, Any]:
    """A conversation of the user's texts."""
    messages = [{"role": "user", "content": text} for text in texts]
    return {"kind": "complete", "provider": "openai", "model": "gpt-5.4", "messages": messages, **changes}


def test_the_words_of_the_last_message_weigh_most():
    """The same question to another model is nearer than another question to the same model."""
    recorded = [("other question", asking("Good night")), ("other model", asking("Good morning", model="gpt-5"))]
    assert nearest_request(asking("Good morning"), recorded) == recorded[1]


def test_of_equal_questions_the_same_history_is_nearer():
    """Where the last message does not decide, the messages before it do."""
    recorded = [("other history", asking("Hi", "And then?")), ("same history", asking("Ho", "And then?"))]
    assert nearest_request(asking("Ho", "And then?", settings={"seed": 1}), recorded) == recorded[1]


def test_nothing_is_near_where_nothing_is():
    """An empty recording has no nearest request."""
    assert nearest_request(asking("Hi"), []) is None


@pytest.mark.parametrize(
    ("recorded", "asked", "said"),
    [
        (asking("Hi"), asking("Hi", model="o3"), "model: recorded 'gpt-5.4', asked 'o3'"),
        (asking("Hi", settings={"seed": 1}), asking("Hi"), "settings.seed: recorded 1, asked none"),
        (asking("Hi"), asking("Hi", "Ho"), "messages: recorded 1, asked 2"),
        (asking("Hi"), asking("Ho"), "messages[0] (user): [-Hi-] {+Ho+}"),
        (asking("a  b"), asking("a b"), "messages[0] (user): only white space differs"),
        (
            asking("Hi"),
            {**asking(), "messages": [{"role": "system", "content": "Hi"}]},
            "messages[0].role: recorded 'user', asked 'system'",
        ),
        (
            asking(tools=[{"name": "add", "x": 1}]),
            asking(tools=[{"name": "add", "x": 2}]),
            "tools: 'add' is defined differently",
        ),
        (
            asking(tools=[{"type": "function", "function": {"name": "add"}}]),
            asking(),
            "tools: 'add' was recorded, but is not asked for",
        ),
        (asking(), asking(tools=[{"type": "web_search"}]), "tools: 'web_search' is asked for, but was not recorded"),
        (asking(texts=["one"]), asking(texts=["two"]), "texts[0]: [-one-] {+two+}"),
        (asking(texts=["one"]), asking(texts=["one", "two"]), "texts: recorded 1, asked 2"),
        (
            asking(),
            asking(),
            "they differ only in something that a recording does not keep (an option of one provider)",
        ),
    ],
)
def test_each_kind_of_difference_is_named(recorded, asked, said):
    """A line for each field that differs."""
    assert differences(recorded, asked) == [said]


def test_many_differences_are_counted():
    """A miss is read, so it is short."""
    asked = asking(settings={name: 1 for name in "abcdef"})
    assert differences(asking(), asked)[-2:] == ["settings.c: recorded none, asked 1", "and 3 more"]


def test_a_message_of_parts_is_compared_by_its_words():
    """Text in parts is text; what is no text is shown as JSON."""

    def parts(text: str) -> dict[str, Any]:
        content = [{"type": "text", "text": text}, {"type": "image", "url": "u"}]
        return {**asking(), "messages": [{"role": "user", "content": content}]}

    assert differences(parts("What is this?"), parts("What was this?")) == [
        'messages[0] (user): What [-is-] {+was+} this? {"type": "image", "url": "u"}'
    ]


def test_a_difference_in_a_long_text_shows_its_surroundings_only():
    """Few words before and behind are enough to find the place."""
    old = " ".join(f"word{n}" for n in range(10_000))
    new = old.replace("word5000 ", "else ")
    shown = word_diff(old, new)
    assert shown.startswith("... word4996 word4997 word4998 word4999 [-word5000-] {+else+} word5001")
    assert len(shown) < 260
