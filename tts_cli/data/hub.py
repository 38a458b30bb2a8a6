"""Fetches a data set's problems from the Hugging Face Hub, over the standard library alone.

Two ways lead there: a JSONL file of the repository, and the rows that the Hub's data set viewer serves as JSON for
repositories that hold Parquet. HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and the proxy variables are honoured. Covers
fetching; whether a person agrees to it, and what the rows hold, is for others to see to.
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from tts_cli import __version__
from tts_cli.errors import TtsError, reason

TIMEOUT = 30.0  # seconds without a byte
MOST_BYTES = 64 * 2**20
ENDPOINT = "https://huggingface.co"
_OFFLINE = {"1", "on", "yes", "true"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a data set lies on the Hub: a JSONL `file` of the repository, else a `split` of at most 100 rows."""

    repo: str
    file: str | None = None
    split: str = "test"

    @property
    def page(self) -> str:
        return f"huggingface.co/datasets/{self.repo}"

    @property
    def url(self) -> str:
        endpoint = (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
        if self.file is not None:
            return f"{endpoint}/datasets/{self.repo}/resolve/main/{self.file}"
        query = {"dataset": self.repo, "config": "default", "split": self.split, "offset": 0, "length": 100}
        viewer = endpoint.replace("https://", "https://datasets-server.", 1)
        return f"{viewer}/rows?{urllib.parse.urlencode(query)}"


def fetch(source: Source) -> bytes:
    """The rows as JSONL. Raises TtsError, whatever the network and the other side do."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in _OFFLINE:
        raise failure(source, "HF_HUB_OFFLINE is set")
    try:
        data = _get(source.url)
        return data if source.file is not None else _rows_as_jsonl(data)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise failure(source, _of_status(error.code)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise failure(source, _of_error(error)) from error


def failure(source: Source, why: str) -> TtsError:
    """The error that names the page and another way to come by the file."""
    return TtsError(
        f"{source.page} could not be fetched: {why}.",
        "Try again, or download it in another way and give the file's path.",
    )


def _get(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": f"tts/{__version__}"})
    token = os.environ.get("HF_TOKEN")
    if token:  # not sent on to where a redirect leads
        request.add_unredirected_header("Authorization", f"Bearer {token.strip()}")
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        data: bytes = response.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError("it is larger than any data set that tts knows")
        owed = getattr(response, "length", None)  # what is missing of the announced length
        if owed:
            raise http.client.IncompleteRead(data, owed)
        return data


def _rows_as_jsonl(data: bytes) -> bytes:
    try:
        rows = [row["row"] for row in json.loads(data)["rows"]]
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("what came holds no rows") from error
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _of_status(code: int) -> str:
    if code in (401, 403):
        return f"access was refused (HTTP {code}); HF_TOKEN may hold a token that is allowed to read it"
    return {404: "it is not there (HTTP 404)", 429: "too many requests (HTTP 429)"}.get(code, f"HTTP {code}")


def _of_error(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "the connection broke off"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    cause = getattr(error, "reason", error)  # of what urllib wraps
    return " ".join((reason(cause) if isinstance(cause, Exception) else str(cause)).split())
