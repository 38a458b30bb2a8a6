"""Where the problem's text comes from: the argument, or all of stdin.

The text is data: NUL and control characters, markup and special tokens stay in it and reach the model as
characters. Only what is no text at all is refused.
"""

from __future__ import annotations

import sys

from tts_cli.errors import PromptTooLong, UsageError

MOST_BYTES = 16 * 2**20
EXAMPLE = 'Example: tts solve "Compute 37 + 4 * (12 - 5)."'


def read(argument: str | None) -> str:
    """The problem, stripped. Raises UsageError where there is none or it is not UTF-8."""
    text = _from_stdin(argument is None) if argument in (None, "-") else _from_argument(str(argument))
    if not text.strip():
        raise UsageError("The problem is empty.", EXAMPLE)
    return text.strip()


def _from_argument(text: str) -> str:
    try:
        text.encode("utf-8")  # the shell's undecodable bytes arrive as lone surrogates
    except UnicodeEncodeError as error:
        raise _not_utf8("The problem", error.start) from error
    return text


def _from_stdin(nothing_asked: bool) -> str:
    if sys.stdin is None or (nothing_asked and sys.stdin.isatty()):
        raise UsageError("No problem was given.", EXAMPLE + " (More: `tts solve --help`.)")
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise PromptTooLong("The problem on stdin is longer than 16 MiB.", "All of stdin is read as one problem.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8("The problem on stdin", error.start) from error


def _not_utf8(what: str, position: int) -> UsageError:
    return UsageError(
        f"{what} is not valid UTF-8 (at byte {position + 1}).",
        "Convert it first, for example with: iconv -f latin1 -t utf-8",
    )
