"""``%%prompt`` and ``%dknb`` as a user runs them."""

from __future__ import annotations

import pytest

from dknb.errors import DknbError, MagicError, MissingParameters, ReplayMiss, TemplateError
from dknb.llm.config import parse_spec
from dknb.llm.messages import LLMMessage, LLMResponse
from dknb.llm.recordings.recording import Recording
from dknb.llm.request import completion_request
from dknb.notebook.views.text import MIME

GREETING = "Hello {{name}}((, you have {{count}} messages))"


def test_parameters_come_from_line_notebook_and_front_matter(notebook):
    """The line wins over the notebook, the notebook over defaults; each says where it came from."""
    notebook.shell.user_ns.update(name="from notebook", count=5)
    body = "---\ndefaults: {name: from default, tone: calm}\n---\n{{name}} {{count}} {{tone}}"
    notebook.ok(f'%%prompt greet name="from line" --as result\n{body}')
    result = notebook.shell.user_ns["result"]
    assert result.content == "from line 5 calm"
    assert result.origins == {"name": "line", "count": "notebook", "tone": "default"}


def test_a_missing_parameter_stays_visible_with_a_suggestion(notebook):
    """A name that the notebook nearly has is suggested; optional parts just go."""
    notebook.shell.user_ns["username"] = "Bob"
    ran = notebook.run(f"%%prompt greet\n{GREETING.replace('name', 'usrname')}")
    assert ran.bundles[0]["text/plain"].startswith("Hello {{usrname}}\n")
    assert ran.bundles[0][MIME["prompt"]]["params_missing"] == [{"name": "usrname", "suggestion": "username"}]


def test_values_are_data(notebook):
    """Braces, dollars, parentheses and Jinja in values and body arrive as they are."""
    notebook.shell.user_ns["x"] = "{{y}} ((z)) {% if %} $x {x}"
    notebook.ok("%%prompt p >> result\nA {x} $x {{x}}")
    assert notebook.shell.user_ns["result"].content == "A {x} $x {{y}} ((z)) {% if %} $x {x}"


def test_functions_and_modules_of_the_notebook_are_no_values(notebook):
    """A parameter that is called like a function or module is missing, not filled with its repr."""
    notebook.ok("import json\ndef text(): pass")
    notebook.ok("%%prompt p --as result\n{{json}} {{text}} {{In}}")
    assert set(notebook.shell.user_ns["result"].params_missing) == {"json", "text", "In"}


def test_tokens_and_price_are_told(notebook):
    """The count is exact for OpenAI; the price is a range for the chosen model."""
    notebook.ok("%%prompt p --model openai/gpt-4o --as result\n" + "word " * 100)
    result = notebook.shell.user_ns["result"]
    count, exact = result.tokens
    low, high = result.cost_usd
    assert 80 < count < 130
    assert exact
    assert 0 < low < high
    assert result.model == "openai/gpt-4o"
    notebook.ok("%%prompt p --model openai/no-such-model --as result\nx")
    assert notebook.shell.user_ns["result"].cost_usd is None


def test_saving_writes_a_file_that_is_used_at_once(notebook, project):
    """--save writes YAML into the library; the next cell can use it."""
    body = "---\ndefaults: {tone: kind}\nmetadata: {use: sometimes}\n---\nYou are {{tone}}.\n"
    assert "saved as prompts/user/mail/critique.yaml" in notebook.ok(f"%%prompt mail/critique --save\n{body}")
    assert (project / "prompts" / "user" / "mail" / "critique.yaml").is_file()
    notebook.ok("%%chat --system mail/critique\nq", cell="a")
    assert notebook.talk.manager.state.message_tree.data.message.content.strip() == "You are kind."


def test_running_sends_it(notebook):
    """--run sends the text and binds the reply."""
    notebook.ok("%%prompt p name=Bob --run --as reply\nHello {{name}}")
    assert str(notebook.shell.user_ns["reply"]) == "Echo: Hello Bob"


def test_an_unclosed_section_is_pointed_out(notebook):
    """An unclosed (( is text, and said to be one."""
    ran = notebook.run("%%prompt p name=Bob\nHello {{name}} ((and more")
    assert ran.bundles[0]["text/plain"].startswith("Hello Bob ((and more")
    (warning,) = ran.bundles[0][MIME["prompt"]]["warnings"]
    assert "((" in warning
    assert "line 1" in warning


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        ("%%prompt\nx", MagicError, "required"),
        ("%%prompt a b\nx", MagicError, "one name"),
        ("%%prompt p tne=1\n{{tone}}", MagicError, "Did you mean 'tone'?"),
        ("%%prompt p --sav\nx", MagicError, "Did you mean '--save'?"),
        ("%%prompt p\n---\ndefaults: [\n---\nx", DknbError, "line"),
        ("%%prompt p\n---\ndefualts: {}\n---\nx", DknbError, "Did you mean 'defaults'?"),
        ("%%prompt p\n{% if x %}", TemplateError, "line 1"),
        ("%%prompt p\n{{ x.__class__ }}", DknbError, ""),
        ("%%prompt p\n{{ '' | nofilter }}", TemplateError, "nofilter"),
        ("%%prompt p\n---\nvalidation: {level: error, required_params: [a]}\n---\n{{a}}", MissingParameters, "Missing required parameters: a"),
        ("%%prompt ../../evil --save\nx", DknbError, "../../evil"),
        ("%%prompt p --model nope/x\nx", DknbError, "no provider 'nope'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_a_line_or_two(notebook, project, source, kind, said):
    """The cell fails with what is wrong, and nothing is written."""
    ran = notebook.run(source)
    assert isinstance(ran.error, kind)
    assert said in str(ran.error)
    assert ran.printed.startswith("dknb: ")
    assert "Traceback" not in ran.printed
    assert not (project / "prompts").exists()


def test_status_says_what_is_set(notebook):
    """%dknb shows model, library, conversation, recording and store, and what was set shows up."""
    notebook.ok("%dknb model openai/gpt-5.4-mini temperature=0.2")
    notebook.ok("%dknb conversation deep/dive")
    said = notebook.ok("%dknb")
    for part in ("openai/gpt-5.4-mini temperature=0.2", "deep/dive", "off", ".dknb/dknb.db"):
        assert part in said


def test_models_say_what_to_install(notebook, monkeypatch):
    """Why a provider cannot be used and what to do about it are two columns."""
    import importlib.util

    from dknb.llm.providers import availability

    def find_spec(name):
        return None if name in ("xllamacpp", "huggingface_hub") else importlib.util.find_spec(name)

    monkeypatch.setattr(availability, "find_spec", find_spec)
    said = notebook.ok("%dknb models")
    assert said.splitlines()[1].split()[:3] == ["provider", "usable", "why"]
    rows = {line.split()[0]: line for line in said.splitlines() if line}
    for name, package, extra in (("local", "xllamacpp", "local"), ("huggingface", "huggingface_hub", "huggingface")):
        assert f"the package '{package}' is not installed  " in rows[name]
        assert f'  Install it:  pip install "dknb[{extra}]"' in rows[name]


def test_models_say_what_is_missing(notebook, monkeypatch):
    """Echo can be used; a vendor without a key says which variable to set; a key is never shown."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-123456")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    said = notebook.ok("%dknb models")
    rows = {line.split()[0]: line for line in said.splitlines() if line}
    assert rows["echo"].split()[1] == "yes"
    assert rows["openai"].split()[1] == "yes"
    assert "ANTHROPIC_API_KEY" in rows["anthropic"]
    assert rows["ollama"].split()[1] == "no"
    assert "api_base=" in rows["openai-compatible"]
    assert "secret" not in said


def test_a_strict_replay_fails_the_cell_with_the_nearest_request(notebook, project):
    """A miss names the nearest recorded request and what differs; nothing is called."""
    (project / "empty.jsonl").write_text('{"dknb_recording":1}\n')
    notebook.ok("%dknb replay empty.jsonl")
    ran = notebook.run("%%chat --model openai/gpt-5.4-mini\nq", cell="a")
    assert isinstance(ran.error, ReplayMiss)
    assert "%dknb auto empty.jsonl" in ran.printed
    assert "replay empty.jsonl: 0 entries" in notebook.ok("%dknb")
    notebook.ok("%dknb live")
    assert "off" in notebook.ok("%dknb")


def test_a_replayed_answer_costs_nothing(notebook, project):
    """What comes from a recording is shown with its price and is no expense of the project."""
    response = LLMResponse("Paris", "gpt-5.4-mini", cost_usd=0.5, metadata={"provider": "openai"})
    request = completion_request(parse_spec("openai/gpt-5.4-mini"), [LLMMessage("user", "Capital?")])
    recording = Recording(project / "answers.jsonl", "record")
    recording.take(request.canonical()).keep(response.to_dict())
    recording.close()
    for source in ("%%chat --model openai/gpt-5.4-mini", "%%prompt p --model openai/gpt-5.4-mini --run"):
        notebook.ok("%dknb replay answers.jsonl")
        said = notebook.ok(f"{source}\nCapital?", cell=source)
        assert "Paris" in said
        assert "$0.5000" in said
        notebook.ok("%dknb live")
    assert "gpt-5.4-mini" not in notebook.ok("%dknb costs")
