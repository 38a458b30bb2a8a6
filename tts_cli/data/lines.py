"""Bytes in, lines out: one at a time, as soon as each is there, and never one that fills the memory.

Covers BOM, CRLF and lines that are too long. What a line means is not decided here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from tts_cli.data.foreign import begins_foreign
from tts_cli.errors import TtsError, UsageError, reason

MOST_BYTES = 16 * 2**20
"""Longest line that is read; of a longer one nothing is kept."""

_UTF8_BOM = b"\xef\xbb\xbf"


def read_lines(stream: BinaryIO, most: int = MOST_BYTES) -> Iterator[bytes | None]:
    """Each line with its line end; None stands for a line of more than `most` bytes. Lines that are appended to
    a file while it is read are read too. Raises TtsError when reading fails, UsageError for what is no UTF-8 text."""
    first = True
    while line := _readline(stream, most + 1):
        if first and (foreign := begins_foreign(line)):
            raise UsageError(*foreign)
        if len(line) > most and not line.endswith(b"\n"):
            while (part := _readline(stream, most)) and not part.endswith(b"\n"):
                continue
            yield None
        else:
            yield line.removeprefix(_UTF8_BOM) if first else line
        first = False


def _readline(stream: BinaryIO, most: int) -> bytes:
    try:
        return stream.readline(most)
    except (OSError, EOFError, zlib.error) as error:  # the last two: a .gz that is cut off or damaged
        raise TtsError(f"The input cannot be read: {reason(error)}.", "Check the file and its disk.") from error
