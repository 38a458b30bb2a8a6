"""Draws tokens from logits: temperature first, then top-p, each sample from its own random stream.

A stream is named by (seed, problem, path), so what shares a sample's batch has no influence on it, except through the
rounding of the logits.

`sample` and `logprobs` compute in float64 over whole blocks of rows. Over a vocabulary of 150,000 tokens this would
take a tenth of a decode, so `draw` goes through a large one row by row, in float32, and mostly has to
go through it only once:

    logits [n_vocab] ─► weights at temperature 1 ─► sums of blocks of 256 ─► the block of the mark ─► a token
        ─► kept at random, so that it is one of the temperature's (else: weights at the temperature ─► top-p ─► a token)

Single weights are float32, sums of blocks are added up in float64: a token's share is right to about 1e-7.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.errors import ModelError
from tts_cli.protocols import SampleKey, Sampling

_BLOCK = 1 << 20  # numbers worked on at once: bounds the memory of wide batches over large vocabularies
_LARGE = 1 << 15  # tokens of vocabulary from which a row is drawn by itself, in float32
_HUGE = 1e37  # it and its inverse are float32 numbers
_SAFE = 40.0  # logits of this size need no shift: float32 holds e^-87 to e^88
_TRIALS = 6  # after so many tokens that were not kept, the weights at the temperature are cheaper
_STEEP = 20.0  # temperatures below about 0.05 keep next to nothing but the likeliest token
_ADDED = 256  # weights added up in float32


class Sampler:
    """The random stream of one sample. Its i-th draw depends on the key and i alone (Philox, counter-based)."""

    __slots__ = ("_stream", "temperature", "top_p")

    def __init__(self, key: SampleKey, sampling: Sampling) -> None:
        self.temperature = sampling.temperature
        self.top_p = sampling.top_p
        # Greedy needs no stream, and making one costs more than a token.
        self._stream = np.random.Generator(np.random.Philox(key=_hash(key))) if sampling.temperature > 0 else None

    def draw(self) -> float:
        """The next uniform number in [0, 1); 0.0 for greedy."""
        return self._stream.random() if self._stream else 0.0


def _hash(key: SampleKey) -> int:
    """128 bits of SHA-256 over an unambiguous spelling of the key."""
    spelling = f"{key.seed}/{','.join(map(str, key.path))}/{key.problem}"
    return int.from_bytes(hashlib.sha256(spelling.encode("utf-8", "surrogatepass")).digest()[:16], "little")


def draw(rows: Sequence[NDArray[np.float32]], samplers: Sequence[Sampler]) -> tuple[list[int], list[float]]:
    """One token per row of logits [n_vocab], and its log-probability (natural, at temperature 1 and without top-p).
    Raises ModelError when a row is not made of numbers."""
    if len(rows[0]) < _LARGE:
        logits = np.asarray(rows)
        tokens = sample(logits, samplers)
        return tokens, logprobs(logits, tokens)
    weights = np.empty(len(rows[0]), np.float32)
    drawn = [_draw_row(row, sampler, weights) for row, sampler in zip(rows, samplers, strict=True)]
    return [token for token, _ in drawn], [logprob for _, logprob in drawn]


def sample(logits: NDArray[np.float32], samplers: Sequence[Sampler]) -> list[int]:
    """One token per row of `logits` [rows, n_vocab]. Raises ModelError when a row is not made of numbers."""
    per_block = max(1, _BLOCK // logits.shape[1])
    tokens: list[int] = []
    for begin in range(0, len(samplers), per_block):
        tokens += _sample_block(logits[begin : begin + per_block], samplers[begin : begin + per_block])
    return tokens


def logprobs(logits: NDArray[np.float32], tokens: Sequence[int]) -> list[float]:
    """Log-probability (natural) of each row's token in `logits` [rows, n_vocab], at temperature 1 and without top-p."""
    per_block = max(1, _BLOCK // logits.shape[1])
    found: list[float] = []
    for begin in range(0, len(tokens), per_block):
        block = logits[begin : begin + per_block]
        top = block.max(axis=1, keepdims=True)
        total = np.exp(block - top).sum(axis=1, dtype=np.float64)
        own = block[np.arange(len(block)), tokens[begin : begin + per_block]] - top[:, 0]
        found += [float(one) for one in own - np.log(total)]
    return found


def given(rows: Sequence[NDArray[np.float32]], tokens: Sequence[int]) -> list[float]:
    """`logprobs` of tokens that are given and not drawn, one per row of logits [n_vocab]; a row of a large vocabulary
    is gone through by itself. Raises ModelError when a row is not made of numbers."""
    if not tokens:
        return []
    if len(rows[0]) < _LARGE:
        logits = np.asarray(rows)
        _check(logits.max(axis=1))
        return logprobs(logits, tokens)
    weights = np.empty(len(rows[0]), np.float32)
    return [_Row(row, weights).logprob(token) for row, token in zip(rows, tokens, strict=True)]


class _Row:
    """The logits [n_vocab] of one row of a large vocabulary, and their weights at temperature 1: written to `weights`,
    with running sums `whole`. `unit` is the logit whose weight is 1."""

    __slots__ = ("likeliest", "logits", "top", "unit", "whole")

    def __init__(self, logits: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
        self.logits, self.likeliest = logits, int(logits.argmax())
        self.top = logits[self.likeliest]
        _check(self.top)
        self.unit = self.top if abs(self.top) > _SAFE else np.float32(0)
        self.whole = _sums(_weigh(logits, self.unit, 1.0, weights))

    def logprob(self, token: int) -> float:
        return float(self.logits[token] - self.unit) - math.log(self.whole[-1])


def _draw_row(logits: NDArray[np.float32], sampler: Sampler, weights: NDArray[np.float32]) -> tuple[int, float]:
    """A token of one row of a large vocabulary and its log-probability. `weights` [n_vocab] is room to work in."""
    row = _Row(logits, weights)
    top, whole = row.top, row.whole
    if sampler.temperature == 0:
        return row.likeliest, row.logprob(row.likeliest)
    token = _thin(weights, whole, float(weights[row.likeliest]), sampler)
    if token is None:
        sums = _sums(_weigh(logits, top, sampler.temperature, weights))
        if sampler.top_p < 1:
            _keep_row_nucleus(logits, top, sampler, weights, sums[-1])
            sums = _sums(weights)
        token = _pick(weights, sums, sampler.draw())
    return token, row.logprob(token)


def _thin(weights: NDArray[np.float32], sums: NDArray[np.float64], largest: float, sampler: Sampler) -> int | None:
    """A token at the sampler's temperature without its weights there: one is drawn at temperature 1, where its weight
    is w, and kept with probability (w / largest) ^ (1 / temperature - 1), which makes it w ^ (1 / temperature).
    None where that is not possible, or not soon: then a token drawn in any other way is as good as a further one."""
    power = 1 / sampler.temperature - 1
    if sampler.top_p < 1 or not 0 <= power < _STEEP:
        return None
    for _ in range(_TRIALS):
        token = _pick(weights, sums, sampler.draw())
        if power == 0 or sampler.draw() < (float(weights[token]) / largest) ** power:
            return token
    return None


def _weigh(
    logits: NDArray[np.float32], unit: np.float32, temperature: float, weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Fill `weights` with e^((logits - unit) / temperature)."""
    if unit == 0 and temperature == 1:
        return np.exp(logits, out=weights)
    np.subtract(logits, unit, out=weights)
    if temperature != 1:
        with np.errstate(over="ignore"):  # a temperature near 0 sends all but the likeliest to -inf, as it should
            np.multiply(weights, max(1 / _HUGE, min(1 / temperature, _HUGE)), out=weights)
    return np.exp(weights, out=weights)


def _sums(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Running sums of `weights` [n] at the end of each block of _ADDED."""
    blocks = np.add.reduceat(weights, np.arange(0, len(weights), _ADDED))
    return np.cumsum(blocks, dtype=np.float64)


def _pick(weights: NDArray[np.float32], sums: NDArray[np.float64], uniform: float) -> int:
    """The index at which the running sum of `weights` passes `uniform` of the whole; `sums` are those of its blocks."""
    mark = min(uniform * sums[-1], math.nextafter(sums[-1], 0))
    block = int(np.searchsorted(sums, mark, side="right"))
    begin = block * _ADDED
    inside = np.cumsum(weights[begin : begin + _ADDED], dtype=np.float64)
    # Added up in another order, they can end below the mark: then it is the last one that weighs anything.
    mark = min(mark - (sums[block - 1] if block else 0.0), math.nextafter(inside[-1], 0))
    return begin + int(np.searchsorted(inside, mark, side="right"))


def _keep_row_nucleus(
    logits: NDArray[np.float32], top: np.float32, sampler: Sampler, weights: NDArray[np.float32], total: float
) -> None:
    """`_keep_nucleus` for one row; `total` is the sum of its `weights`."""
    # All tokens lighter than this together weigh less than what top-p leaves out.
    rising = np.sort(logits[weights >= (1 - sampler.top_p) * total / len(weights)])
    falling = _weigh(rising, top, sampler.temperature, np.empty_like(rising))[::-1]
    sums = np.cumsum(falling, dtype=np.float64)
    needed = min(int(np.searchsorted(sums, sampler.top_p * total)), len(sums) - 1)
    weights[logits < rising[-1 - needed]] = 0.0


def _check(top: Any) -> None:
    """Raise ModelError when a row's largest logit is no number: NaN wins every comparison."""
    if not np.isfinite(top).all():
        raise ModelError("the model's output is not a number", "The file is damaged or badly converted: get another.")


def _sample_block(logits: NDArray[np.float32], samplers: Sequence[Sampler]) -> list[int]:
    best = logits.argmax(axis=1)
    top = logits[np.arange(len(best)), best]
    _check(top)
    hot = [i for i, sampler in enumerate(samplers) if sampler.temperature > 0]
    if hot:
        rows = hot if len(hot) < len(best) else slice(None)
        best[rows] = _draw(logits[rows], top[rows], [samplers[i] for i in hot])
    return [int(token) for token in best]


def _draw(logits: NDArray[np.float32], top: NDArray[np.float32], samplers: Sequence[Sampler]) -> NDArray[np.int64]:
    temperature = np.array([sampler.temperature for sampler in samplers])
    weights = logits.astype(np.float64)
    weights -= top[:, None]
    with np.errstate(over="ignore"):  # a temperature near 0 sends all but the likeliest to -inf, as it should
        weights /= temperature[:, None]
    np.exp(weights, out=weights)
    if any(sampler.top_p < 1 for sampler in samplers):
        _keep_nucleus(weights, np.array([sampler.top_p for sampler in samplers]))
    # Zero-weight tokens leave the sum as it is, so the first sum above the mark is never one of them.
    sums = np.cumsum(weights, axis=1)
    mark = np.array([sampler.draw() for sampler in samplers]) * sums[:, -1]
    tokens: NDArray[np.int64] = (sums > mark[:, None]).argmax(axis=1)
    return tokens


def _keep_nucleus(weights: NDArray[np.float64], top_p: NDArray[np.float64]) -> None:
    """Zero all but the smallest set of likeliest tokens whose share reaches top_p (Holtzman et al. 2020, section 3.1).
    `weights` [rows, n_vocab], `top_p` [rows]. Tokens as likely as the last one that is needed stay in, so that the set
    does not depend on their order."""
    falling = -np.sort(-weights, axis=1)
    sums = np.cumsum(falling, axis=1)
    needed = (sums >= (top_p * sums[:, -1])[:, None]).argmax(axis=1)
    needed[top_p >= 1] = weights.shape[1] - 1
    weights[weights < falling[np.arange(len(needed)), needed][:, None]] = 0.0
