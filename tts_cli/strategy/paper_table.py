"""The static rule of the paper (arXiv 2502.06703): the method by policy size, PRM family and difficulty.

It is a table that the authors found by experiment and applied by hand; nothing is measured here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tts_cli.protocols import ModelFacts

Difficulty = Literal["easy", "medium", "hard"]

# Nominal sizes: models sold as "7B" have 6.7 to 7.6 billion parameters, "32B" 32.8.
SEVEN_BILLION = 6.5e9
ABOVE_32_BILLION = 35e9

BY_SIZE_AND_DIFFICULTY: dict[str, dict[Difficulty | None, str]] = {
    "below 7B": {"easy": "best-of-n", "medium": "beam", "hard": "beam", None: "beam"},
    "7B to 32B": {"easy": "dvts", "medium": "dvts", "hard": "beam", None: "dvts"},
    "above 32B": {"easy": "best-of-n", "medium": "best-of-n", "hard": "best-of-n", None: "best-of-n"},
}
"""None: no estimate of the difficulty; what the authors used for whole benchmarks."""

UNSUITED_TO_SEARCH = ("math-shepherd", "rlhflow")
"""Families of PRMs with which best-of-n beat search in the paper."""

LONG_THOUGHT = ("deepseek-r1",)
"""Families of policies whose long chains of thought PRMs cannot guide; the authors voted by majority."""


@dataclass(frozen=True, slots=True)
class TableChoice:
    """A method, and the entry of the table that it comes from; `size` and `difficulty`: of the entry "size"."""

    method: str
    entry: Literal["no PRM", "long thought", "unsuited PRM", "size"]
    policy: ModelFacts
    prm: ModelFacts | None
    size: str | None = None
    difficulty: Difficulty | None = None


def choose(policy: ModelFacts, prm: ModelFacts | None, difficulty: Difficulty | None = None) -> TableChoice:
    """The method for these models.

    >>> choose(ModelFacts("small", 1_500_000_000), ModelFacts("prm", 7_000_000_000), "easy").method
    'best-of-n'
    """
    if prm is None:
        return TableChoice("majority", "no PRM", policy, prm)
    if policy.family in LONG_THOUGHT:
        return TableChoice("majority", "long thought", policy, prm)
    if prm.family in UNSUITED_TO_SEARCH:
        return TableChoice("best-of-n", "unsuited PRM", policy, prm)
    size = _size_class(policy.parameters)
    return TableChoice(BY_SIZE_AND_DIFFICULTY[size][difficulty], "size", policy, prm, size, difficulty)


def _size_class(parameters: int) -> str:
    if parameters < SEVEN_BILLION:
        return "below 7B"
    return "7B to 32B" if parameters < ABOVE_32_BILLION else "above 32B"
