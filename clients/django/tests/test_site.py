"""A site with Django REST framework behind a real Latchkey: old and new tokens side by side."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.test import Client

from latchkey_django import backend
from live import Latchkey, run_latchkey

pytestmark = pytest.mark.django_db

IDS = os.environ.get("SITE_IDS", "int")
PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def server() -> Iterator[Latchkey]:
    kind = {"int": "int31", "bigint": "int52", "uuid": "uuid"}[IDS]
    with run_latchkey(LATCHKEY_USER_IDS=kind) as found:
        yield found


@pytest.fixture
def at_server(server: Latchkey, settings: Any) -> Latchkey:
    settings.LATCHKEY = {**settings.LATCHKEY, "URL": server.url}
    return server


@pytest.fixture
def new(at_server: Latchkey) -> dict[str, Any]:
    """The answer to a sign-up at Latchkey."""
    return at_server.sign_up(f"{uuid.uuid4().hex}@example.com")


def get(token: str, header: str = "Authorization", path: str = "/api/profile") -> Any:
    value = f"Bearer {token}" if header == "Authorization" else token
    return Client(headers={header: value}).get(path)


def allauth_user(client: Client) -> dict[str, Any]:
    """Sign up at allauth, as before the move."""
    answer = client.post(
        "/_allauth/app/v1/auth/signup",
        {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD},
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_new_user_is_created_at_first_sight(new: dict[str, Any]) -> None:
    user = new["data"]["user"]
    answer = get(new["meta"]["access_token"])
    assert answer.status_code == 200
    assert answer.json()["id"] == str(user["id"])
    assert answer.json()["email"] == user["email"]
    assert answer.json()["claims"]["token_use"] == "access"

    stored = get_user_model().objects.get(pk=user["id"])
    assert not stored.has_usable_password()
    assert stored.email == user["email"]
    if IDS == "int":
        assert 1 << 30 <= stored.pk < 1 << 31


def test_old_tokens_go_on(at_server: Latchkey) -> None:
    meta = allauth_user(Client())["meta"]
    assert get(meta["access_token"]).status_code == 200
    assert get(meta["session_token"], "X-Session-Token").status_code == 200


def test_a_refresh_token_is_no_access_token(new: dict[str, Any]) -> None:
    answer = get(new["meta"]["refresh_token"])
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert get_user_model().objects.count() == 0


def test_no_token(at_server: Latchkey) -> None:
    answer = Client().get("/api/profile")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="latchkey"'


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer x", "Basic YTpi", "Bearer lkst_x"])
def test_other_headers(at_server: Latchkey, header: str) -> None:
    assert Client(headers={"Authorization": header}).get("/api/profile").status_code == 401


def test_a_session_token(new: dict[str, Any], at_server: Latchkey) -> None:
    token = new["meta"]["session_token"]
    answer = get(token, "X-Session-Token")
    assert answer.status_code == 200
    assert answer.json()["id"] == str(new["data"]["user"]["id"])

    at_server.call("DELETE", "auth/session", headers={"X-Session-Token": token})
    backend.replace(None)  # what was remembered for two seconds
    assert get(token, "X-Session-Token").status_code == 401


def test_keys_away(new: dict[str, Any], settings: Any) -> None:
    """503 with Retry-After: the phone waits, and keeps its tokens."""
    settings.LATCHKEY = {**settings.LATCHKEY, "URL": "http://127.0.0.1:9"}
    for path in ("/api/profile", "/plain", "/guarded", "/plain-async", "/guarded-async", "/ninja/profile"):
        answer = get(new["meta"]["access_token"], path=path)
        assert answer.status_code == 503, path
        assert answer["Retry-After"] == "5"
    assert get(new["meta"]["session_token"], "X-Session-Token").status_code == 503


def test_old_tokens_go_on_while_latchkey_is_away(settings: Any) -> None:
    settings.LATCHKEY = {**settings.LATCHKEY, "URL": "http://127.0.0.1:9"}
    assert get(allauth_user(Client())["meta"]["access_token"]).status_code == 200


def test_check_session(new: dict[str, Any], at_server: Latchkey, settings: Any) -> None:
    """With CHECK_SESSION a sign-out counts at once; without it, the token goes on until it expires."""
    token = new["meta"]["access_token"]
    assert get(token).status_code == 200
    at_server.call("DELETE", "auth/session", headers={"X-Session-Token": new["meta"]["session_token"]})
    assert get(token).status_code == 200

    settings.LATCHKEY = {**settings.LATCHKEY, "CHECK_SESSION": True}
    assert get(token).status_code == 401


def test_imported_users_are_found(at_server: Latchkey) -> None:
    """A user who was there before is found by the id, and nothing of theirs is changed."""
    user = get_user_model().objects.create_user("ada", "ada@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email="ada@example.com", verified=True, primary=True)
    from latchkey_django.test import fake_latchkey

    with fake_latchkey() as fake:
        fake.profiles[str(user.pk)] = {"email": "other@example.com"}
        answer = get(fake.access_token(user))
    assert answer.status_code == 200
    user.refresh_from_db()
    assert user.email == "ada@example.com"
    assert user.has_usable_password()


def test_int4_is_real(at_server: Latchkey) -> None:
    """The integer site has the column that cannot store more than 31 bits."""
    if IDS != "int":
        return
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'auth_user' AND column_name = 'id'"
        )
        assert cursor.fetchone() == ("integer",)


def test_schema_has_no_warnings(at_server: Latchkey, capsys: pytest.CaptureFixture[str]) -> None:
    from django.core.management import call_command

    call_command("spectacular", "--fail-on-warn", "--validate")
    text = capsys.readouterr().out
    assert "bearerFormat: JWT" in text
    assert "latchkeySession" in text
    assert django_settings.ROOT_URLCONF == "demosite.urls"
