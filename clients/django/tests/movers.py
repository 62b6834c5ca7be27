"""Users of every kind, made by django-allauth's own headless API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client, override_settings

from passkey import Passkey

DOMAIN = "auth.example.com"
PASSWORD = "a long enough pässword"
HASHERS = {
    "pbkdf2_sha256": "PBKDF2PasswordHasher",
    "pbkdf2_sha1": "PBKDF2SHA1PasswordHasher",
    "argon2": "Argon2PasswordHasher",
    "bcrypt_sha256": "BCryptSHA256PasswordHasher",
    "bcrypt": "BCryptPasswordHasher",
    "scrypt": "ScryptPasswordHasher",
    "md5": "MD5PasswordHasher",
}


@dataclass
class Mover:
    """A user, and all that they sign in with."""

    email: str
    id: str = ""
    username: str = ""
    # As it is typed. Keyboards of some phones send letters and their marks apart.
    password: str | None = PASSWORD
    hasher: str = "pbkdf2_sha256"
    verified: bool = True
    disabled: bool = False
    second_email: str = ""
    phone: str = ""
    totp: str = ""
    codes: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    passkey: Passkey | None = None
    passkey_alone: bool = False
    google: str = ""
    session_token: str = ""
    access_token: str = ""
    refresh_token: str = ""


class Api:
    """A client of the headless API of this process's site."""

    def __init__(self) -> None:
        self.client = Client(HTTP_HOST=DOMAIN, HTTP_USER_AGENT="phone/1")
        self.token = ""

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        headers = {"X-Session-Token": self.token} if self.token else {}
        answer = self.client.generic(
            method,
            f"/_allauth/app/v1/{path}",
            data=_json(body),
            content_type="application/json",
            headers=headers,
            secure=True,
        )
        found = answer.json() if answer.content else {}
        self.token = found.get("meta", {}).get("session_token") or self.token
        return answer.status_code, found


def _json(body: Any) -> str:
    import json

    return "" if body is None else json.dumps(body)


def totp_code(secret: str, at: float | None = None) -> str:
    """Return the code of an authenticator app."""
    counter = int(time.time() if at is None else at) // 30
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()  # noqa: S324
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def make_movers(count: int) -> list[Mover]:
    """Make users in a mix that has every kind, and every pair of second factor and way in."""
    return [make_mover(number) for number in range(count)]


def make_mover(number: int) -> Mover:
    hasher = list(HASHERS)[number % len(HASHERS)]
    # A sign-in stores the hash anew where another hasher stands first.
    with override_settings(PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{HASHERS[hasher]}"]):
        return _make_mover(number, hasher)


def _make_mover(number: int, hasher: str) -> Mover:
    mover = Mover(
        email=f"user-{number}@example.com",
        username=f"user-{number}" if number % 3 else "",
        hasher=hasher,
        password=unicodedata.normalize("NFD", PASSWORD) if number % 9 == 8 else PASSWORD,
        verified=number % 5 != 4,
    )
    _sign_up(mover)
    api = _sign_in(mover)
    status, answer = api.call("POST", "auth/reauthenticate", {"password": mover.password})
    assert status == 200, answer
    user = get_user_model().objects.get(pk=mover.id)
    if number % 2:
        _add_totp(mover, api, used=number % 4)
    if number % 3 == 1:
        _add_passkey(mover, api, passwordless=number % 2 == 0)
    if number % 4 == 2:
        mover.google = f"google-{number}"
        _connect(user, mover)
    if number % 6 == 3:
        mover.second_email = f"other-{number}@example.com"
        _add_address(user, mover)
    if number % 7 == 5:
        mover.phone = f"+4915112{number:06}"
        _add_phone(user, mover)
    if number % 4 == 2 and number % 8 == 6:
        mover.password = None
    if mover.password is None:
        user.set_unusable_password()
        user.save()
    mover.session_token = mover.access_token = mover.refresh_token = ""
    if number % 11 == 10:
        mover.disabled = True
        user.is_active = False
        user.save()
    elif mover.password:
        _sign_in(mover)
    return mover


def _sign_up(mover: Mover) -> None:
    from allauth.account.models import EmailAddress

    api = Api()
    body = {"email": mover.email, "password": mover.password}
    if mover.username:
        body["username"] = mover.username
    status, answer = api.call("POST", "auth/signup", body)
    assert status == 200, answer
    mover.id = str(answer["data"]["user"]["id"])
    mover.username = answer["data"]["user"]["username"]
    EmailAddress.objects.filter(user_id=mover.id).update(verified=mover.verified)


def _add_totp(mover: Mover, api: Api, used: int) -> None:
    _, answer = api.call("GET", "account/authenticators/totp")
    mover.totp = answer["meta"]["secret"]
    status, answer = api.call("POST", "account/authenticators/totp", {"code": totp_code(mover.totp)})
    assert status == 200, answer
    status, answer = api.call("GET", "account/authenticators/recovery-codes")
    assert status == 200, answer
    mover.codes = answer["data"]["unused_codes"]
    for _ in range(used):
        code = mover.codes.pop(0)
        mover.used.append(code)
        _sign_in(mover, code)


def _add_passkey(mover: Mover, api: Api, passwordless: bool) -> None:
    path = "account/authenticators/webauthn" + ("?passwordless" if passwordless else "")
    status, answer = api.call("GET", path)
    assert status == 200, answer
    mover.passkey, mover.passkey_alone = Passkey(DOMAIN), passwordless
    credential = mover.passkey.register(answer["data"]["creation_options"], passwordless)
    status, answer = api.call("POST", "account/authenticators/webauthn", {"name": "Phone", "credential": credential})
    assert status == 200, answer


def _connect(user: Any, mover: Mover) -> None:
    from allauth.socialaccount.models import SocialAccount

    extra = {"sub": mover.google, "email": mover.email, "name": "Ann"}
    SocialAccount.objects.create(user=user, provider="google", uid=mover.google, extra_data=extra)


def _add_address(user: Any, mover: Mover) -> None:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=user, email=mover.second_email, verified=True, primary=False)


def _add_phone(user: Any, mover: Mover) -> None:
    from allauth.account.adapter import get_adapter

    get_adapter().set_phone(user, mover.phone, True)


def _sign_in(mover: Mover, code: str = "") -> Api:
    """Sign in at allauth. Afterwards the mover has new tokens."""
    cache.clear()  # a code of the authenticator app counts once
    api = Api()
    status, answer = api.call("POST", "auth/login", {"email": mover.email, "password": mover.password})
    if status == 401:
        if mover.totp:
            body = {"code": code or totp_code(mover.totp)}
            status, answer = api.call("POST", "auth/2fa/authenticate", body)
        elif mover.passkey:
            _, asked = api.call("GET", "auth/webauthn/authenticate")
            credential = mover.passkey.sign(asked["data"]["request_options"])
            status, answer = api.call("POST", "auth/webauthn/authenticate", {"credential": credential})
    assert status == 200, answer
    meta = answer["meta"]
    mover.session_token, mover.access_token = api.token, meta["access_token"]
    mover.refresh_token = meta["refresh_token"]
    return api
