"""The simplest head that is not measurably worse, and figures on problems that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.heads.synthetic import table
from tts_cli.evaluation.heads.fit import Recipe
from tts_cli.evaluation.heads.selection import (
    BOTH,
    GATED,
    LIKELIHOODS,
    OUTER,
    STATE,
    fit_best,
    fits,
    folds_of,
    held_out_chances,
    problem_losses,
    simplest,
)
from tts_cli.evaluation.statistics import auc

FEW = (
    Recipe("linear", LIKELIHOODS, 0.01),
    Recipe("linear", STATE, 0.1),
    Recipe("linear", BOTH, 0.1),
    Recipe("mlp", BOTH, 1e-3, hidden=32),
)
FIRST, SECOND, THIRD = FEW[:3]


def unseen_auc(where: str, **shape: float) -> float:
    found = table(where, **shape)  # type: ignore[arg-type]
    return auc(held_out_chances(found, 0, FEW), found.target > 0.5) or 0.0  # type: ignore[arg-type]


def test_folds_are_of_whole_problems_and_hold_each_once() -> None:
    folds = folds_of(np.arange(23), OUTER, 0)
    assert sorted(np.concatenate(folds).tolist()) == list(range(23))
    assert {len(fold) for fold in folds} == {4, 5}


def test_the_simplest_within_one_standard_error() -> None:
    best = np.array([0.5, 0.7, 0.6, 0.6])
    gap = np.array([0.1, -0.1, 0.1, -0.06])  # mean 0.01, one standard error 0.05
    assert simplest({FIRST: best + gap, SECOND: best}) == FIRST
    assert simplest({FIRST: best + gap + 0.1, SECOND: best}) == SECOND
    assert simplest({FIRST: best + 0.2, SECOND: best + gap, THIRD: best}) == SECOND


@pytest.mark.parametrize(("where", "kinds"), [("likelihoods", {FIRST}), ("end", {SECOND, THIRD}), ("nowhere", {FIRST})])
def test_what_shows_the_truth_is_chosen(where: str, kinds: set[Recipe]) -> None:
    found = table(where)  # type: ignore[arg-type]
    assert fit_best(found, np.arange(60), 0, FEW).recipe in kinds


def test_a_gated_head_is_chosen_where_it_alone_knows() -> None:
    assert fit_best(table("doubtful"), np.arange(60), 0).recipe.inputs == GATED


def test_an_mlp_is_chosen_where_no_linear_head_will_do() -> None:
    found = table("product", problems=100, strength=2.0)
    assert fit_best(found, np.arange(100), 0, FEW).recipe.kind == "mlp"


def test_problems_are_judged_by_others_alone() -> None:
    """States that say which problem it is, and nothing of its solutions: known on sight, worth nothing elsewhere."""
    assert unseen_auc("problem") == pytest.approx(0.5, abs=0.12)
    assert unseen_auc("nowhere") == pytest.approx(0.5, abs=0.1)
    assert unseen_auc("end", strength=1.0) > 0.85


def test_the_auc_is_what_it_must_be() -> None:
    """Normal states one apart from 0 on each side: the best possible AUC is Phi(2 / sqrt 2) = 0.921."""
    assert unseen_auc("end", strength=1.0, problems=150) == pytest.approx(0.921, abs=0.03)


def test_chances_are_calibrated() -> None:
    found = table("end", strength=0.7, problems=150)
    chances = held_out_chances(found, 0, FEW[1:2])
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        inside = (chances >= low) & (chances < high)
        assert chances[inside].mean() == pytest.approx(found.target[inside].mean(), abs=0.06)


def test_every_fold_reports() -> None:
    found, calls = table("end", problems=25), list[int]()
    held_out_chances(found, 0, FEW[:1], lambda: calls.append(1))
    fit_best(found, np.arange(25), 0, FEW[:1], lambda: calls.append(1))
    assert len(calls) == fits()


def test_a_ranking_without_knowledge_costs_log_2() -> None:
    found = table("end", problems=20)
    none, some = (problem_losses(found, np.arange(20), logit) for logit in (np.zeros(320), 4 * (found.target - 0.5)))
    assert none == pytest.approx(np.log(2)) and some == pytest.approx(np.log1p(np.exp(-4.0)))


def test_where_no_problem_has_both_kinds_steps_are_judged() -> None:
    found = table("end", problems=30, samples=1)
    losses = problem_losses(found, np.arange(30), np.zeros(60))
    assert losses == pytest.approx(np.log(2)) and len(losses) == 30
    assert fit_best(found, np.arange(30), 0, FEW[:2]).recipe == SECOND
