"""Latchkey's settings from Django's. Most names of allauth's settings are Latchkey's, too."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from .problems import Report
from .site import has_app, kind_of_ids

# Settings whose name and meaning are the same at Latchkey (docs/settings.md). Keys of the old system and
# passwords are not among them.
SAME = (
    "ACCOUNT_CHANGE_EMAIL",
    "ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS",
    "ACCOUNT_EMAIL_NOTIFICATIONS",
    "ACCOUNT_EMAIL_SUBJECT_PREFIX",
    "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS",
    "ACCOUNT_EMAIL_VERIFICATION",
    "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED",
    "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS",
    "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT",
    "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE",
    "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND",
    "ACCOUNT_LOGIN_BY_CODE_ENABLED",
    "ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS",
    "ACCOUNT_LOGIN_BY_CODE_REQUIRED",
    "ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND",
    "ACCOUNT_LOGIN_BY_CODE_TIMEOUT",
    "ACCOUNT_LOGIN_METHODS",
    "ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION",
    "ACCOUNT_LOGIN_ON_PASSWORD_RESET",
    "ACCOUNT_LOGIN_TIMEOUT",
    "ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE",
    "ACCOUNT_MAX_EMAIL_ADDRESSES",
    "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED",
    "ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS",
    "ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT",
    "ACCOUNT_PHONE_VERIFICATION_ENABLED",
    "ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS",
    "ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE",
    "ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND",
    "ACCOUNT_PHONE_VERIFICATION_TIMEOUT",
    "ACCOUNT_PRESERVE_USERNAME_CASING",
    "ACCOUNT_PREVENT_ENUMERATION",
    "ACCOUNT_REAUTHENTICATION_REQUIRED",
    "ACCOUNT_REAUTHENTICATION_TIMEOUT",
    "ACCOUNT_SIGNUP_FIELDS",
    "ACCOUNT_USERNAME_BLACKLIST",
    "ACCOUNT_USERNAME_MIN_LENGTH",
    "ALLAUTH_USER_CODE_FORMAT",
    "DEFAULT_FROM_EMAIL",
    "EMAIL_HOST",
    "EMAIL_HOST_USER",
    "EMAIL_PORT",
    "EMAIL_USE_SSL",
    "EMAIL_USE_TLS",
    "HEADLESS_FRONTEND_URLS",
    "HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN",
    "HEADLESS_JWT_AUTHORIZATION_HEADER_SCHEME",
    "HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN",
    "MFA_ALLOW_UNVERIFIED_EMAIL",
    "MFA_PASSKEY_LOGIN_ENABLED",
    "MFA_PASSKEY_SIGNUP_ENABLED",
    "MFA_REAUTHENTICATION_REQUIRED",
    "MFA_RECOVERY_CODES_SHOW_ONCE",
    "MFA_RECOVERY_CODE_COUNT",
    "MFA_RECOVERY_CODE_DIGITS",
    "MFA_SUPPORTED_TYPES",
    "MFA_TOTP_DIGITS",
    "MFA_TOTP_PERIOD",
    "MFA_WEBAUTHN_USER_VERIFICATION",
    "PASSWORD_RESET_TIMEOUT",
    "SOCIALACCOUNT_AUTO_SIGNUP",
    "SOCIALACCOUNT_EMAIL_AUTHENTICATION",
    "SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT",
    "SOCIALACCOUNT_EMAIL_REQUIRED",
    "SOCIALACCOUNT_EMAIL_VERIFICATION",
)
SPOKEN = ("apple", "google", "openid_connect")
IDS = {"uuid": "uuid", "text": "text"}


def variables(report: Report) -> dict[str, str]:
    """Return the variables of Latchkey's environment."""
    own: Any = settings
    found = {name: value_text(getattr(own, name)) for name in SAME if own.is_overridden(name)}
    found.update(_providers(report))
    found.update(_old_tokens(report))
    found["LATCHKEY_USER_IDS"] = _ids()
    _warn(report)
    return dict(sorted(found.items()))


def value_text(value: Any) -> str:
    """Return a value as Latchkey reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return str(int(value.total_seconds()))
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, set | frozenset):
        return ",".join(sorted(map(str, value)))
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _ids() -> str:
    """Return how new ids are to be drawn, so that the user model can store them."""
    from ..checks import can_store
    from .site import key_field

    kind = kind_of_ids()
    if kind in IDS:
        return IDS[kind]
    return next((kind for kind in ("int52", "int31") if can_store(key_field(), kind)), "int31")


def _providers(report: Report) -> dict[str, str]:
    """Apps in settings and in the database, with their client ids and without their secrets."""
    if not has_app("allauth.socialaccount"):
        return {}
    from allauth.socialaccount.models import SocialApp

    found: dict[str, list[dict[str, Any]]] = {}
    for provider, options in (getattr(settings, "SOCIALACCOUNT_PROVIDERS", None) or {}).items():
        apps = options.get("APPS") or ([options["APP"]] if options.get("APP") else [])
        for app in apps:
            _add_app(found, provider, app, report)
    for row in SocialApp.objects.order_by("pk"):
        app = {"client_id": row.client_id, "provider_id": row.provider_id, "name": row.name, "settings": row.settings}
        _add_app(found, row.provider, app, report)
    if not found:
        return {}
    text = json.dumps({provider: {"APPS": apps} for provider, apps in found.items()}, sort_keys=True)
    return {"SOCIALACCOUNT_PROVIDERS": text}


def _add_app(found: dict[str, list[dict[str, Any]]], provider: str, app: dict[str, Any], report: Report) -> None:
    if provider not in SPOKEN:
        report.note(f"SOCIALACCOUNT_PROVIDERS: Latchkey does not speak {provider}")
        return
    kept: dict[str, Any] = {"client_id": app.get("client_id", "")}
    if provider == "openid_connect":
        kept["provider_id"] = app.get("provider_id", "")
        kept["name"] = app.get("name", "")
        kept["settings"] = {"server_url": (app.get("settings") or {}).get("server_url", "")}
    if provider == "apple":
        report.note("apple: set key id, team id and private key of the app at Latchkey (docs/settings.md)")
    found.setdefault(provider, []).append(kept)


def _old_tokens(report: Report) -> dict[str, str]:
    from allauth.headless import app_settings as headless

    rotates = bool(headless.JWT_ROTATE_REFRESH_TOKEN)
    algorithm, key = headless.JWT_ALGORITHM, headless.JWT_PRIVATE_KEY
    found = {
        "LATCHKEY_OLD_SID_KEY": hashlib.sha256(settings.SECRET_KEY.encode()).hexdigest(),
        "LATCHKEY_OLD_JWT_ROTATION": "true" if rotates else "false",
    }
    if algorithm.startswith("HS"):
        if not key:
            report.problem(
                "HEADLESS_JWT_ALGORITHM is HS* and its key is SECRET_KEY, which this command never writes: "
                "set HEADLESS_JWT_PRIVATE_KEY at Django first, and wait until the old refresh tokens have expired, "
                "or set LATCHKEY_OLD_JWT_KEY yourself"
            )
            return {}
        report.note("HS*: LATCHKEY_OLD_JWT_KEY signs as well as it verifies. Remove it after the window")
        return {**found, "LATCHKEY_OLD_JWT_ALGORITHM": algorithm, "LATCHKEY_OLD_JWT_KEY": key}
    if not key:
        report.note("HEADLESS_JWT_PRIVATE_KEY is not set: this site hands out no JWTs, and session tokens alone move")
        return {}
    return {**found, "LATCHKEY_OLD_JWT_ALGORITHM": algorithm, "LATCHKEY_OLD_JWT_KEY": public_key(key)}


def public_key(text: str) -> str:
    """Return the public half of a private key, as PEM."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        raise CommandError("HEADLESS_JWT_PRIVATE_KEY is no private key in PEM") from None
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _warn(report: Report) -> None:
    if "webauthn" in _types():
        report.note("passkeys: set LATCHKEY_WEBAUTHN_RP_ID to the domain that latchkey_export --check shows")
    report.note("secrets are not written: EMAIL_HOST_PASSWORD, DATABASE_URL, Latchkey's own keys (latchkey keys)")


def _types() -> list[str]:
    if not has_app("allauth.mfa"):
        return []
    from allauth.mfa import app_settings

    return list(app_settings.SUPPORTED_TYPES)


def as_environment_file(found: dict[str, str]) -> str:
    """Return lines that systemd, docker and a shell read alike: no line feed in a value."""
    import base64

    lines = []
    for name, value in found.items():
        if "\n" in value:
            value = base64.b64encode(value.encode()).decode()
        quoted = "'" + value + "'" if "'" not in value else json.dumps(value)
        lines.append(f"{name}={quoted}\n")
    return "".join(lines)
