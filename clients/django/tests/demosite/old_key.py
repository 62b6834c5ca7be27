"""The key that signs allauth's tokens: of SITE_OLD_KEY_FILE, so that several processes have the same."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def old_key() -> str:
    path = os.environ.get("SITE_OLD_KEY_FILE", "")
    if path and Path(path).exists():
        return Path(path).read_text()

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    if path:
        Path(path).touch(mode=0o600)
        Path(path).write_text(text)
    return text
