"""Sessions as lines: with the hashes of their tokens only."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import QuerySet
from django.utils import timezone as django_timezone

from ..text import encode_base64url
from .lines import Line, from_timestamp, time_text, without_defaults
from .problems import Report
from .site import has_app, user_id

BATCH = 500
MAX_LIST = 1000
METHOD_TEXTS = ("email", "username", "phone", "type", "provider", "uid")


class _ReadOnly(SessionBase):
    """A session that cannot be written. Security: Django's `get_user` deletes a session whose hash does not match,
    and moves one that was signed with an older key: an export changes nothing."""

    def __init__(self, key: str, data: dict[str, Any]) -> None:
        super().__init__(key)
        self._session_cache = data

    def flush(self) -> None:
        self._session_cache = {}

    def cycle_key(self) -> None:
        pass

    def save(self, must_create: bool = False) -> None:
        pass

    def create(self) -> None:
        pass

    def delete(self, session_key: str | None = None) -> None:
        pass


def token_hash(session_key: str) -> bytes:
    return hashlib.sha256(session_key.encode()).digest()


def lines(report: Report, rows: QuerySet[Any] | None = None, users: set[str] | None = None) -> Iterator[Line]:
    """Return the lines of all living sessions, of those in `rows`, or those of `users` alone."""
    for key, expires_at, data in _stored(report, rows):
        line = _line(key, expires_at, data, report)
        if line is not None and (users is None or line["user"] in users):
            report.count("sessions")
            yield line


def of_changed_users(report: Report, users: set[str], written: set[str]) -> Iterator[Line]:
    """Return lines of the sessions of users who changed, without those that were written. Security: a new password
    ends the other sessions of a user, and Django writes none of their rows: they are gone all the same."""
    for key, expires_at, data in _stored(report, None):
        token = encode_base64url(token_hash(key))
        if str(data.get(SESSION_KEY)) not in users or token in written:
            continue
        yield _line(key, expires_at, data, report) or {"kind": "gone", "session": token}


def model() -> Any:
    """Return the model of the sessions, or None where they are not in the database."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return store.get_model_class() if hasattr(store, "get_model_class") else None


def living() -> QuerySet[Any]:
    found: QuerySet[Any] = model().objects.filter(expire_date__gt=django_timezone.now())
    return found


def _stored(report: Report, rows: QuerySet[Any] | None) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    if model() is not None:
        store = import_module(settings.SESSION_ENGINE).SessionStore()
        for row in (living() if rows is None else rows).iterator(BATCH):
            yield row.session_key, row.expire_date, store.decode(row.session_data)
        return

    if not has_app("allauth.usersessions"):
        report.problem(
            f"{settings.SESSION_ENGINE} has no list of sessions, and allauth.usersessions is not installed: "
            "users would have to sign in again"
        )
        return
    yield from _of_user_sessions()


def _of_user_sessions() -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    """Sessions in a cache: allauth.usersessions knows their keys."""
    from allauth.usersessions.models import UserSession

    engine = import_module(settings.SESSION_ENGINE)
    for key in UserSession.objects.order_by("pk").values_list("session_key", flat=True).iterator(BATCH):
        store = engine.SessionStore(key)
        data = dict(store.load())
        if data:
            yield key, datetime.now(timezone.utc) + (store.get_expiry_date() - django_timezone.now()), data


def _line(key: str, expires_at: datetime, data: dict[str, Any], report: Report) -> Line | None:
    from allauth.core.internal.sessionkit import get_session_user

    user = get_session_user(_ReadOnly(key, dict(data)))
    if user is None:  # signed out, disabled, or the password was changed since
        return None

    seen = _seen(key)
    return without_defaults(
        {
            "kind": "session",
            "user": user_id(user),
            "token_sha256": encode_base64url(token_hash(key)),
            "created_at": time_text(seen.created_at) if seen else _first_proof(data),
            "last_seen_at": time_text(seen.last_seen_at) if seen else None,
            "expires_at": time_text(expires_at),
            "user_agent": seen.user_agent if seen else None,
            "address": seen.ip if seen else None,
            "methods": _methods(user, data),
            "refresh": _refresh(data),
        }
    )


def _seen(key: str) -> Any:
    if not has_app("allauth.usersessions"):
        return None
    from allauth.usersessions.models import UserSession

    return UserSession.objects.filter(session_key=key).first()


def _records(data: dict[str, Any]) -> list[dict[str, Any]]:
    records = data.get("account_authentication_methods")
    is_list = isinstance(records, list)
    return [record for record in records if _is_record(record)] if is_list else []  # type: ignore[union-attr]


def _is_record(record: Any) -> bool:
    is_good = isinstance(record, dict) and isinstance(record.get("method"), str)
    return is_good and isinstance(record.get("at"), int | float) and record["at"] >= 0


def _first_proof(data: dict[str, Any]) -> str | None:
    moments = [record["at"] for record in _records(data)]
    return time_text(from_timestamp(min(moments))) if moments else None


def _methods(user: Any, data: dict[str, Any]) -> list[Line]:
    # As allauth: records of another user are not of this sign-in.
    if data.get("account_authentication_methods_user") not in (None, user_id(user)):
        return []

    found = []
    for record in _records(data)[-MAX_LIST:]:
        line: Line = {"method": record["method"], "at": int(record["at"])}
        line.update({name: record[name] for name in METHOD_TEXTS if record.get(name)})
        line.update({name: True for name in ("reauthenticated", "passwordless") if record.get(name)})
        if record.get("id") is not None:
            line["id"] = str(record["id"])
        found.append(line)
    return found


def _refresh(data: dict[str, Any]) -> list[Line]:
    """Return the refresh tokens that are still good, the newest ones where there are very many."""
    state = data.get("headless_refresh_tokens")
    if not isinstance(state, dict):
        return []
    now = time.time()
    tokens = sorted((exp, jti) for jti, exp in state.items() if isinstance(exp, int | float) and exp > now)
    return [
        {
            "jti_sha256": encode_base64url(hashlib.sha256(jti.encode()).digest()),
            "expires_at": time_text(from_timestamp(exp)),
        }
        for exp, jti in tokens[-MAX_LIST:]
    ]
