"""From what was asked to what is run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.search.scripted import ScriptedPolicy, ScriptedPrm
from tests.strategy.profiles import POLICY as POLICY_FILE
from tests.strategy.profiles import profile
from tts_cli.config import Settings
from tts_cli.errors import UsageError
from tts_cli.protocols import facts_of
from tts_cli.strategy.plan import PlanReason, make_plan
from tts_cli.strategy.profile import Mismatch, Unfit
from tts_cli.strategy.rules import CalibratedRule, PaperTableRule

POLICY, PRM = facts_of(ScriptedPolicy(parameters=1_800_000)), facts_of(ScriptedPrm())


@pytest.mark.parametrize(("effort", "budget"), [("low", 4), ("normal", 16), ("high", 64), ("max", 128)])
def test_effort_sets_the_budget_unless_one_is_given(effort: Any, budget: int) -> None:
    plan = make_plan(Settings(effort=effort), POLICY, PRM)
    assert (plan.method, plan.budget) == ("auto", budget)
    assert plan.rule == PaperTableRule(POLICY, PRM, budget=budget)
    assert plan.reason == PlanReason(effort=effort)
    asked = make_plan(Settings(effort=effort, budget=7, method="dvts", beam_width=2), POLICY, PRM)
    assert (asked.method, asked.budget, asked.beam_width, asked.rule) == ("dvts", 7, 2, None)
    assert asked.reason == PlanReason(asked=True)


def test_auto_goes_by_a_profile_where_there_is_one() -> None:
    known = profile()
    plan = make_plan(Settings(min_confidence=0.9), POLICY, PRM, known)
    assert plan.rule == CalibratedRule(profile(), "normal", 16, 0.9), "the most samples are those of the last stage"
    assert plan.reason == PlanReason(effort="normal", made="2026-01-02")
    assert make_plan(Settings(budget=8), POLICY, PRM, known).budget == 8
    assert isinstance(make_plan(Settings(), POLICY, None, known).rule, PaperTableRule), "it was made with a PRM"


def test_how_solutions_vote_is_calibrated_too() -> None:
    settings = Settings(aggregate="prod", select="majority")
    assert make_plan(settings, POLICY, PRM, profile()).vote(settings) == ("min", "max")
    assert make_plan(settings, POLICY, PRM).vote(settings) == ("prod", "majority")


def test_a_profile_that_is_not_for_this_run_is_kept_as_the_reason() -> None:
    unfit = Unfit("x.yaml", Mismatch("policy", POLICY_FILE, POLICY_FILE))
    assert make_plan(Settings(budget=4), POLICY, PRM, unfit=unfit).reason == PlanReason(unfit=unfit)


def test_best_of_n_has_a_calibrated_confidence_at_the_stages_of_a_profile() -> None:
    def confidence(method: str, budget: int) -> Any:
        return make_plan(Settings(method=method, budget=budget), POLICY, PRM, profile()).confidence

    assert confidence("best-of-n", 8) == profile().best_of_n[8]
    assert confidence("best-of-n", 7) is None
    assert confidence("majority", 8) is None


def test_at_temperature_0_there_is_nothing_to_choose() -> None:
    plan = make_plan(Settings(temperature=0), POLICY, PRM)
    assert (plan.method, plan.reason) == ("greedy", PlanReason())


def test_greedy_has_no_budget() -> None:
    assert make_plan(Settings(method="greedy", budget=16), POLICY, None).budget == 1


@pytest.mark.parametrize("method", ["best-of-n", "beam", "dvts", "best-first"])
def test_a_guided_method_needs_a_prm(method: str) -> None:
    with pytest.raises(UsageError, match=f"{method} needs a PRM"):
        make_plan(Settings(method=method), POLICY, None)


def test_how_many_problems_fit_goes_by_what_auto_usually_takes() -> None:
    assert make_plan(Settings(effort="max"), POLICY, PRM).usual == 16
    assert make_plan(Settings(effort="low"), POLICY, PRM).usual == 4
    assert make_plan(Settings(method="beam", budget=64), POLICY, PRM).usual == 64
