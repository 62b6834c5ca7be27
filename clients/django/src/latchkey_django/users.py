"""The local user of a token."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import IntegrityError, models, transaction

from .conf import Settings
from .errors import UserInactive, UserNotFound, UserNotStored
from .sessions import Session
from .signals import latchkey_user_created
from .tokens import Claims

log = logging.getLogger("latchkey_django")


def find_or_create_user(
    subject: str, claims: Claims, settings: Settings, ask: Callable[[], Session]
) -> AbstractBaseUser:
    """Return the user of a token, and create them at first sight. `ask` asks the server for the session, and is
    called for a new user only."""
    model = get_user_model()
    value = local_id(subject, settings)
    user = _find(value, settings)
    if user is None:
        if not settings.CREATE_USERS:
            raise UserNotFound
        data = ask().user
        user, created = _create(value, subject, data, settings)
        if created:
            latchkey_user_created.send(sender=model, user=user, claims=claims, data=data)

    if settings.CHECK_USER_IS_ACTIVE and not user.is_active:
        raise UserInactive
    return user


def id_field(settings: Settings) -> models.Field[Any, Any]:
    """Return the field of the user model that has Latchkey's id."""
    meta = get_user_model()._meta
    if settings.USER_ID_FIELD == "pk":
        field: models.Field[Any, Any] = meta.pk
        # Multi-table inheritance: the key is that of the parent.
        while field.remote_field is not None:
            field = field.target_field  # type: ignore[attr-defined]
        return field
    return meta.get_field(settings.USER_ID_FIELD)  # type: ignore[return-value]


def local_id(subject: str, settings: Settings) -> Any:
    """Return the id as the user model stores it. Raise UserNotStored where it cannot.

    Security: an id has one spelling. `0012` is not the user 12, and 32 hex digits are no dashed UUID.
    """
    field = id_field(settings)
    try:
        value = field.clean(subject, None)
    except ValidationError:
        value = None
    if value is None or str(value) != subject:
        log.error(
            "%s.%s cannot store an id of Latchkey: see the check latchkey.E001",
            field.model.__name__,
            field.name,
        )
        raise UserNotStored
    return value


def _find(value: Any, settings: Settings) -> AbstractBaseUser | None:
    manager = get_user_model()._default_manager
    found: AbstractBaseUser | None = manager.filter(**{settings.USER_ID_FIELD: value}).first()
    return found


def _create(value: Any, subject: str, data: dict[str, Any], settings: Settings) -> tuple[AbstractBaseUser, bool]:
    """Create the user. Of two first requests at once, one creates and the other finds."""
    model = get_user_model()
    defaults = _profile(subject, data)
    for attempt in (defaults, {**defaults, **_own_name(subject)}):
        try:
            with transaction.atomic():
                user = model._default_manager.model(**{settings.USER_ID_FIELD: value}, **attempt)
                user.set_unusable_password()
                user.save(force_insert=True)
                return user, True
        except IntegrityError:
            found = _find(value, settings)
            if found is not None:
                return found, False

    log.error("a user of Latchkey could not be created: another local user has the same name or address")
    raise UserNotStored


def _profile(subject: str, data: dict[str, Any]) -> dict[str, Any]:
    model = get_user_model()
    email = _text(data, "email")
    username = _text(data, "username") or subject
    display = _text(data, "display")

    values: dict[str, Any] = {}
    if email:
        values[model.get_email_field_name()] = email
    values.setdefault(model.USERNAME_FIELD, username)
    if display and display not in (email, username):
        values["name" if _has_field("name") else "first_name"] = display
    return {name: _cut(name, value) for name, value in values.items() if _has_field(name)}


def _own_name(subject: str) -> dict[str, Any]:
    """The name for a user whose own one is taken here."""
    model = get_user_model()
    if model.get_email_field_name() == model.USERNAME_FIELD:
        return {}
    return {model.USERNAME_FIELD: f"latchkey-{subject}"}


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _has_field(name: str) -> bool:
    try:
        field = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return isinstance(field, models.CharField | models.TextField)


def _cut(name: str, value: str) -> str:
    field = get_user_model()._meta.get_field(name)
    return value[: getattr(field, "max_length", None)]
