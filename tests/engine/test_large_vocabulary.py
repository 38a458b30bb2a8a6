"""Draws over a large vocabulary: float32, mostly in one pass, and still the tokens that float64 would draw."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from tts_cli.engine import sampling
from tts_cli.engine.sampling import Sampler, draw, logprobs, sample
from tts_cli.errors import ModelError
from tts_cli.protocols import SampleKey, Sampling

N = 40_003  # no multiple of a block
CLOSE = 1e-6  # of a token's share

Logits = NDArray[np.float32]


def _sampler(i: int, temperature: float, top_p: float = 1.0) -> Sampler:
    return Sampler(SampleKey(0, "p", (i,)), Sampling(temperature=temperature, top_p=top_p))


def _peaked(rows: int, scale: float) -> Logits:
    """As a language model's: a broad bulk, and a few tokens far above it."""
    random = np.random.default_rng(7)
    logits = random.normal(scale=scale, size=(rows, N))
    logits[:, :50] += 5 * scale
    return np.ascontiguousarray(logits[:, random.permutation(N)], np.float32)


def _shares(logits: Logits, temperature: float, top_p: float) -> NDArray[np.float64]:
    """Each token's probability, in float64."""
    shares: NDArray[np.float64] = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    falling = np.sort(shares)[::-1]
    sums = np.cumsum(falling)
    needed = int((sums >= top_p * sums[-1]).argmax()) if top_p < 1 else N - 1
    shares[shares < falling[needed]] = 0
    return shares / shares.sum()


def _assert_drawn_at(uniform: float, token: int, shares: NDArray[np.float64]) -> None:
    above = shares[: token + 1].sum()
    assert shares[token] > 0
    assert above - shares[token] - CLOSE <= uniform <= above + CLOSE


@pytest.mark.parametrize("scale", [0.01, 1.0, 4.0])
@pytest.mark.parametrize(
    ("temperature", "top_p"),
    [(0.04, 1.0), (1.0, 1.0), (10.0, 1.0), *product([0.05, 0.7, 1.0, 10.0], [0.95, 0.3, 1e-9])],
)
def test_tokens_are_those_that_the_exact_distribution_gives(scale: float, temperature: float, top_p: float) -> None:
    logits = _peaked(8, scale)
    tokens, found = draw(logits, [_sampler(i, temperature, top_p) for i in range(8)])
    for i, token in enumerate(tokens):
        uniform = _sampler(i, temperature, top_p).draw()
        _assert_drawn_at(uniform, token, _shares(logits[i], temperature, top_p))
    assert found == pytest.approx(logprobs(logits, tokens), abs=1e-4)
    assert len(set(tokens)) > 1 or top_p < 1e-6 or temperature < 0.1


@pytest.mark.parametrize("scale", [0.01, 1.0, 4.0])
@pytest.mark.parametrize("temperature", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("shift", [0.0, 60.0, -60.0])
def test_tokens_of_temperature_1_are_thinned_to_a_lower_one(scale: float, temperature: float, shift: float) -> None:
    logits = _peaked(8, scale) + np.float32(shift)
    tokens, found = draw(logits, [_sampler(i, temperature) for i in range(8)])
    for i, token in enumerate(tokens):
        warm, cold = _shares(logits[i], 1.0, 1.0), _shares(logits[i], temperature, 1.0)
        sampler = _sampler(i, temperature)
        for _ in range(sampling._TRIALS):
            tried = int((np.cumsum(warm) > sampler.draw()).argmax())
            if sampler.draw() < (warm[tried] / warm.max()) ** (1 / temperature - 1):
                assert token == tried
                break
        else:
            _assert_drawn_at(sampler.draw(), token, cold)
    assert found == pytest.approx(logprobs(logits, tokens), abs=1e-4)


def test_draws_have_the_right_frequencies() -> None:
    logits = np.full(N, -9.0, np.float32)
    logits[[3, 700, 20_000, N - 1]] = np.log([0.4, 0.3, 0.2, 0.1])
    count = 4_000
    for sampler in (_sampler(0, 0.7), _sampler(1, 1.0), _sampler(2, 0.3)):
        expected = _shares(logits, sampler.temperature, 1.0)
        drawn = np.array([draw([logits], [sampler])[0][0] for _ in range(count)])
        likely = [3, 700, 20_000, N - 1]
        observed = np.array([(drawn == token).sum() for token in likely])
        wanted = np.append(expected[likely], 1 - expected[likely].sum()) * count
        chi_square = float(((np.append(observed, count - observed.sum()) - wanted) ** 2 / wanted).sum())
        assert chi_square < 18.5  # 99.9th percentile of four degrees of freedom; the seeds are fixed


@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_a_row_is_drawn_as_if_alone(top_p: float) -> None:
    logits = _peaked(6, 3.0)
    temperatures = [0.7, 0.0, 1.0, 3.0, 0.2, 1.0]
    together = draw(logits, [_sampler(i, t, top_p) for i, t in enumerate(temperatures)])
    alone = [draw([logits[i].copy()], [_sampler(i, t, top_p)]) for i, t in enumerate(temperatures)]
    assert together == ([tokens[0] for tokens, _ in alone], [found[0] for _, found in alone])
    assert together[0][1] == int(logits[1].argmax())


@pytest.mark.parametrize("temperature", [0.0, 5e-324, 1e-40, 1e-9])
@pytest.mark.parametrize("top_p", [1.0, 0.5])
def test_temperatures_near_zero_draw_the_likeliest(temperature: float, top_p: float) -> None:
    logits = _peaked(3, 2.0)
    tokens, _ = draw(logits, [_sampler(i, temperature, top_p) for i in range(3)])
    assert tokens == list(logits.argmax(axis=1))


def test_an_enormous_temperature_draws_from_all_that_is_not_masked() -> None:
    logits = _peaked(1, 3.0)
    logits[0, ::2] = -np.inf
    sampler = _sampler(0, 1e300)
    tokens = np.array([draw(logits, [sampler])[0][0] for _ in range(300)])
    assert (tokens % 2 == 1).all()
    assert len(set(tokens)) > 290 and tokens.mean() == pytest.approx(N / 2, rel=0.1)


@pytest.mark.parametrize("top_p", [1.0, 0.4])
@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_ties_are_all_drawn_and_masked_tokens_never(temperature: float, top_p: float) -> None:
    logits = np.full((1, N), -np.inf, np.float32)
    logits[0, [255, 256, 30_000]] = 2.5
    sampler = _sampler(0, temperature, top_p)
    assert {draw(logits, [sampler])[0][0] for _ in range(60)} == {255, 256, 30_000}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_logits_that_are_no_numbers_are_an_error(bad: float, temperature: float) -> None:
    logits = np.zeros((2, N), dtype=np.float32)
    logits[1, 30_000] = bad
    with pytest.raises(ModelError, match="not a number"):
        draw(logits, [_sampler(i, temperature) for i in range(2)])


@pytest.mark.parametrize("uniform", [0.0, 0.25, 1 - 2**-53])
def test_a_pick_at_the_very_edge_is_a_token_with_weight(uniform: float) -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        weights = random.random(1000).astype(np.float32)
        weights[:300] = weights[-300:] = weights[random.integers(300, 700, 200)] = 0
        index = sampling._pick(weights, sampling._sums(weights), uniform)
        assert weights[index] > 0
        sums = np.cumsum(weights, dtype=np.float64) / weights.sum(dtype=np.float64)
        assert sums[index] - weights[index] - CLOSE <= uniform <= sums[index] + CLOSE


@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_small_vocabularies_are_drawn_in_float64(top_p: float) -> None:
    logits = _peaked(4, 3.0)[:, :3_000].copy()
    tokens = sample(logits, [_sampler(i, 0.7, top_p) for i in range(4)])
    assert draw(list(logits), [_sampler(i, 0.7, top_p) for i in range(4)]) == (tokens, logprobs(logits, tokens))
