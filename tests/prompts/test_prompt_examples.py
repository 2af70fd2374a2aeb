"""The example library of the repository: every prompt validates, renders and says when to use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dknb.errors import MissingParameters
from dknb.prompts import FileSystemPromptLibrary, PromptBuilder

LIBRARY = FileSystemPromptLibrary(Path(__file__).parents[2] / "prompts")
TEXT = "The mill burned in 1901. ((See {{note}} 3.))"

CASES = {
    ("system", "helpful"): (
        {"field": "botany", "language": "French"},
        ["You are a helpful assistant, well versed in botany.\n\nAnswer the question", "\n\nAnswer in French."],
    ),
    ("system", "reviewer"): (
        {"field": "history"},
        ["You are a kind but frank reviewer, an expert in history.\n\nJudge what is there"],
    ),
    ("system", "tutor"): (
        {"subject": "chess", "goal": "beat my sister"},
        ["You teach chess to a beginner.\nTheir goal: beat my sister.\n\nFind out"],
    ),
    ("user", "classify"): (
        {
            "text": TEXT,
            "labels": ["fire", "flood"],
            "hint": "what did the damage",
            "examples": [{"text": "The river rose.", "label": "flood"}],
        },
        [
            "- fire\n- flood\n- other (when",
            "What tells them apart: what did the damage\n",
            "\nText: The river rose.\nClass: flood\n",
            f"<text>\n{TEXT}\n</text>",
        ],
    ),
    ("user", "critique"): (
        {"text": TEXT, "field": "history", "most": 3},
        [
            "You are a kind but frank reviewer, an expert in history. Review",
            "- argument\n- evidence\n",
            "better ones.\nName at most 3 weaknesses",
            f"<text>\n{TEXT}\n</text>",
        ],
    ),
    ("user", "explain"): (
        {"topic": "recursion", "known": "loops"},
        ["Explain recursion to a curious newcomer, who already knows loops.\n", "stops working. Define"],
    ),
    ("user", "rewrite"): (
        {"text": TEXT, "words": 20},
        ["clear and concise.\nUse at most 20 words.\nKeep every fact", f"<text>\n{TEXT}\n</text>"],
    ),
    ("user", "summarise"): (
        {"text": TEXT, "focus": "the fire"},
        [
            "in three sentences.\nKeep to what it says about the fire, and leave the rest out.\nUse only",
            f"<text>\n{TEXT}\n</text>",
        ],
    ),
    ("user", "translate"): (
        {"text": TEXT, "language": "German", "glossary": {"mill": "Mühle"}},
        ["into German.\nUse these terms:\n- mill: Mühle\nKeep the meaning", f"<text>\n{TEXT}\n</text>"],
    ),
}


def test_the_library_has_no_problem_and_no_untested_prompt():
    """validate() is quiet, and each prompt has a case here."""
    assert LIBRARY.validate() == []
    names = [("system", name) for name in LIBRARY.list_system_prompts()]
    names += [("user", name) for name in LIBRARY.list_user_prompts()]
    assert names == sorted(CASES)


@pytest.mark.parametrize(("kind", "name"), sorted(CASES))
def test_each_prompt_renders(kind, name):
    """With its required parameters and some others, a prompt has no hole, no marker, and the values as they are."""
    params, expected = CASES[kind, name]
    builder = PromptBuilder(LIBRARY)
    render = builder.render_system_prompt if kind == "system" else builder.render_user_prompt
    result = render(name, params=params)
    for words in expected:
        assert words in result.content
    own = result.content.replace(TEXT, "")
    assert not {"((", "))", "{{", "{%"} & {own[at : at + 2] for at in range(len(own))}
    assert result.params_missing == []
    assert result.validation_warnings == []


@pytest.mark.parametrize(("kind", "name"), sorted(CASES))
def test_each_prompt_says_when_to_use_it(kind, name):
    """Metadata has a version, a description and a line on when to use it."""
    prompt = LIBRARY.require_prompt(name, kind)
    assert sorted(prompt["metadata"]) == ["description", "version", "when_to_use"]
    assert all(isinstance(value, str) and value.strip() for value in prompt["metadata"].values())


@pytest.mark.parametrize("name", [name for kind, name in sorted(CASES) if kind == "user"])
def test_required_parameters_are_required(name):
    """A user prompt without its required parameters is an error before anything is rendered."""
    builder = PromptBuilder(LIBRARY)
    with pytest.raises(MissingParameters) as caught:
        builder.render_user_prompt(name)
    assert caught.value.names == builder.get_required_parameters(name)
