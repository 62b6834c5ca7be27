from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, transaction

from latchkey_django.moving import restore, site
from latchkey_django.moving.problems import Report

SHOWN = 200


class Command(BaseCommand):
    help = (
        "The way back: store the users of a `latchkey export` in Django and allauth. Everything is stored in one "
        "transaction, or nothing is. Sessions stay behind: their users sign in again."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="the file, or - for the standard input")
        parser.add_argument("--dry-run", action="store_true", help="store nothing, and report")
        parser.add_argument(
            "--disable-missing",
            action="store_true",
            help="disable users whom the export does not have: they were deleted at Latchkey (staff stay)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        site.require_allauth()
        report = Report()
        work = restore.Restore(report)
        try:
            with transaction.atomic(), _input(options["file"]) as lines:
                for number, line in restore.read(lines):
                    work.line(number, line)
                self._missing(work, report, options["disable_missing"])
                if options["dry_run"]:
                    transaction.set_rollback(True)
        except DatabaseError as error:
            raise CommandError(f"nothing was stored: {type(error).__name__}") from None

        for name, count in sorted(report.counts.items()):
            self.stderr.write(f"{count:>10,}  {name}")
        for text in report.notes[:SHOWN]:
            self.stderr.write(f"note: {text}")
        for text in report.problems[:SHOWN]:
            self.stderr.write(f"problem: {text}")
        if report.problems:
            raise CommandError(f"{len(report.problems)} problems: see above")

    def _missing(self, work: restore.Restore, report: Report, disable: bool) -> None:
        for user in work.missing():
            if not user.is_active:
                continue
            if not disable:
                report.problem(f"user {site.user_id(user)}: is not in the export: --disable-missing disables them")
                continue
            user.is_active = False
            user.save()
            report.count("users disabled: they are not in the export")


@contextmanager
def _input(name: str) -> Iterator[TextIO]:
    source: str | int = sys.stdin.fileno() if name == "-" else name
    try:
        with open(source, encoding="utf-8", newline="\n", closefd=name != "-") as file:
            yield file
    except OSError as error:
        raise CommandError(f"{error.strerror}: {name}") from None
