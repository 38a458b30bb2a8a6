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
    on_stdin = argument is None or argument == "-"
    try:
        text = _stdin(argument is None).decode("utf-8-sig") if on_stdin else str(argument)
        text.encode("utf-8")  # the shell's undecodable bytes arrive as lone surrogates
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        what = "The problem on stdin" if on_stdin else "The problem"
        raise UsageError(
            f"{what} is not valid UTF-8 (at byte {error.start + 1}).",
            "Convert it first, for example with: iconv -f latin1 -t utf-8",
        ) from error
    if not text.strip():
        raise UsageError("The problem is empty.", EXAMPLE)
    return text.strip()


def _stdin(nothing_asked: bool) -> bytes:
    if sys.stdin is None or (nothing_asked and sys.stdin.isatty()):
        raise UsageError("No problem was given.", EXAMPLE + " (More: `tts solve --help`.)")
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise PromptTooLong("The problem on stdin is longer than 16 MiB.", "All of stdin is read as one problem.")
    return data
