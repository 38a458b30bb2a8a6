r"""Where a step of a maths solution ends, decided on the bytes as they come: at the separator, or at a complete box.

The end of generation and the limits are the engine's business; what an answer looks like, `\boxed{...}`, is known here
and not there. A box counts when it holds something: "put the answer in \boxed{}" does not end a solution.
"""

from __future__ import annotations

import re

from tts_cli.protocols import Finish

_BOX = re.compile(rb"\\boxed\s*\{")
_LONGEST_OPENING = 16  # bytes kept for a `\boxed {` of which only the beginning has come
_BRACES = {ord("{"): 1, ord("}"): -1}
_BLANK = b" \t\r\n\v\f"


class StepEnd:
    """Called with all bytes of one step after every token; looks only at what is new.
    Blank text in front is skipped, so that a step never consists of separators."""

    def __init__(self, separator: str) -> None:
        self._separator = separator.encode()
        self._seen = 0
        self._start: int | None = None  # of the first byte that is not blank
        self._boxes = _Boxes()

    def __call__(self, text: bytes) -> Finish | None:
        new, self._seen = self._seen, len(text)
        if self._start is None:
            rest = text[new:].lstrip(_BLANK)
            if not rest:
                return None
            self._start = len(text) - len(rest)
        if self._boxes.complete(text):
            return Finish.ANSWERED
        first = max(self._start + 1, new - len(self._separator) + 1)
        return Finish.STEP if self._separator in text[first:] else None


class _Boxes:
    """Follows `\\boxed{...}` through a text that grows."""

    def __init__(self) -> None:
        self._at = 0  # everything before is done with
        self._content = 0  # where the content of the open box begins
        self._depth = 0  # of braces; 0: no box is open

    def complete(self, text: bytes) -> bool:
        """Whether a box that holds something has been closed."""
        while self._depth > 0 or self._open(text):
            self._count_braces(text)
            if self._depth > 0:
                return False
            if text[self._content : self._at - 1].strip(_BLANK):
                return True
        return False

    def _open(self, text: bytes) -> bool:
        opening = _BOX.search(text, self._at)
        if opening is None:
            self._at = max(self._at, len(text) - _LONGEST_OPENING)
            return False
        self._at = self._content = opening.end()
        self._depth = 1
        return True

    def _count_braces(self, text: bytes) -> None:
        while self._at < len(text) and self._depth > 0:
            if text[self._at - 1 : self._at] != b"\\":
                self._depth += _BRACES.get(text[self._at], 0)
            self._at += 1


def step_text(text: bytes, separator: str) -> str:
    """A step's text as searches see it: what is not UTF-8 replaced, no separator, no outer blanks."""
    return text.decode("utf-8", "replace").removesuffix(separator).strip()
