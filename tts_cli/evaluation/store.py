"""The file of an evaluation: every search that has ended, and what is needed to know that it fits (SQLite, one file).

Searches are written in transactions, so a process that is killed loses what was under way and no more. Rows are named
by the problem's content: another order, limit or data set finds the ones that it shares. One process at a time
holds the file.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tts_cli.errors import TtsError
from tts_cli.evaluation.conditions import SearchJob
from tts_cli.models.backends.recording import SearchRecording, pack, unpack

VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tapes (
    problem TEXT, method TEXT, budget INTEGER, beam_width INTEGER, failed INTEGER NOT NULL, tape BLOB NOT NULL,
    PRIMARY KEY (problem, method, budget, beam_width)
);
"""


def problem_key(text: str) -> str:
    """The text alone names a problem's samples, whatever its id and its place."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class StoredSearch:
    """One search of one problem (see `problem_key`)."""

    problem: str
    job: SearchJob
    recording: SearchRecording

    @property
    def failed(self) -> bool:
        """It ended with an error that nobody foresaw."""
        return self.recording.error is not None and self.recording.error.kind == "internal"


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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
        """What is stored of a problem."""
        with self._guarded():
            rows = self._file.execute("SELECT method, budget, beam_width FROM tapes WHERE problem = ?", (problem,))
            return [SearchJob(*row) for row in rows]

    def recording(self, problem: str, job: SearchJob) -> SearchRecording:
        """Raises TtsError where it is not there or damaged."""
        where = (problem, job.method, job.budget, job.beam_width)
        query = "SELECT tape FROM tapes WHERE problem = ? AND method = ? AND budget = ? AND beam_width = ?"
        with self._guarded():
            row = self._file.execute(query, where).fetchone()
        try:
            return unpack(row[0])
        except (TypeError, ValueError, KeyError, zlib.error) as error:
            raise TtsError(f"{self._name} is damaged.", "Remove it and run the evaluation again.") from error

    def forget_failures(self) -> None:
        """Errors that nobody foresaw are tried again by the next run."""
        with self._guarded():
            self._file.execute("DELETE FROM tapes WHERE failed")

    def put(self, rows: Sequence[StoredSearch], spent: Any) -> None:
        """Store searches and what all of them have spent so far, in one transaction."""
        packed = [
            (row.problem, row.job.method, row.job.budget, row.job.beam_width, row.failed, pack(row.recording))
            for row in rows
        ]
        with self._guarded():
            self._file.execute("BEGIN")
            self._file.executemany("INSERT OR REPLACE INTO tapes VALUES (?, ?, ?, ?, ?, ?)", packed)
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
