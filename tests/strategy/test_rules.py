"""What `auto` decides, with a profile whose numbers are known, and without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.strategy.profiles import BETTER, RIGHT, logistic, observation, profile, stage
from tts_cli.protocols import ModelFacts
from tts_cli.strategy.features import FEATURES, Observation
from tts_cli.strategy.logistic import sigmoid
from tts_cli.strategy.paper_table import choose
from tts_cli.strategy.rules import (
    Because,
    BelowWanted,
    BestFirstUntil,
    CalibratedRule,
    MorePromised,
    PaperTableRule,
    RunMethod,
    SampleUntil,
    TooFewToAgree,
    difficulty,
)

TABLE = PaperTableRule(ModelFacts("p", 1_000_000), ModelFacts("r", 1_000_000), 16)


def test_agreement_stops() -> None:
    decision = CalibratedRule(profile(), "normal", 16).decide(observation(4, 1.0))
    assert decision.action is None and decision.confidence == pytest.approx(0.982, abs=0.001)
    assert (decision.reason, decision.samples) == (Because.TOO_LITTLE_PROMISED, 4)


def test_it_begins_without_the_prm_and_may_stop_without_it() -> None:
    rule = CalibratedRule(profile(), "normal", 16)
    assert rule.first == BestFirstUntil(4, read=False)
    assert rule.decide(observation(4, 1.0, read=False)).action is None
    assert rule.decide(observation(4, 0.25, read=False)).action == BestFirstUntil(4, read=True)


def test_reading_alone_may_be_what_pays() -> None:
    """At --effort low 16 samples are too dear; reading the first four is one solution's compute."""
    stages = (stage(4, {"4 read": BETTER, "8 read": BETTER}, read=False), stage(4, {"8 read": RIGHT}), stage(8, {}))
    decision = CalibratedRule(profile(stages=stages), "low", 16).decide(observation(4, 0.25, read=False))
    assert decision.action == BestFirstUntil(4, read=True)
    assert decision.reason == MorePromised(None, pytest.approx(0.185, abs=0.001))


def test_doubt_goes_on_to_the_next_stage_where_the_goal_is_worth_it() -> None:
    decision = CalibratedRule(profile(), "normal", 16).decide(observation(4, 0.25))
    assert decision.action == BestFirstUntil(8, read=True), (
        "8 promise nothing, 16 do: on the way there it is decided again"
    )
    assert decision.reason == MorePromised(16, pytest.approx(0.185, abs=0.001))
    assert CalibratedRule(profile(), "normal", 8).decide(observation(4, 0.25)).action is None, "16 are not allowed"


@pytest.mark.parametrize(("effort", "goes_on"), [("low", False), ("normal", True), ("high", True), ("max", True)])
def test_effort_is_the_price(effort: Any, goes_on: bool) -> None:
    """12 samples more cost as much as six solutions of 400 FLOPs and promise 18.5 points: 3 each."""
    assert (CalibratedRule(profile(), effort, 16).decide(observation(4, 0.25)).action is not None) is goes_on


def test_a_solution_that_convinces_ends_it() -> None:
    decision = CalibratedRule(profile(), "max", 16).decide(observation(4, 0.25, convinced=True))
    assert decision.action is None and decision.confidence == pytest.approx(0.953, abs=0.001)
    assert (decision.difficulty, decision.reason) == ("medium", Because.SOLUTION_CONVINCES)


def test_the_highest_effort_takes_whatever_is_promised() -> None:
    """16 samples promise 0.02 points where 99 % agree; where all do they promise nothing."""
    assert CalibratedRule(profile(), "high", 16).decide(observation(4, 0.99)).action is None
    assert CalibratedRule(profile(), "max", 16).decide(observation(4, 0.99)).action == BestFirstUntil(8, read=True)
    decision = CalibratedRule(profile(), "max", 16).decide(observation(4, 1.0))
    assert (decision.action, decision.reason) == (None, Because.NOTHING_PROMISED)


def test_a_wanted_confidence_is_worth_any_price() -> None:
    unsure = CalibratedRule(profile(), "low", 16, least=0.9).decide(observation(4, 0.25))
    assert (unsure.action, unsure.reason) == (BestFirstUntil(8, read=True), BelowWanted(0.9))
    assert CalibratedRule(profile(), "low", 16, least=0.2).decide(observation(4, 0.25)).action is None


def test_the_last_stage_and_what_lies_between_stages_stop() -> None:
    assert CalibratedRule(profile(), "max", 16).decide(observation(16, 0.1)).action is None
    below = CalibratedRule(profile(), "max", 3)
    assert below.first == BestFirstUntil(3, read=False)
    assert below.decide(observation(3, 0.1, read=False)).action == BestFirstUntil(3, read=True), (
        "the PRM is asked all the same"
    )
    decision = below.decide(observation(3, 0.1))
    assert (decision.action, decision.confidence, decision.reason) == (None, None, Because.AT_UNMEASURED_LIMIT)


@pytest.mark.parametrize(
    ("solved", "name"), [(0.5, "easy"), (0.49, "medium"), (0.1, "medium"), (0.09, "hard"), (None, None)]
)
def test_difficulty_by_the_bounds_of_the_paper(solved: float | None, name: str | None) -> None:
    assert difficulty(solved) == name


def test_too_little_and_no_more_are_two_reasons() -> None:
    assert CalibratedRule(profile(), "max", 16).decide(observation(16, 0.1)).reason == Because.AT_LIMIT
    assert CalibratedRule(profile(), "max", 8).decide(observation(8, 0.1)).reason == Because.AT_LIMIT
    assert CalibratedRule(profile(), "low", 16).decide(observation(8, 1.0)).reason == Because.TOO_LITTLE_PROMISED


@pytest.mark.parametrize(
    ("most", "fits", "action", "reason"),
    [
        (16, True, None, Because.ANSWER_FITS),
        (16, False, BestFirstUntil(8, read=True), Because.NO_ANSWER_FITS),
        (4, False, None, Because.NO_ANSWER_FITS_AT_LIMIT),
    ],
)
def test_what_verification_shows_comes_before_any_chance(most: int, fits: bool, action: Any, reason: Because) -> None:
    seen = replace(observation(4, 1.0, convinced=True), fits=fits)
    decision = CalibratedRule(profile(), "low", most).decide(seen)
    assert (decision.action, decision.reason, decision.confidence) == (action, reason, None)


def test_rounds_start_where_the_profile_says() -> None:
    rule = CalibratedRule(profile(start="root"), "high", 16)
    assert rule.first == BestFirstUntil(4, read=False, start="root")
    assert rule.decide(observation(4, 0.25)).action == BestFirstUntil(8, read=True, start="root")


@pytest.mark.parametrize(
    ("samples", "read", "of"),
    [(1, False, 4), (4, False, 4), (4, True, 5), (7, True, 5), (8, True, 8), (15, True, 8), (99, True, 16)],
)
def test_what_was_stopped_between_stages_goes_by_the_last_one(samples: int, read: bool, of: int) -> None:
    order = ((4, False, 4), (4, True, 5), (8, True, 8), (16, True, 16))
    stages = tuple(stage(n, {}, read=r).model_copy(update={"right": logistic(bias, 0)}) for n, r, bias in order)
    rule = CalibratedRule(profile(stages=stages), "max", 16)
    assert rule.confidence_so_far(observation(samples, 0.5, read=read)) == sigmoid(of)
    assert rule.confidence_so_far(observation(samples, 0.5, convinced=True)) == sigmoid(3)
    assert TABLE.confidence_so_far(observation(samples, 0.5)) is None


def test_difficulty_is_known_after_the_first_samples_only() -> None:
    rule = CalibratedRule(profile(), "max", 16)
    assert rule.decide(observation(4, 1.0)).difficulty == "easy"
    assert rule.decide(observation(8, 1.0)).difficulty is None


def seen(samples: int, agreement: float, best_last: float) -> Observation:
    values = {"agreement": agreement, "best_last": best_last}
    return Observation(samples, "1", tuple(values.get(name, 0.0) for name in FEATURES))


@pytest.mark.parametrize(
    ("agreement", "best", "action", "name"),
    [
        (1.0, 4.0, None, "easy"),
        (1.0, -4.0, RunMethod("beam", 16), "hard"),
        (0.5, 4.0, RunMethod("beam", 16), "medium"),
        (0.75, 4.0, SampleUntil(16), "easy"),
    ],
)
def test_without_a_profile_the_table_decides_with_a_guess(
    agreement: float, best: float, action: Any, name: str
) -> None:
    decision = TABLE.decide(seen(4, agreement, best))
    assert (decision.action, decision.difficulty, decision.confidence) == (action, name, None)
    agree = action is None
    assert decision.reason == (Because.SAMPLES_AGREE if agree else choose(TABLE.policy, TABLE.prm, decision.difficulty))


def test_without_a_prm_it_is_the_majority() -> None:
    rule = PaperTableRule(ModelFacts("p", 1_000_000), None, 16)
    assert rule.decide(seen(4, 0.5, 0.0)).action == SampleUntil(16)
    spent = rule.decide(seen(16, 0.5, 0.0))
    assert (spent.action, spent.reason) == (None, Because.ALL_SAMPLED)
    assert rule.decide(seen(4, 1.0, 0.0)).action is None


def test_a_budget_of_the_first_samples_or_less_is_spent_at_once() -> None:
    rule = replace(TABLE, budget=3)
    assert rule.first == SampleUntil(3) and rule.decide(seen(3, 0.4, 0.0)).action is None


@pytest.mark.parametrize(
    ("least", "budget", "goes_on"),
    [(None, 16, False), (0.8, 16, False), (0.9, 8, True), (0.9, 7, False), (1, 99, False)],
)
def test_agreement_of_too_few_goes_on_where_more_would_be_enough(
    least: float | None, budget: int, goes_on: bool
) -> None:
    decision = replace(TABLE, budget=budget, least=least).decide(seen(4, 1.0, 4.0))
    assert decision.action == (SampleUntil(budget) if goes_on else None)
    assert decision.reason == (TooFewToAgree(0.9) if goes_on else Because.SAMPLES_AGREE)


def test_rules_of_one_name_decide_alike() -> None:
    assert TABLE.name != replace(TABLE, least=0.9).name != replace(TABLE, least=0.8).name
    one, other = CalibratedRule(profile(), "low", 16), CalibratedRule(profile(made="2026-01-03"), "low", 16)
    assert one.name == CalibratedRule(profile(), "low", 8).name != other.name
