"""``%dknb store``, and a paid answer that the store would not take."""

from __future__ import annotations

import pytest

from dknb.errors import StorageError
from dknb.llm import EchoProvider


def test_the_store_is_told(notebook, project):
    """%dknb store says where the store is and what it holds; before the first question there is no file."""
    assert "none yet" in notebook.ok("%dknb store")
    notebook.ok("%%chat\nhello", cell="a")
    text = notebook.ok("%dknb store")
    assert ".dknb/dknb.db" in text
    assert "1 conversation, 3 nodes" in text
    assert (project / ".dknb" / "dknb.db").exists()


@pytest.fixture
def failing(notebook, monkeypatch):
    """A notebook whose store fails from the moment that an answer comes, until it is told to work."""
    notebook.ok("%%chat\nhello", cell="a")
    storage = notebook.session.storage
    state = {"fails": False, "armed": True}
    real, stream = storage._transaction, EchoProvider.stream_complete

    def transaction(*args, **kwargs):
        if state["fails"]:
            raise StorageError("the disk is full")
        return real(*args, **kwargs)

    async def breaks(self, *args, **kwargs):
        async for piece in stream(self, *args, **kwargs):
            state["fails"] = state["armed"]
            yield piece

    monkeypatch.setattr(storage, "_transaction", transaction)
    monkeypatch.setattr(EchoProvider, "stream_complete", breaks)

    def works():
        state.update(fails=False, armed=False)

    notebook.works = works
    return notebook


def test_a_paid_answer_is_kept_until_the_store_takes_it(failing):
    """The cell fails and says that the answer waits; the next cell writes it first, and says so."""
    ran = failing.run("%%chat\ndear question", cell="b")
    assert isinstance(ran.error, StorageError)
    assert "Echo: dear question" in ran.text
    assert "kept in this kernel, but not in the store yet: 1 answer" in ran.text
    failing.works()
    text = failing.ok("%%chat\nnext", cell="c")
    assert "1 answer that waited to be written: in the store now" in text
    failing.shell.run_line_magic("reload_ext", "dknb")
    assert "Echo: dear question" in failing.ok("%branch tree")


def test_the_store_writes_what_waits(failing):
    """%dknb store says that it still fails, or writes what waited."""
    failing.run("%%chat\ndear question", cell="b")
    assert isinstance(failing.run("%dknb store").error, StorageError)
    failing.works()
    assert "default: written now" in failing.ok("%dknb store")
    assert failing.talk.manager.state.owed == []
