"""What a model reads of its tools."""

from __future__ import annotations

import json

from dknb.llm.counting.tool_tokens import tools_overhead, tools_text

WEATHER = {
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "days": {"type": "array", "items": {"type": "integer"}},
            "unit": {"enum": ["C", "F"]},
            "near": {"anyOf": [{"type": "object", "properties": {"km": {"type": "number"}}}, {"type": "null"}]},
        },
        "required": ["city"],
    },
}


def test_openais_models_read_typescript():
    """Whatever form the tool was written in."""
    text = """namespace functions {

// Tells the weather.
type weather = (_: {
// Where.
city: string,
days?: number[],
unit?: "C" | "F",
near?: {
km?: number,
} | null,
}) => any;

} // namespace functions"""
    assert tools_text([WEATHER], "gpt-4o") == text
    assert tools_text([{"type": "function", "function": WEATHER}], "gpt-4o") == text


def test_a_tool_without_arguments_is_a_function_of_nothing():
    """It has no type of its arguments."""
    assert "type now = () => any;" in tools_text([{"name": "now"}], "gpt-5.4")


def test_others_read_json():
    """Which has all that was said of the tool in it."""
    assert json.loads(tools_text([WEATHER], "claude-sonnet-4-5"))[0]["input_schema"] == WEATHER["parameters"]


def test_claude_is_told_less_where_it_must_call_a_tool():
    """Then nobody has to explain when to call one."""
    free = [tools_overhead("claude-sonnet-4-5", choice) for choice in (None, "auto", {"type": "auto"})]
    forced = [tools_overhead("claude-sonnet-4-5", choice) for choice in ("required", {"type": "any"}, "add")]
    assert len({*free}) == len({*forced}) == 1
    assert forced[0] < free[0]
    assert tools_overhead("gpt-4o", "required") == tools_overhead("gpt-4o")
