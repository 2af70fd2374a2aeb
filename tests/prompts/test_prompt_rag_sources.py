"""What a retrieved text is called in the prompt: where it says that it comes from, else its place in the data source."""

from __future__ import annotations

import pandas as pd
import pytest
from rag_help import Source, found

from dknb.prompts import DataFrameAdapter, DictResourceAdapter, VectorAdapter
from dknb.prompts.rag.passages import shown_source, source_of

ITEM = '<passage source="{{source|e}}">{{content|fenced("passage")}}</passage>\n'
RAG = {"adapter_name": "docs", "query": "bees", "item_template": ITEM}
LIBRARY = {"user": {"p": {"template": "{{RAG_CONTENT}}", "rag_configs": [RAG]}}}


def vectors():
    adapter = VectorAdapter(lambda texts: [[text.count("bee") + 1, 1] for text in texts])
    adapter.upsert(["bees fly"])
    return adapter


def named_vectors():
    adapter = VectorAdapter(lambda texts: [[1, 1] for _ in texts])
    adapter.upsert({"b7": "bees fly"})
    return adapter


@pytest.mark.parametrize(
    ("adapter", "source"),
    [
        (lambda: DictResourceAdapter({"a": "bees fly"}), "a"),
        (lambda: DataFrameAdapter(pd.DataFrame({"content": ["ants", "bees fly"]})), "docs[1]"),
        (lambda: DataFrameAdapter(pd.DataFrame({"content": ["bees fly"], "source": [None]}), "content"), "docs[0]"),
        (lambda: DataFrameAdapter(pd.DataFrame({"content": ["bees fly"], "source": [3]}), "content"), "3"),
        (vectors, "docs[0]"),
        (named_vectors, "b7"),
        (lambda: Source(found("bees fly", source=None)), "docs[0]"),
        (lambda: Source(found("bees fly", source=float("nan"))), "docs[0]"),
        (lambda: Source(found("bees fly", source=pd.NA, title="T")), "T"),
        (lambda: Source(found("bees fly", source=" ")), "docs[0]"),
        (lambda: Source(found("bees fly", source='a"b')), "a&#34;b"),
        (lambda: Source("bees fly"), "docs[0]"),
    ],
)
def test_an_item_template_has_a_source_whatever_is_searched(make, adapter, source):
    """The same that the record and the view tell; no prompt says None or nan."""
    result = make(LIBRARY, adapters={"docs": adapter()}).render_user_prompt("p", return_rag_metadata=True)
    assert result.content == f'<passage source="{source}">bees fly</passage>\n'
    [span] = result.rag_metadata["RAG_CONTENT"]["spans"]
    assert span["source"] is None or str(span["source"]) == source.replace("&#34;", '"')


def test_an_id_that_the_text_made_is_no_source():
    """One that somebody gave is, whatever it looks like."""
    made = vectors().search("bees")[0]
    assert len(made["metadata"]["id"]) == 32
    assert source_of(made) is None
    assert shown_source(made, "docs", 4) == "docs[4]"
    assert source_of({**made, "content": "another"}) == made["metadata"]["id"]
