"""Second factors and passkeys as lines."""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any

from ..text import encode_base64url
from .lines import Line, from_timestamp, time_text, without_defaults
from .problems import Report
from .site import user_id

MAX_CODES = 64


def _times(row: Any) -> Line:
    return {"created_at": time_text(row.created_at), "last_used_at": time_text(row.last_used_at)}


def _of_type(rows: list[Any], kind: str) -> Any:
    return next((row for row in rows if row.type == kind), None)


def totp_line(user: Any, rows: list[Any], report: Report) -> Line | None:
    from allauth.mfa.utils import decrypt

    row = _of_type(rows, "totp")
    if row is None:
        return None
    try:
        secret = decrypt(row.data["secret"]).replace(" ", "").rstrip("=").upper()
        if not base64.b32decode(secret + "=" * (-len(secret) % 8)):
            raise ValueError("empty")
    except (KeyError, AttributeError, TypeError, ValueError, binascii.Error):
        report.problem(f"user {user_id(user)}: the secret of authenticator {row.pk} (totp) cannot be read")
        return None
    return without_defaults({"id": str(row.pk), "secret": secret, **_times(row)})


def recovery_codes_line(user: Any, rows: list[Any], report: Report) -> Line | None:
    row = _of_type(rows, "recovery_codes")
    if row is None:
        return None
    try:
        codes = row.wrap().generate_codes()
        # A migrated list has the codes only that are left.
        mask = 0 if row.data.get("migrated_codes") is not None else int(row.data["used_mask"])
    except (KeyError, AttributeError, TypeError, ValueError):
        report.problem(f"user {user_id(user)}: authenticator {row.pk} (recovery_codes) cannot be read")
        return None
    if not codes:
        return None
    if len(codes) > MAX_CODES:
        report.problem(f"user {user_id(user)}: has {len(codes)} recovery codes, more than {MAX_CODES}")
        return None

    viewed_at = row.data.get("viewed_at")
    is_time = isinstance(viewed_at, int | float) and viewed_at > 0
    return without_defaults(
        {
            "id": str(row.pk),
            "codes": codes,
            "used": [position for position in range(len(codes)) if mask >> position & 1],
            "viewed_at": time_text(from_timestamp(viewed_at)) if is_time else None,
            **_times(row),
        }
    )


def webauthn_line(user: Any, rows: list[Any], report: Report) -> list[Line]:
    found = []
    for row in rows:
        if row.type != "webauthn":
            continue
        try:
            found.append(_credential(row))
        except Exception as error:  # an object of CBOR that an older library wrote, or nobody
            report.problem(
                f"user {user_id(user)}: authenticator {row.pk} (webauthn) cannot be read: {type(error).__name__}"
            )
    return found


def _credential(row: Any) -> Line:
    """Return a passkey. allauth keeps the answer to the registration; the key is in its attestation object."""
    wrapped = row.wrap()
    data = wrapped.authenticator_data
    credential = data.credential_data
    if credential is None:
        raise ValueError("no attested credential data")

    answer = row.data["credential"]
    transports = answer.get("response", {}).get("transports") or []
    passwordless = wrapped.is_passwordless
    line = without_defaults(
        {
            "id": str(row.pk),
            "name": str(row.data.get("name") or "")[:200],
            "credential_id": encode_base64url(credential.credential_id),
            "public_key": encode_base64url(_cose(credential)),
            "sign_count": data.counter or None,
            "aaguid": str(uuid.UUID(bytes=bytes(credential.aaguid))),
            "transports": [text for text in transports if isinstance(text, str)],
            "backup_eligible": bool(data.flags & 0x08),
            "backup_state": bool(data.flags & 0x10),
            "rp_id_hash": encode_base64url(data.rp_id_hash),
            **_times(row),
        }
    )
    if passwordless is not None:
        line["passwordless"] = bool(passwordless)
    return line


def _cose(credential: Any) -> bytes:
    """The COSE key as the authenticator wrote it: behind AAGUID (16), length (2) and id."""
    raw = bytes(credential)
    return raw[18 + len(credential.credential_id) :]
