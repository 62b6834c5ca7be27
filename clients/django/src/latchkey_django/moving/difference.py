"""What changed since an earlier export. Django's tables have no time of the last change; PostgreSQL knows by the
number of the transaction that wrote a row. Other databases are exported as a whole."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import connections, models, router

from ..text import encode_base64url
from . import export_sessions
from .site import has_app, user_id

FIRST_LINE = "latchkey-export 1 "


def can_differ() -> bool:
    return bool(_connection().vendor == "postgresql")


def now() -> str:
    """Return the oldest transaction that may still write. Rows of it, and of all later ones, are in the next
    difference."""
    with _connection().cursor() as cursor:
        cursor.execute("SELECT txid_snapshot_xmin(txid_current_snapshot())")
        return str(int(cursor.fetchone()[0]) % (1 << 32))


def changed_users(since: str) -> list[Any]:
    """Return the keys of users of whom a row was written since."""
    found: set[Any] = set()
    for model, column in _user_tables():
        found.update(_changed(model, column, since))
    return sorted(found, key=str)


def changed_sessions(since: str) -> models.QuerySet[Any]:
    model = export_sessions.model()
    keys = _changed(model, model._meta.pk.column, since)
    found: models.QuerySet[Any] = export_sessions.living().filter(pk__in=keys)
    return found


def _user_tables() -> Iterator[tuple[type[models.Model], str]]:
    from allauth.account.models import EmailAddress

    user = get_user_model()
    yield user, user._meta.pk.column
    for parent in user._meta.get_parent_list():
        yield parent, parent._meta.pk.column
    yield EmailAddress, "user_id"
    if has_app("allauth.mfa"):
        from allauth.mfa.models import Authenticator

        yield Authenticator, "user_id"
    if has_app("allauth.socialaccount"):
        from allauth.socialaccount.models import SocialAccount

        yield SocialAccount, "user_id"


def _changed(model: type[models.Model], column: str, since: str) -> list[Any]:
    connection = connections[router.db_for_read(model)]
    quote = connection.ops.quote_name
    # The names are those of Django's models; the number is a parameter.
    query = f"SELECT DISTINCT {quote(column)} FROM {quote(model._meta.db_table)} WHERE age(xmin) <= age(%s::xid)"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, [since])
        return [row[0] for row in cursor.fetchall()]


def _connection() -> Any:
    return connections[router.db_for_read(get_user_model())]


class State:
    """What an export leaves for the next one: a file of mode 600 with a transaction, and the ids of all users and
    the hashes of all sessions, by which the next one finds those that are gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open() as file:
                first = file.readline().strip()
        except OSError as error:
            raise CommandError(f"--since: {error.strerror}: {path}") from None
        if not first.startswith(FIRST_LINE):
            raise CommandError(f"--since: {path} was not written by latchkey_export --state")
        self.since = first[len(FIRST_LINE) :]

    def gone(self) -> Iterator[dict[str, str]]:
        """Return lines for users and sessions that were there, and are not any more."""
        users, sessions = _Hashes(_user_ids()), _Hashes(_session_hashes())
        with self.path.open() as file:
            file.readline()
            for text in file:
                kind, _, value = text.strip().partition(" ")
                if kind == "user" and value not in users:
                    yield {"kind": "gone", "user": value}
                if kind == "session" and value not in sessions:
                    yield {"kind": "gone", "session": value}


def save(path: Path, since: str) -> None:
    """Write the state of this export. It replaces an older one as a whole."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{FIRST_LINE}{since}\n")
        file.writelines(f"user {value}\n" for value in _user_ids())
        file.writelines(f"session {value}\n" for value in _session_hashes())
    part.replace(path)


def _user_ids() -> Iterator[str]:
    users = get_user_model()._default_manager.only("pk").order_by("pk")
    return (user_id(user) for user in users.iterator(2000))


def _session_hashes() -> Iterator[str]:
    if export_sessions.model() is None:
        return iter(())
    keys = export_sessions.living().values_list("session_key", flat=True).iterator(2000)
    return (encode_base64url(export_sessions.token_hash(key)) for key in keys)


class _Hashes:
    """A set of texts in eight bytes each."""

    def __init__(self, values: Iterable[str]) -> None:
        self.hashes = array("Q", sorted(array("Q", map(_short, values))))

    def __contains__(self, value: str) -> bool:
        wanted = _short(value)
        position = bisect_left(self.hashes, wanted)
        return position < len(self.hashes) and self.hashes[position] == wanted


def _short(value: str) -> int:
    return int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), "big")
