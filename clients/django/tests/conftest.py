from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from latchkey_django import backend
from latchkey_django.test import FakeLatchkey, LatchkeyClient, fake_latchkey


class KeyServer:
    """A web server that answers as each test says, and notes what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                outer.asked.append((self.path, dict(self.headers)))
                status, headers, body = outer.answers.get(self.path, (404, {}, b"{}"))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def show(self, keys: list[dict[str, Any]]) -> None:
        self.answer("/.well-known/jwks.json", 200, {"keys": keys})

    def answer(self, path: str, status: int, body: Any, **headers: str) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = (status, headers, text)

    def count(self, path: str) -> int:
        return sum(1 for asked, _ in self.asked if asked == path)

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


def public_jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    found = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**found, "kid": kid, "alg": "ES256", "use": "sig"}


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.stop()


@pytest.fixture
def latchkey() -> Iterator[FakeLatchkey]:
    with fake_latchkey() as fake:
        yield fake


@pytest.fixture
def site(latchkey: FakeLatchkey) -> LatchkeyClient:
    client = LatchkeyClient()
    client.latchkey = latchkey
    return client


@pytest.fixture(autouse=True)
def _fresh_backend() -> Iterator[None]:
    yield
    backend.replace(None)
