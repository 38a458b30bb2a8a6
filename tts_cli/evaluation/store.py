"""The file of an evaluation: every search that has ended, and what is needed to know that it fits (SQLite, one file).

Searches are written in transactions, so a process that is killed loses what was under way and no more. Rows are named
by the hash of the problem's text (data.fingerprint.of_problem): another order, limit or data set finds the ones that it
shares. One process at a time holds the file.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_cli.errors import TtsError, UsageError, reason
from tts_cli.evaluation.conditions import SearchJob
from tts_cli.models.backends.recording import SearchRecording, pack, unpack

SAMPLES = "samples.sqlite"
"""Its name under `--out`."""

VERSION = 3
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS recordings (
    problem TEXT, method TEXT, budget INTEGER, beam_width INTEGER, failed INTEGER NOT NULL, recording BLOB NOT NULL,
    PRIMARY KEY (problem, method, budget, beam_width)
);
"""


@dataclass(slots=True)
class SamplingCost:
    """Over all runs that filled one store."""

    policy_seconds: float = 0.0
    policy_tokens: int = 0
    prm_seconds: float = 0.0
    prm_tokens: int = 0
    wall_seconds: float = 0.0

    def seconds(self, policy_tokens: float, prm_tokens: float) -> tuple[float, float]:
        """What so many tokens of each model took on average, many problems being in flight."""
        policy = self.policy_seconds / self.policy_tokens if self.policy_tokens else 0.0
        prm = self.prm_seconds / self.prm_tokens if self.prm_tokens else 0.0
        return policy_tokens * policy, prm_tokens * prm


@dataclass(frozen=True, slots=True)
class StoredSearch:
    """One search of one problem, which is named by the hash of its text."""

    problem: str
    job: SearchJob
    recording: SearchRecording

    @property
    def failed(self) -> bool:
        """It ended with an unexpected error."""
        return self.recording.error is not None and self.recording.error[0] == "internal"


def open_store(out: Path | None, *, new: bool) -> Store:
    """The samples under `out`, or in memory for None. `new`: they may be none so far.

    Raises UsageError where there must be some and are none, TtsError for a file that cannot be used.
    """
    if not new and (out is None or not (out / SAMPLES).exists()):
        raise no_dataset(out)
    if out is None:
        return Store(None)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TtsError(f"The directory {out} cannot be made: {reason(error)}.", "Name another --out.") from error
    return Store(out / SAMPLES)


def no_dataset(out: Path | None) -> UsageError:
    """Nothing says what to measure."""
    return UsageError(
        f"No data set was given, and {out or '--out'} holds no evaluation to go on with.",
        "Example: tts eval nano --limit 20",
    )


class Store:
    """Opened with a path, or with None to be forgotten. Raises TtsError for a file that cannot be used."""

    def __init__(self, path: Path | None) -> None:
        self._name = str(path) if path is not None else "the samples"
        with self._guarded():
            self._file = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=1)
            # One holder: nobody else may sample for the same file, and there is no shared memory to map.
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._prepare()

    def _prepare(self) -> None:
        (version,) = self._file.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise TtsError(
                f"{self._name} was written by another version of tts ({version}, this one writes {VERSION}).",
                "Use that version, or another --out.",
            )
        self._file.executescript(_SCHEMA)
        self._file.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Fold the log into the one file."""
        self._file.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def spent(self) -> SamplingCost:
        return SamplingCost(**(self.about("spent") or {}))

    def about(self, name: str) -> Any:
        """A JSON value; None where it was never set."""
        with self._guarded():
            row = self._file.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def set_about(self, **values: Any) -> None:
        with self._guarded():
            self._file.executemany(
                "INSERT OR REPLACE INTO about VALUES (?, ?)", [(name, json.dumps(v)) for name, v in values.items()]
            )

    def jobs(self, problem: str) -> list[SearchJob]:
        """The searches that are stored of a problem."""
        with self._guarded():
            rows = self._file.execute("SELECT method, budget, beam_width FROM recordings WHERE problem = ?", (problem,))
            return [SearchJob(*row) for row in rows]

    def recording(self, problem: str, job: SearchJob) -> SearchRecording:
        """Raises TtsError where it is not there or damaged."""
        where = (problem, job.method, job.budget, job.beam_width)
        query = "SELECT recording FROM recordings WHERE (problem, method, budget, beam_width) = (?, ?, ?, ?)"
        with self._guarded():
            row = self._file.execute(query, where).fetchone()
        try:
            return unpack(row[0])
        except (TypeError, ValueError, KeyError, zlib.error) as error:
            raise TtsError(f"{self._name} is damaged.", "Remove it and run the evaluation again.") from error

    def forget_failures(self) -> None:
        """Searches that ended with an unexpected error are run again next time."""
        with self._guarded():
            self._file.execute("DELETE FROM recordings WHERE failed")

    def put(self, rows: Sequence[StoredSearch], spent: Any) -> None:
        """Store searches and what all of them have spent so far, in one transaction."""
        packed = [
            (row.problem, row.job.method, row.job.budget, row.job.beam_width, row.failed, pack(row.recording))
            for row in rows
        ]
        with self._guarded():
            self._file.execute("BEGIN")
            self._file.executemany("INSERT OR REPLACE INTO recordings VALUES (?, ?, ?, ?, ?, ?)", packed)
            self._file.execute("INSERT OR REPLACE INTO about VALUES ('spent', ?)", (json.dumps(spent),))
            self._file.execute("COMMIT")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """SQLite's own words for what went wrong, and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            locked = "locked" in str(error)
            raise TtsError(
                f"{self._name} cannot be used: {'another tts eval is at work on it' if locked else error}.",
                "Wait for it, or use another --out." if locked else "Make room, or use another --out.",
            ) from error
