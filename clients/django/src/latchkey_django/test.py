"""Helpers for the tests of a site: tokens of a key of their own, without a server.

class ProfileTest(LatchkeyTestMixin, TestCase):
    def test_profile(self):
        self.client.sign_in(self.user)
        self.assertEqual(self.client.get("/profile/").status_code, 200)
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client

from . import backend, conf
from .errors import InvalidToken, Unavailable
from .keys import Keys
from .sessions import Session, Sessions
from .text import encode_base64url

KEY_ID = "test"


class FakeLatchkey:
    """A Latchkey of the test's own process: it issues tokens, and answers for sessions."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        # What `GET auth/session` says of a user beside the id: {"7": {"email": "ada@example.com"}}.
        self.profiles: dict[str, dict[str, Any]] = {}
        # Ids of the sessions that were ended, by `sid`.
        self.ended: set[str] = set()
        # Whether Latchkey answers.
        self.away = False

    def access_token(self, user: AbstractBaseUser | str, **claims: Any) -> str:
        """Return a good access token of a user, or of an id that no local user has yet."""
        return self._token("at+jwt", "access", self.settings.AUDIENCE, user, claims)

    def refresh_token(self, user: AbstractBaseUser | str, **claims: Any) -> str:
        """Return a refresh token, which no backend takes."""
        return self._token("rt+jwt", "refresh", f"{self.settings.AUDIENCE}/refresh", user, claims)

    def expired_token(self, user: AbstractBaseUser | str, **claims: Any) -> str:
        """Return an access token whose time is over."""
        then = int(time.time()) - 3600
        return self.access_token(user, **{"iat": then, "exp": then + 300, **claims})

    @property
    def settings(self) -> conf.Settings:
        return backend.current().settings

    def _token(self, kind: str, use: str, audience: str, user: AbstractBaseUser | str, claims: dict[str, Any]) -> str:
        now = int(time.time())
        payload = {
            "iss": self.settings.ISSUER,
            "aud": audience,
            "sub": self._subject(user),
            "iat": now,
            "exp": now + 300,
            "sid": encode_base64url(secrets.token_bytes(16)),
            "jti": secrets.token_urlsafe(16),
            "gen": 1,
            "token_use": use,
            **claims,
        }
        return jwt.encode(payload, self.key, algorithm="ES256", headers={"kid": KEY_ID, "typ": kind})

    def _subject(self, user: AbstractBaseUser | str) -> str:
        if isinstance(user, str):
            return user
        name = self.settings.USER_ID_FIELD
        return str(user.pk if name == "pk" else getattr(user, name))


class _Keys(Keys):
    def __init__(self, fake: FakeLatchkey) -> None:
        super().__init__("", 300, 5)
        self.fake = fake

    def find(self, kid: str) -> ec.EllipticCurvePublicKey:
        if self.fake.away:
            raise Unavailable
        if kid != KEY_ID:
            raise InvalidToken
        return self.fake.key.public_key()


class _Sessions(Sessions):
    def __init__(self, fake: FakeLatchkey) -> None:
        super().__init__("", 5)
        self.fake = fake

    def by_access_token(self, token: str) -> Session:
        claims = jwt.decode(token, options={"verify_signature": False})
        return self._session(claims["sub"], claims["sid"])

    def by_session_token(self, token: str) -> Session:
        subject, _, sid = token.partition(".")
        return self._session(subject, sid)

    def _session(self, subject: str, sid: str) -> Session:
        if self.fake.away:
            raise Unavailable
        if sid in self.fake.ended:
            raise InvalidToken
        return Session(subject, {"id": subject, **self.fake.profiles.get(subject, {})}, [])


@contextmanager
def fake_latchkey() -> Iterator[FakeLatchkey]:
    """Put a FakeLatchkey in place of the server that the settings name."""
    fake = FakeLatchkey()
    before = backend.replace(backend.Backend(conf.load(), _Keys(fake), _Sessions(fake)))
    try:
        yield fake
    finally:
        backend.replace(before)


class LatchkeyClient(Client):
    """Django's test client, which signs in by a token. `latchkey` is the FakeLatchkey to use."""

    latchkey: FakeLatchkey

    def sign_in(self, user: AbstractBaseUser | str, **claims: Any) -> str:
        """Send an access token of this user with every request from now on, and return it."""
        token = self.latchkey.access_token(user, **claims)
        self.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return token

    def sign_out(self) -> None:
        """Send no token any more."""
        self.defaults.pop("HTTP_AUTHORIZATION", None)


class LatchkeyTestMixin:
    """For Django's TestCase: `self.latchkey`, and `self.client.sign_in(user)`. A `setUp` of yours calls super."""

    client_class: type[Client] = LatchkeyClient
    client: Any
    latchkey: FakeLatchkey

    def setUp(self) -> None:
        context = fake_latchkey()
        self.latchkey = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)  # type: ignore[attr-defined]
        self.client.latchkey = self.latchkey
        super().setUp()  # type: ignore[misc]
