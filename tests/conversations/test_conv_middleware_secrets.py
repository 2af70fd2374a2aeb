"""Where secrets may hide: behind what stands around them, in names and addresses, in copies of the middleware."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    ConversationManager,
    ConversationMiddleware,
    MemoryConversationStorage,
    RedactionMiddleware,
)
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import DocumentPart, ImagePart, ToolCall


async def talk(llm: Any, *middleware: ConversationMiddleware, question: str = "?") -> ConversationManager:
    manager = await ConversationManager.create(llm, None, MemoryConversationStorage(), middleware=middleware)
    await manager.add_message(content=question)
    return manager


@pytest.mark.parametrize(
    ("text", "sent_as"),
    [
        ("_ann@example.org_", "[EMAIL_1]_"),
        ("ann@example.org-", "[EMAIL_1]-"),
        ("ann@example.org--bob", "[EMAIL_1]--bob"),
        ("ann@example.org_2024", "[EMAIL_1]_2024"),
        ("ann@example.org5", "[EMAIL_1]"),
        ("ann%40example.org", "[EMAIL_1]"),
        ("o'brien@example.org", "[EMAIL_1]"),
        ("x" * 70 + "@example.org", "[EMAIL_1]"),
        ("postgresql://u:pw@host/db", "postgresql://[KEY_1]@host/db"),
        ("https://user:p@ss@host.example/x", "https://[KEY_1]@host.example/x"),
        ("http://localhost:8888/tree", "http://localhost:8888/tree"),
    ],
)
async def test_what_stands_around_a_secret_does_not_hide_it(text: str, sent_as: str) -> None:
    """And it comes back as it was."""
    manager = await talk(model := ScriptedModel(), RedactionMiddleware(), question=text)
    assert (await manager.complete()).content == f"re: {text}"
    assert model.sent[0][-1].content == sent_as


async def test_secrets_in_names_and_addresses_stay_here() -> None:
    """Of speakers, of documents, of pictures, and the keys in the data of tools."""
    redaction = RedactionMiddleware()
    manager = await talk(ScriptedModel(), redaction)
    mail, url = "ann@example.org", "https://host/x.png?to="
    message = LLMMessage(
        "user",
        [ImagePart(url=url + mail), DocumentPart(url=url + mail, name=f"{mail}.pdf"), ImagePart(url="data:a@b.cd,")],
        name=mail,
        tool_calls=[ToolCall("f", {mail: {"to": mail}}, id="1")],
    )
    [out] = await redaction.process_request([message], manager.state)
    assert mail not in repr(out)
    assert out.tool_calls[0].arguments == {"[EMAIL_1]": {"to": "[EMAIL_1]"}}
    assert "data:a@b.cd," in repr(out.parts)


async def test_a_copy_of_it_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from the environment nor from a conversation; it can be pickled before and after it was used."""
    monkeypatch.setenv("SOME_API_KEY", "Tr0ub4dor&3-and-more")
    redaction = RedactionMiddleware()
    assert b"Tr0ub4dor" not in pickle.dumps(redaction)
    manager = await talk(ScriptedModel(), redaction, question="Tr0ub4dor&3-and-more of ann@example.org")
    await manager.complete()
    twin = pickle.loads(written := pickle.dumps(redaction))
    assert b"Tr0ub4dor" not in written
    assert b"ann@example.org" not in written
    assert "Tr0ub4dor" not in repr(vars(redaction))
    again = await talk(model := ScriptedModel(), twin, question="Tr0ub4dor&3-and-more")
    await again.complete()
    assert model.sent[0][-1].content == "[KEY_1]"
