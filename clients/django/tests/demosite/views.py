from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from latchkey_django.middleware import claims_of, latchkey_required


@extend_schema(  # type: ignore[untyped-decorator]
    responses={200: {"type": "object", "properties": {"id": {"type": "string"}}}}
)
@api_view(["GET"])
def profile(request: Request) -> Response:
    """Who calls: by Django REST framework."""
    claims = request.auth if isinstance(request.auth, dict) else {}
    return Response({"id": str(request.user.pk), "email": getattr(request.user, "email", ""), "claims": claims})


def plain(request: HttpRequest) -> HttpResponse:
    """Who calls: by the middleware alone."""
    return JsonResponse({"id": str(request.user.pk), "has_claims": claims_of(request) is not None})


@latchkey_required
def guarded(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"id": str(request.user.pk)})


async def plain_async(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return JsonResponse({"id": str(user.pk)})


@latchkey_required
async def guarded_async(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"id": str(request.user.pk)})
