"""What `auto` decides, with a profile whose numbers are known, and without one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.strategy.profiles import BETTER, RIGHT, logistic, observation, profile, stage
from tts_cli.strategy.features import FEATURES, Observation
from tts_cli.strategy.logistic import sigmoid
from tts_cli.strategy.rules import BestFirstUntil, CalibratedRule, PaperTableRule, RunMethod, SampleUntil, difficulty


def test_agreement_stops() -> None:
    decision = CalibratedRule(profile(), "normal", 16).decide(observation(4, 1.0))
    assert decision.action is None and decision.confidence == pytest.approx(0.982, abs=0.001)
    assert decision.why == "after 4 samples the chance of a right answer is 98%, and more compute promises too little"


def test_it_begins_without_the_prm_and_may_stop_without_it() -> None:
    rule = CalibratedRule(profile(), "normal", 16)
    assert rule.first == BestFirstUntil(4, read=False)
    assert rule.decide(observation(4, 1.0, read=False)).action is None
    assert rule.decide(observation(4, 0.25, read=False)).action == BestFirstUntil(4, read=True)


def test_reading_alone_may_be_what_pays() -> None:
    """At --effort low 16 samples are too dear; reading the first four is one solution's compute."""
    stages = (stage(4, {"4 read": BETTER, "8 read": BETTER}, read=False), stage(4, {"8 read": RIGHT}), stage(8, {}))
    decision = CalibratedRule(profile(stages=stages), "low", 16).decide(observation(4, 0.25, read=False))
    assert decision.action == BestFirstUntil(4, read=True) and decision.why.endswith(
        "reading them promises +18.5 points"
    )


def test_doubt_goes_on_to_the_next_stage_where_the_goal_is_worth_it() -> None:
    decision = CalibratedRule(profile(), "normal", 16).decide(observation(4, 0.25))
    assert decision.action == BestFirstUntil(8, read=True), (
        "8 promise nothing, 16 do: on the way there it is decided again"
    )
    assert "16 samples promise +18.5 points" in decision.why
    assert CalibratedRule(profile(), "normal", 8).decide(observation(4, 0.25)).action is None, "16 are not allowed"


@pytest.mark.parametrize(("effort", "goes_on"), [("low", False), ("normal", True), ("high", True), ("max", True)])
def test_effort_is_the_price(effort: Any, goes_on: bool) -> None:
    """12 samples more cost as much as six solutions of 400 FLOPs and promise 18.5 points: 3 each."""
    assert (CalibratedRule(profile(), effort, 16).decide(observation(4, 0.25)).action is not None) is goes_on


def test_a_solution_that_convinces_ends_it() -> None:
    decision = CalibratedRule(profile(), "max", 16).decide(observation(4, 0.25, convinced=True))
    assert decision.action is None and decision.confidence == pytest.approx(0.953, abs=0.001)
    assert decision.difficulty == "medium" and "convinces the PRM in every step" in decision.why


def test_the_highest_effort_takes_whatever_is_promised() -> None:
    """16 samples promise 0.02 points where 99 % agree; where all do they promise nothing."""
    assert CalibratedRule(profile(), "high", 16).decide(observation(4, 0.99)).action is None
    assert CalibratedRule(profile(), "max", 16).decide(observation(4, 0.99)).action == BestFirstUntil(8, read=True)
    decision = CalibratedRule(profile(), "max", 16).decide(observation(4, 1.0))
    assert decision.action is None and decision.why.endswith("98%, and more compute promises nothing")


def test_no_chance_is_called_a_certainty() -> None:
    sure = tuple(one.model_copy(update={"right": logistic(9, 0)}) for one in profile().stages)
    assert (
        "answer is over 99%, and" in CalibratedRule(profile(stages=sure), "normal", 16).decide(observation(4, 1.0)).why
    )


def test_a_wanted_confidence_is_worth_any_price() -> None:
    unsure = CalibratedRule(profile(), "low", 16, least=0.9).decide(observation(4, 0.25))
    assert unsure.action == BestFirstUntil(8, read=True) and unsure.why.endswith("is 38%, and 90% is wanted")
    assert CalibratedRule(profile(), "low", 16, least=0.2).decide(observation(4, 0.25)).action is None


def test_the_last_stage_and_what_lies_between_stages_stop() -> None:
    assert CalibratedRule(profile(), "max", 16).decide(observation(16, 0.1)).action is None
    below = CalibratedRule(profile(), "max", 3)
    assert below.first == BestFirstUntil(3, read=False)
    assert below.decide(observation(3, 0.1, read=False)).action == BestFirstUntil(3, read=True), (
        "the PRM is asked all the same"
    )
    assert (below.decide(observation(3, 0.1)).action, below.decide(observation(3, 0.1)).confidence) == (None, None)


@pytest.mark.parametrize(
    ("solved", "name"), [(0.5, "easy"), (0.49, "medium"), (0.1, "medium"), (0.09, "hard"), (None, None)]
)
def test_difficulty_by_the_bounds_of_the_paper(solved: float | None, name: str | None) -> None:
    assert difficulty(solved) == name


def test_why_tells_too_little_from_no_more() -> None:
    assert CalibratedRule(profile(), "max", 16).decide(observation(16, 0.1)).why.endswith("and no more is allowed")
    assert CalibratedRule(profile(), "max", 8).decide(observation(8, 0.1)).why.endswith("and no more is allowed")
    assert CalibratedRule(profile(), "low", 16).decide(observation(8, 1.0)).why.endswith("promises too little")


@pytest.mark.parametrize(
    ("samples", "read", "of"),
    [(1, False, 4), (4, False, 4), (4, True, 5), (7, True, 5), (8, True, 8), (15, True, 8), (99, True, 16)],
)
def test_what_was_stopped_between_stages_is_told_by_the_last_one(samples: int, read: bool, of: int) -> None:
    order = ((4, False, 4), (4, True, 5), (8, True, 8), (16, True, 16))
    stages = tuple(stage(n, {}, read=r).model_copy(update={"right": logistic(bias, 0)}) for n, r, bias in order)
    rule = CalibratedRule(profile(stages=stages), "max", 16)
    assert rule.confidence_so_far(observation(samples, 0.5, read=read)) == sigmoid(of)
    assert rule.confidence_so_far(observation(samples, 0.5, convinced=True)) == sigmoid(3)
    assert PaperTableRule(1_000_000, Known(), True, 16).confidence_so_far(observation(samples, 0.5)) is None


def test_difficulty_is_told_after_the_first_samples_only() -> None:
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
    decision = PaperTableRule(1_000_000, Known(), True, 16).decide(seen(4, agreement, best))
    assert (decision.action, decision.difficulty, decision.confidence) == (action, name, None)


def test_without_a_prm_it_is_the_majority() -> None:
    rule = PaperTableRule(1_000_000, Known(), False, 16)
    assert rule.decide(seen(4, 0.5, 0.0)).action == SampleUntil(16)
    assert rule.decide(seen(16, 0.5, 0.0)).action is None
    assert rule.decide(seen(4, 1.0, 0.0)).action is None


def test_a_budget_of_the_first_samples_or_less_is_spent_at_once() -> None:
    rule = PaperTableRule(1_000_000, Known(), True, 3)
    assert rule.first == SampleUntil(3) and rule.decide(seen(3, 0.4, 0.0)).action is None


def test_rules_of_one_name_decide_alike() -> None:
    one, other = CalibratedRule(profile(), "low", 16), CalibratedRule(profile(made="2026-01-03"), "low", 16)
    assert one.name == CalibratedRule(profile(), "low", 8).name != other.name
