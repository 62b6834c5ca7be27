"""A whole move, as docs/moving-in.md tells it: a site with real django-allauth, whose API makes the users, moves
into Latchkey; every user signs in there by all that they have; and the way back. SITE_IDS and USERS choose the site.
It needs LATCHKEY_BIN and LATCHKEY_TEST_DATABASE_URL (`make moving-in`)."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unicodedata
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

HERE = Path(__file__).parent
GUIDE = HERE.parents[2] / "docs" / "moving-in.md"
IDS = os.environ.setdefault("SITE_IDS", "int")
USERS = int(os.environ.get("USERS", "50"))
SERVER: dict[str, Any] = conninfo_to_dict(os.environ["LATCHKEY_TEST_DATABASE_URL"])
SITE_DATABASE = os.environ["SITE_DATABASE"] = f"moving_{IDS}_{os.getpid()}"
OWN_DATABASE = f"{SITE_DATABASE}_latchkey"
BINARY = os.environ.get("LATCHKEY_BIN", str(HERE.parents[2] / "bin" / "latchkey"))
WORK = Path(tempfile.mkdtemp(prefix="latchkey-moving-"))
os.environ["SITE_OLD_KEY_FILE"] = str(WORK / "old_key.pem")
os.environ["DJANGO_SETTINGS_MODULE"] = "demosite.settings"
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402

import movers  # noqa: E402
from live import call, run_latchkey  # noqa: E402
from movers import DOMAIN, PASSWORD, Api, Mover, totp_code  # noqa: E402

NEW_PASSWORD = "a password of the time at Latchkey"
counts: Counter[str] = Counter()
steps: dict[str, str] = dict(re.findall(r"<!-- step: (\S+) -->\n```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL))
walked: list[str] = []


def check(holds: Any, what: str) -> None:
    if not holds:
        raise SystemExit(f"moving in, {IDS} users: {what}")


def step(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {IDS}: {text}", flush=True)


def program(name: str, command: list[str], environment: dict[str, str]) -> None:
    """Put a program on the PATH of the guide's commands, with an environment of its own."""
    path = WORK / "bin" / name
    path.parent.mkdir(exist_ok=True)
    exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in environment.items())
    path.touch(mode=0o700)
    path.write_text(f'#!/bin/bash\n{exports}exec {shlex.join(command)} "$@"\n')


def walk(name: str) -> None:
    """Run the commands of a step as the guide has them."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", steps[name]],
        cwd=WORK,
        env={**os.environ, "PATH": f"{WORK / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    check(done.returncode == 0, f"step {name} of the guide:\n{steps[name]}\n{done.stdout}\n{done.stderr}")
    walked.append(name)


class Latchkey:
    """The server that the site moves to, with the settings that latchkey_settings printed."""

    def __init__(self, services: str) -> None:
        self.services = services
        self.client_id = self.id_token("nobody")["client_id"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{self.address}"
        self.environment = self._environment()
        program("latchkey", [BINARY], self.environment)

    def _environment(self) -> dict[str, str]:
        walk("settings")
        printed = (WORK / "latchkey.env").read_text()
        found = dict(shlex.split(line)[0].split("=", 1) for line in printed.splitlines())
        key = subprocess.run([BINARY, "keys", "generate"], check=True, capture_output=True, text=True).stdout
        google = {"client_id": self.client_id, "name": "Google"}
        google_at = f"{self.services}/google"
        settings = {"issuer": google_at, "jwks_url": f"{google_at}/keys"}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(WORK),
            **found,
            "DATABASE_URL": make_conninfo(**{**SERVER, "dbname": OWN_DATABASE}),
            "HEADLESS_JWT_PRIVATE_KEY": key,
            "LATCHKEY_SEALING_KEYS": f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            "LATCHKEY_ADDR": self.address,
            "LATCHKEY_OPS_ADDR": "off",
            "LATCHKEY_MAIL_DIR": str(WORK),
            "LATCHKEY_WEBAUTHN_RP_ID": DOMAIN,
            "LATCHKEY_WEBAUTHN_ORIGINS": f"https://{DOMAIN}",
            "ACCOUNT_RATE_LIMITS": "false",
            "SOCIALACCOUNT_PROVIDERS": json.dumps({"google": {"APPS": [{**google, "settings": settings}]}}),
        }

    def id_token(self, subject: str, nonce: str = "") -> dict[str, Any]:
        """Return what a phone gets from Google."""
        body = json.dumps({"sub": subject, "nonce": nonce}).encode()
        request = urllib.request.Request(
            f"{self.services}/google/token-for", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def run(self, *arguments: str, stdin: Any = None, fails: bool = False) -> str:
        done = subprocess.run(
            [BINARY, *arguments], env=self.environment, stdin=stdin, capture_output=True, text=True, check=False
        )
        check(
            (done.returncode != 0) == fails,
            f"latchkey {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}",
        )
        return done.stdout + done.stderr

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        return call(self.url, method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    @contextmanager
    def serving(self) -> Iterator[None]:
        with (WORK / "serve.log").open("a") as log:
            server = subprocess.Popen([BINARY, "serve"], env=self.environment, stdout=log, stderr=log)
            try:
                self._wait(server)
                yield
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(60)

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        while True:
            check(server.poll() is None, "latchkey serve ended: " + (WORK / "serve.log").read_text())
            try:
                socket.create_connection(self.address.split(":"), timeout=1).close()  # type: ignore[arg-type]
                return
            except OSError:
                time.sleep(0.05)


def manage(*arguments: str, stdin: Any = None, stdout: Any = subprocess.PIPE) -> str:
    done = subprocess.run(
        [sys.executable, str(HERE / "manage.py"), *arguments],
        env={**os.environ, "PYTHONPATH": f"{HERE.parent / 'src'}:{HERE}"},
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    check(done.returncode == 0, f"manage.py {' '.join(arguments)}: {done.stderr}")
    return done.stdout or ""


def sign_in(server: Latchkey, mover: Mover) -> None:
    """Sign in at Latchkey by all that a user has."""
    if mover.disabled:
        status, answer = by_password(server, mover, {"email": mover.email})
        check(status in (400, 401, 403) and not answer.get("meta", {}).get("access_token"), f"{mover.id} is disabled")
        counts["disabled"] += 1
        return

    for body in ({"email": mover.email}, {"username": mover.username}, {"email": mover.second_email}):
        if mover.password and all(body.values()):
            complete(server, mover, by_password(server, mover, body), f"password by {next(iter(body))}")
            counts[f"{mover.hasher} by {next(iter(body))}"] += 1
    if not mover.password:
        status, _ = by_password(server, mover, {"email": mover.email})
        check(status == 400, f"{mover.id} has no password: got {status}")
    if mover.google:
        _, found = server.call("POST", "auth/provider/nonce")
        token = server.id_token(mover.google, found["data"]["nonce"])
        token["nonce"] = found["data"]["nonce"]
        asked = {"provider": "google", "process": "login", "token": token}
        complete(server, mover, server.call("POST", "auth/provider/token", asked), "google")
        counts["google"] += 1
    if mover.passkey and mover.passkey_alone:
        sign_in_by_passkey(server, mover)
    if mover.password and mover.totp:
        sign_in_by_totp(server, mover)


def by_password(server: Latchkey, mover: Mover, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    return server.call("POST", "auth/login", {**body, "password": mover.password or PASSWORD})


def complete(server: Latchkey, mover: Mover, answer: tuple[int, dict[str, Any]], how: str) -> None:
    """Complete a sign-in: with a second factor where the user has one."""
    status, found = answer
    if mover.totp or mover.passkey:
        check(status == 401, f"{mover.id}, {how}: got {status}, want the second factor: {found}")
        session = {"X_Session_Token": found["meta"]["session_token"]}
        if mover.passkey:
            _, asked = server.call("GET", "auth/webauthn/authenticate", **session)
            credential = mover.passkey.sign(asked["data"]["request_options"])
            status, found = server.call("POST", "auth/webauthn/authenticate", {"credential": credential}, **session)
            counts["passkey as second factor"] += 1
        else:
            for code in mover.used[:1]:
                status, found = server.call("POST", "auth/2fa/authenticate", {"code": code}, **session)
                check(status == 400, f"{mover.id}: a used recovery code: got {status}")
                counts["used recovery code refused"] += 1
            code = mover.codes.pop(0)
            status, found = server.call("POST", "auth/2fa/authenticate", {"code": code}, **session)
            counts["recovery code"] += 1
    check(status == 200, f"{mover.id}, {how}: got {status}: {found}")
    check(str(found["data"]["user"]["id"]) == mover.id, f"{mover.id}, {how}: another user")
    if mover.phone:
        status, phones = server.call("GET", "account/phone", X_Session_Token=found["meta"]["session_token"])
        check([phone["phone"] for phone in phones["data"]] == [mover.phone], f"{mover.id}: phone {phones}")
        counts["phone"] += 1


def sign_in_by_passkey(server: Latchkey, mover: Mover) -> None:
    status, asked = server.call("GET", "auth/webauthn/login")
    check(status == 200, f"passkeys: {asked}")
    session = {"X_Session_Token": asked["meta"]["session_token"]} if asked.get("meta", {}).get("session_token") else {}
    assert mover.passkey is not None
    credential = mover.passkey.sign(asked["data"]["request_options"])
    status, found = server.call("POST", "auth/webauthn/login", {"credential": credential}, **session)
    check(status == 200, f"{mover.id}, passkey alone: got {status}: {found}")
    check(str(found["data"]["user"]["id"]) == mover.id, f"{mover.id}, passkey alone: another user")
    counts["passkey alone"] += 1


def sign_in_by_totp(server: Latchkey, mover: Mover) -> None:
    """With the next code: the current one may have been used at allauth just before the move."""
    _, found = by_password(server, mover, {"email": mover.email})
    session = {"X_Session_Token": found["meta"]["session_token"]}
    body = {"code": totp_code(mover.totp, time.time() + 30)}
    status, found = server.call("POST", "auth/2fa/authenticate", body, **session)
    check(status == 200, f"{mover.id}, TOTP: got {status}: {found}")
    counts["TOTP"] += 1


def go_on(server: Latchkey, mover: Mover) -> None:
    """Old tokens go on: the session token, and the refresh token for a new pair."""
    if not mover.session_token:
        return
    status, found = server.call("GET", "auth/session", X_Session_Token=mover.session_token)
    check(status == 200, f"{mover.id}: the old session token: got {status}: {found}")
    check(str(found["data"]["user"]["id"]) == mover.id, f"{mover.id}: the session of another user")
    counts["old session token"] += 1

    status, found = server.call("POST", "tokens/refresh", {"refresh_token": mover.refresh_token})
    check(status == 200, f"{mover.id}: the old refresh token: got {status}: {found}")
    pair = found["data"]
    status, found = server.call("GET", "auth/session", Authorization=f"Bearer {pair['access_token']}")
    check(status == 200, f"{mover.id}: the new access token: got {status}")
    status, found = server.call("POST", "tokens/refresh", {"refresh_token": pair["refresh_token"]})
    check(status == 200, f"{mover.id}: the new refresh token: got {status}")
    counts["old refresh token"] += 1


def change_passwords(server: Latchkey, everybody: list[Mover]) -> list[Mover]:
    """Some users change their passwords at Latchkey, and one signs up there."""
    changed: list[Mover] = []
    for mover in everybody:
        simple = mover.password and not mover.disabled and not mover.totp and not mover.passkey
        if not simple or len(changed) == 5:
            continue
        _, found = by_password(server, mover, {"email": mover.email})
        body = {"current_password": mover.password, "new_password": NEW_PASSWORD}
        status, found = server.call(
            "POST", "account/password/change", body, X_Session_Token=found["meta"]["session_token"]
        )
        check(status == 200, f"{mover.id}: new password: got {status}: {found}")
        changed.append(mover)
    return changed


def sign_up(server: Latchkey) -> Mover:
    body = {"email": "late@example.com", "password": NEW_PASSWORD}
    status, found = server.call("POST", "auth/signup", body)
    check(status == 200, f"sign-up at Latchkey: got {status}: {found}")
    return Mover(email="late@example.com", id=str(found["data"]["user"]["id"]))


def sign_in_at_allauth(mover: Mover, password: str) -> None:
    """Sign in at Django again, after the way back."""
    cache.clear()
    api = Api()
    status, found = api.call("POST", "auth/login", {"email": mover.email, "password": password})
    if mover.disabled:
        check(status != 200, f"{mover.id} is disabled, and signs in at allauth")
        return
    if status == 401 and mover.passkey:
        _, asked = api.call("GET", "auth/webauthn/authenticate")
        credential = mover.passkey.sign(asked["data"]["request_options"])
        status, found = api.call("POST", "auth/webauthn/authenticate", {"credential": credential})
    elif status == 401:
        status, found = api.call("POST", "auth/2fa/authenticate", {"code": mover.codes.pop(0)})
    check(status == 200, f"{mover.id}, back at allauth: got {status}: {found}")
    check(str(found["data"]["user"]["id"]) == mover.id, f"{mover.id}, back at allauth: another user")
    counts["back at allauth"] += 1


def move(server: Latchkey, everybody: list[Mover]) -> list[Mover]:
    """Days before, hours before, the flip, and the minutes after."""
    walk("rehearsal")
    check(not rows("users"), "a dry run stored users")
    walk("hours")
    before = dump()
    (WORK / "token").unlink()
    walk("hours")
    check(dump() == before, "a second import changed the database")
    walk("differences")
    check(dump() == before, "an import of no difference changed the database")
    step("imported twice")

    late = movers.make_mover(USERS)  # signs up while the service moves
    ended = change_password_at_django(everybody[0])
    with server.serving():
        walk("start")
        walk("final")
        after = dump()
        refused = server.run("import", str(export_all()), fails=True)
        check("live" in refused, f"an import after the flip: {refused}")
        walk("late")
        check(dump() == after, "an import after the flip changed the database")
        walk("status")
        status, _ = server.call("GET", "auth/session", X_Session_Token=ended)
        check(status in (401, 410), f"a session that a new password ended at Django: got {status}")
    return [late]


def change_password_at_django(mover: Mover) -> str:
    """Change a password between two exports, and return the session token that Django ends by that."""
    ended, mover.session_token, mover.password = mover.session_token, "", "a password of the last hour"
    user = get_user_model().objects.get(pk=mover.id)
    user.set_password(mover.password)
    user.save()
    return ended


def export_all() -> Path:
    path = WORK / "all.jsonl"
    manage("latchkey_export", "--output", str(path))
    return path


def rows(table: str) -> list[Any]:
    with psycopg.connect(make_conninfo(**{**SERVER, "dbname": OWN_DATABASE})) as connection:
        return connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()  # noqa: S608


def dump() -> str:
    """All rows of Latchkey's users, in an order."""
    tables = ("users", "email_addresses", "authenticators", "provider_accounts", "sessions", "old_refresh_tokens")
    return "\n".join(f"{table}: {rows(table)}" for table in tables)


def back(server: Latchkey, everybody: list[Mover], changed: list[Mover], new: Mover) -> None:
    """The way back, with the passwords that were changed meanwhile."""
    walk("back")
    walk("back")
    check(get_user_model().objects.filter(pk=new.id).exists(), "the new user is not at Django")
    for mover in [*everybody, new]:
        if mover.password:
            # Latchkey stores the composed form of a password, and Django compares what is typed.
            own = unicodedata.normalize("NFC", mover.password)
            sign_in_at_allauth(mover, NEW_PASSWORD if mover in [*changed, new] else own)


@contextmanager
def databases() -> Iterator[None]:
    with psycopg.connect(make_conninfo(**SERVER), autocommit=True) as connection:
        for name in (SITE_DATABASE, OWN_DATABASE):
            connection.execute(f"CREATE DATABASE {name}")
        try:
            yield
        finally:
            from django.db import connection as own

            own.close()
            for name in (SITE_DATABASE, OWN_DATABASE):
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    with databases(), run_latchkey() as fake:
        call_command("migrate", verbosity=0)
        everybody = movers.make_movers(USERS)
        step(f"{USERS} users made by allauth")
        site = {name: value for name, value in os.environ.items() if name.startswith(("SITE_", "LATCHKEY_", "DJANGO_"))}
        site["PYTHONPATH"] = f"{HERE.parent / 'src'}:{HERE}"
        program("manage.py", [sys.executable, str(HERE / "manage.py")], site)
        walk("check")
        server = Latchkey(fake.services)
        everybody += move(server, everybody)
        step("moved")
        with server.serving():
            for mover in everybody:
                go_on(server, mover)
            for mover in everybody:
                sign_in(server, mover)
            changed = change_passwords(server, everybody)
            new = sign_up(server)
        step("signed in by all they have")
        back(server, everybody, changed, new)
        walk("end")
        step("back at allauth")
    check(set(walked) == set(steps), f"the guide has other steps: {set(steps) - set(walked)}")
    for name, count in sorted(counts.items()):
        print(f"{count:>6}  {name}")


if __name__ == "__main__":
    main()
