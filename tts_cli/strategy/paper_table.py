"""The static rule of the paper (arXiv 2502.06703): the method by policy size, PRM family and task.

It is a table that the authors found by experiment and applied by hand; it measures nothing here.
"""

from __future__ import annotations

from typing import Literal

from tts_cli.costs import human
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


def choose(policy: ModelFacts, prm: ModelFacts | None, difficulty: Difficulty | None = None) -> tuple[str, str]:
    """The method for these models, and why."""
    size = f"a policy of {human(policy.parameters, billion='B')} parameters"
    if prm is None:
        return "majority", f"majority, as there is no PRM to guide {size}"
    if policy.family in LONG_THOUGHT:
        return "majority", f"majority, as PRMs cannot guide the long thoughts of {policy.family}"
    if prm.family in UNSUITED_TO_SEARCH:
        return "best-of-n", f"best-of-n, which in the paper beats search with {prm.family} PRMs"
    size_class = _size_class(policy.parameters)
    method = BY_SIZE_AND_DIFFICULTY[size_class][difficulty]
    problem = f" and a problem that is {difficulty}" if difficulty else ""
    return method, f"{method}, the paper's rule for {size} ({size_class}){problem}"


def _size_class(parameters: int) -> str:
    if parameters < SEVEN_BILLION:
        return "below 7B"
    return "7B to 32B" if parameters < ABOVE_32_BILLION else "above 32B"
