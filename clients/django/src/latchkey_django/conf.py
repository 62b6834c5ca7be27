"""The setting `LATCHKEY`, read once and checked."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

USER_IDS = ("int52", "int31", "int63", "uuid", "text")


@dataclass(frozen=True)
class Settings:
    """The members of `LATCHKEY`. Names that SimpleJWT has, too, mean the same."""

    URL: str = ""
    ISSUER: str = "latchkey"
    AUDIENCE: str = "latchkey"
    LEEWAY: int = 30
    # The longest time between a token's iat and exp that is taken, in seconds.
    LIFETIME: int = 24 * 3600
    USER_ID_FIELD: str = "pk"
    USER_ID_CLAIM: str = "sub"
    AUTH_HEADER_TYPES: tuple[str, ...] = ("Bearer",)
    CREATE_USERS: bool = True
    CHECK_USER_IS_ACTIVE: bool = True
    CHECK_SESSION: bool = False
    JWKS_AGE: int = 300
    TIMEOUT: int = 5
    # LATCHKEY_USER_IDS of the server, for the system check E001.
    USER_IDS: str = "int52"
    # When the window of the old tokens ends (RFC 3339), for the system check W001.
    OLD_TOKENS_UNTIL: str | None = None
    # Plain http to another host, such as a container on the same network.
    INSECURE_HTTP: bool = False

    def __post_init__(self) -> None:
        _check_url(self.URL, self.INSECURE_HTTP)

        for name in ("LEEWAY", "LIFETIME", "JWKS_AGE", "TIMEOUT"):
            value = getattr(self, name)
            least = 0 if name == "LEEWAY" else 1
            if type(value) is not int or value < least:
                raise ImproperlyConfigured(f"LATCHKEY[{name!r}]: want whole seconds, at least {least}")

        for name in ("ISSUER", "AUDIENCE", "USER_ID_FIELD", "USER_ID_CLAIM"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ImproperlyConfigured(f"LATCHKEY[{name!r}]: want a text")

        if self.USER_IDS not in USER_IDS:
            raise ImproperlyConfigured(f"LATCHKEY['USER_IDS']: want one of {', '.join(USER_IDS)}")
        if self.LEEWAY > 120:
            raise ImproperlyConfigured("LATCHKEY['LEEWAY']: want at most 120")

        self.old_tokens_until()

    def old_tokens_until(self) -> datetime | None:
        """Return when the window of the old tokens ends, or None."""
        if self.OLD_TOKENS_UNTIL is None:
            return None
        try:
            moment = datetime.fromisoformat(self.OLD_TOKENS_UNTIL.replace("Z", "+00:00"))
        except (AttributeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ImproperlyConfigured("LATCHKEY['OLD_TOKENS_UNTIL']: want a time such as 2026-12-24T12:00:00Z")
        return moment

    @property
    def base(self) -> str:
        return self.URL.rstrip("/")


def load(values: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings from Django, or from values."""
    if values is None:
        values = getattr(django_settings, "LATCHKEY", None)
    if not isinstance(values, Mapping):
        raise ImproperlyConfigured('The setting LATCHKEY is missing: LATCHKEY = {"URL": "https://auth.example.com"}')

    known = {field.name for field in fields(Settings)}
    unknown = sorted(str(name) for name in values if name not in known)
    if unknown:
        raise ImproperlyConfigured(f"LATCHKEY has unknown members: {', '.join(unknown)}")

    read = dict(values)
    if "AUTH_HEADER_TYPES" in read:
        types = read["AUTH_HEADER_TYPES"]
        read["AUTH_HEADER_TYPES"] = (types,) if isinstance(types, str) else tuple(types)
    return Settings(**read)


def _check_url(text: str, insecure: bool) -> None:
    """Refuse addresses over which others on the network could hand us keys."""
    parts = urlsplit(text) if isinstance(text, str) else urlsplit("")
    plain = parts.scheme == "http"
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment or parts.query:
        raise ImproperlyConfigured("LATCHKEY['URL']: want an absolute https address, such as https://auth.example.com")
    if plain and not insecure and not _is_loopback(parts.hostname):
        raise ImproperlyConfigured("LATCHKEY['URL']: http to another host needs INSECURE_HTTP")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
