"""The rules for access tokens, as https://github.com/latchkey-auth/latchkey (docs/verify.md) has them."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt

from .conf import Settings
from .errors import InvalidToken
from .keys import Keys
from .strictjson import MalformedError, parse_object
from .text import decode_base64url, is_key_id, is_subject, is_uuid

Claims = dict[str, Any]

MAX_TOKEN = 4096
SIGNATURE_LENGTH = 86
CLOCK_SKEW = 120
MAX_TIME = 1 << 33
OUR_TYPES = ("at+jwt", "rt+jwt")


def is_ours(token: str, issuer: str) -> bool:
    """Report whether a token says that Latchkey issued it, good or not. Tokens of other kinds are left to the
    authentication classes that follow."""
    if len(token) > 4 * MAX_TOKEN or token.count(".") != 2:
        return False

    header, claims = (_peek(part) for part in token.split(".")[:2])
    kind = header.get("typ")
    return isinstance(kind, str) and kind.lower() in OUR_TYPES and claims.get("iss") == issuer


def _peek(part: str) -> dict[str, Any]:
    data = decode_base64url(part)
    if data is None:
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def verify(token: str, settings: Settings, keys: Keys) -> Claims:
    """Return the claims of a good access token. Raise InvalidToken or Unavailable.

    Security: the order matters. Length and shape first, then a header of exactly three members, the key from
    our own record, the signature over the bytes that were sent, and only then the claims.
    """
    if len(token) > MAX_TOKEN:
        raise InvalidToken
    parts = token.split(".")
    if len(parts) != 3 or len(parts[2]) != SIGNATURE_LENGTH:
        raise InvalidToken
    header, payload, signature = (decode_base64url(part) for part in parts)
    if header is None or payload is None or signature is None:
        raise InvalidToken

    key = keys.find(_key_id(header))
    try:
        jwt.api_jws.PyJWS(algorithms=["ES256"]).decode(token, key, algorithms=["ES256"])
    except jwt.PyJWTError:
        raise InvalidToken from None

    try:
        claims = parse_object(payload)
    except MalformedError:
        raise InvalidToken from None
    _check(claims, settings)
    return claims


def _key_id(header: bytes) -> str:
    try:
        members = parse_object(header)
    except MalformedError:
        raise InvalidToken from None
    kid = members.get("kid")
    is_good = len(members) == 3 and members.get("alg") == "ES256" and members.get("typ") == "at+jwt"
    if not is_good or not isinstance(kid, str) or not is_key_id(kid):
        raise InvalidToken
    return kid


def _check(claims: Claims, settings: Settings) -> None:
    is_for_us = (
        claims.get("token_use") == "access"
        and claims.get("iss") == settings.ISSUER
        and claims.get("aud") == settings.AUDIENCE
    )
    names_session = (
        _is_session_id(claims.get("sid"))
        and _is_integer(claims.get("gen"), 1 << 53)
        and isinstance(claims.get("jti"), str)
        and claims["jti"] != ""
    )
    if not is_for_us or not names_session or "nbf" in claims:
        raise InvalidToken

    subject = claims.get("sub")
    if not isinstance(subject, str) or not is_subject(subject):
        raise InvalidToken
    if "tenant_id" in claims and not _is_tenant(claims["tenant_id"]):
        raise InvalidToken

    _check_times(claims.get("iat"), claims.get("exp"), settings)


def _check_times(iat: Any, exp: Any, settings: Settings) -> None:
    are_times = _is_integer(iat, MAX_TIME) and _is_integer(exp, MAX_TIME)
    if not are_times or iat >= exp or exp - iat > settings.LIFETIME:
        raise InvalidToken
    now = time.time()
    if now >= exp + settings.LEEWAY or iat > now + CLOCK_SKEW:
        raise InvalidToken


def _is_integer(value: Any, limit: int) -> bool:
    return type(value) is int and 0 < value < limit


def _is_session_id(value: Any) -> bool:
    data = decode_base64url(value) if isinstance(value, str) else None
    return data is not None and len(data) == 16


def _is_tenant(value: Any) -> bool:
    return isinstance(value, str) and is_uuid(value)
