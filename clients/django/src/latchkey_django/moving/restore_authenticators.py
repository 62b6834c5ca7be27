"""Second factors and passkeys of a `latchkey export` as allauth stores them."""

from __future__ import annotations

import json
from typing import Any

from ..text import decode_base64url, encode_base64url
from .lines import Line, read_time
from .problems import Report
from .site import user_id


def _rows(user: Any, kind: str) -> Any:
    from allauth.mfa.models import Authenticator

    return Authenticator.objects.filter(user_id=user.pk, type=kind)


def _add(user: Any, kind: str, data: dict[str, Any], line: Line) -> None:
    from allauth.mfa.models import Authenticator

    row = Authenticator(user=user, type=kind, data=data)
    if line.get("created_at"):
        row.created_at = read_time(line["created_at"])
    if line.get("last_used_at"):
        row.last_used_at = read_time(line["last_used_at"])
    row.save()


def restore_totp(user: Any, line: Line | None) -> None:
    from allauth.mfa.utils import decrypt, encrypt

    row = _rows(user, "totp").first()
    if row is not None:
        same = line is not None and decrypt(row.data["secret"]).rstrip("=") == line["secret"]
        if same:
            return
        row.delete()
    if line is not None:
        secret = line["secret"]
        _add(user, "totp", {"secret": encrypt(secret + "=" * (-len(secret) % 8))}, line)


def restore_recovery_codes(user: Any, line: Line | None) -> None:
    """A set that allauth made itself keeps its seed. Another one becomes a list of the codes that are left."""
    from allauth.mfa.utils import encrypt

    row = _rows(user, "recovery_codes").first()
    if line is None:
        if row is not None:
            row.delete()
        return

    codes, used = line["codes"], set(line.get("used") or [])
    if row is not None and row.data.get("migrated_codes") is None and row.wrap().generate_codes() == codes:
        mask = sum(1 << position for position in used)
        if row.data["used_mask"] != mask:
            row.data["used_mask"] = mask
            row.save()
        return

    left = [code for position, code in enumerate(codes) if position not in used]
    if row is not None:
        if row.data.get("migrated_codes") is not None and row.wrap().generate_codes() == left:
            return
        row.delete()
    data: dict[str, Any] = {"migrated_codes": [encrypt(code) for code in left], "used_mask": 0}
    if line.get("viewed_at"):
        data["viewed_at"] = read_time(line["viewed_at"]).timestamp()
    _add(user, "recovery_codes", data, line)


def restore_webauthn(user: Any, lines: list[Line], handle: str | None, report: Report) -> None:
    from allauth.mfa.adapter import get_adapter

    wanted = {line["credential_id"]: line for line in lines}
    known = set()
    for row in _rows(user, "webauthn"):
        name = encode_base64url(row.wrap().authenticator_data.credential_data.credential_id)
        if name in wanted:
            known.add(name)
        else:
            row.delete()

    for name, line in wanted.items():
        if name not in known:
            _add(user, "webauthn", {"name": line.get("name") or "Passkey", "credential": _credential(line)}, line)

    entity = get_adapter().get_public_key_credential_user_entity(user)
    signs_alone = any(line.get("passwordless") for line in lines)
    if signs_alone and handle and decode_base64url(handle) != entity["id"]:
        report.note(
            f"user {user_id(user)}: allauth finds no user by the handle of these passkeys: they remain second factors"
        )


def _credential(line: Line) -> dict[str, Any]:
    """Return a registration answer as a browser gives it, which is what allauth stores."""
    from fido2.webauthn import AttestationObject, AuthenticatorData

    credential_id, key = _bytes(line["credential_id"]), _bytes(line["public_key"])
    aaguid = bytes.fromhex((line.get("aaguid") or "0" * 32).replace("-", ""))
    attested = aaguid + len(credential_id).to_bytes(2, "big") + credential_id + key
    flags = 0x45 | (0x08 if line.get("backup_eligible") else 0) | (0x10 if line.get("backup_state") else 0)
    counter = int(line.get("sign_count") or 0)
    data = AuthenticatorData(_bytes(line["rp_id_hash"]) + bytes([flags]) + counter.to_bytes(4, "big") + attested)
    client = json.dumps({"type": "webauthn.create", "challenge": "", "origin": ""}).encode()

    answer: dict[str, Any] = {
        "type": "public-key",
        "id": line["credential_id"],
        "rawId": line["credential_id"],
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": encode_base64url(client),
            "attestationObject": encode_base64url(bytes(AttestationObject.create("none", data, {}))),
            "transports": line.get("transports") or [],
        },
    }
    if line.get("passwordless") is not None:
        answer["clientExtensionResults"] = {"credProps": {"rk": line["passwordless"]}}
    return answer


def _bytes(text: str) -> bytes:
    data = decode_base64url(text)
    if data is None:
        raise ValueError("not base64url")
    return data
