"""Fits the logistic models of a profile.

Ridge regression by Newton's method: with a few hundred problems and ten numbers each, nothing larger would hold.
Shapes: n problems, d features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts_cli.strategy.logistic import Logistic

Floats = NDArray[np.float64]

RIDGE = 3.0
_STEPS = 50
_FOLDS = 10


def fit(values: Sequence[Sequence[float]], shares: Sequence[float], ridge: float = RIDGE) -> Logistic:
    """values: n x d; shares: n, in [0, 1] (right or wrong, or the part of a problem's samples that is right).

    The features are standardised, so `ridge` means the same for all; the bias is not penalised. Shares are shrunk as if
    one more problem had been half right (Jeffreys' prior), so that no chance is 0 or 1.
    """
    x, y = np.asarray(values, float), np.asarray(shares, float)
    y = (len(y) * y + 0.5) / (len(y) + 1)
    centre, scale = x.mean(0), x.std(0)
    scale[scale < 1e-9] = 1.0
    z = np.c_[np.ones(len(x)), (x - centre) / scale]
    penalty = np.diag([1e-6, *[ridge] * x.shape[1]])
    w = np.zeros(z.shape[1])
    for _ in range(_STEPS):
        p = _sigmoid(z @ w)
        step = np.linalg.solve((z * (p * (1 - p) + 1e-9)[:, None]).T @ z + penalty, z.T @ (p - y) + penalty @ w)
        w -= np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(bias=_short(w[0]), weights=_row(w[1:]), centre=_row(centre), scale=_row(scale))


def assign_folds(count: int, seed: int) -> list[int]:
    """A fold for each of `count` problems, at random, all folds of nearly one size."""
    order = np.random.default_rng(seed).permutation(count)
    return [int(place) % min(_FOLDS, count) for place in order]


def _sigmoid(x: Floats) -> Floats:
    p: Floats = 1 / (1 + np.exp(-np.clip(x, -60, 60)))
    return p


def _row(values: Floats) -> tuple[float, ...]:
    return tuple(_short(value) for value in values)


def _short(value: float) -> float:
    """Six digits: a profile is read by people, too."""
    return float(f"{value:.6g}")
