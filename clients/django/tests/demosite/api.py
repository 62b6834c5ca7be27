"""The same site by Django Ninja."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI

from latchkey_django.ninja import AsyncLatchkeyAuth, LatchkeyAuth, handle_errors

api = NinjaAPI()
handle_errors(api)


@api.get("/profile", auth=LatchkeyAuth())
def profile(request: HttpRequest) -> dict[str, Any]:
    return {"id": str(request.user.pk), "sub": request.auth["sub"]}  # type: ignore[attr-defined]


@api.get("/profile-async", auth=AsyncLatchkeyAuth())
async def profile_async(request: HttpRequest) -> dict[str, Any]:
    return {"id": str(request.user.pk), "sub": request.auth["sub"]}  # type: ignore[attr-defined]
