"""The spellings of what tokens are made of."""

from __future__ import annotations

import base64
import binascii
import re

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_INTEGER = re.compile(r"-?[0-9_]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def decode_base64url(text: str) -> bytes | None:
    """Decode strictly: no padding, no line breaks, no bits that belong to no byte."""
    if not _BASE64URL.fullmatch(text):
        return None
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return data if encode_base64url(data) == text else None


def encode_base64url(data: bytes) -> str:
    """Encode without padding."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def is_key_id(text: str) -> bool:
    return _KEY_ID.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def is_subject(text: str) -> bool:
    """Report whether a text can be a user's id at Latchkey: a positive integer of 64 bits, or 1 to 64
    characters that no language reads as an integer."""
    if not _SUBJECT.fullmatch(text):
        return False
    if not _INTEGER.fullmatch(text):
        return True
    return text.isdigit() and text[0] != "0" and int(text) < 1 << 63
