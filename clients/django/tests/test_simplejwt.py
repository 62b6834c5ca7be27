"""The settings of SimpleJWT that docs/verify.md has, at a real Latchkey."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from live import Latchkey, run_latchkey

pytestmark = pytest.mark.django_db(transaction=True)

IDS = os.environ.get("SITE_IDS", "int")
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server() -> Iterator[Latchkey]:
    kind = {"int": "int31", "bigint": "int52", "uuid": "uuid"}[IDS]
    with run_latchkey(LATCHKEY_USER_IDS=kind) as found:
        yield found


def found_by(server: Latchkey, token: str, **changes: str) -> str:
    done = subprocess.run(
        [sys.executable, str(HERE / "simplejwt_check.py")],
        env={
            **os.environ,
            "PYTHONPATH": f"{HERE.parent / 'src'}:{HERE}",
            "DJANGO_SETTINGS_MODULE": "demosite.simplejwt",
            "SITE_DATABASE": connection.settings_dict["NAME"],
            "SITE_LATCHKEY_URL": server.url,
            "SITE_SIMPLE_JWT": json.dumps(changes),
        },
        input=token,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_settings_of_the_document(server: Latchkey) -> None:
    """Access tokens of known users pass. Refresh tokens, tokens of others and unknown users do not."""
    answer = server.sign_up(f"{uuid.uuid4().hex}@example.com")
    meta, subject = answer["meta"], str(answer["data"]["user"]["id"])
    assert found_by(server, meta["access_token"]) == "AuthenticationFailed"

    get_user_model().objects.create(pk=subject, username="ada")
    assert found_by(server, meta["access_token"]) == "ada"
    assert found_by(server, meta["refresh_token"]) == "InvalidToken"
    assert found_by(server, meta["access_token"], ISSUER="other") == "InvalidToken"
    assert found_by(server, meta["access_token"], AUDIENCE="other") == "InvalidToken"
