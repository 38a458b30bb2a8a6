"""The statistics of an evaluation: intervals, paired tests, pass@k, and how well scores separate right from wrong.

Problems are the sample: intervals say how much a figure might differ on other problems of the same kind, not with
another seed. Nothing is corrected for the number of comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Labels = Sequence[bool] | NDArray[np.bool_]
RESAMPLES = 2000
_MOST_PICKS = 20_000_000  # of one table of resamples: bounds memory on very large data sets


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over problems and its 95 % interval."""

    value: float
    low: float
    high: float


def estimate(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean with the percentile bootstrap over problems; the same `seed` and count resample the same problems.

    Where all values are 0 (or all 1) a bootstrap sees no spread at all: the exact binomial bound (Clopper-Pearson) is
    given instead. Raises ValueError without values.
    """
    if not values:
        raise ValueError("no values")
    array = np.asarray(values, float)
    mean = float(array.mean())
    if mean in (0.0, 1.0) and float(np.ptp(array)) == 0.0:
        bound = 1 - 0.025 ** (1 / len(array))
        return Estimate(mean, 1 - bound, 1.0) if mean else Estimate(mean, 0.0, bound)
    low, high = np.quantile(array[_picks(len(array), seed)].mean(axis=1), (0.025, 0.975))
    return Estimate(mean, float(low), float(high))


def difference(a: Sequence[float], b: Sequence[float], seed: int = 0) -> Estimate:
    """Mean of a - b on the same problems, bootstrapped over problems as pairs."""
    gaps = np.subtract(a, b, dtype=float)
    if not gaps.any():
        return Estimate(0.0, 0.0, 0.0)
    low, high = np.quantile(gaps[_picks(len(gaps), seed)].mean(axis=1), (0.025, 0.975))
    return Estimate(float(gaps.mean()), float(low), float(high))


@lru_cache(maxsize=16)
def _picks(count: int, seed: int) -> NDArray[np.int64]:
    """[resamples, count]: indexes of problems, drawn with replacement."""
    resamples = max(200, min(RESAMPLES, _MOST_PICKS // count))
    return np.random.default_rng([seed, count]).integers(0, count, (resamples, count))


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p of McNemar's test: how unlikely a split so uneven is where both are equally good.

    `only_a`, `only_b`: problems that one got right and the other did not.

    >>> mcnemar(5, 5), mcnemar(0, 6)
    (1.0, 0.03125)
    """
    count = only_a + only_b
    tail, choices = 0, 1  # choices: count over k
    for k in range(min(only_a, only_b) + 1):
        tail += choices
        choices = choices * (count - k) // (k + 1)
    return min(1.0, 2 * tail / (1 << count))


def pass_at_k(samples: int, right: int, k: int) -> float:
    """Chance that k of `samples` (drawn without replacement) hold a right one: Chen et al. 2021, equation 1.

    Unbiased for any k <= samples. Raises ValueError for a larger k.

    >>> pass_at_k(4, 1, 1), pass_at_k(4, 1, 4)
    (0.25, 1.0)
    """
    if not 0 < k <= samples:
        raise ValueError(f"pass@{k} of {samples} samples")
    wrong = samples - right
    if wrong < k:
        return 1.0
    return 1.0 - math.prod((wrong - i) / (samples - i) for i in range(k))


def ranks(values: Sequence[float] | Numbers) -> Numbers:
    """1-based ranks; equal values share the mean of theirs."""
    _, group, counts = np.unique(np.asarray(values, float), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: Numbers = (last - counts + 1 + last) / 2
    return middle[group]


def auc(scores: Sequence[float] | Numbers, right: Labels) -> float | None:
    """Chance that a right one scores above a wrong one, ties half; None where only one kind is there."""
    labels = np.asarray(right, bool)
    positive, negative = int(labels.sum()), int((~labels).sum())
    if not positive or not negative:
        return None
    total = float(ranks(scores)[labels].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's; None where one of them does not vary."""
    if not len(a):
        return None
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    spread = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / spread if spread else None


@dataclass(frozen=True, slots=True)
class Bin:
    """The scores in [low, high): how many, their mean, and how many of them were right."""

    low: float
    high: float
    count: int
    mean_score: float
    share_right: float


def calibration(scores: Sequence[float] | Numbers, right: Labels, bins: int = 10) -> list[Bin]:
    """Bins of equal width over [0, 1]; empty ones are left out, 1.0 belongs to the last."""
    values, labels = np.clip(np.asarray(scores, float), 0.0, 1.0), np.asarray(right, float)
    place = np.minimum((values * bins).astype(int), bins - 1)
    found: list[Bin] = []
    for i in range(bins):
        inside = place == i
        if inside.any():
            mean, share = float(values[inside].mean()), float(labels[inside].mean())
            found.append(Bin(i / bins, (i + 1) / bins, int(inside.sum()), mean, share))
    return found


def calibration_error(curve: Sequence[Bin]) -> float:
    """Expected calibration error: how far scores are from shares, weighted by how many there are."""
    total = sum(bin.count for bin in curve)
    return sum(bin.count * abs(bin.mean_score - bin.share_right) for bin in curve) / total if total else 0.0
