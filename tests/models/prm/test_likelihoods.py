"""The numbers that log-probabilities come to."""

from __future__ import annotations

import numpy as np
import pytest

from tts_cli.models.prm.likelihoods import FLOOR, LEAST_DOUBT, NAMES, Doubtful, StepLikelihood


def test_two_steps_by_hand() -> None:
    first = StepLikelihood().after([-1.0, -3.0, -0.5], [True, False, True])
    second = first.after([-2.0], [False])
    assert dict(zip(NAMES, second.numbers, strict=True)) == pytest.approx(
        {
            "mean": -2.0,
            "least": -2.0,
            "digits mean": 0.0,
            "digits least": 0.0,
            "mean so far": -6.5 / 4,
            "least so far": -3.0,
            "sum so far": -6.5,
            "digits mean so far": -0.75,
            "digits least so far": -1.0,
            "digits sum so far": -1.5,
        }
    )


def test_what_cannot_be_is_as_unlikely_as_the_floor() -> None:
    numbers = StepLikelihood().after([float("-inf"), -1.0], [True, True]).numbers
    assert dict(zip(NAMES, numbers, strict=True))["sum so far"] == FLOOR - 1


def test_states_weigh_as_much_as_their_tokens_are_in_doubt() -> None:
    states = np.array([[1.0, 0.0], [0.0, 1.0], [4.0, 4.0]], np.float32)
    logprobs = [np.log(0.5), np.log(0.25), 0.0]
    weights = np.array([0.5, 0.75, 0.0]) + LEAST_DOUBT
    whole = Doubtful().after(states, logprobs)
    assert whole.mean == pytest.approx(weights @ states / weights.sum(), abs=1e-6)
    assert whole.mass == pytest.approx(weights.sum())
    step = StepLikelihood().after(logprobs[:1], [False], states[:1]).after(logprobs[1:], [False, True], states[1:])
    assert step.doubtful.mean == pytest.approx(whole.mean, abs=1e-6)
