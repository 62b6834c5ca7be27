"""The local user of a token."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from latchkey_django import backend
from latchkey_django.errors import UserInactive, UserNotFound, UserNotStored
from latchkey_django.signals import latchkey_user_created
from latchkey_django.test import FakeLatchkey, LatchkeyClient

pytestmark = pytest.mark.django_db

IDS = os.environ.get("SITE_IDS", "int")
NEW = "5b9f3ddc-93e9-4a4f-8a0c-2ee3a53d5ad1" if IDS == "uuid" else "1073741900"


@pytest.fixture
def ada(db: None) -> Any:
    return get_user_model().objects.create_user("ada", "ada@example.com")


def test_created_once_with_name_and_address(latchkey: FakeLatchkey) -> None:
    latchkey.profiles[NEW] = {"email": "new@example.com", "username": "new", "display": "New User"}
    seen: list[dict[str, Any]] = []

    def note(**arguments: Any) -> None:
        seen.append(arguments)

    latchkey_user_created.connect(note)
    try:
        token = latchkey.access_token(NEW)
        first, _ = backend.current().authenticate(token)
        second, _ = backend.current().authenticate(token)
    finally:
        latchkey_user_created.disconnect(note)

    assert first.pk == second.pk
    assert str(first.pk) == NEW
    assert (first.email, first.username, first.first_name) == ("new@example.com", "new", "New User")  # type: ignore[attr-defined]
    assert not first.has_usable_password()
    assert len(seen) == 1
    assert seen[0]["user"] == first
    assert seen[0]["claims"]["sub"] == NEW
    assert seen[0]["data"]["display"] == "New User"


@pytest.mark.django_db(transaction=True)
def test_two_first_requests_at_once(latchkey: FakeLatchkey) -> None:
    token = latchkey.access_token(NEW)
    barrier = threading.Barrier(8)
    created: list[Any] = []
    failed: list[BaseException] = []

    def note(**arguments: Any) -> None:
        created.append(arguments["user"])

    def ask() -> None:
        try:
            barrier.wait()
            backend.current().authenticate(token)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    latchkey_user_created.connect(note)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latchkey_user_created.disconnect(note)

    assert failed == []
    assert len(created) == 1
    assert get_user_model().objects.count() == 1


def test_a_taken_name(latchkey: FakeLatchkey, ada: Any) -> None:
    latchkey.profiles[NEW] = {"username": "ada"}
    user, _ = backend.current().authenticate(latchkey.access_token(NEW))
    assert user.get_username() == f"latchkey-{NEW}"


def test_inactive(latchkey: FakeLatchkey, ada: Any, settings: Any) -> None:
    ada.is_active = False
    ada.save()
    token = latchkey.access_token(ada)
    with pytest.raises(UserInactive):
        backend.current().authenticate(token)


def test_create_users_off(latchkey: FakeLatchkey) -> None:
    object.__setattr__(backend.current().settings, "CREATE_USERS", False)
    with pytest.raises(UserNotFound):
        backend.current().authenticate(latchkey.access_token(NEW))


@pytest.mark.parametrize("subject", ["4503599627370495000", "abc", "12x", "018f3a2b4c5d6e7f8091a2b3c4d5e6f7"])
def test_ids_that_the_model_cannot_store(latchkey: FakeLatchkey, site: LatchkeyClient, subject: str) -> None:
    """403, and not the 500 of the database; and no other spelling of a user's id."""
    if IDS == "bigint" and subject.startswith("450"):
        return
    with pytest.raises(UserNotStored):
        backend.current().authenticate(latchkey.access_token(subject))
    site.sign_in(subject)
    assert site.get("/api/profile").status_code == 403
    assert get_user_model().objects.count() == 0


def test_other_views(latchkey: FakeLatchkey, site: LatchkeyClient, ada: Any) -> None:
    """The middleware, its decorator and Ninja, synchronous and asynchronous."""
    for path in ("/guarded", "/guarded-async", "/ninja/profile", "/ninja/profile-async"):
        assert site.get(path).status_code == 401, path
    assert site.get("/guarded")["WWW-Authenticate"] == 'Bearer realm="latchkey"'
    assert site.get("/plain").json() == {"id": "None", "has_claims": False}

    site.sign_in(ada)
    for path in ("/plain", "/plain-async", "/guarded", "/guarded-async", "/ninja/profile"):
        assert site.get(path).json()["id"] == str(ada.pk), path
    assert site.get("/plain").json()["has_claims"] is True

    site.sign_in(ada, exp=1, iat=1)
    for path in ("/guarded", "/guarded-async", "/ninja/profile", "/api/profile"):
        assert site.get(path).status_code == 401, path
    assert 'error="invalid_token"' in site.get("/guarded")["WWW-Authenticate"]
    assert site.get("/plain").json() == {"id": "None", "has_claims": False}


async def test_async_client(latchkey: FakeLatchkey, transactional_db: None) -> None:
    from asgiref.sync import sync_to_async
    from django.test import AsyncClient

    ada = await sync_to_async(get_user_model().objects.create_user)("ada", "ada@example.com")
    client = AsyncClient()
    good = {"Authorization": f"Bearer {latchkey.access_token(ada)}"}
    for path in ("/plain-async", "/guarded-async", "/ninja/profile-async"):
        answer = await client.get(path, headers=good)
        assert answer.status_code == 200, path
        assert answer.json()["id"] == str(ada.pk), path
    late = {"Authorization": f"Bearer {latchkey.expired_token(ada)}"}
    assert (await client.get("/ninja/profile-async", headers=late)).status_code == 401
    latchkey.away = True
    assert (await client.get("/ninja/profile-async", headers=good)).status_code == 503


def test_helpers(latchkey: FakeLatchkey, site: LatchkeyClient, ada: Any) -> None:
    site.sign_in(ada)
    assert site.get("/api/profile").status_code == 200
    site.sign_out()
    assert site.get("/api/profile").status_code == 401
    site.defaults["HTTP_AUTHORIZATION"] = f"Bearer {latchkey.expired_token(ada)}"
    assert site.get("/api/profile").status_code == 401
