"""What callers meet at the edges: sync providers, the order of answers, hits with ids, what was cut in rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conversations_help import ScriptedModel, answer

from dknb.conversations import ConversationManager, ConversationStorage, export_conversations
from dknb.errors import ConfigError
from dknb.llm import create_llm_provider
from dknb.llm.messages import LLMMessage, LLMResponse
from dknb.notebook.line_words import split_line


async def test_a_sync_provider_is_awaited(storage: ConversationStorage) -> None:
    """The provider behind the sync face answers, also where it is given later."""
    sync = create_llm_provider("echo", is_async=False)
    manager = await ConversationManager.create(sync, None, storage)
    await manager.add_message(content="one")
    assert (await manager.complete()).content == "Echo: one"
    manager.llm = create_llm_provider("echo", is_async=False)
    assert type(manager.llm).__name__ == "EchoProvider"
    pieces = [piece.delta async for piece in manager.stream_complete(at="0")]
    assert "".join(pieces) == "Echo: one"


class Slow(ScriptedModel):
    """Answers the calls in another order than that of asking."""

    async def complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> LLMResponse:
        number = len(self.sent)
        text = await self._answer(messages, overrides)
        await asyncio.sleep([0.03, 0.06, 0.01][number])
        return answer(text)


async def test_answers_come_as_the_siblings_stand(storage: ConversationStorage) -> None:
    """Whoever was first is the first sibling and the first reply; one is there."""
    manager = await ConversationManager.create(Slow("a", "b", "c"), None, storage)
    await manager.add_message(content="one")
    replies = await manager.complete_many(3)
    assert [reply.node.data.node_id for reply in replies if reply.node] == ["0.0", "0.1", "0.2"]
    assert [reply.response.content for reply in replies if reply.response] == ["c", "a", "b"]
    assert manager.current_node_id == "0.0"


async def test_a_hit_says_which_node_it_is(manager: ConversationManager, storage: ConversationStorage) -> None:
    """In a conversation, also of what another manager said since; a role that nobody has is refused."""
    other = await ConversationManager.resume(manager.conversation_id, ScriptedModel(), None, storage)
    await other.add_message(content="where are the mills?")
    [hit] = await manager.search("mills")
    assert (hit.node_id, hit.seq) == ("0", 1) == (manager.resolve("0").data.node_id, 1)
    with pytest.raises(ConfigError, match="Did you mean 'assistant'"):
        await manager.search("mills", role="assistent")


async def test_a_copy_can_leave_all_branches_where_they_are(manager: ConversationManager) -> None:
    """With ``still`` neither the position nor a branch that ends there goes along; the cell is kept."""
    await manager.add_message(content="one")
    copy = await manager.cherry_pick("0", "main", still=True, cell="c", metadata={"from": "main"})
    assert (copy.data.node_id, copy.data.cell, copy.data.metadata["from"]) == ("0.0", "c", "main")
    assert manager.current_node_id == manager.resolve("main").data.node_id == "0"


@pytest.mark.parametrize("form", ["openai", "sharegpt"])
async def test_rows_end_before_an_answer_that_was_cut(
    manager: ConversationManager, model: ScriptedModel, tmp_path: Path, form: str
) -> None:
    """What follows it is left out too, and the number is told; ``incomplete`` writes all."""
    await manager.add_message(content="one")
    await manager.complete()
    await manager.add_message(content="two")
    cut = await manager.complete()
    manager.node_of(cut).data.state = "incomplete"  # type: ignore[union-attr]
    await manager.add_message(content="three")
    await manager.complete()
    done = await export_conversations(manager, tmp_path / "rows", form)
    assert (done, done.left_out) == ((1, 1), 1)
    text = (tmp_path / "rows").read_text()
    assert "re: one" in text
    assert "two" not in text
    assert "three" not in text
    whole = await export_conversations(manager, tmp_path / "all", form, incomplete=True)
    assert (whole, whole.left_out) == ((1, 1), 0)
    assert "re: three" in (tmp_path / "all").read_text()
    assert json.loads((tmp_path / "all").read_text())


async def test_a_notebook_talks_in_its_own_conversation(storage: ConversationStorage) -> None:
    """Its first cell names the conversation, whatever is in the name."""
    for name in ("talk", "my talk", 'a "b" it\'s', "-x", "what?"):
        manager = await ConversationManager.create(ScriptedModel(), None, storage, conversation_id=name)
        load, enter = manager.to_notebook()["cells"][0]["source"].split("\n")
        assert load == "%load_ext dknb"
        words = split_line("%dknb", enter.removeprefix("%dknb conversation "))
        assert [word for word in words if word != "--"] == [name]
