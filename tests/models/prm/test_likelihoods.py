"""The numbers that log-probabilities come to."""

from __future__ import annotations

import pytest

from tts_cli.models.prm.likelihoods import FLOOR, NAMES, StepLikelihood


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
