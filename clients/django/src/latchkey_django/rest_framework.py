"""Authentication classes for Django REST framework."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from . import backend, errors
from .tokens import Claims

# A session key of Django: such a token may be one that only Django knows.
_DJANGO_KEY = re.compile(r"[a-z0-9]{32}")


class ServiceUnavailable(exceptions.APIException):
    """Latchkey did not answer. DRF sends `Retry-After` with it."""

    status_code = 503
    default_detail = errors.Unavailable.message
    default_code = errors.Unavailable.code
    wait = errors.RETRY_AFTER


class LatchkeyAuthentication(BaseAuthentication):
    """Access tokens of Latchkey in the Authorization header. `request.auth` is their claims.

    Tokens of other kinds are left to the classes that follow. Put this class before allauth's
    `JWTTokenAuthentication`, which raises on every token that is not its own.
    """

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, Claims] | None:
        parts = backend.current()
        try:
            token = parts.token_of(request.META.get("HTTP_AUTHORIZATION", ""))
            return None if token is None else parts.authenticate(token)
        except errors.LatchkeyError as error:
            raise _as_api_exception(error) from None

    async def aauthenticate(self, request: Request) -> tuple[AbstractBaseUser, Claims] | None:
        """The same for asynchronous views."""
        from asgiref.sync import sync_to_async

        return await sync_to_async(self.authenticate)(request)

    def authenticate_header(self, request: Request) -> str:
        return backend.current().challenge()


class LatchkeySessionAuthentication(BaseAuthentication):
    """Session tokens in `X-Session-Token`. Each is asked for at the server, and remembered for 2 s.

    `request.auth` is a dict of `sub`, `user` and `methods`. A token that looks like a session key of Django
    and is not known to Latchkey is left to the classes that follow.
    """

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, dict[str, Any]] | None:
        token = request.META.get("HTTP_X_SESSION_TOKEN", "")
        if not token:
            return None
        if not re.fullmatch(r"[!-~]{1,256}", token):
            raise _as_api_exception(errors.InvalidToken())
        try:
            return backend.current().authenticate_session(token)
        except (errors.UserNotFound, errors.UserInactive) as error:
            raise _as_api_exception(error) from None
        except errors.InvalidToken as error:
            if _DJANGO_KEY.fullmatch(token):
                return None
            raise _as_api_exception(error) from None
        except errors.LatchkeyError as error:
            raise _as_api_exception(error) from None

    def authenticate_header(self, request: Request) -> str:
        return backend.current().challenge()


def _as_api_exception(error: errors.LatchkeyError) -> exceptions.APIException:
    if isinstance(error, errors.InvalidToken):
        return exceptions.AuthenticationFailed(error.message, error.code)
    if isinstance(error, errors.Unavailable):
        return ServiceUnavailable()
    return exceptions.PermissionDenied(error.message, error.code)
