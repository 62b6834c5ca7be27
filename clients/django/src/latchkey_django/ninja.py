"""Authentication classes for Django Ninja."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.security.base import AuthBase

from . import errors
from .middleware import answer, authenticate
from .tokens import Claims


class LatchkeyAuth(AuthBase):
    """Access tokens of Latchkey: `auth=LatchkeyAuth()`. `request.auth` is their claims, `request.user` the user.

    Call `handle_errors(api)` once, so that errors get their answers: 503 with `Retry-After` while Latchkey does
    not answer.
    """

    openapi_type: str = "http"
    openapi_scheme: str = "bearer"
    openapi_bearerFormat: str = "JWT"  # noqa: N815

    def __call__(self, request: HttpRequest) -> Any:
        return self._authenticate(request)

    def _authenticate(self, request: HttpRequest) -> Claims | None:
        try:
            found = authenticate(request)
        except errors.InvalidToken:
            return None
        if found is None:
            return None
        request.user = found[0]  # type: ignore[assignment]
        return found[1]


class AsyncLatchkeyAuth(LatchkeyAuth):
    """The same for asynchronous operations."""

    async def __call__(self, request: HttpRequest) -> Claims | None:
        return await sync_to_async(self._authenticate)(request)


def handle_errors(api: NinjaAPI) -> None:
    """Give the errors of this package their answers."""

    @api.exception_handler(errors.LatchkeyError)
    def answer_error(request: HttpRequest, error: errors.LatchkeyError) -> HttpResponse:
        return answer(error)
