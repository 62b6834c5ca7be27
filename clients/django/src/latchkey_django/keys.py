"""The public keys of the server, one set in each process.

Security: the set is not in Django's cache, because a program that can write there could plant a key.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from .errors import InvalidToken, Unavailable
from .fetch import FetchError, get
from .strictjson import MalformedError, parse_object
from .text import is_key_id

log = logging.getLogger("latchkey_django")

AGAIN_UNKNOWN = 30.0
AGAIN_FAILED = 5.0
AGAIN_FIRST = 1.0
MAX_ABSENT = 1024


class Keys:
    """The key set. It is safe for use by several threads."""

    def __init__(self, url: str, age: float, timeout: float) -> None:
        self.url, self.age, self.timeout = url, age, timeout
        self._state = threading.Lock()
        self._reading = threading.Lock()
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._absent: set[str] = set()
        self._read_at: float | None = None
        self._asked_at: float | None = None
        self._failed = False

    def find(self, kid: str) -> EllipticCurvePublicKey:
        """Return the key of that name. Raise InvalidToken where the server has none, and Unavailable where
        the server does not answer and the key is not known."""
        # A request whose key is known does not wait for another one that reads the set.
        waits = not self._is_usable(kid)
        if (waits or self._is_due(kid)) and self._reading.acquire(blocking=waits):
            try:
                if self._is_due(kid):
                    self._read()
            finally:
                self._reading.release()

        with self._state:
            key = self._keys.get(kid)
            if key is not None:
                return key
            if not self._keys or self._failed:
                raise Unavailable
            if len(self._absent) < MAX_ABSENT:
                self._absent.add(kid)
            raise InvalidToken

    def _is_due(self, kid: str) -> bool:
        now = time.monotonic()
        with self._state:
            pause = AGAIN_UNKNOWN
            if not self._keys:
                pause = AGAIN_FIRST
            elif self._failed:
                pause = AGAIN_FAILED
            if self._asked_at is not None and now - self._asked_at < pause:
                return False

            is_old = self._read_at is None or now - self._read_at >= self.age
            is_new_name = kid not in self._keys and kid not in self._absent
            return is_old or is_new_name

    def _is_usable(self, kid: str) -> bool:
        """Report whether a key may serve while the set is read anew. A set that is older than twice its age
        serves only when the read fails: a removed key must not live on in a process that is seldom called."""
        with self._state:
            if kid not in self._keys or self._read_at is None:
                return False
            return time.monotonic() - self._read_at < 2 * self.age

    def _read(self) -> None:
        with self._state:
            self._asked_at = time.monotonic()
        try:
            found = self._fetch()
        except (FetchError, MalformedError) as error:
            log.warning("reading Latchkey's key set failed: %s", error or type(error).__name__)
            with self._state:
                self._failed = True
            return

        with self._state:
            self._keys, self._failed = found, False
            self._read_at = time.monotonic()
            self._absent.clear()

    def _fetch(self) -> dict[str, EllipticCurvePublicKey]:
        status, body = get(self.url, {}, self.timeout)
        if status != 200:
            raise FetchError(f"status {status}")
        return parse_key_set(body)


def parse_key_set(body: bytes) -> dict[str, EllipticCurvePublicKey]:
    """Read a JWKS (RFC 7517). Keys of other kinds are passed over; a set that no honest server shows is
    refused whole: a name that stands twice, or anything secret."""
    entries = parse_object(body, depth=4, members=512).get("keys")
    if not isinstance(entries, list):
        raise MalformedError("no list of keys")

    found: dict[str, EllipticCurvePublicKey] = {}
    names: set[str] = set()
    for entry in entries:
        if not isinstance(entry, dict):
            raise MalformedError("an entry of keys is no object")
        if "d" in entry or entry.get("kty") == "oct":
            raise MalformedError("it shows a secret key")
        kid = entry.get("kid")
        if not isinstance(kid, str) or not is_key_id(kid):
            continue
        if kid in names:
            raise MalformedError("a kid stands twice")
        names.add(kid)
        key = _public_key(entry)
        if key is not None:
            found[kid] = key
    if not found:
        raise MalformedError("it has no key that verifies ES256")
    return found


def _public_key(entry: dict[str, Any]) -> EllipticCurvePublicKey | None:
    """Return the P-256 key of a JWK that verifies ES256 signatures, or None."""
    is_ours = entry.get("kty") == "EC" and entry.get("crv") == "P-256"
    is_for_us = entry.get("alg", "ES256") == "ES256" and entry.get("use", "sig") == "sig"
    operations = entry.get("key_ops", ["verify"])
    if not is_ours or not is_for_us or not isinstance(operations, list) or "verify" not in operations:
        return None

    try:
        key = jwt.PyJWK(entry, "ES256").key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) else None
