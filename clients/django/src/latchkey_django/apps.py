from __future__ import annotations

from importlib.util import find_spec

from django.apps import AppConfig


class LatchkeyConfig(AppConfig):
    name = "latchkey_django"
    label = "latchkey"
    verbose_name = "Latchkey"

    def ready(self) -> None:
        from . import checks  # noqa: F401

        if find_spec("drf_spectacular") is not None and find_spec("rest_framework") is not None:
            from . import spectacular  # noqa: F401
