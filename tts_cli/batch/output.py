"""Where the records of a batch go: to a caller's function, to a journal file, or to a pipe or device that has a path.

What is in a record, the order of the records, and what is kept of an earlier run, is not decided here.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tts_cli.data.journal import Journal
from tts_cli.data.json_line import safe_json
from tts_cli.data.record import Record
from tts_cli.errors import TtsError, reason

Write = Callable[[Record], None]


@contextmanager
def opened(output: Path | Write) -> Iterator[tuple[Write, Journal | None]]:
    """How to write a record, and the journal where the output is a regular file. Raises TtsError."""
    if not isinstance(output, Path):
        yield output, None
    elif _is_special(output):
        try:
            file = output.open("wb", buffering=0)
        except OSError as error:
            raise _unwritable(output, error) from error
        with file:
            yield lambda record: _to_device(file, output, record), None
    else:
        with Journal(output) as journal:
            yield lambda record: journal.append(record, safe_json(record.model_dump_json())), journal


def _is_special(path: Path) -> bool:
    """A pipe, a terminal or a device: nothing can be resumed there."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False  # opening it as a file will say what is wrong
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _to_device(file: BinaryIO, path: Path, record: Record) -> None:
    view = memoryview(safe_json(record.model_dump_json()).encode() + b"\n")
    try:
        while view:
            view = view[file.write(view) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> TtsError:
    return TtsError(f"{path} cannot be written: {reason(error)}.", "Name a file with --output: it can be resumed.")
