"""Rows from a source that may keep one waiting (a pipe, a terminal), without making the searches wait.

A regular file needs none of this: it is read as rows are wanted.
"""

from __future__ import annotations

import os
import queue
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from io import TextIOWrapper, UnsupportedOperation
from pathlib import Path

from tts_cli.data.rows import Row

WAITING_ROWS = 64  # read ahead at most
PATIENCE = 0.05  # seconds that searches wait for a next row: a source that is merely busy has it by then
_POLL = 0.1  # seconds between looks at whether to stop

Source = AbstractContextManager[Iterator[Row]]
_End = BaseException | None


def may_wait(source: Path | None) -> bool:
    """True for anything but a regular file."""
    try:
        mode = source.stat().st_mode if source is not None else _mode_of_stdin()
    except (OSError, ValueError, UnsupportedOperation):
        return False  # opening it will say what is wrong; a stream without a descriptor is in memory
    return not stat.S_ISREG(mode)


def _mode_of_stdin() -> int:
    return os.fstat(sys.stdin.fileno()).st_mode if sys.stdin is not None else stat.S_IFREG


def nonblocking_rows(rows: Source, busy: Callable[[], bool], should_stop: Callable[[], bool]) -> Iterator[Row | None]:
    """The rows of `rows`, which is opened now; None where none is there yet and others are at work (`busy`).

    `rows` is never closed: its reader may be waiting for a line that does not come.
    """
    inbox: queue.Queue[Row | _End] = queue.Queue(WAITING_ROWS)
    opened = rows.__enter__()
    threading.Thread(target=_read, args=(rows, opened, inbox), name="rows", daemon=True).start()
    return _taken(inbox, busy, should_stop)


def _taken(
    inbox: queue.Queue[Row | _End], busy: Callable[[], bool], should_stop: Callable[[], bool]
) -> Iterator[Row | None]:
    patience = PATIENCE
    while not should_stop():
        try:
            item = inbox.get(timeout=patience if busy() else _POLL)
        except queue.Empty:
            if busy():
                patience = 0.0
                yield None
            continue
        patience = PATIENCE
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item
        yield item


def _read(owner: Source, rows: Iterator[Row], inbox: queue.Queue[Row | _End]) -> None:
    """In a thread of its own. `owner` is kept: closing it would wait for the line that is being read."""
    try:
        for row in rows:
            inbox.put(row)
    except BaseException as error:
        inbox.put(error)
    else:
        inbox.put(None)


def let_go_of_stdin() -> None:
    """A thread that waits for stdin must not keep the interpreter, which closes it, from ending."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.detach()
