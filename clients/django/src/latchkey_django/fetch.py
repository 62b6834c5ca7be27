"""Small answers of the Latchkey server, over the standard library."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import IO

MAX_ANSWER = 64 << 10


class FetchError(Exception):
    """No whole answer came."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Security: a redirect would fetch keys from, or show a token to, a host that is not configured."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def get(url: str, headers: Mapping[str, str], timeout: float) -> tuple[int, bytes]:
    """Return status and body, whatever the status is."""
    request = urllib.request.Request(url, headers={"Accept": "application/json", **headers})  # noqa: S310
    try:
        with _opener.open(request, timeout=timeout) as answer:
            status, body = answer.status, answer.read(MAX_ANSWER + 1)
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, _read(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(type(error).__name__) from error

    if len(body) > MAX_ANSWER:
        raise FetchError("the answer is too large")
    return status, body


def _read(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read(MAX_ANSWER + 1)
    except (OSError, http.client.HTTPException) as cut:
        raise FetchError(type(cut).__name__) from cut
