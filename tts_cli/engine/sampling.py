"""Draws tokens from logits: temperature first, then top-p, each sample from its own random stream.

A stream is named by (seed, problem, path), so what shares a sample's batch has no influence on it, except through the
rounding of the logits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts_cli.errors import ModelError
from tts_cli.protocols import SampleKey, Sampling

_BLOCK = 1 << 20  # numbers worked on at once: bounds the memory of wide batches over large vocabularies


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


def _sample_block(logits: NDArray[np.float32], samplers: Sequence[Sampler]) -> list[int]:
    best = logits.argmax(axis=1)
    top = logits[np.arange(len(best)), best]
    if not np.isfinite(top).all():
        raise ModelError("the model's output is not a number", "The file is damaged or badly converted: get another.")
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
