"""The lines of the format: how they are written, and their digest."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import Any, TextIO

from django.utils.timezone import get_default_timezone, is_naive, make_aware

Line = dict[str, Any]


def canonical(line: Line) -> str:
    """Return a line in the canonical form of RFC 8785. Names are ASCII, and numbers are integers."""
    return json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def without_defaults(line: Line) -> Line:
    """Leave out what means the same as an absent member."""
    return {name: value for name, value in line.items() if value not in (None, "", False) and value != []}


def time_text(moment: datetime | None) -> str | None:
    """Return a time as lines have it. A naive one is of the site's zone, as Django reads it."""
    if moment is None:
        return None
    if is_naive(moment):
        moment = make_aware(moment, get_default_timezone())
    text = moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
    if "." in text:
        text = text.rstrip("0")
    return text + "Z"


def from_timestamp(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def digest_of(line: Line) -> int:
    """Return SHA-256 of a line as a number. The digest of a file is the sum of them, modulo 2^256."""
    return int.from_bytes(hashlib.sha256(canonical(line).encode()).digest(), "big")


class Writer:
    """Writes lines, counts them and adds up their digest."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.users = 0
        self.sessions = 0
        self._digest = 0

    def write(self, line: Line) -> None:
        text = canonical(line)
        self._digest = (self._digest + digest_of(line)) % (1 << 256)
        self.users += line["kind"] == "user"
        self.sessions += line["kind"] == "session"
        self.out.write(text + "\n")

    def finish(self) -> None:
        end = {"kind": "end", "users": self.users, "sessions": self.sessions, "digest": f"{self._digest:064x}"}
        self.out.write(canonical(end) + "\n")
        self.out.flush()
