"""Fits recover what data were made of."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tts_cli.evaluation.heads.fit import Recipe, Standardised, fit, minimise, platt
from tts_cli.models.prm.head_file import logits

LINEAR = Recipe("linear", ("end",), 1e-4)
MLP = Recipe("mlp", ("end",), 1e-4, hidden=16)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def drawn(rows: int, true: list[float], bias: float, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Inputs that are neither centred nor of one scale, and labels by a known logistic model of them."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, len(true))) * [1.0, 5.0, 0.1][: len(true)] + [0.0, 20.0, -1.0][: len(true)]
    chance = sigmoid(x @ np.array(true) + bias)
    return x.astype(np.float32), (random.random(rows) < chance).astype(float)


def fitted(
    recipe: Recipe, x: NDArray[np.float32], y: NDArray[np.float64], seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    ones, group = np.ones(len(y)), np.arange(len(y)) // 10
    return fit(recipe, Standardised.of(x), y, ones, group, seed)


def test_a_quadratic_is_minimised_exactly() -> None:
    random = np.random.default_rng(0)
    root = random.normal(size=(30, 30))
    matrix, target = root @ root.T + np.eye(30), random.normal(size=30)
    found = minimise(lambda w: (0.5 * w @ matrix @ w - target @ w, matrix @ w - target), np.zeros(30))
    assert found == pytest.approx(np.linalg.solve(matrix, target), abs=1e-3)


def test_a_logistic_model_is_recovered_on_inputs_as_they_are() -> None:
    true, bias = [1.0, -0.3, 8.0], 14.0
    tensors = fitted(LINEAR, *drawn(20_000, true, bias))
    assert tensors["weight"] == pytest.approx(true, rel=0.1)
    assert tensors["bias"][0] == pytest.approx(bias, rel=0.1)


def test_a_ridge_shrinks_and_never_errs_on_a_column_that_does_not_vary() -> None:
    x, y = drawn(500, [1.0, -0.3], 6.0)
    x = np.c_[x, np.full(len(x), 7.0)].astype(np.float32)
    light, heavy = (fitted(Recipe("linear", ("end",), penalty), x, y)["weight"] for penalty in (1e-3, 10.0))
    assert light[2] == heavy[2] == 0.0
    assert 0 < heavy[0] < 0.2 * light[0]


def test_shares_count_as_so_many_rows() -> None:
    """A step that three samples go through, two of them right, is three rows."""
    random = np.random.default_rng(3)
    x = random.normal(size=(40, 2)).astype(np.float32)
    right = random.integers(0, 4, 40).astype(float)
    merged = fit(LINEAR, Standardised.of(x), right / 3, np.full(40, 3.0), np.arange(40), 0)
    rows = np.repeat(x, 3, axis=0)
    labels = np.array([float(i < count) for count in right for i in range(3)])
    apart = fit(LINEAR, Standardised.of(rows), labels, np.ones(120), np.arange(120), 0)
    assert merged["weight"] == pytest.approx(apart["weight"], abs=0.01)


@pytest.mark.parametrize("recipe", [LINEAR, MLP])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_that_are_all_alike_have_an_optimum(recipe: Recipe, label: float) -> None:
    x, y = drawn(200, [1.0, 0.0], 0.0)
    found = logits(recipe.kind, fitted(recipe, x, np.full_like(y, label)), x)
    assert np.isfinite(found).all() and ((found > 0) == (label > 0)).all()


def test_an_mlp_learns_what_no_linear_head_can() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(float)
    right = {
        recipe.kind: float(((logits(recipe.kind, fitted(recipe, x, y), x) > 0) == y).mean()) for recipe in (LINEAR, MLP)
    }
    assert right["mlp"] > 0.85 and right["linear"] < 0.7


def test_a_fit_repeats() -> None:
    x, y = drawn(300, [1.0, 0.1], 0.0)
    first, again = fitted(MLP, x, y, seed=5), fitted(MLP, x, y, seed=5)
    assert all((first[name] == again[name]).all() for name in first)


def test_platt_recovers_scale_and_shift() -> None:
    random = np.random.default_rng(0)
    logit = random.normal(size=20_000) * 3 + 1
    y = (random.random(20_000) < sigmoid(0.5 * logit - 1)).astype(float)
    found = platt(logit, y, np.ones(20_000))
    assert (found.slope, found.intercept) == (pytest.approx(0.5, rel=0.1), pytest.approx(-1.0, rel=0.1))


def test_a_head_that_errs_is_worth_nothing_and_not_the_opposite() -> None:
    logit = np.linspace(-3, 3, 400)
    y = (logit < 0.75).astype(float)
    found = platt(logit, y, np.ones(400))
    assert found.slope == 0 and sigmoid(np.array(found.intercept)) == pytest.approx(y.mean(), abs=0.01)
