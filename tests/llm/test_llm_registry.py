"""From a config or a spec to a provider."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from dknb.errors import ConfigError
from dknb.llm import (
    EchoProvider,
    LLMConfig,
    LLMProviderFactory,
    SyncLLMProvider,
    catalog,
    create_llm_provider,
    registry,
)


def test_a_provider_is_made_from_whatever_names_one():
    """A spec, a config, a dict, async or not."""
    for config in ("echo", LLMConfig("echo", "m"), {"provider": "echo"}):
        assert isinstance(create_llm_provider(config), EchoProvider)
    assert isinstance(create_llm_provider("echo", is_async=False), SyncLLMProvider)
    assert create_llm_provider({"provider": "echo"}).model == "echo"


def test_the_factory_works_as_object_and_as_class():
    """Both ways of calling create are part of the contract."""
    assert isinstance(LLMProviderFactory(is_async=True).create({"provider": "echo", "model": "m"}), EchoProvider)
    assert isinstance(LLMProviderFactory(is_async=False).create("echo"), SyncLLMProvider)
    provider = LLMProviderFactory.create(provider="echo", model="m", temperature=0.5)
    assert (provider.model, provider.config.temperature) == ("m", 0.5)
    assert LLMProviderFactory.create("echo/m", temperature=0.1).config.temperature == 0.1


@pytest.mark.parametrize("name", ["openai", "anthropic", "ollama", "huggingface", "openai-compatible"])
def test_every_provider_can_be_made_without_a_key(name, monkeypatch):
    """Keys are asked for when a call is made, so that a replay needs none."""
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    provider = create_llm_provider(f"{name}/some-model")
    assert (provider.provider, provider.model) == (name, "some-model")
    assert provider.get_capabilities()


def test_an_unknown_provider_is_refused():
    """With the nearest name and the list of those that are known."""
    with pytest.raises(ConfigError, match="Did you mean 'anthropic'") as caught:
        create_llm_provider("antropic/claude")
    assert "openai-compatible" in caught.value.hint


def test_what_is_no_provider_is_refused(monkeypatch):
    """A package that registers something else gets an error with its name."""
    monkeypatch.setattr(registry, "provider_row", lambda name: catalog.ProviderRow("dknb.errors:ConfigError"))
    with pytest.raises(ConfigError, match="no AsyncLLMProvider"):
        create_llm_provider("echo/m")


def test_importing_the_package_loads_nothing_heavy():
    """No SDK, no HTTP client, no table of prices, no template engine, also when Echo answers."""
    script = """
        import sys
        import dknb.llm
        print([name for name in dknb.llm.__all__ if name not in dir(dknb.llm)])
        from dknb.llm import create_llm_provider
        create_llm_provider("echo", is_async=False).complete("hi")
        heavy = ["openai", "anthropic", "httpx", "httpx2", "genai_prices", "pandas", "jinja2", "IPython", "pydantic"]
        print([name for name in heavy if name in sys.modules])
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert run.stdout.split("\n")[:2] == ["[]", "[]"], run.stderr


def test_every_public_name_can_be_had():
    """The lazy exports lead somewhere."""
    import dknb.llm

    assert [name for name in dknb.llm.__all__ if getattr(dknb.llm, name, None) is None] == []


def test_settings_may_stand_beside_what_names_the_provider():
    """They count before its own, as with the factory; an unknown one is refused."""
    assert create_llm_provider("echo", temperature=0).config.temperature == 0
    given = {"provider": "echo", "temperature": 1.0, "seed": 3}
    provider = create_llm_provider(given, is_async=False, temperature=0.5)
    assert (provider.config.temperature, provider.config.seed) == (0.5, 3)
    with pytest.raises(ConfigError, match=r"no setting 'temprature'. Did you mean 'temperature'"):
        create_llm_provider("echo", temprature=0)


def test_with_says_what_a_provider_that_is_awaited_needs():
    """Instead of an AttributeError about `__enter__`."""
    with pytest.raises(ConfigError, match="is awaited") as caught, create_llm_provider("echo"):
        pass
    assert "async with" in caught.value.hint
    assert 'create_llm_provider("echo/echo", is_async=False)' in caught.value.hint
