"""An authenticator in software: makes passkeys and signs with them, as a phone does."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from latchkey_django.text import encode_base64url

PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


class Passkey:
    def __init__(self, domain: str) -> None:
        self.domain, self.origin = domain, f"https://{domain}"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.handle = b""

    def register(self, options: dict[str, Any], passwordless: bool) -> dict[str, Any]:
        """Return the answer to `navigator.credentials.create`."""
        self.handle = _bytes(options["publicKey"]["user"]["id"])
        client = self._client("webauthn.create", options)
        credential = AttestedCredentialData.create(
            Aaguid(bytes(range(16))),
            self.id,
            ES256.from_cryptography_key(self.key.public_key()),  # type: ignore[no-untyped-call]
        )
        flags = PRESENT | VERIFIED | BACKUP_ELIGIBLE | BACKED_UP | ATTESTED
        data = AuthenticatorData.create(self._domain_hash(), AuthenticatorData.FLAG(flags), 0, bytes(credential))
        return {
            "type": "public-key",
            "id": encode_base64url(self.id),
            "rawId": encode_base64url(self.id),
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": passwordless}},
            "response": {
                "clientDataJSON": encode_base64url(bytes(client)),
                "attestationObject": encode_base64url(bytes(AttestationObject.create("none", data, {}))),
                "transports": ["internal", "hybrid"],
            },
        }

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to `navigator.credentials.get`."""
        client = self._client("webauthn.get", options)
        flags = PRESENT | VERIFIED | BACKUP_ELIGIBLE | BACKED_UP
        data = bytes(AuthenticatorData.create(self._domain_hash(), AuthenticatorData.FLAG(flags), 0))
        signed = data + hashlib.sha256(bytes(client)).digest()
        return {
            "type": "public-key",
            "id": encode_base64url(self.id),
            "rawId": encode_base64url(self.id),
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode_base64url(bytes(client)),
                "authenticatorData": encode_base64url(data),
                "signature": encode_base64url(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
                "userHandle": encode_base64url(self.handle),
            },
        }

    def _client(self, kind: str, options: dict[str, Any]) -> CollectedClientData:
        return CollectedClientData.create(kind, _bytes(options["publicKey"]["challenge"]), self.origin)

    def _domain_hash(self) -> bytes:
        return hashlib.sha256(self.domain.encode()).digest()


def _bytes(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
