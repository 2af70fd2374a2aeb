"""The models of an experiment: their settings, what they are called, and the provider that asks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, DesignError
from ...llm.config import LLMConfig, normalize_llm_config

if TYPE_CHECKING:
    from ...llm.base import AsyncLLMProvider

__all__ = ["ModelArm", "models_of"]

#: Settings that a provider object has for all its calls.
_OF_THE_OBJECT = ("provider", "model", "api_key", "api_base", "rate_limit")


@dataclass(frozen=True)
class ModelArm:
    """A model that is asked.

    Attributes:
        label: What it is called.
        config: Its settings, those of the experiment included.
        provider: What asks it.
        overrides: Settings that each call has beside the provider's own.
        is_ours: Whether the experiment made the provider, and closes it.
    """

    label: str
    config: LLMConfig
    provider: AsyncLLMProvider
    overrides: Mapping[str, Any] = field(default_factory=dict)
    is_ours: bool = True


def models_of(models: Any, settings: Mapping[str, Any], default: str) -> list[ModelArm]:
    """The models that ``models`` names.

    Args:
        models: Specs, configs, dicts of settings or providers: one, a list, or a dict of them by the names they get.
        settings: Settings of `LLMConfig` for all of them.
        default: The spec of the model where none is named.

    Raises:
        ConfigError: A provider or a setting is unknown, or a setting is wrong.
        DesignError: There are none, or two are the same.
    """
    named = _named(default if models is None else models)
    if not named:
        raise DesignError("There is no model to ask.", hint='models=["openai/gpt-5.4-mini", ...]')
    arms = [_arm(label, model, settings) for label, model in named]
    labels = _labels(arms, [label for label, _ in named])
    return [replace(arm, label=label) for label, arm in zip(labels, arms, strict=True)]


def _named(models: Any) -> list[tuple[str | None, Any]]:
    if isinstance(models, Mapping) and "provider" not in models:
        return [(str(label), model) for label, model in models.items()]
    if isinstance(models, Sequence) and not isinstance(models, str):
        return [(None, model) for model in models]
    return [(None, models)]


def _arm(label: str | None, model: Any, settings: Mapping[str, Any]) -> ModelArm:
    from ...llm.base import AsyncLLMProvider
    from ...llm.registry import create_llm_provider
    from ...llm.sync import SyncLLMProvider

    if isinstance(model, SyncLLMProvider):
        model = model._provider
    if isinstance(model, AsyncLLMProvider):
        if fixed := [name for name in settings if name in _OF_THE_OBJECT]:
            raise ConfigError(f"{fixed[0]!r} cannot be set for {model!r}, which has its own.", hint="Give a spec")
        overrides = dict(settings)
        if isinstance(options := overrides.get("options"), dict):
            overrides["options"] = {**model.config.options, **options}
        config = model.config.with_settings(**overrides)
        return ModelArm(label or config.spec, config, model, dict(settings), is_ours=False)
    config = normalize_llm_config(model)
    config = config.with_settings(**settings) if settings else config
    provider = create_llm_provider(config)
    return ModelArm(label or (model.strip() if isinstance(model, str) else config.spec), provider.config, provider)


def _labels(arms: Sequence[ModelArm], given: Sequence[str | None]) -> list[str]:
    """A name for each: as it was written, with the settings in which it differs from others that are called so."""
    told = [_told(arm, [other for other in arms if other.label == arm.label]) for arm in arms]
    labels = [own if own is not None else name for own, name in zip(given, told, strict=True)]
    for place, label in enumerate(labels):
        if label in labels[:place]:
            spec = arms[place].config.spec
            raise DesignError(
                f"The model {label!r} is there twice.",
                hint=f'Give them names:  models={{"first": "{spec}", "second": ...}}',
            )
    return labels


def _told(arm: ModelArm, alike: Sequence[ModelArm]) -> str:
    if len(alike) == 1:
        return arm.label
    settings = [other.config.to_dict() for other in alike]
    names = sorted({name for each in settings for name in each})
    differing = [name for name in names if any(each.get(name) != settings[0].get(name) for each in settings)]
    own = arm.config.to_dict()
    told = [f"{name}={own[name]}" for name in differing if name in own and name not in ("api_base", "options")]
    return " ".join([arm.label, *told])
