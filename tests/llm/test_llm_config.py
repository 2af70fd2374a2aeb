"""What a model is asked with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dknb.errors import ConfigError
from dknb.llm import CompletionMode, LLMConfig, ModelCapability, normalize_llm_config, parse_spec


def test_a_config_says_nothing_that_was_not_set():
    """What is None is left to the vendor; the limits have their defaults."""
    config = LLMConfig("openai", "gpt-5.4-mini")
    assert config.to_dict() == {"provider": "openai", "model": "gpt-5.4-mini"}
    assert (config.temperature, config.timeout, config.retry_count, config.retry_delay) == (None, 60.0, 3, 1.0)
    assert config.mode is CompletionMode.CHAT


def test_the_key_is_not_shown():
    """Neither the repr nor the dict of a config has the key."""
    config = LLMConfig("openai", "m", api_key="sk-secret-0123456789")
    assert "sk-secret" not in repr(config)
    assert "api_key" not in config.to_dict()


def test_a_config_survives_a_dict():
    """What to_dict writes, from_dict reads."""
    config = LLMConfig("openai", "m", temperature=0.0, mode=CompletionMode.FUNCTION, options={"n": 1}, timeout=None)
    assert LLMConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temprature": 1}, "Did you mean 'temperature'"),
        ({"temperature": "hot"}, "temperature is 'hot'; it must be a number"),
        ({"temperature": True}, "temperature is True"),
        ({"temperature": -1}, "at least 0"),
        ({"max_tokens": 0}, "at least 1"),
        ({"max_tokens": 1.5}, "max_tokens is 1.5"),
        ({"retry_count": None}, "retry_count is None"),
        ({"timeout": 0}, "above 0"),
        ({"rate_limit": -3}, "above 0"),
        ({"mode": "chatt"}, "Did you mean 'chat'"),
        ({"stop_sequences": "END"}, "stop_sequences is 'END'"),
        ({"api_base": "localhost:8000"}, "no address"),
        ({"function_call": "add"}, "there are no functions"),
        ({"options": []}, "options is"),
        ({"temperature": float("nan")}, "temperature is nan; it must be a finite number"),
        ({"top_p": 1.5}, "top_p is 1.5; it is a share"),
        ({"model": " m"}, "The model's name is ' m'"),
        ({"stop_sequences": ["END", ""]}, "stop_sequences has '' in it"),
        ({"stop_sequences": [3]}, "stop_sequences has 3 in it"),
        ({"stream_callback": "print"}, "stream_callback is 'print', which cannot be called"),
        ({"api_base": "https://"}, "no address"),
        ({"api_base": "http://local host/v1"}, "no address"),
        ({"api_base": "http://localhost:8000/v1 "}, "no address"),
        ({"api_base": "http://localhost:port/v1"}, "no address"),
        ({"logit_bias": {"the": 1}}, "logit_bias has the key 'the'"),
        ({"logit_bias": {"17": 101}}, "from -100 to 100"),
        ({"functions": [{"description": "adds"}]}, "which has no name"),
        ({"functions": ["add"]}, "which has no name"),
        ({"functions": [{"name": "add"}, {"name": "add"}]}, "Two functions are named 'add'"),
        ({"functions": [{"name": "add"}], "function_call": {"name": "ad"}}, "Did you mean 'add'"),
        ({"functions": [{"name": "add"}], "function_call": "sub"}, "no function has this name"),
        ({"options": {"model": "other"}}, "'model' is no option"),
        ({"options": {"stream": True}}, "'stream' is no option"),
        ({"temperature": 0, "options": {"temperature": 1}}, "temperature is 0, but options have temperature=1"),
        ({"mode": "embedding", "response_format": "json"}, "mode is 'embedding', which has no response_format"),
        ({"mode": "text", "functions": [{"name": "add"}]}, "mode is 'text', which has no functions"),
    ],
)
def test_a_wrong_setting_is_refused(values, message):
    """The error names the setting, its value, and what it should be."""
    with pytest.raises(ConfigError, match=message):
        LLMConfig.from_dict({"provider": "echo", **values})


def test_a_text_for_a_list_of_texts_gets_a_hint():
    """The commonest slip of all: stop="END"."""
    with pytest.raises(ConfigError) as caught:
        LLMConfig("echo", stop_sequences="END")  # type: ignore[arg-type]
    assert caught.value.hint == "Write stop_sequences=['END']"


def test_a_password_in_an_address_is_refused_without_showing_it():
    """It would end in recordings and error messages."""
    with pytest.raises(ConfigError, match="user or password") as caught:
        LLMConfig("openai", "m", api_base="https://me:sk-secret-0123@api.example/v1")
    assert "sk-secret" not in f"{caught.value} {caught.value.hint}"


def test_settings_that_fit_are_taken():
    """What looks odd but has a meaning."""
    LLMConfig("openai", "m", api_base="http://[::1]:8000/v1", logit_bias={"17": -100}, top_p=1, seed=-1)
    LLMConfig("openai", "m", functions=[{"name": "add"}], function_call={"name": "add"}, mode=CompletionMode.FUNCTION)
    LLMConfig("openai", "m", functions=[{"type": "web_search"}], options={"temperature": 1, "top_k": 3})
    LLMConfig("ollama", "m", temperature=0.5, options={"temperature": 0.5})


PLAIN = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20)
SETTINGS = st.fixed_dictionaries(
    {"provider": st.sampled_from(["echo", "openai", "x-y"])},
    optional={
        "model": PLAIN.map(str.strip),
        "api_base": st.sampled_from(["http://localhost", "https://api.example:8443/v1"]),
        "temperature": st.none() | st.floats(0, 2),
        "max_tokens": st.none() | st.integers(1, 10**6),
        "top_p": st.none() | st.floats(0, 1),
        "frequency_penalty": st.none() | st.floats(-2, 2),
        "stop_sequences": st.none() | st.lists(PLAIN.filter(bool), max_size=3),
        "mode": st.sampled_from(["chat", "instruct", "function", CompletionMode.CHAT]),
        "system_prompt": st.none() | PLAIN,
        "response_format": st.none() | st.sampled_from(["text", "json", {"type": "json_object"}]),
        "functions": st.none()
        | st.lists(PLAIN.filter(bool), max_size=3, unique=True).map(lambda n: [{"name": x} for x in n]),
        "stream": st.booleans(),
        "rate_limit": st.none() | st.floats(0.1, 1e4),
        "retry_count": st.integers(0, 9),
        "retry_delay": st.floats(0, 9),
        "timeout": st.none() | st.floats(0.1, 1e3),
        "seed": st.none() | st.integers(),
        "logit_bias": st.none() | st.dictionaries(st.integers(0, 10**5).map(str), st.floats(-100, 100), max_size=3),
        "user_id": st.none() | PLAIN,
        "options": st.dictionaries(st.sampled_from(["top_k", "n", "extra_body"]), st.integers() | PLAIN, max_size=2),
    },
)


@given(SETTINGS)
def test_every_config_survives_a_dict(values):
    """Whatever the settings: what to_dict writes, from_dict reads, and it writes the same again."""
    config = LLMConfig.from_dict(values)
    again = LLMConfig.from_dict(config.to_dict())
    assert again == config
    assert again.to_dict() == config.to_dict()


def test_a_wrong_key_is_not_shown_either():
    """An api_key of the wrong type is refused without showing it."""
    with pytest.raises(ConfigError) as caught:
        LLMConfig("openai", "m", api_key=["sk-secret"])
    assert "sk-secret" not in str(caught.value)


def test_a_config_needs_a_provider():
    """The hint says how to name one."""
    with pytest.raises(ConfigError, match="names no provider") as caught:
        LLMConfig.from_dict({"model": "m"})
    assert "provider=" in caught.value.hint


def test_settings_make_a_copy():
    """with_settings leaves the config alone and knows only real settings."""
    config = LLMConfig("echo", "m")
    assert config.with_settings(temperature=1).temperature == 1
    assert config.temperature is None
    with pytest.raises(ConfigError, match="max_tokens"):
        config.with_settings(maxtokens=3)


@pytest.mark.parametrize(
    ("spec", "provider", "model"),
    [
        ("openai/gpt-5.4-mini", "openai", "gpt-5.4-mini"),
        ("huggingface/meta-llama/Llama-3.1-8B-Instruct", "huggingface", "meta-llama/Llama-3.1-8B-Instruct"),
        ("echo", "echo", "echo"),
        (" anthropic/claude-sonnet-4-5 ", "anthropic", "claude-sonnet-4-5"),
        ("ollama/llama3.2:1b", "ollama", "llama3.2:1b"),
        ("openai-compatible/org/model", "openai-compatible", "org/model"),
    ],
)
def test_a_spec_is_split_at_its_first_slash(spec, provider, model):
    """Models have slashes in their names; providers do not."""
    config = parse_spec(spec)
    assert (config.provider, config.model) == (provider, model)
    assert config.spec == f"{provider}/{model}"


def test_a_spec_may_bring_settings():
    """Settings beside the spec are checked like any other."""
    assert parse_spec("echo", temperature=0.5).temperature == 0.5
    with pytest.raises(ConfigError, match="no setting 'temp'"):
        parse_spec("echo", temp=0.5)


def test_a_provider_alone_means_its_default_model():
    """Where there is a default; elsewhere the error shows how to name one."""
    assert parse_spec("openai").model
    with pytest.raises(ConfigError, match="no default model") as caught:
        parse_spec("ollama")
    assert "ollama/llama3.2" in caught.value.hint


@pytest.mark.parametrize(("spec", "message"), [("opnai/gpt", "Did you mean 'openai'"), ("/gpt", "names no provider")])
def test_an_unknown_provider_is_refused(spec, message):
    """The error names the nearest and lists the known ones."""
    with pytest.raises(ConfigError, match=message) as caught:
        parse_spec(spec)
    assert "anthropic" in caught.value.hint


class Config:
    """Shaped like dataknobs' Config."""

    def __init__(self, **entries):
        self.entries = entries

    def get(self, type_name, name_or_index=0):
        return {**self.entries[type_name][name_or_index], "type": type_name, "name": "default", "factory": None}

    def get_types(self):
        return list(self.entries)


def test_whatever_says_a_config_is_taken():
    """A config, a dict, a spec, or an object like dataknobs' Config, whose own keys are ignored."""
    wanted = LLMConfig("echo", "m")
    assert normalize_llm_config(wanted) is wanted
    assert normalize_llm_config({"provider": "echo", "model": "m"}) == wanted
    assert normalize_llm_config("echo/m") == wanted
    assert normalize_llm_config(Config(db=[{}], llm=[{"provider": "echo", "model": "m"}])) == wanted


@pytest.mark.parametrize("config", [3, None, Config()])
def test_what_says_no_config_is_refused(config):
    """The error is about the config, not an AttributeError from within."""
    with pytest.raises(ConfigError):
        normalize_llm_config(config)


def test_the_enums_have_the_members_of_the_seed():
    """Names that other code relies on."""
    assert [mode.name for mode in CompletionMode] == ["CHAT", "TEXT", "INSTRUCT", "EMBEDDING", "FUNCTION"]
    assert {
        "TEXT_GENERATION",
        "CHAT",
        "EMBEDDINGS",
        "FUNCTION_CALLING",
        "VISION",
        "CODE",
        "JSON_MODE",
        "STREAMING",
    } <= {one.name for one in ModelCapability}


@pytest.mark.parametrize(
    ("spec", "meant"), [("gpt-5.4-mini", "openai/gpt-5.4-mini"), ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5")]
)
def test_a_model_without_its_provider_is_recognised(spec: str, meant: str) -> None:
    """Who names only the model is told the whole spec."""
    with pytest.raises(ConfigError) as caught:
        parse_spec(spec)
    assert meant in str(caught.value.hint)


def test_an_unknown_setting_is_answered_with_the_one_that_was_meant():
    """Only where none is near are all of them told; the hint says where a provider's own go."""
    with pytest.raises(ConfigError, match=r"no setting 'temprature'. Did you mean 'temperature'?") as near:
        LLMConfig.from_dict({"provider": "echo", "temprature": 1})
    assert near.value.hint == 'What only one provider knows goes into options={"NAME": ...}'
    with pytest.raises(ConfigError, match=r"no setting 'min_zzz'\.$") as far:
        LLMConfig.from_dict({"provider": "echo", "min_zzz": 1})
    assert far.value.hint.startswith("Settings: provider, model, ")
    assert far.value.hint.endswith('What only one provider knows goes into options={"min_zzz": ...}')
