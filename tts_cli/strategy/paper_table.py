"""The static rule of the paper (arXiv 2502.06703): the method by policy size, PRM family and task.

It is a table that the authors found by experiment and applied by hand; it measures nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tts_cli.strategy.profile import Profile

Difficulty = Literal["easy", "medium", "hard"]

# Nominal sizes: models sold as "7B" have 6.7 to 7.6 billion parameters, "14B" 14.8, "32B" 32.8.
SEVEN_BILLION = 6.5e9
FOURTEEN_BILLION = 13.5e9
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
class Known:
    """What is known beside the models themselves: families as in the registry, and the kind of task.

    `profile`: one that was made with these very files. `remark`: why one is not used, in one clause.

    """

    policy_family: str | None = None
    prm_family: str | None = None
    task: Literal["math", "aime"] = "math"
    difficulty: Difficulty | None = None
    profile: Profile | None = None
    remark: str | None = None


def choose(parameters: int, *, has_prm: bool, known: Known) -> tuple[str, str]:
    """The method for a policy of `parameters`, and why."""
    size = f"a policy of {human(parameters)} parameters"
    if not has_prm:
        return "majority", f"majority, as there is no PRM to guide {size}"
    if known.policy_family in LONG_THOUGHT:
        return (
            "majority",
            f"majority, as PRMs cannot guide the long thoughts of {known.policy_family}",
        )
    if known.prm_family in UNSUITED_TO_SEARCH:
        return "best-of-n", f"best-of-n, which in the paper beats search with {known.prm_family} PRMs"
    if known.task == "aime":
        small = parameters < FOURTEEN_BILLION
        method: str = "dvts" if small else "best-of-n"
        return method, f"{method}, the paper's rule on AIME for {size} ({'below' if small else 'from'} 14B)"
    size_class = _size_class(parameters)
    method = BY_SIZE_AND_DIFFICULTY[size_class][known.difficulty]
    problem = f" and a problem that is {known.difficulty}" if known.difficulty else ""
    return method, f"{method}, the paper's rule for {size} ({size_class}){problem}"


def human(parameters: int) -> str:
    """1234567 -> "1.2M"."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if parameters >= size:
            return f"{parameters / size:.3g}{unit}"
    return str(parameters)


def _size_class(parameters: int) -> str:
    if parameters < SEVEN_BILLION:
        return "below 7B"
    return "7B to 32B" if parameters < ABOVE_32_BILLION else "above 32B"
