"""Small runs made by hand: who was right on which problem, counted and written by the real `tts eval` code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.findings.plan import GUIDED, Part, run_name
from benchmarks.findings.results import GREEDY, Key
from tts_cli.data.record import Cost, Vote
from tts_cli.evaluation import report
from tts_cli.evaluation.conditions import Condition, SearchJob
from tts_cli.evaluation.grading import CHOICES, EvalRecord, Graded, Outcome
from tts_cli.evaluation.prm_quality import ScoredSolution
from tts_cli.evaluation.store import SamplingCost
from tts_cli.evaluation.summary import EvalFacts, summarize
from tts_cli.protocols import ModelFacts

SETTINGS = {"aggregate": "last", "select": "weighted"}
Right = Mapping[Key, Sequence[bool]]


def pattern(text: str) -> list[bool]:
    """x: right"""
    return [mark == "x" for mark in text]


def everywhere(budgets: Sequence[int], marks: Mapping[str, str]) -> dict[Key, list[bool]]:
    """The same marks at every N; "greedy" once."""
    return {
        (method, budget): pattern(text)
        for method, text in marks.items()
        for budget in ((1,) if method == "greedy" else budgets)
    }


def write_run(
    runs: Path,
    part: Part,
    policy: tuple[str, int],
    right: Right,
    *,
    prm_parameters: int = 400_000,
    tokens: Mapping[Key, tuple[int, int]] | None = None,
    samples_right: Sequence[int] | None = None,
) -> None:
    """`policy`: name and parameters. `tokens`: policy's and PRM's of each problem, else 100 and 200.

    `samples_right`: of the samples of each problem; else all or none, as greedy is right or not.
    """
    conditions = {key: Condition(key[0], SearchJob(key[0], key[1], 4).plan) for key in right}
    models = ModelFacts(*policy), ModelFacts(part.prm, prm_parameters)
    most = max(budget for _, budget in right)
    counts = list(samples_right) if samples_right is not None else [most * mark for mark in right[GREEDY]]
    graded, records = [], []
    for i, count in enumerate(counts):
        costs = {key: _cost(key, tokens) for key in right}
        outcomes = {conditions[key]: _outcome(key, marks[i], costs[key]) for key, marks in right.items()}
        solutions = [ScoredSolution(True, count, (0.9,), (5,)), ScoredSolution(False, most - count, (0.2,), (5,))]
        graded.append(Graded(str(i % 2 + 1), None, outcomes, most, count, solutions))
        records += [_record(i, key, marks[i], costs[key], count * key[1] // most) for key, marks in right.items()]
    facts = EvalFacts("nano", 0, *models, SETTINGS, 0)
    summary = summarize(graded, list(conditions.values()), facts, with_prm_quality=True)
    folder = runs / run_name(part, policy[0])
    folder.mkdir(parents=True)
    report.write(folder, records, summary, report.timing(summary, SamplingCost(wall_seconds=90.0)))


def _cost(key: Key, tokens: Mapping[Key, tuple[int, int]] | None) -> Cost:
    policy, prm = (tokens or {}).get(key, (100, 200))
    return Cost(policy_tokens=policy, prm_tokens=prm if key[0] in GUIDED else 0)


def _outcome(key: Key, right: bool, cost: Cost) -> Outcome:
    choices = dict.fromkeys(CHOICES, right) if key[0] in GUIDED else {}
    return Outcome(right, True, False, cost, choices)


def _record(number: int, key: Key, right: bool, cost: Cost, right_votes: int) -> EvalRecord:
    votes = [Vote(answer="1", count=right_votes, weight=1.0), Vote(answer="2", count=key[1] - right_votes, weight=1.0)]
    return EvalRecord(
        id=str(number),
        problem=f"problem {number}",
        answer="1" if right else "2",
        confidence=0.5,
        solution="",
        method=key[0],
        budget=key[1],
        difficulty=None,
        why="made by hand",
        votes=[vote for vote in votes if vote.count],
        cost=cost,
        policy="policy",
        prm=None,
        seed=0,
        finish="answered",
        reference="1",
        correct=right,
        requested_method=key[0],
        level=str(number % 2 + 1),
    )
