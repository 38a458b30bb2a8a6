"""The output file of `tts batch`, which is its journal too: what stands in it is done, whatever ended the last run.

A line is a record. It is written whole or not at all, the last line of an id counts, and a half-written last line
is cut off when the file is opened. One process at a time holds the file (by a lock on .FILE.lock, which the system
lifts when the process ends in whatever way). At the end of a complete run `settle` leaves each row of the input once,
in the order of the input; answers that were replaced go to FILE.replaced.

Memory: one small entry per line, none of its text. Not covered: power loss (the file is synced at the end only).
Untested on Windows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from tts_cli.data.record import Record
from tts_cli.errors import TtsError, reason

RESUME = "Make room, then give the same command again: what is finished is kept."


class Entry(NamedTuple):
    """The last line of an id: where it is, and the record's `fingerprint` and `finish`. `retry`: it ended in an
    error that may not come again."""

    offset: int
    fingerprint: str | None
    finish: str
    retry: bool


class Journal:
    """A context manager. Raises TtsError for a file that cannot be used, is in use, or holds something else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repaired = False
        self._entries: dict[bytes, Entry] = {}
        self._visited: list[bytes] = []
        self._superseded = 0  # lines that no longer count
        with ExitStack() as stack:
            _open(path).close()  # it is there, or was made, before anything lies beside it
            self._target = Path(os.path.realpath(path))
            stack.callback(self._lock())
            self._file = stack.enter_context(_open(path))
            self._end = self._read()
            self._stack = stack.pop_all()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def visit(self, id: str) -> Entry | None:
        """Take the id as the input's next row; its entry, or None. `settle` goes by the order of the visits."""
        key = _key(id)
        self._visited.append(key)
        return self._entries.get(key)

    def record_at(self, entry: Entry) -> dict[str, Any]:
        """The record of an entry."""
        with self.path.open("rb") as file:
            file.seek(entry.offset)
            record: dict[str, Any] = json.loads(file.readline())
        return record

    def append(self, record: Record, line: str) -> None:
        """Write a record's line; on a full disk the file stays as it was. Raises TtsError."""
        begin = self._end
        try:
            self._end = _write_at(self._file, begin, line.encode() + b"\n")
        except OSError as error:
            with suppress(OSError):  # the next run cuts off what is left
                self._file.truncate(begin)
            raise _unwritable(self.path, error, RESUME) from error
        retry = _may_pass(record.finish, record.error.kind if record.error else None)
        self._remember(_key(record.id), Entry(begin, record.fingerprint, record.finish, retry))

    @property
    def not_visited(self) -> int:
        """How many ids it holds a record of that are no row of this input."""
        return len(self._entries.keys() - set(self._visited))

    def settle(self, *, ordered: bool) -> None:
        """After all rows of the input were visited and written: each once; `ordered`: in the order of the visits.
        Rows of other inputs stay, before them. The file is replaced at once or not at all, and nothing can be
        appended after that. Raises TtsError."""
        offsets = self._wanted() if ordered else sorted(entry.offset for entry in self._entries.values())
        try:
            os.fsync(self._file.fileno())
            if self._superseded or any(a > b for a, b in pairwise(offsets)):
                self._keep_replaced()
                self._rewrite(offsets)
        except OSError as error:
            hint = "All rows are in it; the last line of an id counts. The same command tries again."
            raise _unwritable(self.path, error, hint, what="could not be put in order") from error

    # What it holds

    def _read(self) -> int:
        """Index all lines; where the file ends. Raises TtsError where it is no file of records."""
        end, foreign, records = 0, 0, 0
        for offset, line in self._lines():
            if not line.endswith(b"\n"):
                return self._mend(offset, line, records)
            end = offset + len(line)
            if line.strip():
                found = _entry(offset, line)
                records += found is not None
                foreign += found is None
                if found is not None:
                    self._remember(*found)
        if foreign and not records:
            raise _not_ours(self.path)
        self._superseded += foreign
        return end

    def _mend(self, offset: int, line: bytes, records: int) -> int:
        """The last line lacks its end: keep a whole record, cut off half a one."""
        found = _entry(offset, line)
        if found is None and not records and not b'{"id":'.startswith(line[:6]):
            raise _not_ours(self.path)
        self.repaired = True
        try:
            if found is None:
                self._file.truncate(offset)
                return offset
            self._remember(*found)
            return _write_at(self._file, offset, line + b"\n")
        except OSError as error:
            raise _unwritable(self.path, error, RESUME) from error

    def _remember(self, key: bytes, entry: Entry) -> None:
        self._superseded += key in self._entries
        self._entries[key] = entry

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        offset = 0
        with self.path.open("rb") as file:
            for line in file:
                yield offset, line
                offset += len(line)

    # How it is left

    def _wanted(self) -> list[int]:
        """Offsets of the lines to keep: rows of other inputs first, then this input's as they were visited."""
        visited = dict.fromkeys(self._visited)
        others = [entry.offset for key, entry in self._entries.items() if key not in visited]
        return sorted(others) + [self._entries[key].offset for key in visited if key in self._entries]

    def _rewrite(self, offsets: Iterable[int]) -> None:
        # One name, because only who holds the lock is here.
        temporary = self._target.with_name(f".{self._target.name}.tmp")
        with self._target.open("rb") as file, temporary.open("wb") as copy:
            shutil.copymode(self._target, temporary)
            for offset in offsets:
                file.seek(offset)
                copy.write(file.readline())
            copy.flush()
            os.fsync(copy.fileno())
        self._file.close()  # an open file cannot be replaced everywhere
        temporary.replace(self._target)

    def _keep_replaced(self) -> None:
        """Answers cost compute: one that no longer counts is put aside, not thrown away. Errors and blank lines are."""
        current = {entry.offset for entry in self._entries.values()}
        for offset, line in self._lines():
            found = _entry(offset, line)
            if offset not in current and (bool(line.strip()) if found is None else not found[1].retry):
                with self._target.with_name(f"{self._target.name}.replaced").open("ab") as file:
                    file.write(line)

    def _lock(self) -> Callable[[], None]:
        """Lock the file; what unlocks it. The lock is a file beside it: the file itself is replaced at the end."""
        lock = FileLock(self._target.with_name(f".{self._target.name}.lock"), thread_local=False)
        try:
            lock.acquire(timeout=0.1)  # who held it may be removing it just now
        except Timeout as error:
            raise TtsError(
                f"{self.path} is being written by another `tts batch`.", "Wait for it to end, or name another output."
            ) from error
        except (OSError, NotImplementedError):  # no locks or new files there: two runs at once are the user's to avoid
            return lambda: None

        def unlock() -> None:
            with suppress(OSError):  # Windows removes it on its own
                Path(lock.lock_file).unlink()
            lock.release()

        return unlock


def _open(path: Path) -> FileIO:
    """For reading and writing past Python's buffers; made where it was not there. Raises TtsError."""
    try:
        return FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error, "Name a file in a folder that exists and that you may write to.") from error


def _write_at(file: FileIO, offset: int, data: bytes) -> int:
    """Where the data ends."""
    file.seek(offset)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
    return offset + len(data)


def _entry(offset: int, line: bytes) -> tuple[bytes, Entry] | None:
    """None for what is no record of this program."""
    try:
        row = json.loads(line)
        fingerprint = row.get("fingerprint")
        if not all(isinstance(row[name], str) for name in ("id", "problem", "finish", "policy")):
            return None
        kind = (row.get("error") or {}).get("kind")
        finish = sys.intern(row["finish"])
        return _key(row["id"]), Entry(offset, fingerprint, finish, _may_pass(finish, kind))
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None


def _may_pass(finish: str, kind: Any) -> bool:
    """A bad row stays bad until its text changes, and then its fingerprint does; other errors are tried again."""
    return finish == "error" and kind != "bad-row"


def _key(id: str) -> bytes:
    """Ids may be long; 12 bytes of their hash are enough to keep them apart."""
    return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _not_ours(path: Path) -> TtsError:
    return TtsError(f"{path} is not an output of `tts batch`: it holds no record.", "Name another file with --output.")


def _unwritable(path: Path, error: Exception, hint: str, what: str = "cannot be written") -> TtsError:
    return TtsError(f"{path} {what}: {reason(error)}.", hint)
