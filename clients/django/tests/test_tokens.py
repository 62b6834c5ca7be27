"""The rules for access tokens: the corpus of the Go package, row by row."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from conftest import KeyServer, public_jwk
from latchkey_django import conf, tokens
from latchkey_django.errors import InvalidToken
from latchkey_django.keys import Keys
from latchkey_django.test import FakeLatchkey

# As the Go package has it in its tests.
LIFETIME = 300

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("corpus") / "corpus.json"
    subprocess.run(
        [
            "go",
            "test",
            "-C",
            "clients/go",
            "-count=1",
            "-run",
            "TestTJWT_corpus",
            "./verify",
            "-corpus",
            str(path),
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_corpus(corpus: dict[str, Any], key_server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every token is taken or refused as by clients/go/verify."""
    now = datetime.fromisoformat(corpus["Now"].replace("Z", "+00:00")).timestamp()
    monkeypatch.setattr("latchkey_django.tokens.time.time", lambda: now)
    private = load_pem_private_key(corpus["PrivateKey"].encode(), None)
    assert isinstance(private, EllipticCurvePrivateKey)
    rows = corpus["Rows"]
    kid = tokens._peek(rows[0]["Compact"].split(".")[0])["kid"]
    key_server.show([public_jwk(private, kid)])
    settings = conf.load(
        {
            "URL": key_server.url,
            "ISSUER": "https://auth.example.test",
            "AUDIENCE": "example",
            "LEEWAY": 0,
            "LIFETIME": LIFETIME,
        }
    )
    keys = Keys(f"{key_server.url}/.well-known/jwks.json", 300, 5)

    wrong = []
    for row in rows:
        try:
            tokens.verify(row["Compact"], settings, keys)
            taken = True
        except InvalidToken:
            taken = False
        if taken != row["Accept"]:
            wrong.append(row["Name"])
    assert wrong == []
    assert len(rows) > 250


@pytest.mark.parametrize(("leeway", "late", "taken"), [(30, 29, True), (30, 31, False), (0, 1, False), (0, -5, True)])
def test_leeway(latchkey: FakeLatchkey, monkeypatch: pytest.MonkeyPatch, leeway: int, late: int, taken: bool) -> None:
    """A token may be LEEWAY seconds late, and no more."""
    token = latchkey.access_token("7")
    exp = tokens._peek(token.split(".")[1])["exp"]
    settings = conf.load({"URL": "http://127.0.0.1:9", "LEEWAY": leeway})
    monkeypatch.setattr("latchkey_django.tokens.time.time", lambda: exp + late)
    from latchkey_django import backend

    keys = backend.current().keys
    if taken:
        assert tokens.verify(token, settings, keys)["sub"] == "7"
    else:
        with pytest.raises(InvalidToken):
            tokens.verify(token, settings, keys)


def test_kinds(latchkey: FakeLatchkey) -> None:
    """Only tokens that say that Latchkey issued them are ours, good or not."""
    assert tokens.is_ours(latchkey.access_token("7"), "latchkey")
    assert tokens.is_ours(latchkey.refresh_token("7"), "latchkey")
    assert tokens.is_ours(latchkey.expired_token("7"), "latchkey")
    assert not tokens.is_ours(latchkey.access_token("7", iss="https://other.example"), "latchkey")
    for text in ("", "a.b.c", "lkst_abc", "x" * 20000, "e30.e30.e30"):
        assert not tokens.is_ours(text, "latchkey")
