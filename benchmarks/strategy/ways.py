"""Ways of solving the same problems, each with what it got right and what it spent; and comparing curves of them.

A curve is one way at several prices. Between two of its points the straight line is what one gets who tosses a coin
for each problem, so that interpolation claims nothing that cannot be had. Intervals: problems are resampled, all ways
together; what was chosen in hindsight stays chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite

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
    as_good = [one for one in ways if difference(list(rival.right), list(one.right)).low <= 0]
    return min(as_good, key=lambda one: one.cost)


def cost_at(costs: Sequence[float], accuracies: Sequence[float], accuracy: float) -> float:
    """FLOPs at which the line through the points, from cheap to dear, first is so accurate; infinite if never."""
    points = sorted(zip(costs, accuracies, strict=True))
    before = points[0]
    if before[1] >= accuracy:
        return before[0]
    for point in points[1:]:
        if point[1] >= accuracy:
            part = (accuracy - before[1]) / (point[1] - before[1])
            return before[0] + part * (point[0] - before[0])
        before = point
    return inf


def accuracy_at(costs: Sequence[float], accuracies: Sequence[float], cost: float) -> float:
    """At these FLOPs on the line; beyond its end what the end has, before its beginning nothing (NaN)."""
    points = sorted(zip(costs, accuracies, strict=True))
    if cost < points[0][0]:
        return float("nan")
    return float(np.interp(cost, [x for x, _ in points], [y for _, y in points]))


@dataclass(frozen=True, slots=True)
class Compared:
    """A curve against one way. `ratio`: the curve's FLOPs by the way's, at equal accuracy (infinite: never so
    accurate); `gain`: its accuracy less the way's, at equal FLOPs (None: no point is so cheap)."""

    ratio: Estimate
    gain: Estimate | None


def compare(curve: Sequence[Way], rival: Way) -> Compared:
    """With 95 % intervals."""

    def ratio(costs: Numbers, accuracies: Numbers) -> float:
        return cost_at(costs[1:], accuracies[1:], accuracies[0]) / float(costs[0])  # type: ignore[arg-type]

    def gain(costs: Numbers, accuracies: Numbers) -> float:
        return accuracy_at(costs[1:], accuracies[1:], float(costs[0])) - float(accuracies[0])  # type: ignore[arg-type]

    ways = [rival, *curve]
    found = _bootstrapped(ways, gain)
    return Compared(_bootstrapped(ways, ratio), found if isfinite(found.value) else None)


def _bootstrapped(ways: Sequence[Way], figure: Callable[[Numbers, Numbers], float]) -> Estimate:
    """`figure` of all ways' mean FLOPs and accuracies. Resamples in which it is not defined are left out."""
    right, flops = np.array([one.right for one in ways]), np.array([one.flops for one in ways])
    value = figure(flops.mean(1), right.mean(1))
    weights = resampled(right.shape[1])
    pairs = zip(weights @ flops.T, weights @ right.T, strict=True)
    again = np.array([figure(costs, accuracies) for costs, accuracies in pairs])
    again = again[~np.isnan(again)]
    if not len(again):
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.quantile(again, (0.025, 0.975), method="inverted_cdf")  # no mean with an infinite one
    return Estimate(value, float(low), float(high))


def resampled(problems: int) -> Numbers:
    """[RESAMPLES, problems]: the weight of each problem, 1 in each row together."""
    draws = np.random.default_rng([SEED, problems]).multinomial(problems, [1 / problems] * problems, RESAMPLES)
    weights: Numbers = draws / problems
    return weights
