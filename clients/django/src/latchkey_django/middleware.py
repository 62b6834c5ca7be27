"""`request.user` by Latchkey's tokens, for views without Django REST framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from . import backend, errors
from .tokens import Claims

_KEY = "_latchkey"
Found = tuple[AbstractBaseUser, Claims]
GetResponse = Callable[[HttpRequest], Any]


class LatchkeyMiddleware:
    """Sets `request.user` and, for asynchronous views, `request.auser`, where a request has an access token of
    Latchkey. The token is looked at when a view reads the user first. Put it after AuthenticationMiddleware."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if request.META.get("HTTP_AUTHORIZATION"):
            before = getattr(request, "user", None) or AnonymousUser()
            request.user = SimpleLazyObject(partial(_user, request, before))  # type: ignore[assignment]
            request.auser = partial(_auser, request, before)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, errors.LatchkeyError):
            return answer(exception)
        return None


def authenticate(request: HttpRequest) -> Found | None:
    """Return user and claims of a request, or None where it has no access token of Latchkey. Raise an error of
    `latchkey_django.errors`. A request is looked at once."""
    if _KEY not in request.__dict__:
        parts = backend.current()
        token = parts.token_of(request.META.get("HTTP_AUTHORIZATION", ""))
        request.__dict__[_KEY] = None if token is None else parts.authenticate(token)
    found: Found | None = request.__dict__[_KEY]
    return found


async def aauthenticate(request: HttpRequest) -> Found | None:
    """The same for asynchronous views."""
    return await sync_to_async(authenticate)(request)


def claims_of(request: HttpRequest) -> Claims | None:
    """Return the claims of a request's access token, or None where it has no good one."""
    try:
        found = authenticate(request)
    except errors.InvalidToken:
        return None
    return found[1] if found else None


def answer(error: errors.LatchkeyError | None) -> HttpResponse:
    """Return the answer to a call that is not authenticated, in the envelope of Latchkey's own answers."""
    code = error.code if error else "authentication_required"
    message = error.message if error else "An access token is needed."
    status = 403
    if error is None or isinstance(error, errors.InvalidToken):
        status = 401
    elif isinstance(error, errors.Unavailable):
        status = 503

    response = JsonResponse({"status": status, "errors": [{"code": code, "message": message}]}, status=status)
    response["Cache-Control"] = "no-store"
    if status == 401:
        response["WWW-Authenticate"] = backend.current().challenge("invalid_token" if error else "")
    if status == 503:
        response["Retry-After"] = str(errors.RETRY_AFTER)
    return response


def latchkey_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a view that wants an access token: 401 with a challenge without a good one, where Django's
    `login_required` redirects to a page."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded_async(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                found = await aauthenticate(request)
            except errors.LatchkeyError as error:
                return answer(error)
            if found is None:
                return answer(None)
            request.user = found[0]  # type: ignore[assignment]
            return await view(request, *args, **kwargs)  # type: ignore[no-any-return]

        return guarded_async

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            found = authenticate(request)
        except errors.LatchkeyError as error:
            return answer(error)
        if found is None:
            return answer(None)
        request.user = found[0]  # type: ignore[assignment]
        return view(request, *args, **kwargs)  # type: ignore[no-any-return]

    return guarded


def _user(request: HttpRequest, before: Any) -> Any:
    try:
        found = authenticate(request)
    except errors.InvalidToken:
        return AnonymousUser()
    return found[0] if found else before


def _auser(request: HttpRequest, before: Any) -> Awaitable[Any]:
    return sync_to_async(_user)(request, before)
