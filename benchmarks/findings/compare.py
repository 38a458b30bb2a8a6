"""Two ways of solving the same problems, compared problem by problem; and which budgets are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.findings.results import Run
from tts_cli.evaluation.statistics import Estimate, difference, mcnemar

ALPHA = 0.05
SHOWN = (16, 64)


@dataclass(frozen=True, slots=True)
class Gap:
    """a - b: paired bootstrap interval, and the exact McNemar p of their being equally good."""

    problems: int
    difference: Estimate
    p: float

    @property
    def significant(self) -> bool:
        return self.p < ALPHA


def gap(a: Mapping[str, bool], b: Mapping[str, bool], among: Iterable[str] | None = None) -> Gap:
    """On the problems that both have (and that are `among` these). Raises ValueError where there is none."""
    chosen = set(a if among is None else among)
    shared = [problem for problem in a if problem in b and problem in chosen]
    if not shared:
        raise ValueError("the two runs share no problem")
    first, second = [a[problem] for problem in shared], [b[problem] for problem in shared]
    pairs = list(zip(first, second, strict=True))
    p = mcnemar(pairs.count((True, False)), pairs.count((False, True)))
    return Gap(len(shared), difference(first, second), p)


def shown_budgets(runs: Sequence[Run]) -> list[int]:
    """16 and 64, where all runs have them; if they have neither, the largest that they share (none: nothing)."""
    shared = sorted(set.intersection(*(set(run.budgets) for run in runs)))
    return [budget for budget in shared if budget in SHOWN] or shared[-1:]
