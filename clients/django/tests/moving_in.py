"""A whole move, as docs/moving-in.md tells it: a site with real django-allauth, whose API makes the users, moves
into Latchkey; every user signs in there by all that they have; and the way back. SITE_IDS and USERS choose the site.
It needs LATCHKEY_BIN and LATCHKEY_TEST_DATABASE_URL (`make moving-in`)."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
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

import people  # noqa: E402
from live import call, run_latchkey  # noqa: E402
from people import DOMAIN, PASSWORD, Api, Person, totp_code  # noqa: E402

NEW_PASSWORD = "a password of the time at Latchkey"
counts: Counter[str] = Counter()


def check(holds: Any, what: str) -> None:
    if not holds:
        raise SystemExit(f"moving in, {IDS} users: {what}")


def step(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {IDS}: {text}", flush=True)


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

    def _environment(self) -> dict[str, str]:
        printed = manage("latchkey_settings")
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


def export(name: str, *options: str) -> Path:
    path = WORK / name
    manage("latchkey_export", "--output", str(path), *options)
    return path


def import_file(server: Latchkey, path: Path, *options: str, fails: bool = False) -> str:
    with path.open() as file:
        return server.run("import", *options, "-", stdin=file, fails=fails)


def sign_in(server: Latchkey, person: Person) -> None:
    """Sign in at Latchkey by all that a user has."""
    if person.disabled:
        status, answer = by_password(server, person, {"email": person.email})
        check(status in (400, 401, 403) and not answer.get("meta", {}).get("access_token"), f"{person.id} is disabled")
        counts["disabled"] += 1
        return

    for body in ({"email": person.email}, {"username": person.username}, {"email": person.second_email}):
        if person.password and all(body.values()):
            complete(server, person, by_password(server, person, body), f"password by {next(iter(body))}")
            counts[f"{person.hasher} by {next(iter(body))}"] += 1
    if not person.password:
        status, _ = by_password(server, person, {"email": person.email})
        check(status == 400, f"{person.id} has no password: got {status}")
    if person.google:
        _, found = server.call("POST", "auth/provider/nonce")
        token = server.id_token(person.google, found["data"]["nonce"])
        token["nonce"] = found["data"]["nonce"]
        asked = {"provider": "google", "process": "login", "token": token}
        complete(server, person, server.call("POST", "auth/provider/token", asked), "google")
        counts["google"] += 1
    if person.passkey and person.passkey_alone:
        sign_in_by_passkey(server, person)
    if person.password and person.totp:
        sign_in_by_totp(server, person)


def by_password(server: Latchkey, person: Person, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    return server.call("POST", "auth/login", {**body, "password": person.password or PASSWORD})


def complete(server: Latchkey, person: Person, answer: tuple[int, dict[str, Any]], how: str) -> None:
    """Complete a sign-in: with a second factor where the user has one."""
    status, found = answer
    if person.totp or person.passkey:
        check(status == 401, f"{person.id}, {how}: got {status}, want the second factor: {found}")
        session = {"X_Session_Token": found["meta"]["session_token"]}
        if person.passkey:
            _, asked = server.call("GET", "auth/webauthn/authenticate", **session)
            credential = person.passkey.sign(asked["data"]["request_options"])
            status, found = server.call("POST", "auth/webauthn/authenticate", {"credential": credential}, **session)
            counts["passkey as second factor"] += 1
        else:
            for code in person.used[:1]:
                status, found = server.call("POST", "auth/2fa/authenticate", {"code": code}, **session)
                check(status == 400, f"{person.id}: a used recovery code: got {status}")
                counts["used recovery code refused"] += 1
            code = person.codes.pop(0)
            status, found = server.call("POST", "auth/2fa/authenticate", {"code": code}, **session)
            counts["recovery code"] += 1
    check(status == 200, f"{person.id}, {how}: got {status}: {found}")
    check(str(found["data"]["user"]["id"]) == person.id, f"{person.id}, {how}: another user")
    if person.phone:
        status, phones = server.call("GET", "account/phone", X_Session_Token=found["meta"]["session_token"])
        check([phone["phone"] for phone in phones["data"]] == [person.phone], f"{person.id}: phone {phones}")
        counts["phone"] += 1


def sign_in_by_passkey(server: Latchkey, person: Person) -> None:
    status, asked = server.call("GET", "auth/webauthn/login")
    check(status == 200, f"passkeys: {asked}")
    session = {"X_Session_Token": asked["meta"]["session_token"]} if asked.get("meta", {}).get("session_token") else {}
    assert person.passkey is not None
    credential = person.passkey.sign(asked["data"]["request_options"])
    status, found = server.call("POST", "auth/webauthn/login", {"credential": credential}, **session)
    check(status == 200, f"{person.id}, passkey alone: got {status}: {found}")
    check(str(found["data"]["user"]["id"]) == person.id, f"{person.id}, passkey alone: another user")
    counts["passkey alone"] += 1


def sign_in_by_totp(server: Latchkey, person: Person) -> None:
    """With the next code: the current one may have been used at allauth just before the move."""
    _, found = by_password(server, person, {"email": person.email})
    session = {"X_Session_Token": found["meta"]["session_token"]}
    body = {"code": totp_code(person.totp, time.time() + 30)}
    status, found = server.call("POST", "auth/2fa/authenticate", body, **session)
    check(status == 200, f"{person.id}, TOTP: got {status}: {found}")
    counts["TOTP"] += 1


def go_on(server: Latchkey, person: Person) -> None:
    """Old tokens go on: the session token, and the refresh token for a new pair."""
    if not person.session_token:
        return
    status, found = server.call("GET", "auth/session", X_Session_Token=person.session_token)
    check(status == 200, f"{person.id}: the old session token: got {status}: {found}")
    check(str(found["data"]["user"]["id"]) == person.id, f"{person.id}: the session of another user")
    counts["old session token"] += 1

    status, found = server.call("POST", "tokens/refresh", {"refresh_token": person.refresh_token})
    check(status == 200, f"{person.id}: the old refresh token: got {status}: {found}")
    pair = found["data"]
    status, found = server.call("GET", "auth/session", Authorization=f"Bearer {pair['access_token']}")
    check(status == 200, f"{person.id}: the new access token: got {status}")
    status, found = server.call("POST", "tokens/refresh", {"refresh_token": pair["refresh_token"]})
    check(status == 200, f"{person.id}: the new refresh token: got {status}")
    counts["old refresh token"] += 1


def change_passwords(server: Latchkey, everybody: list[Person]) -> list[Person]:
    """Some users change their passwords at Latchkey, and one signs up there."""
    changed: list[Person] = []
    for person in everybody:
        simple = person.password and not person.disabled and not person.totp and not person.passkey
        if not simple or len(changed) == 5:
            continue
        _, found = by_password(server, person, {"email": person.email})
        body = {"current_password": person.password, "new_password": NEW_PASSWORD}
        status, found = server.call(
            "POST", "account/password/change", body, X_Session_Token=found["meta"]["session_token"]
        )
        check(status == 200, f"{person.id}: new password: got {status}: {found}")
        changed.append(person)
    return changed


def sign_up(server: Latchkey) -> Person:
    body = {"email": "late@example.com", "password": NEW_PASSWORD}
    status, found = server.call("POST", "auth/signup", body)
    check(status == 200, f"sign-up at Latchkey: got {status}: {found}")
    return Person(email="late@example.com", id=str(found["data"]["user"]["id"]))


def sign_in_at_allauth(person: Person, password: str) -> None:
    """Sign in at Django again, after the way back."""
    cache.clear()
    api = Api()
    status, found = api.call("POST", "auth/login", {"email": person.email, "password": password})
    if person.disabled:
        check(status != 200, f"{person.id} is disabled, and signs in at allauth")
        return
    if status == 401 and person.passkey:
        _, asked = api.call("GET", "auth/webauthn/authenticate")
        credential = person.passkey.sign(asked["data"]["request_options"])
        status, found = api.call("POST", "auth/webauthn/authenticate", {"credential": credential})
    elif status == 401:
        status, found = api.call("POST", "auth/2fa/authenticate", {"code": person.codes.pop(0)})
    check(status == 200, f"{person.id}, back at allauth: got {status}: {found}")
    check(str(found["data"]["user"]["id"]) == person.id, f"{person.id}, back at allauth: another user")
    counts["back at allauth"] += 1


def move(server: Latchkey) -> list[Person]:
    """Days before, hours before, the flip, and the minutes after."""
    manage("latchkey_export", "--check")
    server.run("migrate", "up")
    full = export("full.jsonl", "--state", str(WORK / "token"))
    import_file(server, full, "--dry-run")
    import_file(server, full)
    import_file(server, full, "--verify")
    before = dump()
    import_file(server, full)
    check(dump() == before, "a second import changed the database")
    step("imported twice")

    late = people.make_person(USERS)  # signs up while the service moves
    with server.serving():
        server.run("moving", "start")
        last = export("last.jsonl", "--since", str(WORK / "token"))
        import_file(server, last, "--final")
        import_file(server, export("all.jsonl"), "--verify")
        server.run("moving", "live")
        refused = import_file(server, full, fails=True)
        check("live" in refused, f"an import after the flip: {refused}")
    return [late]


def dump() -> str:
    """All rows of Latchkey's users, in an order."""
    tables = ("users", "email_addresses", "authenticators", "provider_accounts", "sessions", "old_refresh_tokens")
    found = []
    with psycopg.connect(make_conninfo(**{**SERVER, "dbname": OWN_DATABASE})) as connection:
        for table in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()  # noqa: S608
            found.append(f"{table}: {rows}")
    return "\n".join(found)


def back(server: Latchkey, everybody: list[Person], changed: list[Person], new: Person) -> None:
    """The way back, with the passwords that were changed meanwhile."""
    path = WORK / "back.jsonl"
    server.run("export", str(path))
    for _ in range(2):
        with path.open() as file:
            manage("latchkey_import", stdin=file)
    check(get_user_model().objects.filter(pk=new.id).exists(), "the new user is not at Django")
    for person in [*everybody, new]:
        if person.password:
            sign_in_at_allauth(person, NEW_PASSWORD if person in [*changed, new] else person.password)


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
        everybody = people.make_people(USERS)
        step(f"{USERS} users made by allauth")
        server = Latchkey(fake.services)
        everybody += move(server)
        step("moved")
        with server.serving():
            for person in everybody:
                go_on(server, person)
            for person in everybody:
                sign_in(server, person)
            changed = change_passwords(server, everybody)
            new = sign_up(server)
        step("signed in by all they have")
        back(server, everybody, changed, new)
        step("back at allauth")
    for name, count in sorted(counts.items()):
        print(f"{count:>6}  {name}")


if __name__ == "__main__":
    main()
