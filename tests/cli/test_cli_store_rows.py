"""``dknb store export`` for fine-tuning: what was cut is left out, and said."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from dknb._sync import run
from dknb.cli.main import main
from dknb.conversations import ConversationManager, SQLConversationStorage
from dknb.llm import create_llm_provider


async def _said(path):
    async with SQLConversationStorage(path) as storage:
        talk = await ConversationManager.create(create_llm_provider("echo"), None, storage, conversation_id="t")
        await talk.add_message(content="one")
        await talk.complete()
        await talk.add_message(content="two")
        async with aclosing(talk.stream_complete()) as pieces:
            await anext(pieces)


@pytest.mark.parametrize("form", ["openai", "sharegpt"])
def test_an_answer_that_was_cut_is_left_out_and_said(tmp_path, capsys, form):
    """The number is told with the option that writes it; the format that keeps all has no such option."""
    store = str(tmp_path / "s.db")
    run(_said(store))
    rows, whole = tmp_path / "rows", tmp_path / "whole"
    assert main(["store", "export", str(rows), "--format", form, "--store", store]) == 0
    assert "; 1 answer that was cut left out (--incomplete writes it)" in capsys.readouterr().out
    assert "two" not in rows.read_text()
    assert main(["store", "export", str(whole), "--format", form, "--incomplete", "--store", store]) == 0
    assert "left out" not in capsys.readouterr().out
    assert "two" in whole.read_text()
    assert main(["store", "export", str(tmp_path / "x"), "--incomplete", "--store", store]) != 0
