"""Prompts of a library reach nothing through the values that they are given, whichever way they are rendered."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dknb.errors import TemplateError
from dknb.prompts import ConfigPromptLibrary, FileSystemPromptLibrary, PromptBuilder

OS = "a.__class__.__init__.__globals__.get('sys').modules.get('os')"
EVIL = '{{ df.eval("' + OS + ".system('touch PWNED')" + '") }}'


class Own:
    """An object of the user's, in the notebook or given."""

    def tell(self) -> str:
        return "told"


@pytest.mark.parametrize("mode", ["mixed", "jinja2"])
def test_a_frame_runs_no_command(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inline, from a file, through a reference, in a section, and in a filter's argument."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib" / "user").mkdir(parents=True)
    (tmp_path / "lib" / "user" / "evil.md").write_text(f"---\ntemplate_mode: {mode}\n---\n{EVIL}")
    (tmp_path / "lib" / "user" / "refers.md").write_text("{{ prompt_ref('evil') }}")
    builder, params = PromptBuilder(FileSystemPromptLibrary(tmp_path / "lib")), {"df": pd.DataFrame({"a": [1]})}
    for name in ("evil", "refers"):
        for namespace in (None, params):
            with pytest.raises(TemplateError, match="'eval' of 'DataFrame' object is unsafe"):
                builder.render_user_prompt(name, params=None if namespace else params, namespace=namespace)
    with pytest.raises(TemplateError, match="'eval' of 'DataFrame' object is unsafe"):
        builder.render_inline({"template": EVIL, "template_mode": mode}, params)
    assert not (tmp_path / "PWNED").exists()


def test_the_users_own_code_runs_where_the_caller_gave_it() -> None:
    """With a namespace to fill names from, it does not: a prompt says itself which names it reads."""
    builder, own = PromptBuilder(ConfigPromptLibrary({"user": {"p": "{{ own.tell() }}"}})), Own()
    assert builder.render_user_prompt("p", params={"own": own}).content == "told"
    with pytest.raises(TemplateError, match="access to attribute 'tell' of 'Own' object is unsafe"):
        builder.render_user_prompt("p", namespace={"own": own})
