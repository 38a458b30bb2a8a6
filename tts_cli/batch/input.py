"""The rows of a batch: from a file as they are wanted, from a pipe or a terminal without making the searches wait."""

from __future__ import annotations

import os
import queue
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from io import TextIOWrapper, UnsupportedOperation
from pathlib import Path

from tts_cli.data.rows import Format, Row, open_rows

WAITING_ROWS = 64  # read ahead at most
PATIENCE = 0.05  # seconds that searches wait for a next row: a source that is merely busy has it by then
COUNTED_BYTES = 64 << 20  # a larger input is not read twice for the sake of its length
_POLL = 0.1  # seconds between checks of `should_stop`

Source = AbstractContextManager[Iterator[Row]]
Item = Row | BaseException | None
"""What the reading thread hands over; None at the end."""


def rows_of(
    source: Path | None,
    format: Format | None,
    stack: ExitStack,
    *,
    busy: Callable[[], bool],
    should_stop: Callable[[], bool],
) -> Iterator[Row | None]:
    """The rows of a file, or of stdin for None; `stack` closes what is opened. Raises TtsError as `open_rows`.

    A source that may keep one waiting (anything but a regular file) gives None where its next row is not there yet and
    others are at work (`busy`), and ends at `should_stop`. It is read in a thread, and never closed: its reader may be
    waiting for a line that does not come.
    """
    rows = open_rows(source, format)
    if not _may_wait(source):
        return stack.enter_context(rows)
    items: queue.Queue[Item] = queue.Queue(WAITING_ROWS)
    opened = rows.__enter__()
    threading.Thread(target=_read, args=(rows, opened, items), name="rows", daemon=True).start()
    if source is None and isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.detach()  # the interpreter closes stdin as it ends, and would wait for the thread
    return _taken(items, busy, should_stop)


def count_rows(source: Path | None, format: Format | None) -> int | None:
    """How many there are; None where counting would take long or eat them up."""
    if source is None or not source.is_file() or source.stat().st_size > COUNTED_BYTES:
        return None
    with open_rows(source, format) as rows:
        return sum(1 for _ in rows)


def _may_wait(source: Path | None) -> bool:
    """True for anything but a regular file."""
    if source is None and sys.stdin is None:
        return False
    try:
        mode = (source.stat() if source is not None else os.fstat(sys.stdin.fileno())).st_mode
    except (OSError, ValueError, UnsupportedOperation):
        return False  # opening it will say what is wrong; a stream without a descriptor is in memory
    return not stat.S_ISREG(mode)


def _read(owner: Source, rows: Iterator[Row], items: queue.Queue[Item]) -> None:
    """In a thread of its own. `owner` is kept: closing it would wait for the line that is being read."""
    try:
        for row in rows:
            items.put(row)
    except BaseException as error:
        items.put(error)
    else:
        items.put(None)


def _taken(items: queue.Queue[Item], busy: Callable[[], bool], should_stop: Callable[[], bool]) -> Iterator[Row | None]:
    patience = PATIENCE
    while not should_stop():
        try:
            item = items.get(timeout=patience if busy() else _POLL)
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
