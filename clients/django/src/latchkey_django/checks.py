"""System checks: what would only show when users come."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models, router
from django.utils.module_loading import import_string

from . import conf
from .users import id_field

ALLAUTH = "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication"
OURS = "latchkey_django.rest_framework.LatchkeyAuthentication"
LARGEST = {"int31": (1 << 31) - 1, "int52": (1 << 52) - 1, "int63": (1 << 63) - 1}


@register(Tags.security)
def check_latchkey(**_: Any) -> list[CheckMessage]:
    """Check the settings, the user model and the order of authentication classes."""
    try:
        settings = conf.load()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="latchkey.E003")]
    return [*_check_ids(settings), *_check_order(), *_check_window(settings)]


def _check_ids(settings: conf.Settings) -> list[CheckMessage]:
    if not settings.CREATE_USERS:
        return []
    field = id_field(settings)
    if can_store(field, settings.USER_IDS):
        return []
    return [
        Error(
            f"{field.model.__name__}.{field.name} cannot store the ids of new users: LATCHKEY_USER_IDS of the "
            f"server is {settings.USER_IDS}.",
            hint="Set LATCHKEY_USER_IDS=int31 at the server and USER_IDS in LATCHKEY, or use another USER_ID_FIELD.",
            id="latchkey.E001",
        )
    ]


def can_store(field: models.Field[Any, Any], kind: str) -> bool:
    if isinstance(field, models.CharField | models.TextField):
        longest = {"uuid": 36, "text": 26}.get(kind, 19)
        return field.max_length is None or field.max_length >= longest
    if isinstance(field, models.UUIDField):
        return kind == "uuid"
    if not isinstance(field, models.IntegerField) or kind not in LARGEST:
        return False

    database = connections[router.db_for_write(field.model)]
    largest = database.ops.integer_field_range(field.get_internal_type())[1]
    return largest is None or largest >= LARGEST[kind]


def _default_classes() -> list[type]:
    paths = getattr(django_settings, "REST_FRAMEWORK", {}).get("DEFAULT_AUTHENTICATION_CLASSES", [])
    return [import_string(path) if isinstance(path, str) else path for path in paths]


def _position(path: str) -> int | None:
    try:
        wanted = import_string(path)
    except ImportError:
        return None
    for position, found in enumerate(_default_classes()):
        if issubclass(found, wanted):
            return position
    return None


def _check_order() -> list[CheckMessage]:
    ours, allauths = _position(OURS), _position(ALLAUTH)
    if ours is None or allauths is None or ours < allauths:
        return []
    return [
        Error(
            "allauth's JWTTokenAuthentication comes before LatchkeyAuthentication, and raises on Latchkey's tokens.",
            hint="Put latchkey_django.rest_framework.LatchkeyAuthentication first.",
            id="latchkey.E002",
        )
    ]


def _check_window(settings: conf.Settings) -> list[CheckMessage]:
    until = settings.old_tokens_until()
    is_over = until is not None and datetime.now(timezone.utc) > until
    if not is_over or _position(ALLAUTH) is None:
        return []
    return [
        Warning(
            "allauth's JWTTokenAuthentication is still there after OLD_TOKENS_UNTIL.",
            hint="Take it out of DEFAULT_AUTHENTICATION_CLASSES: Latchkey issues all tokens now.",
            id="latchkey.W001",
        )
    ]
