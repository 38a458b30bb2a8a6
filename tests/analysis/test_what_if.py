"""What another budget would answer: half must be what a run with half gives, twice an estimate that makes sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.analysis.test_trace_analysis import SIZES, Same, best_of_four
from tests.cli import scripted
from tts_cli.analysis import report, what_if
from tts_cli.analysis.trace_analysis import VotingRules
from tts_cli.analysis.tree import TreeState
from tts_cli.analysis.what_if import AnswersSoFar, WhatIf
from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.data.record import Record
from tts_cli.models.load import load_policy, load_prm
from tts_cli.protocols import Policy, RewardModel
from tts_cli.search.events import Event, SearchStarted
from tts_cli.solving.solve import solve

PROBLEM = "Compute 84 - 6 * (17 - 9) + 35."


@pytest.fixture(scope="module")
def nano() -> Iterator[tuple[Policy, RewardModel]]:
    policy = load_policy("nano", threads=1, gpu_layers=0)
    prm = load_prm("nano-prm", threads=1, gpu_layers=0)
    assert prm is not None
    yield policy, prm
    policy.close()
    prm.close()


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge() as judge:
        yield judge


@pytest.mark.parametrize(
    ("method", "budget", "select"),
    [("majority", 8, "majority"), ("best-of-n", 7, "weighted"), ("best-of-n", 8, "max"), ("dvts", 16, "weighted")],
)
def test_half_is_what_a_run_with_half_the_budget_answers(
    nano: tuple[Policy, RewardModel], judge: Judge, method: Any, budget: int, select: Any
) -> None:
    settings = Settings(method=method, budget=budget, select=select, seed=3, temperature=1.0, max_step_tokens=60)
    whole = solve(PROBLEM, settings, *nano, judge=judge)
    smaller = solve(PROBLEM, settings.model_copy(update={"budget": budget // 2}), *nano, judge=judge).record
    found = report.explain(whole.record, TreeState(whole.events), {"select": select}, judge)
    assert (found.half.kind, found.half.budget) == ("exact", budget // 2)
    assert found.half.answer == smaller.answer
    assert found.half.confidence == pytest.approx(smaller.confidence, abs=1e-3)
    if method != "dvts":  # a repetition that was drawn anew is run, but is no step of the tree; so is the same slip
        repeated = whole.record.calculator.tokens if whole.record.calculator else 0
        assert sum(part.tokens for part in found.by_depth) >= whole.record.cost.policy_tokens - repeated
    assert sum(cost.flops or 0 for cost in found.costs) == pytest.approx(whole.record.cost.flops)


def best_of(votes: list[tuple[str, int, float]], budget: int = 16, **changes: object) -> Record:
    classes = [{"answer": answer, "count": count, "weight": weight} for answer, count, weight in votes]
    return scripted.record(method="best-of-n", budget=budget, votes=classes, answer=votes[0][0], **changes)


def twice(record: Record, select: Any = "weighted") -> WhatIf:
    rules = VotingRules(select=select)
    return what_if.twice(record, what_if.answers_in_record(record, rules, record.budget), rules, record.budget)


def test_a_clear_vote_will_stand_and_a_close_one_may_fall() -> None:
    clear, close = twice(best_of([("5", 15, 14.0), ("6", 1, 0.1)])), twice(best_of([("5", 8, 4.1), ("6", 8, 4.0)]))
    assert clear.changes is not None and close.changes is not None
    assert clear.changes < 0.01
    assert 0.35 < close.changes < 0.6
    assert [one.answer for one in close.winners][:2] in (["5", "6"], ["6", "5"])
    assert sum(one.chance for one in close.winners) == pytest.approx(1)


def test_one_sample_alone_promises_little() -> None:
    one = twice(best_of([("5", 1, 0.5)], budget=1), "majority")
    assert one.changes is not None
    assert one.changes < 0.02, "a tie goes to the answer that was there first"
    assert twice(best_of([("5", 2, 0.2), ("6", 1, 0.19)], budget=8)).changes > 0.2  # type: ignore[operator]


def test_the_estimate_repeats() -> None:
    record = best_of([("5", 9, 5.0), ("6", 7, 4.0)])
    assert twice(record) == twice(record)
    assert twice(record).changes != twice(record.model_copy(update={"seed": 1})).changes


def test_the_estimate_is_that_of_a_simple_simulation() -> None:
    """Majority, two answers: Pólya's urn drawn one by one, an unseen answer as a third colour."""
    rng, changed = np.random.default_rng(0), 0
    for _ in range(4000):
        urn = [5, 4, 1]
        for _ in range(9):
            urn[rng.choice(3, p=np.array(urn) / sum(urn))] += 1
        changed += int(np.argmax([urn[0], urn[1], urn[2] - 1])) != 0
    record = best_of([("5", 5, 5.0), ("6", 4, 4.0)], budget=9)
    assert twice(record, "majority").changes == pytest.approx(changed / 4000, abs=0.03)


def test_half_of_a_record_is_an_estimate() -> None:
    record = best_of([("5", 3, 2.7), ("6", 1, 0.3)], budget=4)
    rules = VotingRules(known=False)
    found = what_if.half(record, 4, None, what_if.answers_in_record(record, rules, 4), rules, Same())
    assert (found.kind, found.budget, found.changes) == ("estimate", 2, 0.0)
    even = best_of([("5", 2, 2.0), ("6", 2, 2.0)], budget=4)
    found = what_if.half(even, 4, None, what_if.answers_in_record(even, rules, 4), rules, Same())
    assert found.changes == pytest.approx(1 / 6, abs=0.03), "both of the other answer; one of each is a tie"


def test_scripted_samples_are_halved_by_their_numbers() -> None:
    votes = [{"answer": "6", "count": 2, "weight": 1.0}, {"answer": "5", "count": 2, "weight": 0.8}]
    record = scripted.record(method="best-of-n", budget=4, votes=votes, answer="6")
    found = report.explain(record, TreeState(best_of_four()), {}, Same())
    assert (found.half.kind, found.half.answer) == ("exact", "6")
    assert found.half.confidence == pytest.approx(0.7 / 1.1)
    assert found.voters == 4


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"method": "beam"}, "another search"),
        ({"method": "greedy", "budget": 1}, "one solution whatever"),
        ({"method": "oracle"}, "not known here"),
        ({"method": "majority", "votes": []}, "no sample has an answer"),
        ({"method": "majority", "error": {"kind": "x", "message": "y"}}, "ended with an error"),
    ],
)
def test_where_nothing_can_be_said_it_is_said(changes: dict[str, Any], says: str) -> None:
    found = report.explain(scripted.record(**changes), None, None, Same())
    for one in (found.half, found.twice):
        assert (one.kind, one.answer, one.changes) == ("unknown", None, None)
        assert says in one.says


def test_a_budget_of_one_has_no_half_and_max_no_twice() -> None:
    record = best_of([("5", 1, 0.5)], budget=1)
    assert report.explain(record, None, None, Same()).half.says == "N = 1 has no half."
    assert "not known" in twice(record, "max").says


def test_dvts_trees_of_other_widths_are_other_trees() -> None:
    started: list[Event] = [SearchStarted("p", "dvts", 4, 4, "policy", "prm", "why", **SIZES)]
    record = scripted.record(method="dvts", budget=4)
    found = report.explain(record, TreeState(started), {}, Same())
    assert (found.half.kind, "other widths" in found.half.says) == ("unknown", True)


def test_large_votes_stay_within_memory() -> None:
    seen = AnswersSoFar(("5", "6"), (np.full(4000, 0.5), np.full(90, 0.5)), 6)
    record = best_of([("5", 4000, 2000.0), ("6", 90, 45.0)], budget=4096)
    assert what_if.twice(record, seen, VotingRules(), 4096).changes == 0.0
