"""Labelled problems by name or path: `nano` ships, `math500` and `aime24` are fetched once, any file works.

A fetched set is kept as JSONL in the data directory; a file that a person puts there under that name is used as it
is. Nothing is fetched without consent. Covers finding and opening; `rows` reads what is in them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tts_cli.data import hub
from tts_cli.data.files import write_atomically
from tts_cli.data.rows import Format, Row, open_rows, read_rows
from tts_cli.errors import TtsError, UsageError, reason
from tts_cli.paths import PACKAGED, datasets_dir

NANO = PACKAGED / "test.jsonl"

Consent = Callable[[str], bool]
"""Asks a question that yes or no answers; True is consent."""


@dataclass(frozen=True, slots=True)
class HubDataset:
    """A data set that is known by name; `count` is how many problems it has."""

    name: str
    count: int
    source: hub.Source


# Found through the files' public users: the first is one JSONL file, the second Parquet behind the viewer's API.
PUBLISHED = {
    "math500": HubDataset("math500", 500, hub.Source("HuggingFaceH4/MATH-500", file="test.jsonl")),
    "aime24": HubDataset("aime24", 30, hub.Source("HuggingFaceH4/aime_2024", split="train")),
}
NAMES = ("nano", *PUBLISHED)


@contextmanager
def open_dataset(name_or_path: str, consent: Consent, format: Format | None = None) -> Iterator[Iterator[Row]]:
    """The rows of a data set. A known name wins over a file of that name (`./nano` is the file).
    Raises UsageError for what is neither name nor file, TtsError where a set is not here and was not to be had."""
    with open_rows(locate(name_or_path, consent), format) as rows:
        yield rows


def locate(name_or_path: str, consent: Consent) -> Path:
    """The file that holds the data set, fetched if need be. Raises as `open_dataset` does."""
    if name_or_path == "nano":
        return NANO
    if name_or_path in PUBLISHED:
        return _kept(PUBLISHED[name_or_path], consent)
    path = Path(name_or_path)
    if name_or_path != "-" and not _exists(path):
        close = get_close_matches(name_or_path.lower(), NAMES, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Give a JSONL or CSV file, or one of: {', '.join(NAMES)}."
        raise UsageError(f"There is no data set {name_or_path!r}: neither a file nor a known name.", hint)
    return path


def _kept(dataset: HubDataset, consent: Consent) -> Path:
    path = datasets_dir() / f"{dataset.name}.jsonl"
    if _exists(path):
        return path
    question = f"{dataset.name} is not on this machine. Fetch its {dataset.count} problems from {dataset.source.page}?"
    if not consent(question):
        raise TtsError(
            f"The data set {dataset.name} is not on this machine, and nothing is fetched unasked.",
            f"Add --yes to fetch it from {dataset.source.page}, or put a JSONL file at {path}.",
        )
    data = hub.fetch(dataset.source)
    _check(dataset, data)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TtsError(
            f"The directory {path.parent} cannot be made: {reason(error)}.", "Name another one in TTS_DATA_DIR."
        ) from error
    write_atomically(path, data.decode("utf-8"), "The data set")
    return path


def _check(dataset: HubDataset, data: bytes) -> None:
    """Every problem is there, with its answer. Raises TtsError."""
    try:
        rows = list(read_rows(io.BytesIO(data), "jsonl"))
    except TtsError as error:
        raise hub.failure(dataset.source, error.what.rstrip(".")) from error
    usable = {row.problem for row in rows if row.error is None and row.reference is not None}
    if len(rows) != dataset.count or len(usable) != dataset.count:
        why = f"{len(usable)} problems with an answer came, not {dataset.count}; nothing was kept"
        raise hub.failure(dataset.source, why)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # an impossible name
        return False
