"""What a head is said to be worth: by hand, and where it is worth nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.heads.synthetic import problem_of, states_of, table
from tests.evaluation.test_simulate import Same
from tts_cli.config import Settings
from tts_cli.evaluation.heads.figures import HeadFigures, measure
from tts_cli.evaluation.heads.selection import outer_folds
from tts_cli.evaluation.heads.table import StepTable, table_of
from tts_cli.evaluation.statistics import Estimate, auc


def by_hand(*right: list[bool]) -> StepTable:
    random = np.random.default_rng(0)
    problems = [problem_of(i, one) for i, one in enumerate(right)]
    return table_of(problems, [states_of(one, "nowhere", 0, random) for one in problems])


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    assert estimate.low <= estimate.value <= estimate.high
    return estimate.value


def test_figures_by_hand() -> None:
    """Two problems whose solutions answer 1 3 2 and 1 3 1; rows are first and last steps in turn."""
    found = by_hand([True, False, False], [True, False, True])
    ends = [0.9, 0.8, 0.1, 0.3, 0.6, 0.4]
    chances = np.array([chance for end in ends for chance in (0.5, end)])
    made = measure(found, chances, Same())
    assert (made.problems, made.mixed, made.share_right) == (2, 2, 0.5)
    assert value(made.auc_of_solutions) == pytest.approx((1 + 0) / 2), "each problem is a fold"
    assert value(made.auc_within) == pytest.approx((1 + 0) / 2)
    assert value(made.majority) == 1.0, "of answers with one vote each the first"
    assert (value(made.best_of_n), value(made.weighted)) == (0.5, 1.0)
    assert value(made.gain_of_best_of_n) == -0.5 and value(made.gain_of_weighted) == 0.0


def test_a_perfect_head_gains_all_that_there_is() -> None:
    right = [[i % 4 == 0, False, False, False, False, False] for i in range(40)]
    found = by_hand(*right)
    made = measure(found, found.target * 0.98 + 0.01, Same())
    assert value(made.auc_of_steps) == value(made.auc_of_solutions) == value(made.auc_within) == 1.0
    assert value(made.gain_of_best_of_n) == 0.25 and not made.worthless
    assert value(made.calibration_error) == pytest.approx(0.01)
    assert "worth something" in made.worth


def test_what_folds_are_apart_by_is_not_held_against_a_head() -> None:
    """Heads that know nothing but how often solutions are right elsewhere: less often where they are right more often
    here. All chances together would say that they are worse than nothing."""
    found = table("nowhere", problems=40, samples=4)
    chances = np.empty(len(found.problem))
    for fold in outer_folds(found, 0):
        chances[found.rows_of(fold)] = 1 - found.target[found.rows_of(fold)].mean()
    made = measure(found, chances, Same())
    assert value(made.auc_of_steps) == value(made.auc_of_solutions) == 0.5
    assert (auc(chances, found.target > 0.5) or 0.0) < 0.45


def test_of_two_gains_the_recommended_one_counts() -> None:
    votes = {"majority": Estimate(0.5, 0.4, 0.6), "best_of_n": Estimate(0.6, 0.5, 0.7)}
    gain, none = Estimate(0.1, 0.05, 0.15), Estimate(0.01, -0.02, 0.04)
    lucky = HeadFigures(9, 9, 0.5, None, None, None, None, gain_of_best_of_n=gain, gain_of_weighted=none, **votes)
    sound = HeadFigures(9, 9, 0.5, None, None, None, None, gain_of_best_of_n=none, gain_of_weighted=gain, **votes)
    assert lucky.worthless and "a weighted vote against majority +1.0" in lucky.worth
    assert not sound.worthless and sound.as_dict()["select"] == "weighted" == Settings().select


def test_noise_is_worth_nothing_and_it_says_so() -> None:
    found = table("nowhere", problems=60)
    made = measure(found, np.random.default_rng(1).random(len(found.problem)), Same())
    assert made.worthless and "treat it as worth nothing" in made.worth
    assert value(made.auc_within) == pytest.approx(0.5, abs=0.1)
    assert value(made.calibration_error) > 0.1


def test_chances_that_are_too_sure_show_as_calibration_error() -> None:
    found = by_hand(*[[i % 2 == 0] for i in range(40)])
    made = measure(found, np.full(len(found.problem), 0.9), Same())
    assert value(made.calibration_error) == pytest.approx(0.4)
    assert made.auc_within is None and made.mixed == 0


def test_steps_without_votes_are_worth_what_they_tell_apart() -> None:
    none = HeadFigures(9, 0, 0.5, Estimate(0.6, 0.45, 0.7), None, None, None)
    some = HeadFigures(9, 0, 0.5, Estimate(0.6, 0.55, 0.7), None, None, None)
    assert none.worthless and "worth nothing" in none.worth
    assert not some.worthless and "separates right steps" in some.worth


def test_json_has_four_digits() -> None:
    found = HeadFigures(9, 0, 0.123456, Estimate(0.654321, 0.45, 0.7), None, None, None).as_dict()
    assert found["share_right"] == 0.1235
    assert found["auc_of_steps"] == {"value": 0.6543, "low": 0.45, "high": 0.7} and found["majority"] is None
