"""The three MIME types: their schemas, and the payloads that the TypeScript tests draw."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest

import dknb.notebook

SCHEMAS = Path(dknb.notebook.__file__).parent / "schemas"
PAYLOADS = Path(__file__).parent / "payloads"
TYPES = ["prompt", "conversation", "comparison"]


def _schema(name: str) -> dict[str, object]:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text())


def _payload(name: str) -> dict[str, object]:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_is_one(name):
    """Each schema is a schema of the draft that it names."""
    schema = _schema(name)
    assert schema["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", TYPES)
def test_what_the_views_are_tested_with_is_valid(name):
    """The payloads of the TypeScript tests are what Python may send."""
    jsonschema.validate(_payload(name), _schema(name))


@pytest.mark.parametrize("name", TYPES)
def test_another_version_is_not_valid(name):
    """The version is part of the contract."""
    with pytest.raises(jsonschema.ValidationError, match="1 was expected"):
        jsonschema.validate({**_payload(name), "version": 2}, _schema(name))


@pytest.mark.parametrize("name", TYPES)
def test_every_field_is_required_and_no_other_is_known(name):
    """A field that one side forgets, or invents, does not go unnoticed."""
    payload = _payload(name)
    for field in payload:
        less = {key: value for key, value in payload.items() if key != field}
        with pytest.raises(jsonschema.ValidationError, match="is a required property"):
            jsonschema.validate(less, _schema(name))
    with pytest.raises(jsonschema.ValidationError, match="was unexpected"):
        jsonschema.validate({**payload, "other": 1}, _schema(name))


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("prompt", ("params_used", 0, "origin"), "elsewhere"),
        ("prompt", ("tokens", "count"), 1.5),
        ("conversation", ("nodes", "parent", 0), "root"),
        ("conversation", ("nodes", "branch", 0), 3),
        ("comparison", ("variants", 0, "verdict"), "great"),
    ],
)
def test_values_of_another_kind_are_not_valid(name, path, value):
    """Columns and rows hold what they say."""
    payload = copy.deepcopy(_payload(name))
    *way, last = path
    part = payload
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(payload, _schema(name))
