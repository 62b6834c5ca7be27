"""When the key set is read, and what happens while the server is away."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import KeyServer, public_jwk
from latchkey_django import keys as module
from latchkey_django.errors import InvalidToken, Unavailable
from latchkey_django.keys import Keys, parse_key_set
from latchkey_django.strictjson import MalformedError

PATH = "/.well-known/jwks.json"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def first() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def test_reads_at_its_age(key_server: KeyServer, clock: Clock, first: ec.EllipticCurvePrivateKey) -> None:
    key_server.show([public_jwk(first, "one")])
    keys = Keys(key_server.url + PATH, 300, 5)
    for _ in range(5):
        keys.find("one")
    assert key_server.count(PATH) == 1
    clock.now += 299
    keys.find("one")
    assert key_server.count(PATH) == 1
    clock.now += 1
    keys.find("one")
    assert key_server.count(PATH) == 2


def test_unknown_names(key_server: KeyServer, clock: Clock, first: ec.EllipticCurvePrivateKey) -> None:
    """Unknown names by the hundred make one read in 30 s, and the same name none."""
    key_server.show([public_jwk(first, "one")])
    keys = Keys(key_server.url + PATH, 300, 5)
    keys.find("one")
    for number in range(100):
        with pytest.raises(InvalidToken):
            keys.find(f"unknown-{number}")
    assert key_server.count(PATH) == 1

    clock.now += 31
    for number in range(100):
        with pytest.raises(InvalidToken):
            keys.find(f"unknown-{number}")
    assert key_server.count(PATH) == 1  # the names are known as unknown

    key_server.show([public_jwk(first, "one"), public_jwk(first, "two")])
    keys.find("two")
    assert key_server.count(PATH) == 2


def test_server_away(key_server: KeyServer, clock: Clock, first: ec.EllipticCurvePrivateKey) -> None:
    """What is there stays, unknown keys are nobody's fault, and a removed key goes when the server is back."""
    key_server.answer(PATH, 502, b"gateway")
    keys = Keys(key_server.url + PATH, 300, 5)
    with pytest.raises(Unavailable):
        keys.find("one")
    clock.now += 2
    key_server.show([public_jwk(first, "one")])
    keys.find("one")

    key_server.answer(PATH, 502, b"gateway")
    clock.now += 10_000
    keys.find("one")
    with pytest.raises(Unavailable):
        keys.find("two")
    asked = key_server.count(PATH)
    keys.find("one")
    assert key_server.count(PATH) == asked

    clock.now += 6
    key_server.show([public_jwk(first, "two")])
    keys.find("two")
    with pytest.raises(InvalidToken):
        keys.find("one")


def test_one_read_for_many(key_server: KeyServer, first: ec.EllipticCurvePrivateKey) -> None:
    key_server.show([public_jwk(first, "one")])
    keys = Keys(key_server.url + PATH, 300, 5)
    barrier = threading.Barrier(16)
    found: list[Any] = []

    def ask() -> None:
        barrier.wait()
        found.append(keys.find("one"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert key_server.count(PATH) == 1


def test_redirects_are_not_followed(key_server: KeyServer, first: ec.EllipticCurvePrivateKey) -> None:
    key_server.answer("/other", 200, {"keys": [public_jwk(first, "one")]})
    key_server.answer(PATH, 302, b"", Location=f"{key_server.url}/other")
    with pytest.raises(Unavailable):
        Keys(key_server.url + PATH, 300, 5).find("one")
    assert key_server.count("/other") == 0


@pytest.mark.parametrize("change", [{"d": "AA"}, {"kty": "oct"}, {"crv": "P-384"}, {"use": "enc"}, {"alg": "ES384"}])
def test_sets_that_are_refused(first: ec.EllipticCurvePrivateKey, change: dict[str, str]) -> None:
    import json

    entry = {**public_jwk(first, "one"), **change}
    with pytest.raises(MalformedError):
        parse_key_set(json.dumps({"keys": [entry]}).encode())


def test_a_name_twice_is_refused(first: ec.EllipticCurvePrivateKey) -> None:
    import json

    with pytest.raises(MalformedError):
        parse_key_set(json.dumps({"keys": [public_jwk(first, "one")] * 2}).encode())
