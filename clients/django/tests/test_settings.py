"""The environment file that latchkey_settings prints."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.management import CommandError, call_command

from latchkey_django.moving.environment import SAME

pytestmark = pytest.mark.django_db

IDS = os.environ.get("SITE_IDS", "int")
DOCUMENT = Path(__file__).parents[3] / "docs" / "settings.md"


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    call_command("latchkey_settings")
    text = capsys.readouterr().out
    return dict(shlex.split(line)[0].split("=", 1) for line in text.splitlines())


def test_names_are_latchkeys() -> None:
    known = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert set(SAME) <= known
    for name in ("LATCHKEY_OLD_JWT_ALGORITHM", "LATCHKEY_OLD_JWT_KEY", "LATCHKEY_OLD_SID_KEY"):
        assert name in known


def test_values(capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    found = printed(capsys)
    assert found["ACCOUNT_EMAIL_VERIFICATION"] == "mandatory"
    assert found["ACCOUNT_LOGIN_METHODS"] == "email,username"
    assert found["ACCOUNT_SIGNUP_FIELDS"] == "email*,username,password1*"
    assert found["MFA_PASSKEY_LOGIN_ENABLED"] == "true"
    assert found["MFA_SUPPORTED_TYPES"] == "totp,recovery_codes,webauthn"
    assert found["LATCHKEY_USER_IDS"] == {"int": "int31", "bigint": "int52", "uuid": "uuid"}[IDS]
    assert found["LATCHKEY_OLD_JWT_ROTATION"] == "true"
    assert found["LATCHKEY_OLD_JWT_ALGORITHM"] == "RS256"
    assert '"google"' in found["SOCIALACCOUNT_PROVIDERS"]


def test_keys(capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    """The public key, and SHA-256 of SECRET_KEY: neither signs anything."""
    found = printed(capsys)
    load_pem_public_key(base64.b64decode(found["LATCHKEY_OLD_JWT_KEY"]))
    assert found["LATCHKEY_OLD_SID_KEY"] == hashlib.sha256(settings.SECRET_KEY.encode()).hexdigest()
    text = "\n".join(found.values())
    assert settings.SECRET_KEY not in text
    assert "PRIVATE" not in text


def test_a_secret_in_place_of_a_key(capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    """Without a key of its own, HS* signs with SECRET_KEY, which is never printed."""
    settings.HEADLESS_JWT_ALGORITHM = "HS256"
    settings.HEADLESS_JWT_PRIVATE_KEY = ""
    with pytest.raises(CommandError):
        call_command("latchkey_settings")
    captured = capsys.readouterr()
    assert settings.SECRET_KEY not in captured.out + captured.err

    settings.HEADLESS_JWT_PRIVATE_KEY = "a secret of its own, with 32 bytes"
    found = printed(capsys)
    assert found["LATCHKEY_OLD_JWT_KEY"] == "a secret of its own, with 32 bytes"


def test_a_key_that_is_none(settings: Any) -> None:
    settings.HEADLESS_JWT_PRIVATE_KEY = "garbage"
    with pytest.raises(CommandError, match="is no private key"):
        call_command("latchkey_settings")
