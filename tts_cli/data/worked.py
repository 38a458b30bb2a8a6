"""A person's own worked solution: the problem, then its steps, separated by blank lines.

Line ends of any kind, a UTF-8 BOM and blanks at line ends mean nothing; all else in the text is data. What a step says
is not looked at here.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tts_cli.data.files import read_bytes
from tts_cli.errors import PromptTooLong, UsageError

MOST_BYTES = 16 * 2**20
FORM = "Write the problem, a blank line, then the steps with a blank line after each."

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
_LINE_END = re.compile(r"[^\S\n]+$", re.MULTILINE)
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Worked:
    """`steps` in order, none of them empty; a block of several lines is one step."""

    problem: str
    steps: tuple[str, ...]


def load(path: Path) -> Worked:
    """The solution in a file, or on stdin for "-". Raises TtsError, and UsageError for what is no solution."""
    if str(path) == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("There is nothing to check.", "Example: tts check solution.txt")
        return parse(sys.stdin.buffer.read(MOST_BYTES + 1), "stdin")
    return parse(read_bytes(path, most=MOST_BYTES + 1), str(path))


def parse(raw: bytes, name: str) -> Worked:
    """The solution in `raw`; `name` is used in messages. Raises UsageError, and PromptTooLong beyond MOST_BYTES."""
    if len(raw) > MOST_BYTES:
        raise PromptTooLong(f"{name} is longer than 16 MiB.", "Check one solution at a time.")
    blocks = [block for block in _BLANK_LINES.split(_text(raw, name)) if block.strip()]
    if not blocks:
        raise UsageError(f"{name} is empty.", FORM)
    problem, *steps = (_LINE_END.sub("", block).strip() for block in blocks)
    if not steps:
        raise UsageError(f"{name} has a problem but no step.", FORM)
    return Worked(problem, tuple(steps))


def _text(raw: bytes, name: str) -> str:
    """As text with `\\n` line ends."""
    if raw.startswith(_UTF16_BOMS):
        raise UsageError(f"{name} is UTF-16, not UTF-8.", "Convert it first: iconv -f utf-16 -t utf-8")
    if b"\0" in raw:
        raise UsageError(f"{name} is not a text file: it holds NUL bytes.", FORM)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name} is not valid UTF-8 (at byte {error.start + 1}).",
            "Convert it first, for example with: iconv -f latin1 -t utf-8",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
