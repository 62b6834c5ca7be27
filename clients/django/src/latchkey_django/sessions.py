"""What the server says of the session of a token: `GET auth/session`, remembered for two seconds."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from .errors import InvalidToken, Unavailable
from .fetch import FetchError, get
from .strictjson import MalformedError, parse_object
from .text import is_subject

log = logging.getLogger("latchkey_django")

PATH = "/_allauth/app/v1/auth/session"
AGE = 2.0
MAX_KNOWN = 4096


@dataclass(frozen=True)
class Session:
    """A living session: `subject` is its user's id as text, `user` and `methods` are the server's."""

    subject: str
    user: dict[str, Any]
    methods: list[Any]


class Sessions:
    """Asks the server for sessions. It is safe for use by several threads."""

    def __init__(self, base: str, timeout: float, age: float = AGE) -> None:
        self.url, self.timeout, self.age = base + PATH, timeout, age
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[float, Session | None]] = {}

    def by_access_token(self, token: str) -> Session:
        """Return the living session of an access token. Raise InvalidToken or Unavailable."""
        return self._ask("Authorization", f"Bearer {token}")

    def by_session_token(self, token: str) -> Session:
        """Return the living session of a session token. Raise InvalidToken or Unavailable."""
        return self._ask("X-Session-Token", token)

    def _ask(self, name: str, value: str) -> Session:
        key = hashlib.sha256(f"{name}:{value}".encode()).digest()
        now = time.monotonic()
        with self._lock:
            until, session = self._known.get(key, (0.0, None))
        if now >= until:
            session = self._fetch(name, value)
            self._remember(key, session)

        if session is None:
            raise InvalidToken
        return session

    def _remember(self, key: bytes, session: Session | None) -> None:
        now = time.monotonic()
        with self._lock:
            if len(self._known) >= MAX_KNOWN:
                self._known = {old: kept for old, kept in self._known.items() if kept[0] > now}
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = (now + self.age, session)

    def _fetch(self, name: str, value: str) -> Session | None:
        """Return the session, or None where Latchkey says that there is none. An answer counts only when
        Latchkey itself gave it: a proxy's own 401 says nothing about the session."""
        try:
            status, body = get(self.url, {name: value}, self.timeout)
            answer = parse_object(body, depth=8, members=512, text=16 << 10)
        except (FetchError, MalformedError) as error:
            log.warning("asking Latchkey for a session failed: %s", error or type(error).__name__)
            raise Unavailable from None

        is_authenticated = _member(answer, "meta").get("is_authenticated")
        if answer.get("status") == status == 200 and is_authenticated is True:
            session = _session(_member(answer, "data"))
            if session is not None:
                return session
        if answer.get("status") == status and status in (401, 410) and is_authenticated is False:
            return None
        if answer.get("status") == status == 410 and is_authenticated is None:
            return None

        log.warning("asking Latchkey for a session failed: status %d", status)
        raise Unavailable


def _session(data: dict[str, Any]) -> Session | None:
    user = _member(data, "user")
    subject = user.get("id")
    if type(subject) is int:
        subject = str(subject)
    if not isinstance(subject, str) or not is_subject(subject):
        return None
    methods = data.get("methods")
    return Session(subject, user, methods if isinstance(methods, list) else [])


def _member(value: dict[str, Any], name: str) -> dict[str, Any]:
    member = value.get(name)
    return member if isinstance(member, dict) else {}
