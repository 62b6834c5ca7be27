"""The way back: what latchkey_import stores."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.core.management import CommandError, call_command

from latchkey_django.moving.lines import canonical
from latchkey_django.moving.restore import django_password
from latchkey_django.text import encode_base64url
from movers import DOMAIN, PASSWORD, make_movers
from test_export import export, of

pytestmark = pytest.mark.django_db

IDS = os.environ.get("SITE_IDS", "int")
NEW = "5b9f3ddc-93e9-4a4f-8a0c-2ee3a53d5ad1" if IDS == "uuid" else "1073741900"
# {1: 2, 3: -7, -1: 1, -2: x, -3: y}: no point of the curve, which nothing here computes with.
COSE_KEY = bytes.fromhex("a5010203262001215820") + b"x" * 32 + bytes.fromhex("225820") + b"y" * 32
HEAD = {"kind": "head", "format": 1, "source": "latchkey", "ids": "int"}


def write(path: Path, *lines: dict[str, Any], head: dict[str, Any] = HEAD) -> Path:
    texts = [canonical(line) for line in (head, *lines)]
    total = sum(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") for text in texts) % (1 << 256)
    users = sum(line["kind"] == "user" for line in lines)
    end = {"kind": "end", "users": users, "sessions": 0, "digest": f"{total:064x}"}
    path.write_text("".join(text + "\n" for text in [*texts, canonical(end)]))
    return path


def rows() -> list[Any]:
    """All that an import writes, without the times of the last save."""
    found: list[Any] = list(get_user_model().objects.order_by("pk").values())
    found += EmailAddress.objects.order_by("pk").values()
    found += Authenticator.objects.order_by("pk").values()
    found += SocialAccount.objects.order_by("pk").values("pk", "user_id", "provider", "uid")
    return found


def test_what_was_exported_changes_nothing(tmp_path: Path) -> None:
    make_movers(8)
    export(tmp_path)
    before = rows()
    call_command("latchkey_import", str(next(tmp_path.glob("*.jsonl"))))
    assert rows() == before


def test_a_user_of_latchkey(tmp_path: Path) -> None:
    """All of a user who signed up there, and nothing more in a second run."""
    line = {
        "kind": "user",
        "id": NEW,
        "username": "new",
        "created_at": "2026-11-30T12:00:00Z",
        "password": make_password(PASSWORD, hasher="argon2").removeprefix("argon2"),
        "emails": [
            {"address": "new@example.com", "verified": True, "primary": True},
            {"address": "other@example.com"},
        ],
        "phone": {"number": "+4915112345678", "verified": True},
        "totp": {"id": "1", "secret": "JBSWY3DPEHPK3PXP"},
        "recovery_codes": {"id": "2", "codes": ["11111111", "22222222"], "used": [0]},
        "webauthn": [
            {
                "id": "3",
                "name": "Phone",
                "credential_id": encode_base64url(b"c" * 32),
                "public_key": encode_base64url(COSE_KEY),
                "aaguid": "00000000-0000-0000-0000-000000000000",
                "rp_id_hash": encode_base64url(hashlib.sha256(DOMAIN.encode()).digest()),
                "passwordless": True,
            }
        ],
        "providers": [{"provider": "apple", "uid": "apple-1", "refresh_token": "grant"}],
    }
    path = write(tmp_path / "x", line)
    call_command("latchkey_import", str(path))
    user = get_user_model().objects.get(pk=NEW)
    assert (user.username, user.email, user.is_active) == ("new", "new@example.com", True)
    assert user.date_joined.isoformat() == "2026-11-30T12:00:00+00:00"
    assert check_password(PASSWORD, user.password)  # the user itself would store it anew
    addresses = EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary")
    assert sorted(addresses) == [("new@example.com", True, True), ("other@example.com", False, False)]
    assert get_adapter().get_phone(user) == ("+4915112345678", True)
    codes = Authenticator.objects.get(user=user, type="recovery_codes").wrap()
    assert codes.get_unused_codes() == ["22222222"]
    passkey = Authenticator.objects.get(user=user, type="webauthn").wrap()
    assert passkey.authenticator_data.credential_data.credential_id == b"c" * 32
    assert passkey.is_passwordless is True
    assert SocialToken.objects.get(account__user=user).token_secret == "grant"

    (back,) = of(export(tmp_path), "user")
    assert back["totp"]["secret"] == "JBSWY3DPEHPK3PXP"
    assert back["webauthn"][0]["public_key"] == line["webauthn"][0]["public_key"]  # type: ignore[index]
    before = rows()
    call_command("latchkey_import", str(path))
    assert rows() == before


def test_what_is_gone_at_latchkey_goes(tmp_path: Path) -> None:
    movers = make_movers(4)
    mover = next(mover for mover in movers if mover.totp and mover.passkey)
    keep = [{"address": mover.email, "verified": True, "primary": True}]
    line = {"kind": "user", "id": mover.id, "emails": keep, "disabled": True}
    head = {**HEAD, "complete": False}
    call_command("latchkey_import", str(write(tmp_path / "x", line, head=head)))
    user = get_user_model().objects.get(pk=mover.id)
    assert not user.is_active
    assert not user.has_usable_password()
    assert not Authenticator.objects.filter(user=user).exists()


def test_users_who_were_deleted_at_latchkey(tmp_path: Path) -> None:
    """They are problems, and stay as they are, until --disable-missing. Staff stay."""
    user = get_user_model().objects.create_user("ada", "ada@example.com", PASSWORD)
    root = get_user_model().objects.create_superuser("root", "root@example.com", PASSWORD)
    path = write(tmp_path / "x")
    with pytest.raises(CommandError, match="1 problems"):
        call_command("latchkey_import", str(path))
    user.refresh_from_db()
    assert user.is_active
    call_command("latchkey_import", "--disable-missing", str(path))
    user.refresh_from_db()
    root.refresh_from_db()
    assert not user.is_active
    assert root.is_active


def test_staff_keep_the_password_of_the_admin(tmp_path: Path) -> None:
    root = get_user_model().objects.create_superuser("root", "root@example.com", PASSWORD)
    line = {"kind": "user", "id": str(root.pk), "username": "root", "password": make_password("another password")}
    call_command("latchkey_import", str(write(tmp_path / "x", line)))
    root.refresh_from_db()
    assert root.check_password(PASSWORD)
    assert root.is_superuser


def test_passwords() -> None:
    assert django_password(None) is None
    assert django_password("!x") is None
    assert django_password("$fbscrypt$v=1$x") is None
    for hasher in ("argon2", "bcrypt", "bcrypt_sha256", "pbkdf2_sha256", "scrypt"):
        stored = make_password(PASSWORD, hasher=hasher)
        exported = stored.removeprefix("argon2") if hasher == "argon2" else stored.removeprefix("bcrypt$")
        found = django_password(exported)
        assert found is not None
        assert check_password(PASSWORD, found), hasher


def test_wrapped_passwords_stay(tmp_path: Path) -> None:
    """Latchkey wraps MD5 at the import. While nobody signed in there, Django's own hash is the same password."""
    user = get_user_model().objects.create_user("ada", "ada@example.com")
    user.password = make_password(PASSWORD, hasher="md5")
    user.save()
    salt = user.password.split("$")[1]
    line = {"kind": "user", "id": str(user.pk), "password": f"wrapped_md5${salt}$$argon2id$v=19$m=1,t=1,p=1$AA$AA"}
    call_command("latchkey_import", str(write(tmp_path / "x", line)))
    user.refresh_from_db()
    assert user.check_password(PASSWORD)

    other = {**line, "password": "wrapped_md5$other$$argon2id$v=19$m=1,t=1,p=1$AA$AA"}
    with pytest.raises(CommandError, match="1 problems"):
        call_command("latchkey_import", str(write(tmp_path / "y", other)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text[:-2], "is cut"),
        (lambda text: text.rsplit("\n", 2)[0] + "\n", "is cut"),
        (lambda text: text.replace("ada@", "eve@"), "is cut or was changed"),
        (lambda text: text + text, "nothing follows the end"),
        (lambda text: text.replace('"kind":"user"', '"kind":"mover"'), "unknown kind"),
        (lambda text: text.replace('"username"', '"admin":true,"username"'), "unknown member admin"),
        (lambda text: text.replace('"username"', '"kind":"user","username"'), "names are all different"),
        (lambda text: text.replace('"format":1', '"format":2'), "format is not 1"),
        (lambda text: text.replace(f'"id":"{NEW}"', '"id":"0x"'), "cannot be stored"),
        (lambda text: text.split("\n", 1)[1], "a head is the first line"),
    ],
)
def test_bad_files_store_nothing(tmp_path: Path, change: Any, says: str) -> None:
    line = {"kind": "user", "id": NEW, "username": "ada", "emails": [{"address": "ada@example.com", "primary": True}]}
    path = write(tmp_path / "x", line)
    path.write_text(change(path.read_text()))
    with pytest.raises(CommandError, match=says):
        call_command("latchkey_import", str(path))
    assert get_user_model().objects.count() == 0


def test_dry_run(tmp_path: Path) -> None:
    path = write(tmp_path / "x", {"kind": "user", "id": NEW, "username": "ada"})
    call_command("latchkey_import", "--dry-run", str(path))
    assert get_user_model().objects.count() == 0
    assert json.loads(path.read_text().splitlines()[0])["format"] == 1
