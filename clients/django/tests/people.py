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
class Person:
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


def make_people(count: int) -> list[Person]:
    """Make users in a mix that has every kind, and every pair of second factor and way in."""
    return [make_person(number) for number in range(count)]


def make_person(number: int) -> Person:
    hasher = list(HASHERS)[number % len(HASHERS)]
    # A sign-in stores the hash anew where another hasher stands first.
    with override_settings(PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{HASHERS[hasher]}"]):
        return _make_person(number, hasher)


def _make_person(number: int, hasher: str) -> Person:
    person = Person(
        email=f"user-{number}@example.com",
        username=f"user-{number}" if number % 3 else "",
        hasher=hasher,
        password=unicodedata.normalize("NFD", PASSWORD) if number % 9 == 8 else PASSWORD,
        verified=number % 5 != 4,
    )
    _sign_up(person)
    api = _sign_in(person)
    status, answer = api.call("POST", "auth/reauthenticate", {"password": person.password})
    assert status == 200, answer
    user = get_user_model().objects.get(pk=person.id)
    if number % 2:
        _add_totp(person, api, used=number % 4)
    if number % 3 == 1:
        _add_passkey(person, api, passwordless=number % 2 == 0)
    if number % 4 == 2:
        person.google = f"google-{number}"
        _connect(user, person)
    if number % 6 == 3:
        person.second_email = f"other-{number}@example.com"
        _add_address(user, person)
    if number % 7 == 5:
        person.phone = f"+4915112{number:06}"
        _add_phone(user, person)
    if number % 4 == 2 and number % 8 == 6:
        person.password = None
    if person.password is None:
        user.set_unusable_password()
        user.save()
    person.session_token = person.access_token = person.refresh_token = ""
    if number % 11 == 10:
        person.disabled = True
        user.is_active = False
        user.save()
    elif person.password:
        _sign_in(person)
    return person


def _sign_up(person: Person) -> None:
    from allauth.account.models import EmailAddress

    api = Api()
    body = {"email": person.email, "password": person.password}
    if person.username:
        body["username"] = person.username
    status, answer = api.call("POST", "auth/signup", body)
    assert status == 200, answer
    person.id = str(answer["data"]["user"]["id"])
    person.username = answer["data"]["user"]["username"]
    EmailAddress.objects.filter(user_id=person.id).update(verified=person.verified)


def _add_totp(person: Person, api: Api, used: int) -> None:
    _, answer = api.call("GET", "account/authenticators/totp")
    person.totp = answer["meta"]["secret"]
    status, answer = api.call("POST", "account/authenticators/totp", {"code": totp_code(person.totp)})
    assert status == 200, answer
    status, answer = api.call("GET", "account/authenticators/recovery-codes")
    assert status == 200, answer
    person.codes = answer["data"]["unused_codes"]
    for _ in range(used):
        code = person.codes.pop(0)
        person.used.append(code)
        _sign_in(person, code)


def _add_passkey(person: Person, api: Api, passwordless: bool) -> None:
    path = "account/authenticators/webauthn" + ("?passwordless" if passwordless else "")
    status, answer = api.call("GET", path)
    assert status == 200, answer
    person.passkey, person.passkey_alone = Passkey(DOMAIN), passwordless
    credential = person.passkey.register(answer["data"]["creation_options"], passwordless)
    status, answer = api.call("POST", "account/authenticators/webauthn", {"name": "Phone", "credential": credential})
    assert status == 200, answer


def _connect(user: Any, person: Person) -> None:
    from allauth.socialaccount.models import SocialAccount

    extra = {"sub": person.google, "email": person.email, "name": "Ann"}
    SocialAccount.objects.create(user=user, provider="google", uid=person.google, extra_data=extra)


def _add_address(user: Any, person: Person) -> None:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=user, email=person.second_email, verified=True, primary=False)


def _add_phone(user: Any, person: Person) -> None:
    from allauth.account.adapter import get_adapter

    get_adapter().set_phone(user, person.phone, True)


def _sign_in(person: Person, code: str = "") -> Api:
    """Sign in at allauth. Afterwards the person has new tokens."""
    cache.clear()  # a code of the authenticator app counts once
    api = Api()
    status, answer = api.call("POST", "auth/login", {"email": person.email, "password": person.password})
    if status == 401:
        if person.totp:
            body = {"code": code or totp_code(person.totp)}
            status, answer = api.call("POST", "auth/2fa/authenticate", body)
        elif person.passkey:
            _, asked = api.call("GET", "auth/webauthn/authenticate")
            credential = person.passkey.sign(asked["data"]["request_options"])
            status, answer = api.call("POST", "auth/webauthn/authenticate", {"credential": credential})
    assert status == 200, answer
    meta = answer["meta"]
    person.session_token, person.access_token = api.token, meta["access_token"]
    person.refresh_token = meta["refresh_token"]
    return api
