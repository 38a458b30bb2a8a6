"""Differences from the old output that are meant, by name.

Each is applied to the text of the OLD record of the cases that it names, before old and new are compared. One that
changes no record is of no use any more, which `test_golden.py` tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Meant:
    """`cases`: a regular expression that the whole name of a case matches; `old` and `new`: as `re.sub` takes them."""

    cases: str
    old: str
    new: str
    reason: str


EXCEPTIONS: tuple[Meant, ...] = ()


def with_exceptions(case: str, text: str) -> str:
    """The text of an old record as it should be now."""
    for meant in EXCEPTIONS:
        if re.fullmatch(meant.cases, case):
            text = re.sub(meant.old, meant.new, text)
    return text
