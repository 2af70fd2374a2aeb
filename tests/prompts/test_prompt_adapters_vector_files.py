"""Documents and their vectors in a file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from adapters_help import both, contents

from dknb.errors import ConfigError, RAGError
from dknb.prompts import AsyncVectorAdapter, VectorAdapter


@pytest.fixture(**both(VectorAdapter, AsyncVectorAdapter))
def make(request):
    return request.param


def letters(texts):
    return [[float(text.count(letter)) for letter in "abcd"] for text in texts]


def other(texts):
    return letters(texts)


def test_a_file_is_read_by_whoever_opens_it_next(make, tmp_path):
    """Documents, metadata, order and the model's name are there again, and nothing is embedded again."""
    path = tmp_path / "deep" / "docs.vectors"
    documents = [{"id": "1", "content": "a é 東", "metadata": {"n": 1, "tags": ["x"], "none": None}}, "bbb", "aab"]
    adapter = make(letters, path)
    assert adapter.search("a") == []
    assert not path.exists()
    adapter.upsert(documents)
    before = adapter.search("a", filters={"n": {"ne": 9}})
    again = make(lambda texts: letters(texts) if texts == ["a"] else 1 / 0, path, model=f"{__name__}.letters")
    again.upsert(documents)
    assert again.search("a", filters={"n": {"ne": 9}}) == before
    assert again.delete("1") == 1
    assert make(letters, path).count() == 2
    assert contents(make(letters, path).search("b", 1)) == ["bbb"]


def test_another_model_is_refused(make, tmp_path):
    """By its name, and by the length of its vectors; the file stays as it is."""
    path = tmp_path / "docs.vectors"
    make(letters, path).upsert(["a"])
    content = path.read_bytes()
    for work in (lambda a: a.upsert(["b"]), lambda a: a.search("a"), lambda a: a.count(), lambda a: a.delete("1")):
        with pytest.raises(RAGError, match=r"holds vectors of '.*letters'; those of '.*other' cannot be compared"):
            work(make(other, path))
    with pytest.raises(RAGError, match="holds vectors of 4 numbers; these have 2"):
        make(path=path).upsert(["b"], [[1, 0]])
    assert path.read_bytes() == content


def test_others_changes_are_found_by_the_next_search(make, tmp_path):
    """Two adapters on one file see each other's documents, deletions, and a file that was made anew."""
    path = tmp_path / "docs.vectors"
    one, two = make(letters, path), make(letters, path)
    one.upsert(["aaa"])
    assert contents(two.search("a")) == ["aaa"]
    two.upsert(["bbb"])
    one.upsert(["ccc"])
    assert sorted(contents(two.search("a"))) == ["aaa", "bbb", "ccc"]
    assert sorted(contents(one.search("a"))) == ["aaa", "bbb", "ccc"]
    two.delete(two.upsert(["aaa"]))
    assert sorted(contents(one.search("b"))) == ["bbb", "ccc"]
    path.unlink()
    assert two.search("b") == []
    for text in ("x", "y", "z", "d"):
        make(letters, path).upsert([f"{text}d"])
    assert sorted(contents(one.search("d"))) == ["dd", "xd", "yd", "zd"]


def test_processes_write_at_the_same_time(tmp_path):
    """Each document of each of them is there afterwards."""
    path = tmp_path / "docs.vectors"
    program = textwrap.dedent("""
        import sys
        from dknb.prompts import VectorAdapter
        adapter = VectorAdapter(path=sys.argv[1])
        for n in range(10):
            adapter.upsert([f"{sys.argv[2]} {n}"], [[1, n]])
    """)
    command = [sys.executable, "-c", program, str(path)]
    writers = [subprocess.Popen([*command, name]) for name in ("one", "two")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert VectorAdapter(path=path).count() == 20


def test_a_process_that_is_killed_while_it_writes_leaves_the_file_whole(tmp_path):
    """What was there before is there, and nothing of the change that was under way."""
    path = tmp_path / "docs.vectors"
    program = textwrap.dedent("""
        import os, sys
        from dknb.prompts import VectorAdapter
        from dknb.prompts.adapters.vectors.file import VectorFile
        adapter = VectorAdapter(path=sys.argv[1])
        adapter.upsert(["kept"], [[1, 0]])
        VectorFile._counted = lambda *_: os._exit(9)
        adapter.upsert([f"lost {n}" for n in range(5000)], [[0, 1]] * 5000)
    """)
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 9
    assert contents(VectorAdapter(path=path).search_vector([1, 1], 9)) == ["kept"]


def test_what_is_paid_is_kept_when_the_model_fails_midway(make, tmp_path):
    """Documents are written in portions; a second try asks for the others alone."""
    path, asked = tmp_path / "docs.vectors", []

    def embed(texts):
        asked.append(len(texts))
        if len(asked) == 2:
            raise OSError("no network")
        return letters(texts)

    documents = [f"a{n}" for n in range(5_000)]
    with pytest.raises(RAGError, match="no network"):
        make(embed, path).upsert(documents)
    make(embed, path).upsert(documents)
    assert asked == [2_048, 2_048, 2_048, 904]
    assert make(embed, path).count() == 5_000


@pytest.mark.parametrize("metadata", [{"x": object()}, {"x": float("nan")}, {"x": np.float32(1)}])
def test_what_a_file_cannot_hold_is_refused_before_it_is_embedded(make, tmp_path, metadata):
    """The error names the document; in memory alone it is no matter."""
    document = {"id": "d1", "content": "a", "metadata": metadata}
    with pytest.raises(ConfigError, match="Document 'd1' cannot be written to a file"):
        make(lambda texts: 1 / 0, tmp_path / "docs.vectors").upsert([document])
    make(letters).upsert([document])


def test_half_a_character_is_no_text_for_a_file(make, tmp_path):
    """A lone surrogate cannot be encoded."""
    with pytest.raises(ConfigError, match="cannot be written to a file"):
        make(letters, tmp_path / "docs.vectors").upsert(["a\ud800"])


def _table(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda path: path.write_bytes(os.urandom(4_096)), "cannot be read or written: file is not a database"),
        (lambda path: path.write_bytes(path.read_bytes()[:5_000]), "cannot be read or written"),
        (lambda path: _table(path, "drop table facts"), "holds no vectors of dknb"),
        (lambda path: _table(path, "update facts set format = 2"), "is of format 2"),
        (lambda path: _table(path, "update documents set vector = x'00'"), "does not have 4 numbers"),
        (lambda path: _table(path, "update documents set metadata = '{'"), "Metadata in .* do not parse"),
    ],
)
def test_a_broken_file_is_an_error_that_names_it(make, tmp_path, break_it, message):
    """And nothing of it is taken."""
    path = tmp_path / "docs.vectors"
    VectorAdapter(letters, path).upsert(["a", "b"])
    break_it(path)
    with pytest.raises(RAGError, match=message):
        make(letters, path).search("a")


def test_a_folder_is_no_file(make, tmp_path):
    """The error says what could not be opened."""
    with pytest.raises(RAGError, match="cannot be read or written"):
        make(letters, tmp_path).upsert(["a"])


def test_names_and_texts_are_data(make, tmp_path):
    """SQL in ids and texts is text."""
    nasty = "x'); drop table documents; --"
    adapter = make(letters, tmp_path / "docs.vectors")
    adapter.upsert([{"id": nasty, "content": nasty, nasty: nasty}])
    assert make(letters, tmp_path / "docs.vectors").get_value(nasty) == nasty
    assert adapter.delete(nasty) == 1
    assert adapter.count() == 0
