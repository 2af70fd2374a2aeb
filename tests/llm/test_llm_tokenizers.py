"""OpenAI's tokenizers: which model has which, the same counts as tiktoken, no network, and no text that breaks them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dknb.llm.counting import tokenizers
from dknb.llm.counting.tokenizers import encoding_of, tokens_in


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o", "o200k_base"),
        ("openai/gpt-4o-mini-2024-07-18", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("gpt-4.1-nano", "o200k_base"),
        ("gpt-5.4-mini", "o200k_base"),
        ("gpt-5.3-chat-latest", "o200k_base"),
        ("o1-mini", "o200k_base"),
        ("o3", "o200k_base"),
        ("o4-mini-2025-04-16", "o200k_base"),
        ("huggingface/openai/gpt-oss-20b:groq", "o200k_base"),
        ("ollama/gpt-oss:120b", "o200k_base"),
        ("ft:gpt-4o-mini-2024-07-18:acme::id17", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo-2024-04-09", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("azure/gpt-35-turbo-16k", "cl100k_base"),
        ("ft:gpt-3.5-turbo:acme::id17", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("text-embedding-ada-002", "cl100k_base"),
        ("gpt-6-sol", None),
        ("gpt-40", None),
        ("claude-sonnet-4-5", None),
        ("olmo", None),
        ("opus", None),
        ("default", None),
    ],
)
def test_a_model_has_its_encoding_by_name(model, encoding):
    """Whatever provider, date or fine-tune stands around the name."""
    assert encoding_of(model) == encoding


@pytest.mark.parametrize(
    ("text", "o200k", "cl100k"),
    [
        ("", 0, 0),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("お誕生日おめでとう", 8, 9),
        ("2 + 2 = 4", 7, 7),
    ],
)
def test_counts_are_those_of_openais_cookbook(text, o200k, cl100k):
    """The examples of "How to count tokens with tiktoken"."""
    assert tokens_in(text, "o200k_base") == (o200k, True)
    assert tokens_in(text, "cl100k_base") == (cl100k, True)


def test_special_tokens_in_a_text_are_text():
    """Nobody's document ends a prompt, or stops a count."""
    assert tokens_in("<|endoftext|>", "o200k_base") == (7, True)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=100))
def test_every_text_can_be_counted(text):
    """Half a surrogate pair included; no text but the empty one has no tokens, and none more than its bytes."""
    counted = tokens_in(text, "o200k_base")
    assert counted is not None
    assert bool(counted[0]) == bool(text)
    assert counted[0] <= len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("text", [" " * 1_000_000, "\t " * 500_000 + "x", "a\u00a0" + "\u00a0" * 500_000])
def test_a_megabyte_of_white_space_is_counted(text):
    """Tiktoken itself panics here; cut into slices, the count is near and says that it is none of a tokenizer."""
    counted = tokens_in(text, "o200k_base")
    assert counted is not None
    assert 0 < counted[0] <= len(text)
    assert not counted[1]


def test_a_long_text_with_short_spaces_is_exact():
    """Length alone makes no count inexact."""
    assert tokens_in("The committee met on a grey Tuesday. " * 10_000, "o200k_base") == (80_001, True)


def test_threads_may_count_at_once():
    """The table is loaded once, whoever comes first."""
    tokenizers._load.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: tokens_in("Hello there", "cl100k_base"), range(8))) == {(2, True)}
    assert tokenizers._load.cache_info().misses == 1


def test_nothing_is_fetched_and_nobodys_environment_changed():
    """In a process without network or cache, whose environment stays as it was."""
    code = (
        "import os, socket; socket.socket = None; before = dict(os.environ);"
        "from dknb.llm.counting.tokenizers import tokens_in; assert tokens_in('Hello there', 'o200k_base') == (2, True);"
        "assert dict(os.environ) == before"
    )
    environment = {**os.environ, "TIKTOKEN_CACHE_DIR": os.devnull}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_a_damaged_table_is_not_used(monkeypatch):
    """What does not have tiktoken's own digest is no table."""
    monkeypatch.setattr(tokenizers, "_copies", lambda name, url: iter([b"aGVsbG8= 0"]))
    tokenizers._load.cache_clear()
    assert tokens_in("Hello", "o200k_base") is None
    tokenizers._load.cache_clear()
