"""What could be had by somebody who knows more than `auto`: two oracles, both chosen on the very problems in hindsight.

The first knows how hard each problem truly is for the policy (the share of right ones among all samples, sorted by the
paper's bounds) and takes for each kind the fixed method and N that is best there at a price. The second knows which
answer is right, and stops at the first number of samples whose vote says so; where none does, it stops at the
first number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.strategy.tapes import Case
from benchmarks.strategy.votes import Outcome
from benchmarks.strategy.ways import Numbers, Way, way
from tts_cli.strategy.rule import difficulty

PRICES = (0.3, 0.1, 0.05, 0.03, 0.02, 0.015, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001, 0.0005, 0.0002, 0.0001, 0.0)


def by_difficulty(cases: Sequence[Case], fixed: Mapping[str, Way], sample: float) -> list[Way]:
    """The first oracle, at each price of one sample (which costs `sample` FLOPs)."""
    kinds = np.array([difficulty(case.observation.solved) for case in cases])
    return [_at(price, kinds, list(fixed.values()), sample) for price in PRICES]


def _at(price: float, kinds: Numbers, fixed: Sequence[Way], sample: float) -> Way:
    right, flops = np.zeros(len(kinds)), np.zeros(len(kinds))
    for kind in np.unique(kinds):
        here = kinds == kind
        chosen = max(fixed, key=lambda one: (_net(one, here, price / sample), -one.flops[here].mean()))
        right[here], flops[here] = chosen.right[here], chosen.flops[here]
    return Way(f"{price}", right, flops)


def _net(one: Way, here: Numbers, price: float) -> float:
    return float(one.right[here].mean() - price * one.flops[here].mean())


def by_answer(cases: Sequence[Case]) -> Way:
    """The second oracle, over the stages of `auto`."""
    return way("right as soon as it can be", (_first_right(case) for case in cases))


def _first_right(case: Case) -> Outcome:
    stages = case.observation.stages
    first = next((n for n in sorted(stages) if stages[n].right), None)
    return Outcome(first is not None, stages[min(stages) if first is None else first].flops)
