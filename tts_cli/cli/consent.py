"""Consent of the person at the keyboard: `--yes`, or an answer on the terminal; without either it is no."""

from __future__ import annotations

import sys
from collections.abc import Callable


def asker(yes: bool) -> Callable[[str], bool]:
    """A function that asks a question and returns whether the answer was yes."""
    return lambda question: yes or _asked(question)


def _asked(question: str) -> bool:
    """On stderr and stdin, where both are terminals: the result keeps stdout to itself."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
