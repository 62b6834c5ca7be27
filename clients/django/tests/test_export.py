"""What latchkey_export writes, of users whom allauth's own API made."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from latchkey_django.moving.authenticators import recovery_codes_line
from latchkey_django.moving.lines import canonical, time_text
from latchkey_django.moving.problems import Report
from latchkey_django.text import encode_base64url
from movers import PASSWORD, make_mover, make_movers

pytestmark = pytest.mark.django_db

IDS = os.environ.get("SITE_IDS", "int")


def export(tmp_path: Path, *options: str) -> list[dict[str, Any]]:
    path = tmp_path / f"export-{len(list(tmp_path.iterdir()))}.jsonl"
    call_command("latchkey_export", "--output", str(path), *options)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return [json.loads(line) for line in path.read_text().splitlines()]


def of(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["kind"] == kind]


def plain_user(name: str, **more: Any) -> Any:
    return get_user_model().objects.create_user(name, more.pop("email", ""), PASSWORD, **more)


def test_movers(tmp_path: Path) -> None:
    movers = make_movers(12)
    lines = export(tmp_path)
    head = lines[0]
    assert head["kind"] == "head"
    assert head["ids"] == ("uuid" if IDS == "uuid" else "int")
    assert head["totp"] == {"digits": 6, "period": 30}
    assert head["rotation"] is True
    assert lines[-1]["kind"] == "end"
    users = {line["id"]: line for line in of(lines, "user")}
    assert len(users) == 12

    for mover in movers:
        line = users[mover.id]
        assert line.get("disabled", False) == mover.disabled
        assert ("password" in line) == (mover.password is not None)
        assert line["emails"][0]["address"] == mover.email
        assert line["emails"][0].get("verified", False) == mover.verified
        assert line.get("totp", {}).get("secret", "") == mover.totp
        if mover.codes:
            written = line["recovery_codes"]
            used = [written["codes"][position] for position in written.get("used", [])]
            assert used == mover.used
            assert [code for code in written["codes"] if code not in used] == mover.codes
        if mover.passkey:
            (credential,) = line["webauthn"]
            assert credential["credential_id"] == encode_base64url(mover.passkey.id)
            assert credential["aaguid"] == "00010203-0405-0607-0809-0a0b0c0d0e0f"
            assert credential["transports"] == ["internal", "hybrid"]
            assert credential["backup_eligible"] is True
            assert line["webauthn_handle"] == encode_base64url(mover.passkey.handle)
        assert [account["uid"] for account in line.get("providers", [])] == ([mover.google] if mover.google else [])
        assert line.get("phone", {}).get("number", "") == mover.phone

    sessions = {line["token_sha256"]: line for line in of(lines, "session")}
    for mover in movers:
        if mover.session_token:
            line = sessions[encode_base64url(hashlib.sha256(mover.session_token.encode()).digest())]
            assert line["user"] == mover.id
            claims = jwt.decode(mover.refresh_token, options={"verify_signature": False})
            jti = encode_base64url(hashlib.sha256(claims["jti"].encode()).digest())
            assert jti in [token["jti_sha256"] for token in line["refresh"]]
            assert line["methods"][0]["method"] == "password"
            assert line["user_agent"] == "phone/1"
    assert movers[0].session_token not in json.dumps(lines)


def test_digest(tmp_path: Path) -> None:
    plain_user("ada", email="ada@example.com")
    path = tmp_path / "out"
    call_command("latchkey_export", "--output", str(path))
    lines = path.read_text().splitlines()
    total = sum(int.from_bytes(hashlib.sha256(line.encode()).digest(), "big") for line in lines[:-1]) % (1 << 256)
    assert json.loads(lines[-1]) == {"kind": "end", "users": 1, "sessions": 0, "digest": f"{total:064x}"}
    assert all(canonical(json.loads(line)) == line for line in lines)


def test_users_who_are_older_than_allauth(tmp_path: Path) -> None:
    """createsuperuser writes the column alone; it is an unverified, primary address."""
    get_user_model().objects.create_superuser("root", "Root@Example.com", PASSWORD)
    (line,) = of(export(tmp_path), "user")
    assert line["emails"] == [{"address": "Root@example.com", "primary": True}]


def test_addresses(tmp_path: Path) -> None:
    """Twins by case become one, of several primaries one stays, and the column is an address, too."""
    user = plain_user("ada", email="column@example.com")
    for address, verified, primary in (("A@example.com", False, True), ("b@example.com", True, True)):
        row = EmailAddress(user=user, email=address, verified=verified, primary=False)
        row.save()
        EmailAddress.objects.filter(pk=row.pk).update(email=address)
        if primary:
            # Databases that are older than allauth's constraint have several.
            row.primary = True
    (line,) = of(export(tmp_path), "user")
    assert [email["address"] for email in line["emails"]] == ["A@example.com", "b@example.com", "column@example.com"]
    assert [email.get("primary", False) for email in line["emails"]] == [False, True, False]


@pytest.mark.parametrize("stored", ["", "!", "!unusable"])
def test_no_password(tmp_path: Path, stored: str) -> None:
    user = plain_user("ada")
    EmailAddress.objects.create(user=user, email="ada@example.com", verified=True)
    user.password = stored
    user.save()
    (line,) = of(export(tmp_path), "user")
    assert "password" not in line


def test_a_user_without_a_way_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    user = plain_user("ada")
    user.set_unusable_password()
    user.save()
    with pytest.raises(CommandError, match="1 problems"):
        export(tmp_path)
    assert f"user {user.pk}: has no way to sign in" in capsys.readouterr().err


def test_migrated_codes() -> None:
    """A list without the used ones, each encrypted."""
    from allauth.mfa.utils import encrypt

    user = plain_user("ada")
    data = {"migrated_codes": [encrypt("1111"), encrypt("2222")], "used_mask": 3}
    row = Authenticator.objects.create(user=user, type="recovery_codes", data=data)
    line = recovery_codes_line(user, [row], Report())
    assert line is not None
    assert line["codes"] == ["1111", "2222"]
    assert "used" not in line


def test_objects_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A problem that names user and authenticator, and no secret; the other users are written."""
    user = plain_user("ada")
    Authenticator.objects.create(user=user, type="totp", data={"secret": "sealed:!!!"})
    Authenticator.objects.create(user=user, type="webauthn", data={"name": "x", "credential": {"response": {}}})
    Authenticator.objects.create(user=user, type="recovery_codes", data={})
    plain_user("bob")
    with pytest.raises(CommandError, match="3 problems"):
        export(tmp_path)
    text = capsys.readouterr().err
    assert text.count(f"user {user.pk}: ") == 3
    assert "sealed" not in text
    lines = [json.loads(line) for line in next(tmp_path.glob("*.jsonl")).read_text().splitlines()]
    assert len(of(lines, "user")) == 2


def test_naive_times(settings: Any) -> None:
    """Times of sites with USE_TZ=False are of the site's zone."""
    settings.TIME_ZONE = "Europe/Berlin"
    assert time_text(datetime(2026, 7, 1, 12, 0, 0)) == "2026-07-01T10:00:00Z"  # noqa: DTZ001
    assert time_text(datetime(2026, 7, 1, 12, 0, 0, 120000)) == "2026-07-01T10:00:00.12Z"  # noqa: DTZ001


def test_sessions_are_judged_by_django_and_left_alone(tmp_path: Path, settings: Any) -> None:
    """After a change of the password elsewhere a session is dead; an export must not delete it, nor move one that
    an older SECRET_KEY signed."""
    dead, old = make_mover(0), make_mover(1)
    user = get_user_model().objects.get(pk=dead.id)
    user.set_password("another long password")
    user.save()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key"
    before = sorted(Session.objects.values_list("session_key", "session_data"))

    lines = of(export(tmp_path), "session")
    assert {line["user"] for line in lines} == {old.id}
    wanted = encode_base64url(hashlib.sha256(old.session_token.encode()).digest())
    assert wanted in {line["token_sha256"] for line in lines}
    assert sorted(Session.objects.values_list("session_key", "session_data")) == before


def test_expired_sessions_and_tokens_stay_behind(tmp_path: Path) -> None:
    mover = make_mover(0)
    Session.objects.filter(session_key=mover.session_token).update(expire_date=timezone.now() - timedelta(seconds=1))
    wanted = encode_base64url(hashlib.sha256(mover.session_token.encode()).digest())
    assert wanted not in {line["token_sha256"] for line in of(export(tmp_path), "session")}


def test_only(tmp_path: Path) -> None:
    first, second = make_mover(0), make_mover(1)
    lines = export(tmp_path, "--only", second.id)
    assert lines[0]["complete"] is False
    assert [line["id"] for line in of(lines, "user")] == [second.id]
    assert {line["user"] for line in of(lines, "session")} == {second.id}
    assert first.id != second.id


@pytest.mark.django_db(transaction=True)
def test_since(tmp_path: Path) -> None:
    """A difference has what changed, and what is gone."""
    changed, same, removed = (make_mover(number) for number in (0, 1, 2))
    token = str(tmp_path / "token")
    export(tmp_path, "--state", token)
    assert stat.S_IMODE(Path(token).stat().st_mode) == 0o600
    assert of(export(tmp_path, "--since", token), "user") == []

    EmailAddress.objects.create(user_id=changed.id, email="new@example.com")
    get_user_model().objects.get(pk=removed.id).delete()
    Session.objects.filter(session_key=same.session_token).delete()
    added = make_mover(3)

    lines = export(tmp_path, "--since", token, "--state", token)
    assert lines[0]["complete"] is False
    assert {line["id"] for line in of(lines, "user")} == {changed.id, added.id}
    gone = of(lines, "gone")
    session = encode_base64url(hashlib.sha256(same.session_token.encode()).digest())
    assert {"kind": "gone", "user": removed.id} in gone
    assert {"kind": "gone", "session": session} in gone
    # Sessions of users who changed are looked at again: Django may have ended them, or have them back.
    assert {line["user"] for line in of(lines, "session")} == {changed.id, added.id}
    assert of(export(tmp_path, "--since", token), "user") == []


@pytest.mark.django_db(transaction=True)
def test_a_new_password_ends_sessions_in_a_difference(tmp_path: Path) -> None:
    """Django leaves the rows of these sessions as they are."""
    changed, other = make_mover(0), make_mover(1)
    token = str(tmp_path / "token")
    export(tmp_path, "--state", token)
    user = get_user_model().objects.get(pk=changed.id)
    user.set_password("another long password")
    user.save()

    lines = export(tmp_path, "--since", token)
    ended = encode_base64url(hashlib.sha256(changed.session_token.encode()).digest())
    assert [line["id"] for line in of(lines, "user")] == [changed.id]
    assert ended in [line["session"] for line in of(lines, "gone")]
    assert of(lines, "session") == []
    kept = encode_base64url(hashlib.sha256(other.session_token.encode()).digest())
    assert kept not in json.dumps(lines)


@pytest.mark.parametrize("text", ["", "garbage\n"])
def test_a_bad_token(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    with pytest.raises(CommandError, match="was not written by latchkey_export"):
        export(tmp_path, "--since", str(tmp_path / "token"))
    with pytest.raises(CommandError, match="No such file"):
        export(tmp_path, "--since", str(tmp_path / "absent"))


def test_check(capsys: pytest.CaptureFixture[str]) -> None:
    """What needs a decision, without anything secret, and without an output."""
    from allauth.socialaccount.models import SocialAccount

    with connection.cursor() as cursor:  # as in a site of ACCOUNT_UNIQUE_EMAIL=False
        cursor.execute("DROP INDEX unique_verified_email")
    ada, bob = plain_user("ada", email="a@example.com"), plain_user("bob")
    eve, twin, lost = plain_user("eve@example.com"), plain_user("ADA"), plain_user("lost")
    for user in (ada, bob):
        EmailAddress.objects.create(user=user, email="shared@example.com")
    EmailAddress.objects.filter(email="shared@example.com").update(verified=True)
    EmailAddress.objects.create(user=bob, email="eve@example.com")
    SocialAccount.objects.create(user=lost, provider="twitter", uid="1")
    lost.set_unusable_password()
    lost.save()

    with pytest.raises(CommandError, match="4 problems"):
        call_command("latchkey_export", "--check")
    captured = capsys.readouterr()
    assert captured.out == ""
    for user in (ada, bob, eve, twin, lost):
        assert str(user.pk) in captured.err
    assert "differ in case only" in captured.err
    assert "verified the same address" in captured.err
    assert "the user name is an address of users" in captured.err
    assert "the only way in is twitter" in captured.err
    assert "4  password pbkdf2_sha256" in captured.err
    assert ada.password not in captured.err


def test_check_of_a_good_site(capsys: pytest.CaptureFixture[str]) -> None:
    make_movers(3)
    call_command("latchkey_export", "--check")
    assert "3  users" in capsys.readouterr().err
    assert connection.vendor == "postgresql"


def test_output_exists(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(CommandError, match="File exists"):
        call_command("latchkey_export", "--output", str(tmp_path / "x"))
