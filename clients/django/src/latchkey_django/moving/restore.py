"""The way back: users of a `latchkey export` into Django and allauth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from ..strictjson import MalformedError, parse_object
from .lines import Line, digest_of
from .problems import Report
from .restore_authenticators import restore_recovery_codes, restore_totp, restore_webauthn
from .site import has_app, key_field, user_id

MAX_LINE = 1 << 20
MEMBERS = {
    "head": {"format", "source", "ids", "rotation", "totp", "complete", "exported_at"},
    "tenant": {"id", "name", "created_at"},
    "user": {
        "id", "display", "username", "created_at", "disabled", "password", "password_hook", "webauthn_handle",
        "emails", "phone", "totp", "recovery_codes", "webauthn", "providers", "tenants",
    },
    "session": {
        "user", "token_sha256", "created_at", "last_seen_at", "expires_at", "user_agent", "address", "methods",
        "refresh",
    },
    "gone": {"user", "session"},
    "end": {"users", "sessions", "digest"},
}  # fmt: skip


def read(lines: Iterable[str]) -> Iterator[tuple[int, Line]]:
    """Read the lines of a file, and compare its end with what was read. Raise CommandError with a line's number."""
    number, users, sessions, digest = 0, 0, 0, 0
    ended = False
    for number, text in enumerate(lines, 1):
        line = _parse(number, text)
        kind = line["kind"]
        if ended or (kind == "head") != (number == 1):
            raise CommandError(f"line {number}: a head is the first line, and nothing follows the end")
        if kind == "end":
            ended = True
            wanted = (users, sessions, f"{digest % (1 << 256):064x}")
            if (line.get("users"), line.get("sessions"), line.get("digest")) != wanted:
                raise CommandError(f"line {number}: the file is cut or was changed: its end names other lines")
            continue
        users += kind == "user"
        sessions += kind == "session"
        digest += digest_of(line)
        yield number, line
    if not ended:
        raise CommandError(f"line {number}: the file is cut: its last line is not of the kind end")


def _parse(number: int, text: str) -> Line:
    if not text.endswith("\n") or len(text) > MAX_LINE:
        raise CommandError(f"line {number}: the file is cut, or the line is too long")
    try:
        line = parse_object(text.encode(), depth=6, members=100_000, text=MAX_LINE)
    except (MalformedError, UnicodeEncodeError):
        raise CommandError(f"line {number}: is not one JSON object in UTF-8 whose names are all different") from None
    kind = line.get("kind")
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise CommandError(f"line {number}: has an unknown kind")
    unknown = sorted(set(line) - MEMBERS[kind] - {"kind"})
    if unknown:
        raise CommandError(f"line {number}: has the unknown member {unknown[0]}")
    if kind == "head" and line.get("format") != 1:
        raise CommandError(f"line {number}: the format is not 1, the only one that this program reads")
    return line


@dataclass
class Restore:
    """Stores users. Its caller opens a transaction."""

    report: Report
    head: Line = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def line(self, number: int, line: Line) -> None:
        """Store one line."""
        kind = line["kind"]
        if kind == "head":
            self.head = line
        elif kind == "user":
            try:
                self._user(line)
            except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
                name = type(error).__name__
                raise CommandError(f"line {number}: user {line.get('id')!r}: cannot be stored: {name}") from None
        elif kind == "session":
            self.report.count("sessions left out: their users sign in again")

    def missing(self) -> list[Any]:
        """Return users of Django whom a complete export does not have: deleted at Latchkey."""
        if self.head.get("complete") is False:
            return []
        users = get_user_model()._default_manager.all()
        if _has_staff():
            users = users.filter(is_staff=False)
        return [user for user in users.order_by("pk").iterator(500) if user_id(user) not in self.seen]

    def _user(self, line: Line) -> None:
        model = get_user_model()
        value = key_field().clean(line["id"], None)
        if str(value) != line["id"]:
            raise ValueError("another spelling of an id")
        self.seen.add(line["id"])
        user = model._default_manager.filter(pk=value).first()
        is_new = user is None
        if user is None:
            user = model._default_manager.model(pk=value)

        self._columns(user, line, is_new)
        self._emails(user, line.get("emails") or [])
        self._phone(user, line.get("phone"))
        if has_app("allauth.mfa"):
            restore_totp(user, line.get("totp"))
            restore_recovery_codes(user, line.get("recovery_codes"))
            restore_webauthn(user, line.get("webauthn") or [], line.get("webauthn_handle"), self.report)
        if has_app("allauth.socialaccount"):
            self._providers(user, line.get("providers") or [])
        self.report.count("users created" if is_new else "users updated")

    def _columns(self, user: Any, line: Line, is_new: bool) -> None:
        from allauth.account import app_settings
        from allauth.account.utils import user_field

        emails = line.get("emails") or []
        primary = next((email["address"] for email in emails if email.get("primary")), "")
        user.is_active = not line.get("disabled", False)
        name = app_settings.USER_MODEL_USERNAME_FIELD
        if name and (is_new or line.get("username")):
            user_field(user, name, line.get("username") or f"user-{line['id']}")
        if app_settings.USER_MODEL_EMAIL_FIELD:
            user_field(user, app_settings.USER_MODEL_EMAIL_FIELD, primary)
        self._password(user, line.get("password"), is_new)
        if is_new and hasattr(user, "date_joined") and line.get("created_at"):
            user.date_joined = _local(line["created_at"])
        user.save(force_insert=is_new)

    def _password(self, user: Any, stored: str | None, is_new: bool) -> None:
        """The password of staff is that of Django's admin, and stays, unless there is none."""
        if not is_new and getattr(user, "is_staff", False) and user.has_usable_password() and user.password:
            return
        if not is_new and _is_wrapped(user.password, stored):
            return
        password = django_password(stored)
        if stored and password is None:
            self.report.problem(f"user {user_id(user)}: Django cannot verify this password: it has to be reset")
        if password is None:
            if is_new or user.has_usable_password():
                user.set_unusable_password()
        else:
            user.password = password

    def _emails(self, user: Any, emails: list[Line]) -> None:
        from allauth.account.models import EmailAddress

        wanted = {email["address"].lower(): email for email in emails}
        rows = {row.email.lower(): row for row in EmailAddress.objects.filter(user_id=user.pk)}
        for address, row in rows.items():
            if address not in wanted:
                row.delete()
            elif row.primary and not wanted[address].get("primary"):
                row.primary = False
                row.save()
        for address, email in sorted(wanted.items(), key=lambda item: bool(item[1].get("primary"))):
            row = rows.get(address) or EmailAddress(user=user, email=address)
            row.verified, row.primary = bool(email.get("verified")), bool(email.get("primary"))
            row.save()

    def _phone(self, user: Any, phone: Line | None) -> None:
        from allauth.account.adapter import get_adapter

        adapter = get_adapter()
        try:
            now = adapter.get_phone(user)
        except NotImplementedError:
            if phone:
                self.report.problem(f"user {user_id(user)}: ACCOUNT_ADAPTER does not store phone numbers")
            return
        if phone and now != (phone["number"], bool(phone.get("verified"))):
            adapter.set_phone(user, phone["number"], bool(phone.get("verified")))

    def _providers(self, user: Any, accounts: list[Line]) -> None:
        from allauth.socialaccount.models import SocialAccount, SocialToken

        wanted = {(account["provider"], account["uid"]): account for account in accounts}
        for row in SocialAccount.objects.filter(user_id=user.pk):
            if (row.provider, row.uid) not in wanted:
                row.delete()
        for (provider, uid), account in wanted.items():
            extra = {"sub": uid, "name": account.get("display") or ""}
            row, _ = SocialAccount.objects.get_or_create(
                provider=provider, uid=uid, defaults={"user": user, "extra_data": extra}
            )
            if row.user_id != user.pk:
                row.user = user
                row.save()
            secret = account.get("refresh_token")
            if secret and not SocialToken.objects.filter(account=row, token_secret=secret).exists():
                SocialToken.objects.create(account=row, token="", token_secret=secret)


def django_password(stored: str | None) -> str | None:
    """Return a hash as Django spells it, or None where Django has no such hash."""
    from django.contrib.auth.hashers import identify_hasher

    if not stored or stored.startswith("!"):
        return None
    password = stored
    if stored.startswith(("$argon2id$", "$argon2i$")):
        password = "argon2" + stored
    elif stored.startswith(("$2a$", "$2b$", "$2y$")):
        password = "bcrypt$" + stored
    try:
        identify_hasher(password)
    except ValueError:
        return None
    return password


def _is_wrapped(own: str, stored: str | None) -> bool:
    """Report whether Latchkey has this very MD5 or SHA-1, wrapped at the import: nobody has signed in since."""
    algorithm, _, rest = (stored or "").removeprefix("wrapped_").partition("$")
    salt = rest.partition("$")[0]
    return (stored or "").startswith("wrapped_") and own.startswith(f"{algorithm}${salt}$")


def _has_staff() -> bool:
    return any(found.name == "is_staff" for found in get_user_model()._meta.get_fields())


def _local(text: str) -> Any:
    """Return a time as the site stores it: naive where USE_TZ is off."""
    from django.conf import settings
    from django.utils.timezone import get_default_timezone, make_naive

    from .lines import read_time

    moment = read_time(text)
    return moment if settings.USE_TZ else make_naive(moment, get_default_timezone())
