"""Bytes in, lines out: one at a time, as soon as each is there, and never one that fills the memory.

Covers BOM, CRLF and lines that are too long. What a line means is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from tts_cli.errors import TtsError, UsageError, reason

MOST_BYTES = 16 * 2**20
"""Longest line that is read; of a longer one nothing is kept."""

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def read_lines(stream: BinaryIO, most: int = MOST_BYTES) -> Iterator[bytes | None]:
    """Each line with its line end; None stands for a line of more than `most` bytes. Lines that are appended to
    a file while it is read are read too. Raises TtsError when reading fails, UsageError for UTF-16."""
    first = True
    while line := _readline(stream, most + 1):
        if first and line.startswith(_UTF16_BOMS):
            raise UsageError(
                "The input is UTF-16, not UTF-8.", "Convert it first, for example with: iconv -f utf-16 -t utf-8"
            )
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
    except OSError as error:
        raise TtsError(f"The input cannot be read: {reason(error)}.", "Check the file and its disk.") from error
