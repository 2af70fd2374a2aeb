"""What recorded answers cost: the same as genai-prices makes of the vendors' own usage blocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dknb.llm.counting.costs import CostCalculator
from dknb.llm.dialects.chat_api import ChatTraits, chat_dialect
from dknb.llm.dialects.dialect import Dialect
from dknb.llm.dialects.messages_api import MESSAGES
from dknb.llm.dialects.responses_api import RESPONSES

PATH = Path(__file__).parents[3] / "shared" / "wire" / "exchanges.jsonl"
pytestmark = pytest.mark.skipif(not PATH.exists(), reason="there are no recorded exchanges beside the repository")

#: Paths, how they are read, and the library's name of them.
APIS: dict[str, tuple[Dialect, str | None]] = {
    "/v1/chat/completions": (chat_dialect(ChatTraits()), "chat"),
    "/v1/responses": (RESPONSES, "responses"),
    "/v1/messages": (MESSAGES, None),
}


def recorded() -> list[dict[str, Any]]:
    """Answers of OpenAI and Anthropic that did not stream: their body is what the library reads."""
    if not PATH.exists():
        return []
    rows = map(json.loads, PATH.read_text(encoding="utf-8").splitlines())
    return [
        row
        for row in rows
        if row["status"] == 200 and row["path"] in APIS and row["provider"] != "huggingface" and "-json-" in row["id"]
    ]


@pytest.mark.parametrize("row", recorded(), ids=lambda row: row["id"])
def test_a_recorded_answer_costs_what_the_library_makes_of_its_usage(row):
    """Cached, written, searched and reasoned tokens included."""
    from genai_prices import extract_usage

    body = json.loads(row["response"])
    dialect, flavor = APIS[row["path"]]
    flavored = {"api_flavor": flavor} if flavor else {}
    theirs = extract_usage(body, provider_id=row["provider"], **flavored).calc_price().total_price
    response = dialect.response(body)
    response.metadata["provider"] = row["provider"]
    assert CostCalculator.calculate_cost(response) == pytest.approx(float(theirs), rel=1e-12)
