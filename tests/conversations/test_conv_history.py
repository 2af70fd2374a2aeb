"""The history: what is sent to a model, looked at rather than copied."""

from __future__ import annotations

import itertools

from conversations_help import chain

from dknb.conversations import ConversationNode, History, Tree, get_messages_for_llm
from dknb.llm.messages import LLMMessage


def said(history: History) -> list[str]:
    return [message.content for message in history]


def test_the_path_is_sent_from_the_root_to_the_node() -> None:
    """Messages come oldest first, the system prompt included, siblings left out."""
    root = Tree(ConversationNode(LLMMessage("system", "Be kind.")))
    question = root.add_child(ConversationNode(LLMMessage("user", "why?")))
    question.add_child(ConversationNode(LLMMessage("assistant", "because")))
    question.add_child(ConversationNode(LLMMessage("assistant", "no reason")))
    assert [m.content for m in get_messages_for_llm(root, "0.1")] == ["Be kind.", "why?", "no reason"]
    assert [m.content for m in get_messages_for_llm(root, "")] == ["Be kind."]


def test_an_empty_root_is_left_out() -> None:
    """A conversation without a system prompt sends none."""
    tip = chain(2)
    assert [m.content for m in get_messages_for_llm(tip.root, "0.0")] == ["m0", "m1"]
    assert get_messages_for_llm(tip.root, "") == []
    assert len(History(tip.root)) == 0


def test_a_root_that_is_a_question_is_sent() -> None:
    """An imported document whose root is a user's message keeps it, even an empty one."""
    root = Tree(ConversationNode(LLMMessage("user", "")))
    assert [m.role for m in get_messages_for_llm(root, "")] == ["user"]


def test_an_unknown_id_has_no_messages() -> None:
    """As with the system that the seed describes."""
    assert get_messages_for_llm(chain(2).root, "7") == []


def test_it_is_a_sequence() -> None:
    """Length, indexes, slices, membership and both directions work."""
    history = History(chain(4))
    assert len(history) == 4
    assert said(history) == ["m0", "m1", "m2", "m3"]
    assert [m.content for m in reversed(history)] == ["m3", "m2", "m1", "m0"]
    assert history[0].content == "m0"
    assert history[-1].content == "m3"
    assert [m.content for m in history[1:3]] == ["m1", "m2"]
    assert history[1] in history
    assert bool(history)


def test_looking_from_the_end_touches_only_the_end() -> None:
    """The last messages of a deep conversation come without decoding those before."""
    tip = chain(50_000)
    for node in tip.root.walk():
        node.data._message = None  # whoever decodes one of these fails: there is nothing to decode
    tip.data._message = LLMMessage("user", "last")
    assert tip.parent is not None
    tip.parent.data._message = LLMMessage("assistant", "before")
    tip.root.data._message = LLMMessage("system", "")
    history = History(tip)
    assert [m.content for m in itertools.islice(reversed(history), 2)] == ["last", "before"]
    assert history[-1].content == "last"
    assert len(history) == 50_000


def test_a_fold_measures_each_message_once() -> None:
    """A sum over the path costs the next turn only its own messages, and a fork only what is new in it."""
    seen: list[str] = []

    def measure(message: LLMMessage) -> int:
        seen.append(message.content)
        return len(message.content)

    tip = chain(3)
    assert History(tip).fold("length", measure) == 6
    longer = tip.add_child(ConversationNode(LLMMessage("user", "longer")))
    assert History(longer).fold("length", measure) == 12
    fork = tip.add_child(ConversationNode(LLMMessage("user", "fork")))
    assert History(fork).fold("length", measure) == 10
    assert seen == ["m0", "m1", "m2", "longer", "fork"]


def test_folds_of_two_names_are_two_sums() -> None:
    """Each name keeps its own sum."""
    history = History(chain(3))
    assert history.fold("count", lambda _: 1) == 3
    assert history.fold("price", lambda _: 0.5) == 1.5
    assert history.fold("count", lambda _: 1) == 3


def test_a_system_prompt_can_be_replaced_for_one_request() -> None:
    """The replacement comes first, counts in the length and the folds, and changes nothing in the tree."""
    root = Tree(ConversationNode(LLMMessage("system", "own")))
    tip = root.add_child(ConversationNode(LLMMessage("user", "q")))
    replaced = History(tip, system="other prompt")
    assert said(replaced) == ["other prompt", "q"]
    assert replaced.fold("length", lambda m: len(m.content)) == 13
    assert History(tip).fold("length", lambda m: len(m.content)) == 4
    assert said(History(tip)) == ["own", "q"]
    assert said(History(chain(1), system="new")) == ["new", "m0"]


def test_a_system_prompt_goes_before_a_root_that_is_a_question() -> None:
    """Nothing that was said is left out for it."""
    root = Tree(ConversationNode(LLMMessage("user", "q")))
    assert said(History(root, system="s")) == ["s", "q"]
