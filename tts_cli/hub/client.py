"""Requests to the Hub over the standard library, and what their failures mean.

HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and the proxy variables are honoured. The token is not sent on where a redirect
leads to another address: the Hub's store wants a link, not a token.
"""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from types import MappingProxyType

from tts_cli import __version__
from tts_cli.errors import reason

TIMEOUT = 30.0  # seconds without a byte
ENDPOINT = "https://huggingface.co"
_OFFLINE = {"1", "on", "yes", "true"}
FAILURES = (OSError, http.client.HTTPException, ValueError)
"""What a request and its reading may raise."""


def endpoint() -> str:
    """Where the Hub is, without a slash at the end."""
    return (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")


def is_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in _OFFLINE


def open_url(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> http.client.HTTPResponse:
    """The response to GET, redirects followed. Raises one of FAILURES."""
    request = urllib.request.Request(url, headers={"User-Agent": f"tts/{__version__}", **headers})
    token = os.environ.get("HF_TOKEN")
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token.strip()}")
    response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)
    return response


def get(url: str, most: int) -> bytes:
    """What is at a URL, at most so many bytes. Raises one of FAILURES."""
    with open_url(url) as response:
        data = response.read(most + 1)
        if len(data) > most:
            raise ValueError("it is larger than it can be")
        if response.length:  # what is missing of the announced length
            raise http.client.IncompleteRead(data, response.length)
        return data


def why(error: Exception) -> str:
    """Why a request failed, in the words that end a message."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()  # it holds the connection
        return _of_status(error.code)
    if isinstance(error, http.client.IncompleteRead):
        return "the connection broke off"
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return "no answer in time"
    cause = getattr(error, "reason", error)  # of what urllib wraps
    return " ".join((reason(cause) if isinstance(cause, Exception) else str(cause)).split())


def _of_status(code: int) -> str:
    if code in (401, 403):
        return f"access was refused (HTTP {code}); HF_TOKEN may hold a token that is allowed to read it"
    return {404: "it is not there (HTTP 404)", 429: "too many requests (HTTP 429)"}.get(code, f"HTTP {code}")
