from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from latchkey_django.moving import check, difference, export_sessions, export_users, site
from latchkey_django.moving.lines import Writer
from latchkey_django.moving.problems import Report

EVERY = 1000
SHOWN = 200


class Command(BaseCommand):
    help = (
        "Write all users and their sessions for `latchkey import`, as JSON Lines. The output has hashes of "
        "passwords and secrets of authenticator apps: use a pipe, or a file of mode 600."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing, and report what needs a decision")
        parser.add_argument("--output", type=Path, help="a new file of mode 600, in place of the standard output")
        parser.add_argument("--state", type=Path, help="a file to leave for --since of the next export")
        parser.add_argument(
            "--since",
            type=Path,
            metavar="TOKEN",
            help="only what changed since the export that left this file (PostgreSQL; otherwise everything)",
        )
        parser.add_argument("--only", type=_keys, metavar="PKS", help="only these users: 7,12,31")

    def handle(self, *_: Any, **options: Any) -> None:
        site.require_allauth()
        report = Report()
        if options["check"]:
            self._check(report)
        else:
            with _output(options["output"]) as out:
                self._export(out, report, options)
        self._show(report, everything=options["check"])
        if report.problems:
            raise CommandError(f"{len(report.problems)} problems: see above")

    def _check(self, report: Report) -> None:
        for batch in export_users.batches():
            for _ in export_users.lines(batch, report):
                pass
        for _ in export_sessions.lines(report):
            pass
        check.check(report)

    def _export(self, out: TextIO, report: Report, options: dict[str, Any]) -> None:
        since: Path | None = options["since"]
        state = difference.State(since) if since and difference.can_differ() else None
        keys: list[Any] | None = options["only"]
        begun = difference.now() if difference.can_differ() else ""
        if state is not None and keys is None:
            keys = difference.changed_users(state.since)

        writer = Writer(out)
        writer.write(site.head(complete=keys is None))
        for batch in export_users.batches(keys):
            for line in export_users.lines(batch, report):
                writer.write(line)
            self._progress(writer)

        written: set[str] = set()
        for line in self._sessions(report, state, options["only"]):
            writer.write(line)
            if state is not None:
                written.add(line["token_sha256"])
            if writer.sessions % EVERY == 0:
                self._progress(writer)
        if state is not None and options["only"] is None:
            changed = {str(key) for key in keys or []}
            for line in export_sessions.of_changed_users(report, changed, written) if changed else ():
                writer.write(line)
            for gone in state.gone():
                writer.write(dict(gone))
        writer.finish()
        self._progress(writer, last=True)

        if options["state"]:
            difference.save(options["state"], begun)

    def _sessions(
        self, report: Report, state: difference.State | None, only: list[Any] | None
    ) -> Iterator[dict[str, Any]]:
        if only is not None:
            return export_sessions.lines(report, users=set(only))
        if state is not None and export_sessions.model() is not None:
            return export_sessions.lines(report, difference.changed_sessions(state.since))
        return export_sessions.lines(report)

    def _progress(self, writer: Writer, last: bool = False) -> None:
        text = f"{writer.users:,} users, {writer.sessions:,} sessions"
        if self.stderr.isatty():
            self.stderr.write(f"\r{text}", ending="\n" if last else "")
        elif last:
            self.stderr.write(text)
        self.stderr.flush()

    def _show(self, report: Report, everything: bool) -> None:
        if everything:
            for name, count in sorted(report.counts.items()):
                self.stderr.write(f"{count:>10,}  {name}")
            for text in report.notes:
                self.stderr.write(f"note: {text}")
        for text in report.problems[:SHOWN]:
            self.stderr.write(f"problem: {text}")
        if len(report.problems) > SHOWN:
            self.stderr.write(f"problem: … and {len(report.problems) - SHOWN:,} more")


def _keys(text: str) -> list[str]:
    found = [part.strip() for part in text.split(",") if part.strip()]
    field = site.key_field()
    try:
        return [str(field.to_python(part)) for part in found]
    except Exception:
        raise argparse.ArgumentTypeError("want keys of users, such as 7,12,31") from None


class _output:  # noqa: N801
    """Opens a new file of mode 600, or takes the standard output; a file there gets mode 600, too."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def __enter__(self) -> TextIO:
        if self.path is None:
            if stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode):
                os.fchmod(sys.stdout.fileno(), 0o600)
            self.file: TextIO = open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False)
            return self.file
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"--output: {error.strerror}: {self.path}") from None
        self.file = os.fdopen(descriptor, "w", encoding="utf-8")
        return self.file

    def __exit__(self, *_: Any) -> None:
        self.file.close()
