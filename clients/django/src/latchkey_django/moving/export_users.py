"""Users as lines, through Django's models and allauth's adapters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models

from ..text import encode_base64url, is_subject
from .authenticators import recovery_codes_line, totp_line, webauthn_line
from .lines import Line, time_text, without_defaults
from .problems import Report
from .site import has_app, user_id

BATCH = 500
Rows = dict[Any, list[Any]]


def batches(keys: list[Any] | None = None) -> Iterator[list[Any]]:
    """Return all users, or those with these keys, some hundred at a time. Users whom the default manager hides
    cannot sign in at Django, and are not among them."""
    users = get_user_model()._default_manager.order_by("pk")
    if keys is not None:
        for start in range(0, len(keys), BATCH):
            yield list(users.filter(pk__in=keys[start : start + BATCH]))
        return

    batch = list(users[:BATCH])
    while batch:
        yield batch
        batch = list(users.filter(pk__gt=batch[-1].pk)[:BATCH])


def lines(batch: list[Any], report: Report) -> Iterator[Line]:
    """Return the lines of a batch of users."""
    related = _Related(batch)
    for user in batch:
        if not is_subject(user_id(user)):
            report.problem(f"user {user_id(user)!r}: Latchkey cannot have this id")
            continue
        yield _line(user, related, report)


class _Related:
    """The rows of other tables, read once for each batch."""

    def __init__(self, batch: list[Any]) -> None:
        from allauth.account.models import EmailAddress

        keys = [user.pk for user in batch]
        self.emails = _by_user(EmailAddress.objects.filter(user_id__in=keys).order_by("pk"))
        self.authenticators: Rows = {}
        self.accounts: Rows = {}
        self.tokens: Rows = {}
        if has_app("allauth.mfa"):
            from allauth.mfa.models import Authenticator

            self.authenticators = _by_user(Authenticator.objects.filter(user_id__in=keys).order_by("pk"))
        if has_app("allauth.socialaccount"):
            from allauth.socialaccount.models import SocialAccount, SocialToken

            self.accounts = _by_user(SocialAccount.objects.filter(user_id__in=keys).order_by("pk"))
            tokens = SocialToken.objects.filter(account__user_id__in=keys).select_related("app").order_by("pk")
            for token in tokens:
                self.tokens.setdefault(token.account_id, []).append(token)


def _by_user(rows: models.QuerySet[Any]) -> Rows:
    found: Rows = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(row)
    return found


def _line(user: Any, related: _Related, report: Report) -> Line:
    from allauth.account.utils import user_display, user_username

    authenticators = related.authenticators.get(user.pk, [])
    emails = email_lines(user, related.emails.get(user.pk, []))
    username = user_username(user)
    if any(username and username.lower() == email["address"].lower() for email in emails):
        username = None  # the address signs in
    credentials = webauthn_line(user, authenticators, report)
    line = without_defaults(
        {
            "kind": "user",
            "id": user_id(user),
            "display": user_display(user)[:1000],
            "username": username,
            "created_at": time_text(getattr(user, "date_joined", None)),
            "disabled": not user.is_active,
            "password": password_of(user, report),
            "webauthn_handle": _handle(user) if credentials else None,
            "emails": emails,
            "phone": _phone(user),
            "totp": totp_line(user, authenticators, report),
            "recovery_codes": recovery_codes_line(user, authenticators, report),
            "webauthn": credentials,
            "providers": [_provider(row, related.tokens.get(row.pk, [])) for row in related.accounts.get(user.pk, [])],
        }
    )
    _count_ways_in(user, line, report)
    return line


def email_lines(user: Any, rows: list[Any]) -> list[Line]:
    """Return the addresses of a user: those of allauth, and the column of the user model, by which accounts that
    are older than allauth sign in."""
    from allauth.account import app_settings

    found: dict[str, Line] = {}
    for row in rows:
        address = row.email.strip()
        known = found.setdefault(address.lower(), {"address": address, "verified": False, "primary": False})
        known["verified"] = known["verified"] or row.verified
        known["primary"] = known["primary"] or row.primary

    column = app_settings.USER_MODEL_EMAIL_FIELD
    address = (getattr(user, column, "") or "").strip() if column else ""
    if "@" in address:
        found.setdefault(address.lower(), {"address": address, "verified": False, "primary": False})

    found.pop("", None)
    return [without_defaults(email) for email in _with_one_primary(list(found.values()))]


def _with_one_primary(emails: list[Line]) -> list[Line]:
    if not emails:
        return []
    best = max(emails, key=lambda email: (email["primary"], email["verified"]))
    for email in emails:
        email["primary"] = email is best
    return emails


def password_of(user: Any, report: Report) -> str | None:
    """Return the hash. `!…` and an empty one match no password."""
    password = user.password or ""
    if password == "" or password.startswith("!"):  # noqa: S105
        return None
    report.count(f"password {password_kind(password)}")
    return str(password)


def password_kind(password: str) -> str:
    """Return the algorithm of a hash, without anything of the hash itself."""
    from django.contrib.auth.hashers import identify_hasher

    try:
        return str(identify_hasher(password).algorithm)
    except ValueError:
        return "of an unknown algorithm"


def _handle(user: Any) -> str:
    from allauth.mfa.adapter import get_adapter

    handle = get_adapter().get_public_key_credential_user_entity(user)["id"]
    return encode_base64url(handle if isinstance(handle, bytes) else str(handle).encode())


def _phone(user: Any) -> Line | None:
    from allauth.account.adapter import get_adapter

    try:
        found = get_adapter().get_phone(user)
    except NotImplementedError:
        return None
    if not found or not found[0]:
        return None
    return without_defaults({"number": str(found[0]), "verified": bool(found[1])})


def _provider(account: Any, tokens: list[Any]) -> Line:
    token = tokens[-1] if tokens else None
    is_apple = account.provider == "apple"
    return without_defaults(
        {
            "provider": account.provider,
            "uid": account.uid,
            "display": _account_display(account),
            "client_id": token.app.client_id if token and token.app else _client_id(account),
            "refresh_token": token.token_secret if token and is_apple else None,
            "created_at": time_text(account.date_joined),
            "last_used_at": time_text(account.last_login),
        }
    )


def _account_display(account: Any) -> str | None:
    try:
        return str(account.get_provider_account().to_str())[:1000]
    except Exception:  # a provider that is not configured any more
        email = (account.extra_data or {}).get("email")
        return email if isinstance(email, str) else None


def _client_id(account: Any) -> str | None:
    try:
        return str(account.get_provider().app.client_id)
    except Exception:
        return None


def _count_ways_in(user: Any, line: Line, report: Report) -> None:
    report.count("users")
    for name in ("totp", "recovery_codes", "phone"):
        if name in line:
            report.count(name)
    for credential in line.get("webauthn", []):
        report.count(f"passkeys of {credential['rp_id_hash'][:12]}…")
    for account in line.get("providers", []):
        report.count(f"accounts at {account['provider']}")

    has_verified = any(email.get("verified") for email in line.get("emails", []))
    ways = ("password" in line, "webauthn" in line, "providers" in line, has_verified, "phone" in line)
    if not any(ways) and user.is_active:
        report.problem(f"user {line['id']}: has no way to sign in: no password, passkey, provider or verified address")
