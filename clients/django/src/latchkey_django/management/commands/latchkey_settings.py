from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from latchkey_django.moving import environment, site
from latchkey_django.moving.problems import Report


class Command(BaseCommand):
    help = (
        "Print an environment file for Latchkey from Django's settings: the settings that both have, the public key "
        "of the old tokens, and the key that opens their session ids. SECRET_KEY and passwords are not printed."
    )
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **__: Any) -> None:
        site.require_allauth()
        report = Report()
        found = environment.variables(report)
        self.stdout.write(environment.as_environment_file(found), ending="")
        for text in report.notes:
            self.stderr.write(f"note: {text}")
        for text in report.problems:
            self.stderr.write(f"problem: {text}")
        if report.problems:
            raise CommandError(f"{len(report.problems)} problems: see above")
