"""A real Latchkey: `latchkey dev` of LATCHKEY_BIN, which ends with the test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


class Latchkey:
    """A running server."""

    def __init__(self, directory: Path, process: subprocess.Popen[str]) -> None:
        self.url = self.services = ""
        self.directory, self.process = directory, process

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return status and body of a call of the headless API."""
        return call(self.url, method, path, body, headers)

    def sign_up(self, email: str, **more: Any) -> dict[str, Any]:
        status, answer = self.call(
            "POST", "auth/signup", {"email": email, "password": "a long enough password", **more}
        )
        assert status == 200, answer
        return answer

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)


def call(
    base: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{base}/_allauth/app/v1/{path}",
        data=data,
        method=method,
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}")


@contextmanager
def run_latchkey(**settings: str) -> Iterator[Latchkey]:
    """Run `latchkey dev` with these settings of the environment."""
    directory = Path(tempfile.mkdtemp(prefix="latchkey-django-"))
    directory.chmod(0o711)  # PostgreSQL's account passes through
    binary = os.environ.get("LATCHKEY_BIN", str(ROOT / "bin" / "latchkey"))
    environment = {
        **os.environ,
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_RATE_LIMITS": "false",
        "MFA_ALLOW_UNVERIFIED_EMAIL": "true",
        **settings,
    }
    log = (directory / "log").open("w")
    process = subprocess.Popen(
        [binary, "dev", "--dir", str(directory / "d"), "--addr", "127.0.0.1:0", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    server = Latchkey(directory, process)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError("latchkey dev ended before it listened: " + (directory / "log").read_text())
        started = json.loads(line)
        server.url, server.services = started["url"], started["services"]
        yield server
    finally:
        server.stop()
        log.close()
        shutil.rmtree(directory, ignore_errors=True)
