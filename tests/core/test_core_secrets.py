"""Texts of others without the secrets in them."""

from __future__ import annotations

import pytest

from dknb.errors.secrets import told, without_secrets

KEY = "sk-ant-" + "api03-" + "x1" * 12


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"refused: {KEY}.", "refused: [removed]."),
        ("at postgres://ada:pw/1@2@host:5432/db", "at postgres://[removed]@host:5432/db"),
        ("at https://tok123@host/p", "at https://[removed]@host/p"),
        ("connect(password='a b', user=ada)", "connect(password=[removed], user=ada)"),
        ('{"api_key": "zz", "n": 1}', '{"api_key": [removed], "n": 1}'),
        ("Authorization: Bearer abc.def", "Authorization: [removed]"),
        ("sent Bearer abcdefgh", "sent Bearer [removed]"),
        ("DRIVER=x;UID=ada;PWD=pw", "DRIVER=x;UID=ada;PWD=[removed]"),
        ("host?sslpassword=x&token=y&mode=ro", "host?sslpassword=[removed]&token=[removed]&mode=ro"),
    ],
)
def test_secrets_are_marked(text, shown):
    """Keys by their shape, logins in addresses, and what is named like a secret."""
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    "text", ["http://host:80/a b@c", "max_tokens=5", "Unexpected token: }", "KeyError: 'lang'", "see a:b, x=1 @ home"]
)
def test_what_is_no_secret_stays(text):
    """A message has to say what happened."""
    assert without_secrets(text) == text


def test_known_secrets_and_those_of_the_environment(monkeypatch):
    """Whatever they look like."""
    monkeypatch.setenv("ACME_API_KEY", "plain words here")
    assert without_secrets("plain words here, p@ss", ["p@ss", ""]) == "[removed], [removed]"


def test_an_error_is_told_on_one_line():
    """Its kind, and at most 500 characters."""
    assert told(OSError(f"no\n network {KEY}")) == "OSError: no network [removed]"
    assert told(ValueError()) == "ValueError"
    assert told(KeyError("x" * 10_000)).startswith("KeyError: 'xxx")
    assert len(told(KeyError("x" * 10_000))) == 500


@pytest.mark.parametrize(
    "text", ["://" * 7_000, "a-" * 10_000 + ":", "password=" * 2_000, "://a:b" * 3_000, '"' * 20_000]
)
def test_nasty_texts_come_to_an_end(text):
    """Of the length that is looked at; nothing in them is a secret that would be shown."""
    assert isinstance(told(ValueError(text)), str)
