"""The extensions for drf-spectacular. The app loads them where drf-spectacular is installed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class LatchkeyScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    target_class = "latchkey_django.rest_framework.LatchkeyAuthentication"
    name = "latchkey"
    match_subclasses = True

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class LatchkeySessionScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    target_class = "latchkey_django.rest_framework.LatchkeySessionAuthentication"
    name = "latchkeySession"
    match_subclasses = True

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": "X-Session-Token"}
