"""An equality that a step states and that is false: what the calculator (calculator/equalities.py) says of a step.

The value alone, for those who may not import the calculator: searches, and what is kept of a person's own solution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FalseEquality:
    """`text`: the equality as it is written; `left` and `right`: its two sides; `value`: what the side that can be
    worked out comes to.

    >>> str(FalseEquality("2 + 2 = 5", "2 + 2", "5", "4"))
    '2 + 2 = 5 is false: 4'
    """

    text: str
    left: str
    right: str
    value: str

    def __str__(self) -> str:
        return f"{self.text} is false: {self.value}"


Refute = Callable[[str], FalseEquality | None]
"""Finds a false equality in the text of a step; None where there is none, or none that is provably false."""


def never(step: str) -> FalseEquality | None:
    """The calculator where it is off."""
    return None
