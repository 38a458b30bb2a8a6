"""The static rule of the paper (arXiv 2502.06703): the method by policy size, PRM family and task.

It is a table that the authors found by experiment and applied by hand; it measures nothing here. N comes
from the budget or the effort that were asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from tts_cli.errors import UsageError
from tts_cli.search import GUIDED
from tts_cli.strategy.settings import EFFORT_BUDGETS, MethodName, SolveSettings

Difficulty = Literal["easy", "medium", "hard"]

# Nominal sizes: models sold as "7B" have 6.7 to 7.6 billion parameters, "14B" 14.8, "32B" 32.8.
SEVEN_BILLION = 6.5e9
FOURTEEN_BILLION = 13.5e9
ABOVE_32_BILLION = 35e9

BY_SIZE_AND_DIFFICULTY: dict[str, dict[Difficulty | None, MethodName]] = {
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

    `suggested`: a method that overrules the table, for a pair on which something better was measured.
    """

    policy_family: str | None = None
    prm_family: str | None = None
    task: Literal["math", "aime"] = "math"
    difficulty: Difficulty | None = None
    suggested: MethodName | None = None


class Sized(Protocol):
    """What a plan goes by of a model: it need not be loaded."""

    @property
    def parameters(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and one sentence why (without its full stop)."""

    method: MethodName
    budget: int
    beam_width: int
    why: str


def make_plan(settings: SolveSettings, policy: Sized, prm: Sized | None, known: Known | None = None) -> Plan:
    """Method and budget as asked for, or by the rule. Raises UsageError for a guided method without a PRM."""
    if settings.method == "auto":
        method, why = choose(policy.parameters, has_prm=prm is not None, known=known or Known())
    else:
        method, why = settings.method, f"{settings.method} was asked for"
    if method in GUIDED and prm is None:
        raise UsageError(
            f"{method} needs a PRM to score its steps, and there is none",
            "Give one with --prm, or use --method majority.",
        )
    if method == "greedy":
        return Plan(method, 1, 1, f"{why}; it writes one solution")
    budget = settings.budget or EFFORT_BUDGETS[settings.effort]
    source = "was asked for" if settings.budget else f"is --effort {settings.effort}"
    return Plan(method, budget, settings.beam_width, f"{why}; N = {budget} {source}")


def choose(parameters: int, *, has_prm: bool, known: Known) -> tuple[MethodName, str]:
    """The method for a policy of `parameters`, and why."""
    size = f"a policy of {human(parameters)} parameters"
    if not has_prm:
        return "majority", f"majority, as there is no PRM to guide {size}"
    if known.suggested:
        return known.suggested, f"{known.suggested}, which suits this pair of models best"
    if known.policy_family in LONG_THOUGHT:
        return (
            "majority",
            f"majority, as PRMs cannot guide the long thoughts of {known.policy_family}",
        )
    if known.prm_family in UNSUITED_TO_SEARCH:
        return "best-of-n", f"best-of-n, which in the paper beats search with {known.prm_family} PRMs"
    if known.task == "aime":
        small = parameters < FOURTEEN_BILLION
        method: MethodName = "dvts" if small else "best-of-n"
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
