"""Ways of solving the same problems, each with what it got right and what it spent; and comparing curves of them.

A curve is one way at several prices; only its points count, nothing between them. Intervals: problems are resampled,
all ways together; what was chosen in hindsight stays chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.strategy.votes import Outcome
from tts_cli.evaluation.statistics import Estimate, difference, estimate

Numbers = NDArray[np.float64]
RESAMPLES = 2000
SEED = 1


@dataclass(frozen=True, slots=True)
class Way:
    """`right`, `flops`: one number for each problem, all ways in the same order of problems."""

    name: str
    right: Numbers
    flops: Numbers

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    @property
    def cost(self) -> float:
        """Mean FLOPs per problem."""
        return float(self.flops.mean())

    @property
    def estimate(self) -> Estimate:
        return estimate(list(self.right))


def way(name: str, outcomes: Iterable[Outcome]) -> Way:
    found = list(outcomes)
    return Way(name, np.array([one.right for one in found], float), np.array([one.flops for one in found], float))


def best(ways: Sequence[Way]) -> Way:
    """The most accurate; of equally accurate ones the cheapest."""
    return max(ways, key=lambda one: (one.accuracy, -one.cost))


def cheapest_as_good(ways: Sequence[Way], rival: Way) -> Way:
    """The cheapest that is not measurably worse than the rival (paired bootstrap, 95 %)."""
    as_good = [one for one in ways if more_right(rival, one).low <= 0]
    return min(as_good, key=lambda one: one.cost)


@dataclass(frozen=True, slots=True)
class Compared:
    """A curve against one way. `equal`: the curve's cheapest point that is at least as accurate, or, where none is
    (`reached` False), its most accurate one; `ratio`: its FLOPs by the way's; `off`: its accuracy less the way's.
    `affordable`: the most accurate point that is not dearer, None where none is so cheap; `gain`: its accuracy less the
    way's."""

    equal: Way
    reached: bool
    ratio: Estimate
    off: Estimate
    affordable: Way | None
    gain: Estimate | None


def compare(curve: Sequence[Way], rival: Way) -> Compared:
    """With 95 % intervals."""
    as_good = [one for one in curve if one.accuracy >= rival.accuracy]
    equal = min(as_good, key=lambda one: (one.cost, -one.accuracy)) if as_good else best(curve)
    not_dearer = [one for one in curve if one.cost <= rival.cost]
    affordable = best(not_dearer) if not_dearer else None
    gain = more_right(affordable, rival) if affordable else None
    return Compared(equal, bool(as_good), times_flops(equal, rival), more_right(equal, rival), affordable, gain)


def more_right(one: Way, other: Way) -> Estimate:
    """How much more accurate."""
    return difference(list(one.right), list(other.right))


def times_flops(one: Way, other: Way) -> Estimate:
    """How many times the other's mean FLOPs."""
    weights = _resampled(len(one.flops), RESAMPLES)
    low, high = np.quantile(weights @ one.flops / (weights @ other.flops), (0.025, 0.975))
    return Estimate(one.cost / other.cost, float(low), float(high))


@lru_cache(maxsize=4)
def _resampled(problems: int, resamples: int) -> Numbers:
    """[resamples, problems]: how often each problem is drawn."""
    rng = np.random.default_rng([SEED, problems])
    return rng.multinomial(problems, [1 / problems] * problems, resamples).astype(float)
