"""JSON that two parsers cannot read differently."""

from __future__ import annotations

import json
from typing import Any


class MalformedError(ValueError):
    """Not one JSON object, or one that two parsers could read differently."""


def parse_object(data: bytes, *, depth: int = 4, members: int = 128, text: int = 2048) -> dict[str, Any]:
    """Read exactly one JSON object.

    Refused: names that are equal but for their case, text that is not UTF-8, lone surrogates, U+0000, NaN
    and Infinity, and what is beyond the limits.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise MalformedError from error
    if not isinstance(value, dict):
        raise MalformedError

    _Limits(members, text).check(value, depth)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    folded: set[str] = set()
    for name, value in pairs:
        if name.casefold() in folded:
            raise MalformedError
        folded.add(name.casefold())
        found[name] = value
    return found


def _refuse(_: str) -> Any:
    raise MalformedError


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise MalformedError
    return int(digits)


class _Limits:
    def __init__(self, members: int, text: int) -> None:
        self.members = members
        self.text = text

    def check(self, value: Any, depth: int) -> None:
        if isinstance(value, str):
            self._check_text(value)
        elif isinstance(value, dict):
            for name, member in value.items():
                self._check_text(name)
                self._descend(member, depth)
        elif isinstance(value, list):
            for member in value:
                self._descend(member, depth)

    def _descend(self, member: Any, depth: int) -> None:
        self.members -= 1
        if self.members < 0 or depth < 1 or (depth == 1 and isinstance(member, dict | list)):
            raise MalformedError
        self.check(member, depth - 1)

    def _check_text(self, value: str) -> None:
        try:
            size = len(value.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise MalformedError from error
        if size > self.text or "\x00" in value:
            raise MalformedError
