"""Fitting on made-up problems whose chances are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tts_cli.evaluation.profile_fit import assign_folds, fit
from tts_cli.strategy.logistic import Logistic, sigmoid

RNG = np.random.default_rng(7)
X = RNG.normal(size=(4000, 2)) * (1, 10) + (0, 50)
TRUE = [0.5 + 1.5 * a - 0.08 * (b - 50) for a, b in X]
CHANCES = [sigmoid(z) for z in TRUE]
RIGHT = [bool(RNG.random() < p) for p in CHANCES]


def test_known_coefficients_are_found_whatever_their_scale() -> None:
    model = fit(X.tolist(), RIGHT)
    bias, a, b = model.bias, *(w / s for w, s in zip(model.weights, model.scale, strict=True))
    at_zero = bias - a * model.centre[0] - b * model.centre[1]
    assert (a, b, at_zero) == pytest.approx((1.5, -0.08, 0.5 + 0.08 * 50), rel=0.1)
    wrong_by = np.abs(np.array([model(row) for row in X]) - CHANCES)
    assert wrong_by.mean() < 0.02


def test_shares_are_fitted_as_well_as_right_and_wrong() -> None:
    model = fit(X[:500].tolist(), CHANCES[:500], ridge=1e-6)
    assert [model(row) for row in X[:500]] == pytest.approx(CHANCES[:500], abs=2e-3)


def test_ridge_draws_weights_to_0_and_leaves_the_mean() -> None:
    loose, tight = (fit(X[:200].tolist(), RIGHT[:200], ridge) for ridge in (0.1, 1e6))
    assert max(map(abs, tight.weights)) < 0.01 < min(map(abs, loose.weights))
    assert tight(X[0]) == pytest.approx(np.mean(RIGHT[:200]), abs=0.01)


def test_what_can_be_told_apart_entirely_does_not_blow_up() -> None:
    model = fit([[x] for x in range(-20, 20)], [x >= 0 for x in range(-20, 20)])
    assert abs(model.weights[0]) < 20
    assert model([-1000.0]) < 0.01 < 0.4 < model([-0.5]) < 0.6 < 0.99 < model([1000.0])


@pytest.mark.parametrize("right", [True, False])
def test_all_right_and_all_wrong_have_finite_numbers(right: bool) -> None:
    model = fit(X[:50].tolist(), [right] * 50)
    assert all(math.isfinite(value) for value in (model.bias, *model.weights))
    assert (model(X[0]) > 0.5) is right


def test_a_feature_that_never_varies_weighs_nothing() -> None:
    rows = [[a, 0.1] for a, _ in X[:300]]
    model = fit(rows, RIGHT[:300])
    assert abs(model.weights[1]) < 1e-12 and model.scale[1] == 1.0
    assert model([1.0, 0.1]) == pytest.approx(model([1.0, 99.0]))


def test_more_features_than_problems_is_no_crash() -> None:
    model = fit(RNG.normal(size=(3, 10)).tolist(), [True, False, True])
    assert 0 < model([0.0] * 10) < 1


@pytest.mark.parametrize("count", [1, 7, 40, 203])
def test_folds_are_of_nearly_one_size_and_assigned_at_random(count: int) -> None:
    folds = assign_folds(count, 3)
    sizes = [folds.count(fold) for fold in set(folds)]
    assert sum(sizes) == count and max(sizes) - min(sizes) <= 1
    assert len(sizes) == min(10, count)
    assert folds == assign_folds(count, 3)
    assert count < 40 or folds != assign_folds(count, 4)


def test_the_numbers_are_short_enough_to_read() -> None:
    model = fit(X[:100].tolist(), RIGHT[:100])
    assert all(len(repr(value)) <= 12 for value in (model.bias, *model.weights, *model.centre, *model.scale))


def test_the_logistic_model_by_hand() -> None:
    model = Logistic(bias=0.5, weights=(2.0, -1.0), centre=(1.0, 0.0), scale=(2.0, 4.0))
    assert model((3.0, 4.0)) == pytest.approx(1 / (1 + math.exp(-(0.5 + 2 - 1))))
    with pytest.raises(ValueError, match="zip"):
        model((1.0,))


@pytest.mark.parametrize("x", [-1e9, -800.0, 800.0, 1e9])
def test_the_logistic_function_does_not_overflow(x: float) -> None:
    assert sigmoid(x) == (x > 0)
