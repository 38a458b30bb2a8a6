"""Reading a search back: real traces give the record's vote again, and figures that cannot be are refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.cli import scripted
from tests.search.scripted import ScriptedPolicy, ScriptedPrm, wandering
from tts_cli.analysis import report, trace_analysis, what_if
from tts_cli.analysis.trace_analysis import VotingRules
from tts_cli.analysis.tree import TreeState
from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.errors import TtsError
from tts_cli.search.events import (
    Event,
    SearchEnded,
    SearchStarted,
    SolutionFinished,
    StepMerged,
    StepSampled,
    StepScored,
)
from tts_cli.solving.solve import solve

SIZES = {"policy_parameters": 1_000, "prm_parameters": 3_000}


class Same:
    """Two texts are the same answer if they are equal."""

    def equal(self, a: str, b: str) -> bool:
        return a == b


def best_of_four() -> list[Event]:
    """Samples 0 and 2 are one; 3 shares its first step with them; 1 is another."""
    return [
        SearchStarted("p", "best-of-n", 4, 4, "policy", "prm", "why", **SIZES),
        StepSampled(1, 0, "a", 10, "step", branch=2),
        StepSampled(2, 0, "b", 20, "step", branch=1),
        StepMerged(1, branch=0),
        StepMerged(1, branch=3),
        StepScored(1, 0.8),
        StepSampled(3, 1, "5", 5, "boxed", branch=2),
        StepMerged(3, branch=0),
        StepSampled(4, 1, "6", 5, "boxed", branch=3),
        StepSampled(5, 2, "6", 5, "boxed", branch=1),
        StepScored(2, 0.9),
        StepScored(3, 0.4),
        StepScored(4, 0.3),
        StepScored(5, 0.7),
        SolutionFinished(3, "5", 0.4),
        SolutionFinished(4, "6", 0.3),
        SolutionFinished(5, "6", 0.7),
    ]


def test_ballots_are_samples_in_their_order() -> None:
    found = trace_analysis.ballots(TreeState(best_of_four()), "last")
    assert [(b.branch, b.solution.answer, b.solution.score) for b in found] == [
        (0, "5", 0.4),
        (1, "6", 0.7),
        (2, "5", 0.4),
        (3, "6", 0.3),
    ]
    by_min = trace_analysis.ballots(TreeState(best_of_four()), "min")
    assert [b.solution.score for b in by_min] == [0.4, 0.7, 0.4, 0.3]


@pytest.mark.parametrize("select", ["weighted", "max", "majority"])
def test_a_last_number_counts_as_little_as_when_it_was_voted_on(select: Any) -> None:
    """The vote of a real search and the one that is held again from its events alone."""
    script = {(0, 0): wandering(20), (1, 0): wandering(20, "Take"), (2, 0): r"\boxed{5}.", (3, 0): r"so \boxed{5}."}
    policy, prm = ScriptedPolicy(script=script), ScriptedPrm(scores={text[:-1]: 0.5 for text in script.values()})
    solved = solve("p", Settings(method="best-of-n", budget=4, select=select), policy, prm, judge=Same())
    assert solved.record.answer == "5"
    tree = TreeState(solved.events)
    votes, share = trace_analysis.elect(trace_analysis.ballots(tree, "last"), VotingRules(select=select), Same())
    assert [(v.answer, v.count, v.weight) for v in votes] == [
        (v.answer, v.count, v.weight) for v in solved.record.votes
    ]
    assert share == solved.record.confidence
    found = report.explain(solved.record, tree, {"select": select}, Same())
    assert (found.half.answer, found.half.kind) == ("20", "exact"), "the first two state nothing: they count in full"
    if select == "majority":
        assert found.twice.changes is not None and found.twice.changes > 0


def test_one_ballot_has_no_share() -> None:
    first = trace_analysis.ballots(TreeState(best_of_four()), "last")[:1]
    assert trace_analysis.elect(first, VotingRules(), Same())[1] is None


def test_samples_that_end_where_others_go_on_are_kept_apart() -> None:
    events = [StepSampled(1, 0, "a", 1, "step", branch=0), StepMerged(1, branch=1), StepMerged(1, branch=2)]
    events += [StepSampled(2, 1, "b", 1, "eos", branch=1), SolutionFinished(1, "7", None)]  # type: ignore[list-item]
    found = trace_analysis.ballots(TreeState(events), "last")  # type: ignore[arg-type]
    assert [ballot.branch for ballot in found] == [0, 2]


def test_tokens_and_flops_add_up() -> None:
    tree = TreeState([*best_of_four(), SearchEnded(3, "5", 0.4, "answered")])
    cost = {"policy_prompt_tokens": 7, "policy_tokens": 60, "prm_tokens": 40, "flops": 2e3 * 67 + 6e3 * 40}
    costs = trace_analysis.model_costs(scripted.record(cost=cost), tree)
    assert [one.tokens for one in costs] == [7, 60, 40]
    assert sum(one.share or 0 for one in costs) == pytest.approx(1)
    for parts in (trace_analysis.by_depth(tree, costs), trace_analysis.by_fate(tree, costs)):
        assert sum(part.tokens for part in parts) == 3 * 10 + 20 + 4 * 5
        assert sum(part.share for part in parts) == pytest.approx(1)
        assert sum(part.flops or 0 for part in parts) == pytest.approx(2e3 * 60 + 6e3 * 40)
        assert sum(part.steps for part in parts) == 8
        assert sum(part.scored for part in parts) == 5
    fates = {part.name: part.tokens for part in trace_analysis.by_fate(tree, costs)}
    assert fates == {"chosen solution": 40, "other finished solutions": 30}


def test_pruned_branches_are_kept_apart() -> None:
    tree = TreeState(scripted.ended())
    costs = trace_analysis.model_costs(scripted.record(), tree)
    fates = {part.name: part.steps for part in trace_analysis.by_fate(tree, costs)}
    assert fates == {"chosen solution": 4, "other finished solutions": 1, "pruned branches": 3}
    assert all(one.flops is None for one in costs), "the trace does not say how large the models are"


def test_without_a_prm_all_flops_are_the_policys() -> None:
    cost = {"policy_prompt_tokens": 10, "policy_tokens": 90, "prm_tokens": 0, "flops": 2e5}
    prompt, steps, prm = trace_analysis.model_costs(scripted.record(cost=cost, prm=None), None)
    assert (prompt.flops, steps.flops, prm.flops) == (2e4, 18e4, 0.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": 0},
        {"budget": 10**9},
        {"cost": {"policy_tokens": -1}},
        {"cost": {"flops": math.inf}},
        {"cost": {"flops": -1.0}},
        {"votes": [{"answer": "1", "count": 0, "weight": 0}]},
        {"votes": [{"answer": "1", "count": 10**12, "weight": 1}]},
        {"votes": [{"answer": "1", "count": 1, "weight": 2}]},
        {"votes": [{"answer": "1", "count": 1, "weight": math.inf}]},
        {"votes": [{"answer": "1", "count": 1, "weight": -1}]},
    ],
)
def test_figures_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TtsError, match="makes no sense"):
        report.explain(scripted.record(**changes), None, None, Same())


@pytest.mark.parametrize(
    "event",
    [
        StepScored(1, math.inf),
        StepScored(1, -0.1),
        StepSampled(9, 0, "a", -1, "step"),
        StepSampled(9, 0, "a", 1, "step", 10**9),
    ],
)
def test_events_that_cannot_be_are_refused(event: Event) -> None:
    with pytest.raises(TtsError, match="makes no sense"):
        trace_analysis.check_tree(TreeState([*best_of_four(), event]))


@pytest.mark.parametrize("settings", [{"aggregate": "mode"}, {"select": ["weighted"]}, {"select": None}])
def test_unknown_rules_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(TtsError, match="makes no sense"):
        trace_analysis.rules_of(settings, scripted.record(method="beam"))


def test_a_record_of_best_first_search_was_voted_on_as_auto_does_only_if_auto_ran_it() -> None:
    by_auto, asked = (scripted.record(method="best-first", difficulty=difficulty) for difficulty in ("hard", None))
    assert trace_analysis.rules_of(None, by_auto) == VotingRules("min", "max", known=False)
    assert trace_analysis.rules_of(None, asked) == VotingRules(known=False)
    assert "auto decides anew" in str(what_if.silence(by_auto)) and "auto" not in str(what_if.silence(asked))


def test_a_vote_that_the_steps_do_not_give_is_not_used() -> None:
    """The trace was edited: its samples may not stand for the record's."""
    record = scripted.record(
        method="best-of-n", budget=4, votes=[{"answer": "5", "count": 4, "weight": 2.0}], answer="5"
    )
    with Judge() as judge:
        found = report.explain(record, TreeState(best_of_four()), {}, judge)
    assert found.half.kind == "estimate"
