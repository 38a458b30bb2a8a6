"""What could be had by somebody who knows more than `auto`: two oracles, both chosen on the very problems in hindsight.

The first knows how hard each problem truly is for the policy (the share of right ones among all samples, sorted by the
paper's bounds) and takes for each kind the fixed way that is best there at a price: a method and N, or a stage of
best-first search. The second knows which answer is right, and stops at the first look at which it leads; where it never
does, at the first look, as no other is cheaper.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.strategy.votes import Outcome
from benchmarks.strategy.ways import Numbers, Way, way
from tts_cli.evaluation.observations import CalibrationProblem
from tts_cli.strategy.rules import difficulty

PRICES = (0.3, 0.1, 0.05, 0.03, 0.02, 0.015, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001, 0.0005, 0.0002, 0.0001, 0.0)


def by_difficulty(observations: Sequence[CalibrationProblem], fixed: Sequence[Way], solution: float) -> list[Way]:
    """The first oracle, at each price of one solution (which costs `solution` FLOPs)."""
    kinds = np.array([difficulty(one.solved) for one in observations])
    return [_at(price, kinds, fixed, solution) for price in PRICES]


def _at(price: float, kinds: Numbers, fixed: Sequence[Way], solution: float) -> Way:
    right, flops = np.zeros(len(kinds)), np.zeros(len(kinds))
    for kind in np.unique(kinds):
        here = kinds == kind
        chosen = max(fixed, key=lambda one: (_net(one, here, price / solution), -one.flops[here].mean()))
        right[here], flops[here] = chosen.right[here], chosen.flops[here]
    return Way(f"price {price}", right, flops)


def _net(one: Way, here: Numbers, price: float) -> float:
    return float(one.right[here].mean() - price * one.flops[here].mean())


def by_answer(observations: Sequence[CalibrationProblem]) -> Way:
    """The second oracle, over the looks of `auto`."""
    return way("right as soon as it can be", map(_first_right, observations))


def _first_right(one: CalibrationProblem) -> Outcome:
    seen = next((seen for seen in one.checkpoints if seen.right), one.checkpoints[0])
    return Outcome(seen.right, seen.flops)
