"""Fetches a data set's problems from the Hugging Face Hub.

Two ways lead there: a JSONL file of the repository, and the rows that the Hub's data set viewer serves as JSON for
repositories that hold Parquet. Covers fetching; whether a person agrees to it, and what the rows hold, is for others to
see to.
"""

from __future__ import annotations

import json
import urllib.parse
from dataclasses import dataclass

from tts_cli.errors import TtsError
from tts_cli.hub import client

MOST_BYTES = 64 * 2**20


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
        endpoint = client.endpoint()
        if self.file is not None:
            return f"{endpoint}/datasets/{self.repo}/resolve/main/{self.file}"
        query = {"dataset": self.repo, "config": "default", "split": self.split, "offset": 0, "length": 100}
        viewer = endpoint.replace("https://", "https://datasets-server.", 1)
        return f"{viewer}/rows?{urllib.parse.urlencode(query)}"


def fetch(source: Source) -> bytes:
    """The rows as JSONL. Raises TtsError, whatever the network and the other side do."""
    if client.is_offline():
        raise failure(source, "HF_HUB_OFFLINE is set")
    try:
        data = client.get(source.url, MOST_BYTES)
        return data if source.file is not None else _rows_as_jsonl(data)
    except client.FAILURES as error:
        raise failure(source, client.why(error)) from error


def failure(source: Source, why: str) -> TtsError:
    """The error that names the page and another way to come by the file."""
    return TtsError(
        f"{source.page} could not be fetched: {why}.",
        "Try again, or download it in another way and give the file's path.",
    )


def _rows_as_jsonl(data: bytes) -> bytes:
    try:
        rows = [row["row"] for row in json.loads(data)["rows"]]
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("what came holds no rows") from error
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
