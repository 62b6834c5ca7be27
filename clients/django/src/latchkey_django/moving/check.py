"""What needs a decision before the move, found in the whole database."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, Q
from django.db.models.functions import Lower

from .problems import Report
from .site import user_id

SPOKEN = ("apple", "google", "openid_connect")


def check(report: Report) -> None:
    """Look for what Latchkey refuses, or decides otherwise than allauth."""
    _two_verified(report)
    _twins_by_case(report)
    _names_that_are_addresses(report)
    _other_providers(report)
    _settings(report)


def _two_verified(report: Report) -> None:
    from allauth.account.models import EmailAddress

    verified = EmailAddress.objects.filter(verified=True).annotate(address=Lower("email"))
    shared = verified.values("address").annotate(users=Count("user", distinct=True)).filter(users__gt=1)
    for row in shared.iterator(500):
        users = _ids(verified.filter(address=row["address"]).values_list("user_id", flat=True))
        report.problem(f"users {users}: all have verified the same address, which can sign in one of them only")


def _twins_by_case(report: Report) -> None:
    name = _username_field()
    if not name:
        return
    users = get_user_model()._default_manager.exclude(**{name: ""}).annotate(folded=Lower(name))
    twins = users.values("folded").annotate(users=Count("pk")).filter(users__gt=1)
    for row in twins.iterator(500):
        found = _ids(users.filter(folded=row["folded"]).values_list("pk", flat=True))
        report.problem(f"users {found}: their user names differ in case only")


def _names_that_are_addresses(report: Report) -> None:
    """At sign-in an address wins over a user name."""
    from allauth.account.models import EmailAddress

    name = _username_field()
    if not name or name == get_user_model().get_email_field_name():
        return
    users = get_user_model()._default_manager.filter(**{f"{name}__contains": "@"}).annotate(folded=Lower(name))
    for user in users.iterator(500):
        others = EmailAddress.objects.annotate(address=Lower("email")).filter(address=user.folded)
        others = others.exclude(user_id=user.pk)
        if others.exists():
            owners = _ids(others.values_list("user_id", flat=True))
            report.problem(f"user {user_id(user)}: the user name is an address of users {owners}")


def _other_providers(report: Report) -> None:
    from .site import has_app

    if not has_app("allauth.socialaccount"):
        return
    from allauth.account.models import EmailAddress
    from allauth.socialaccount.models import SocialAccount

    spoken = _spoken()
    others = SocialAccount.objects.exclude(provider__in=spoken)
    for row in others.values("provider").annotate(accounts=Count("pk")).order_by("provider"):
        report.note(f"{row['accounts']} accounts at {row['provider']}, which Latchkey does not speak")

    has_other_way = Q(user__in=SocialAccount.objects.filter(provider__in=spoken).values("user"))
    has_other_way |= Q(user__in=EmailAddress.objects.filter(verified=True).values("user"))
    has_no_password = Q(user__password="") | Q(user__password__startswith="!")  # noqa: S106
    lost = others.filter(has_no_password, user__is_active=True)
    for account in lost.exclude(has_other_way).order_by("pk").iterator(500):
        report.problem(f"user {account.user_id}: the only way in is {account.provider}, which Latchkey does not speak")


def _spoken() -> list[str]:
    """The ids of providers that Latchkey speaks: Apple, Google, and apps of OpenID Connect."""
    from allauth.socialaccount import app_settings
    from allauth.socialaccount.models import SocialApp

    found = list(SPOKEN)
    for app in app_settings.PROVIDERS.get("openid_connect", {}).get("APPS", []):
        found.append(app.get("provider_id", ""))
    found += SocialApp.objects.filter(provider="openid_connect").values_list("provider_id", flat=True)
    return found


def _settings(report: Report) -> None:
    from django.conf import settings

    if settings.SESSION_ENGINE.endswith("signed_cookies"):
        report.problem("SESSION_ENGINE keeps sessions in cookies: they cannot move, and users sign in again")


def _username_field() -> str | None:
    from allauth.account import app_settings

    name: str | None = app_settings.USER_MODEL_USERNAME_FIELD
    return name


def _ids(values: Any) -> str:
    found = sorted({str(value) for value in values})
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return ", ".join(found[:10]) + more
