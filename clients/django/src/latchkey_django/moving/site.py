"""What a site with allauth says about itself."""

from __future__ import annotations

from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import models

from .lines import Line, time_text

HEADLESS_ROTATES = "JWT_ROTATE_REFRESH_TOKEN"


def require_allauth() -> None:
    """Stop a command that needs allauth where it is not installed."""
    if not apps.is_installed("allauth.account"):
        raise CommandError("This command needs django-allauth: allauth.account is not in INSTALLED_APPS")


def has_app(name: str) -> bool:
    return apps.is_installed(name)


def key_field() -> models.Field[Any, Any]:
    """Return the primary key of the user model: that of the parent, where a model inherits its tables."""
    field: models.Field[Any, Any] = get_user_model()._meta.pk
    while field.remote_field is not None:
        field = field.target_field  # type: ignore[attr-defined]
    return field


def user_id(user: models.Model) -> str:
    """Return a user's id as allauth's tokens have it in `sub`."""
    return str(get_user_model()._meta.pk.value_to_string(user))


def kind_of_ids() -> str:
    field = key_field()
    if isinstance(field, models.UUIDField):
        return "uuid"
    return "int" if isinstance(field, models.IntegerField) else "text"


def head(complete: bool) -> Line:
    from allauth.headless import app_settings as headless

    line: Line = {
        "kind": "head",
        "format": 1,
        "source": f"django-allauth {version('django-allauth')}",
        "ids": kind_of_ids(),
        "exported_at": time_text(datetime.now(timezone.utc)),
    }
    if headless.JWT_ROTATE_REFRESH_TOKEN:
        line["rotation"] = True
    if not complete:
        line["complete"] = False
    if has_app("allauth.mfa"):
        from allauth.mfa import app_settings as mfa

        line["totp"] = {"digits": mfa.TOTP_DIGITS, "period": mfa.TOTP_PERIOD}
    return line
