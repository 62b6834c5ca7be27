"""The parts of one process: settings, keys and sessions."""

from __future__ import annotations

import threading
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.signals import setting_changed

from . import conf, tokens, users
from .errors import InvalidToken
from .keys import Keys
from .sessions import Session, Sessions
from .tokens import Claims


class Backend:
    """Says whose token it is."""

    def __init__(self, settings: conf.Settings, keys: Keys | None = None, sessions: Sessions | None = None) -> None:
        self.settings = settings
        self.keys = keys or Keys(f"{settings.base}/.well-known/jwks.json", settings.JWKS_AGE, settings.TIMEOUT)
        self.sessions = sessions or Sessions(settings.base, settings.TIMEOUT)

    def token_of(self, authorization: str) -> str | None:
        """Return the token of an Authorization header, or None where it is of another scheme or issuer."""
        words = authorization.split(" ")
        words = [word for word in words if word]
        schemes = {name.lower() for name in self.settings.AUTH_HEADER_TYPES}
        if not words or words[0].lower() not in schemes:
            return None
        if len(words) != 2:
            raise InvalidToken
        return words[1] if tokens.is_ours(words[1], self.settings.ISSUER) else None

    def authenticate(self, token: str) -> tuple[AbstractBaseUser, Claims]:
        """Return user and claims of an access token. Raise an error of `latchkey_django.errors`."""
        claims = tokens.verify(token, self.settings, self.keys)
        subject = claims.get(self.settings.USER_ID_CLAIM)
        if not isinstance(subject, str):
            raise InvalidToken
        if self.settings.CHECK_SESSION:
            self._check_session(token, claims)

        return users.find_or_create_user(subject, claims, self.settings, lambda: self._ask(token, claims)), claims

    def authenticate_session(self, token: str) -> tuple[AbstractBaseUser, Claims]:
        """Return the user of a session token, and what the server says of the session in place of claims."""
        session = self.sessions.by_session_token(token)
        claims: Claims = {"sub": session.subject, "user": session.user, "methods": session.methods}
        return users.find_or_create_user(session.subject, claims, self.settings, lambda: session), claims

    def challenge(self, error: str = "") -> str:
        realm = "".join(c for c in self.settings.AUDIENCE if " " <= c <= "~" and c not in '"\\')
        text = f'{self.settings.AUTH_HEADER_TYPES[0]} realm="{realm}"'
        return f'{text}, error="{error}"' if error else text

    def _ask(self, token: str, claims: Claims) -> Session:
        session = self.sessions.by_access_token(token)
        if session.subject != claims["sub"]:
            raise InvalidToken
        return session

    def _check_session(self, token: str, claims: Claims) -> None:
        self._ask(token, claims)


_lock = threading.Lock()
_current: Backend | None = None


def current() -> Backend:
    """Return the backend of this process."""
    global _current
    with _lock:
        if _current is None:
            _current = Backend(conf.load())
        return _current


def replace(backend: Backend | None) -> Backend | None:
    """Set the backend of this process, and return the one that was there: for `latchkey_django.test`."""
    global _current
    with _lock:
        before, _current = _current, backend
        return before


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "LATCHKEY":
        replace(None)


setting_changed.connect(_forget, dispatch_uid="latchkey_django.backend")
