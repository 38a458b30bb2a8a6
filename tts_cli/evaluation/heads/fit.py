"""Fits one head to rows: logistic regression with a ridge, or a small MLP. Plain numpy.

Shapes: n rows, d inputs. Inputs are standardised for fitting; the tensors that come out take them as they are.
Targets are chances in [0, 1], shrunk a little towards the middle (Jeffreys' prior), so that a fit has an optimum even
where all are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.models.prm.head_file import HeadInput, HeadKind, PlattScaling

Numbers = NDArray[np.float64]
Floats = NDArray[np.float32]
Loss = Callable[[Numbers], tuple[float, Numbers]]

_MEMORY = 10  # pairs that L-BFGS keeps
_STEPS = 200
_TOLERANCE = 1e-4  # of the gradient's largest part: figures move in their fourth digit


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a head is fitted. `penalty`: of squared weights, beside a mean loss; `hidden`: an MLP's units."""

    kind: HeadKind
    inputs: tuple[HeadInput, ...]
    penalty: float
    hidden: int = 0

    @property
    def name(self) -> str:
        """linear on end + likelihoods, ridge 0.1"""
        size = f" of {self.hidden}" if self.hidden else ""
        return f"{self.kind}{size} on {' + '.join(self.inputs)}, ridge {self.penalty:g}"


@dataclass(frozen=True, slots=True)
class Standardised:
    """Inputs with mean 0 and deviation 1 in each column: z [n, d]."""

    z: Floats
    centre: Numbers
    scale: Numbers

    @staticmethod
    def of(x: Floats) -> Standardised:
        centre, scale = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
        scale[scale < 1e-6] = np.inf  # a column that does not vary has no part
        return Standardised(((x - centre) / scale).astype(np.float32), centre, scale)


def fit(
    recipe: Recipe, x: Standardised, target: Numbers, weight: Numbers, group: NDArray[np.int64], seed: int
) -> dict[str, Floats]:
    """The tensors of a head (`HeadFile`). `group`: of each row its problem, by which an MLP's training stops."""
    shrunk = (weight.sum() * target + 0.5) / (weight.sum() + 1)
    if recipe.kind == "linear":
        w, b = _logistic(x.z, shrunk, weight, recipe.penalty)
        outer = (w / x.scale, b - float((w / x.scale) @ x.centre))
        return {"weight": outer[0].astype(np.float32), "bias": np.array([outer[1]], np.float32)}
    w1, b1, w2, b2 = _mlp(x.z, shrunk, weight, group, recipe, seed)
    inner = w1.astype(np.float64) / x.scale
    return {
        "hidden.weight": inner.astype(np.float32),
        "hidden.bias": (b1 - inner @ x.centre).astype(np.float32),
        "output.weight": w2,
        "output.bias": b2,
    }


def platt(logit: Numbers, target: Numbers, weight: Numbers) -> PlattScaling:
    """Slope (not below 0: a head that errs is worth nothing, not the opposite) and intercept of the best chances."""
    spread = float(logit.std()) or 1.0
    shrunk = (weight.sum() * target + 0.5) / (weight.sum() + 1)
    w, b = _logistic((logit / spread)[:, None].astype(np.float32), shrunk, weight, 1e-6)
    if w[0] < 0:
        mean = float(np.average(shrunk, weights=weight))
        return PlattScaling(slope=0.0, intercept=float(np.log(mean / (1 - mean))))
    return PlattScaling(slope=float(w[0]) / spread, intercept=b)


def cross_entropy(logit: Numbers, target: Numbers) -> Numbers:
    """Of each row, in nats."""
    return np.logaddexp(0.0, logit) - target * logit


def _logistic(z: Floats, target: Numbers, weight: Numbers, penalty: float) -> tuple[Numbers, float]:
    """Weights [d] and bias of the least weighted mean loss; the bias is not penalised."""
    share = weight / weight.sum()

    def loss(w: Numbers) -> tuple[float, Numbers]:
        logit = z @ w[:-1].astype(np.float32) + w[-1]
        error = share * (1 / (1 + np.exp(-np.clip(logit, -60, 60))) - target)
        value = float(share @ cross_entropy(logit, target)) + 0.5 * penalty * float(w[:-1] @ w[:-1])
        gradient = np.append(error.astype(np.float32) @ z + penalty * w[:-1], error.sum())
        return value, gradient

    w = minimise(loss, np.zeros(z.shape[1] + 1))
    return w[:-1], float(w[-1])


def minimise(loss: Loss, start: Numbers) -> Numbers:
    """L-BFGS with backtracking (Nocedal & Wright 2006, algorithms 3.1 and 7.4), for smooth convex losses."""
    x, (value, gradient) = start, loss(start)
    pairs: list[tuple[Numbers, Numbers]] = []
    for _ in range(_STEPS):
        if np.abs(gradient).max() < _TOLERANCE:
            break
        direction = _direction(gradient, pairs)
        slope, size = float(gradient @ direction), 1.0
        after, (new, new_gradient) = x + direction, loss(x + direction)
        while new > value + 1e-4 * size * slope and size > 1e-6:
            size /= 2
            after = x + size * direction
            new, new_gradient = loss(after)
        if new >= value:
            break
        moved, turned = after - x, new_gradient - gradient
        if float(moved @ turned) > 1e-12:
            pairs = [*pairs, (moved, turned)][-_MEMORY:]
        x, value, gradient = after, new, new_gradient
    return x


def _direction(gradient: Numbers, pairs: list[tuple[Numbers, Numbers]]) -> Numbers:
    """The two-loop recursion."""
    q, alphas = gradient.copy(), []
    for s, y in reversed(pairs):
        alphas.append(float(s @ q) / float(s @ y))
        q -= alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        q *= float(s @ y) / float(y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q += (alpha - float(y @ q) / float(s @ y)) * s
    return -q


# A small MLP: ReLU, Adam (Kingma & Ba 2015), stopped early

_EPOCHS, _PATIENCE, _BATCH, _RATE = 60, 6, 256, 1e-3
_HELD_OUT = 0.15  # of the problems, to know when to stop
Layers = tuple[Floats, Floats, Floats, Floats]


def _mlp(z: Floats, target: Numbers, weight: Numbers, group: NDArray[np.int64], recipe: Recipe, seed: int) -> Layers:
    """Weights [h, d], biases [h], output weights [h] and bias [1], as they were best on problems held out."""
    random = np.random.default_rng(seed)
    names = random.permutation(np.unique(group))
    apart = np.isin(group, names[: max(1, round(_HELD_OUT * len(names)))])
    share = (weight / weight.mean()).astype(np.float32)
    layers = _begin(z.shape[1], recipe.hidden, float(np.average(target, weights=weight)), random)
    best, least, since = layers, np.inf, 0
    moments = [(np.zeros_like(layer), np.zeros_like(layer)) for layer in layers]
    count = 0
    for _ in range(_EPOCHS):
        order = random.permutation(np.flatnonzero(~apart))
        for at in range(0, len(order), _BATCH):
            rows, count = order[at : at + _BATCH], count + 1
            gradients = _gradients(layers, z[rows], target[rows].astype(np.float32), share[rows], recipe.penalty)
            layers = _adam(layers, gradients, moments, count)
        held = float(np.average(cross_entropy(_forward(layers, z[apart])[1], target[apart]), weights=weight[apart]))
        best, least, since = (layers, held, 0) if held < least - 1e-4 else (best, least, since + 1)
        if since >= _PATIENCE:
            break
    return best


def _begin(inputs: int, hidden: int, mean: float, random: np.random.Generator) -> Layers:
    first = random.normal(0, (2 / inputs) ** 0.5, (hidden, inputs)).astype(np.float32)
    last = random.normal(0, 0.1 / hidden**0.5, hidden).astype(np.float32)
    return first, np.zeros(hidden, np.float32), last, np.array([np.log(mean / (1 - mean))], np.float32)


def _forward(layers: Layers, z: Floats) -> tuple[Floats, Numbers]:
    """Hidden units [n, h] and logits [n]."""
    w1, b1, w2, b2 = layers
    hidden = np.maximum(z @ w1.T + b1, 0)
    return hidden, (hidden @ w2 + b2).astype(np.float64)


def _gradients(layers: Layers, z: Floats, target: Floats, share: Floats, penalty: float) -> Layers:
    hidden, logit = _forward(layers, z)
    chance = 1 / (1 + np.exp(-np.clip(logit, -60, 60)))
    error = (share * (chance - target) / len(z)).astype(np.float32)
    back = error[:, None] * layers[2] * (hidden > 0)
    first, last = back.T @ z + penalty * layers[0], error @ hidden + penalty * layers[2]
    return first, back.sum(0), last, np.array([error.sum()], np.float32)


def _adam(layers: Layers, gradients: Layers, moments: list[tuple[Floats, Floats]], count: int) -> Layers:
    """One step; `moments` are updated in place."""
    moved = []
    for layer, gradient, (first, second) in zip(layers, gradients, moments, strict=True):
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient * gradient - second)
        step = (first / (1 - 0.9**count)) / (np.sqrt(second / (1 - 0.999**count)) + 1e-8)
        moved.append((layer - _RATE * step).astype(np.float32))
    return moved[0], moved[1], moved[2], moved[3]
