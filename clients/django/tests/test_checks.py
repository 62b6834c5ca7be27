"""The settings, and the system checks about them."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from latchkey_django import conf

IDS = os.environ.get("SITE_IDS", "int")
OURS = "latchkey_django.rest_framework.LatchkeyAuthentication"
ALLAUTHS = "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication"


def ids() -> list[str]:
    return [str(found.id) for found in run_checks() if str(found.id).startswith("latchkey.")]


def test_the_site_is_good() -> None:
    assert ids() == []


@pytest.mark.parametrize("kind", ["int31", "int52", "int63", "uuid", "text"])
def test_e001(settings: Any, kind: str) -> None:
    good = {"int": ["int31"], "bigint": ["int31", "int52", "int63"], "uuid": ["uuid"]}[IDS]
    settings.LATCHKEY = {**settings.LATCHKEY, "USER_IDS": kind}
    assert ids() == ([] if kind in good else ["latchkey.E001"])
    settings.LATCHKEY = {**settings.LATCHKEY, "CREATE_USERS": False}
    assert ids() == []


def test_e002(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [ALLAUTHS, OURS]}
    assert ids() == ["latchkey.E002"]
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [OURS, ALLAUTHS]}
    assert ids() == []


def test_w001(settings: Any) -> None:
    settings.LATCHKEY = {**settings.LATCHKEY, "OLD_TOKENS_UNTIL": "2020-01-01T00:00:00Z"}
    assert ids() == ["latchkey.W001"]
    settings.LATCHKEY = {**settings.LATCHKEY, "OLD_TOKENS_UNTIL": "2999-01-01T00:00:00Z"}
    assert ids() == []
    settings.LATCHKEY = {**settings.LATCHKEY, "OLD_TOKENS_UNTIL": "2020-01-01T00:00:00Z"}
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [OURS]}
    assert ids() == []


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"URL": "auth.example.com"},
        {"URL": "ftp://auth.example.com"},
        {"URL": "http://auth.example.com"},
        {"URL": "https://user:word@auth.example.com"},
        {"URL": "https://auth.example.com", "LEEWAY": -1},
        {"URL": "https://auth.example.com", "LEEWAY": 3600},
        {"URL": "https://auth.example.com", "TIMEOUT": 0},
        {"URL": "https://auth.example.com", "USER_IDS": "int4"},
        {"URL": "https://auth.example.com", "ISSUER": ""},
        {"URL": "https://auth.example.com", "OLD_TOKENS_UNTIL": "tomorrow"},
        {"URL": "https://auth.example.com", "OLD_TOKENS_UNTIL": "2026-01-01T00:00:00"},
        {"URL": "https://auth.example.com", "UNKNOWN": 1},
    ],
)
def test_bad_settings(settings: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured):
        conf.load(values)
    settings.LATCHKEY = values
    assert "latchkey.E003" in ids()


def test_good_settings() -> None:
    found = conf.load({"URL": "https://auth.example.com/", "AUTH_HEADER_TYPES": "Bearer"})
    assert found.base == "https://auth.example.com"
    assert found.AUTH_HEADER_TYPES == ("Bearer",)
    assert conf.load({"URL": "http://latchkey:8080", "INSECURE_HTTP": True}).base == "http://latchkey:8080"
    assert conf.load({"URL": "http://127.0.0.1:8080"}).LEEWAY == 30
