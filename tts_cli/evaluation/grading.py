"""From recordings to graded records: each search is run again without a model, its vote compared with the reference.

A smaller N takes the first N samples (the first N/M trees) of the larger one. That is exactly what a run with this N
and seed would have given, so a record here is the record of `tts batch`, each problem is right or wrong and nothing
between, and methods can be compared problem by problem. The price is more variance than an average over all subsets
would have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from tts_cli.answers import Aggregate, Select
from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.fingerprint import of_problem
from tts_cli.data.record import Cost, Problem, Record, RecordError
from tts_cli.data.rows import Row
from tts_cli.evaluation.conditions import Condition
from tts_cli.evaluation.prm_quality import ScoredSolution, scored_solutions
from tts_cli.evaluation.recordings import Recordings, simulate
from tts_cli.evaluation.store import SamplingCost, Store
from tts_cli.models.backends.recording import SearchRecording
from tts_cli.protocols import ModelFacts, PromptTokens
from tts_cli.search.context import Search
from tts_cli.solving.selection import decide
from tts_cli.solving.session import Session
from tts_cli.strategy.plan import Plan

Choice = tuple[Aggregate, Select]
CHOICES: tuple[Choice, ...] = tuple((how, select) for how in get_args(Aggregate) for select in get_args(Select))


LONG_ANSWER, WORDY_ANSWER = 200, 8
"""Characters and words that a reference of MATH, GSM8K and AIME stays below, and their solutions hardly ever do."""

_WORD = re.compile(r"(?<![\\\w{])[^\W\d_]{2,}")


class EvalRecord(Record):
    """A line of `records.jsonl`. `correct` is None where the row could not be graded."""

    reference: str | None
    correct: bool | None
    requested_method: str
    level: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One problem under one condition. `choices`: right or wrong under each aggregation and selection."""

    right: bool
    answered: bool
    failed: bool
    cost: Cost
    choices: dict[Choice, bool]


@dataclass(frozen=True, slots=True)
class Graded:
    """One problem under all conditions. `right_samples` of `samples` independent ones state the reference."""

    level: str | None
    subject: str | None
    outcomes: dict[Condition, Outcome]
    samples: int = 0
    right_samples: int = 0
    solutions: list[ScoredSolution] = field(default_factory=list)


def ungradable(row: Row) -> RecordError | None:
    """Why a row has no part in the figures: it is broken, or has no reference."""
    if row.error is None and row.reference is None:
        return RecordError(kind="no-reference", message=f"Row {row.number}: it has no answer to compare with.")
    return row.error


def is_prose(row: Row) -> bool:
    """Its reference is a whole text that marks no answer: no answer will equal it."""
    text = row.reference or ""
    return len(text) > LONG_ANSWER or len(_WORD.findall(text)) > WORDY_ANSWER


def problem_of(row: Row) -> Problem:
    """A row that cannot be graded is not searched either: its record says why."""
    return Problem(row.id, row.problem, row.input, error=ungradable(row))


def is_right(answer: str | None, row: Row, judge: Equality) -> bool:
    """The answer is that of the row."""
    return answer is not None and row.reference is not None and judge.equal(answer, row.reference)


@dataclass(frozen=True, slots=True)
class Grader:
    """All that grading needs beside the rows."""

    conditions: Sequence[Condition]
    settings: Settings
    policy: ModelFacts
    prm: ModelFacts | None
    store: Store
    judge: Equality
    spent: SamplingCost

    def grade(self, row: Row) -> tuple[Graded | None, list[EvalRecord]]:
        """What counts of a row, and its records; only the records, which say why, where it cannot be graded.

        Raises TtsError where its recordings are not complete.
        """
        if ungradable(row) is not None:
            nothing = SearchRecording(PromptTokens(0), {}, {})
            return None, [self._grade_condition(row, condition, nothing)[1] for condition in self.conditions]
        recordings = Recordings(self.store, of_problem(row.problem))
        found = {one: self._grade_condition(row, one, recordings.covering(one.plan)) for one in self.conditions}
        graded = Graded(row.level, row.subject, {one: outcome for one, (outcome, _) in found.items()})
        return self._with_samples(graded, row, recordings), [record for _, record in found.values()]

    def _grade_condition(
        self, row: Row, condition: Condition, recording: SearchRecording
    ) -> tuple[Outcome, EvalRecord]:
        session, error = self._simulate(row, condition.plan, recording)
        record, _ = session.record(error, stopped=False)
        right = is_right(record.answer, row, self.judge)
        cost = record.cost
        seconds = self.spent.seconds(cost.policy_prompt_tokens + cost.policy_tokens, cost.prm_tokens)
        cost = cost.model_copy(update={"seconds": sum(seconds)})
        choices = {} if error else self._choices(condition, session.search, row)
        fields = dict(record) | {
            "cost": cost,
            "reference": row.reference,
            "correct": None if ungradable(row) else right,
            "requested_method": condition.requested,
            "level": row.level,
            "subject": row.subject,
        }
        return Outcome(right, record.answer is not None, error is not None, cost, choices), EvalRecord(**fields)

    def _simulate(self, row: Row, plan: Plan, recording: SearchRecording) -> tuple[Session, Exception | None]:
        prm = self.prm if plan.guided else None
        return simulate(problem_of(row), plan, self.settings, self.policy, prm, recording, self.judge)

    def _choices(self, condition: Condition, search: Search, row: Row) -> dict[Choice, bool]:
        """The same solutions, voted on in every way. Nothing to choose without scores."""
        if condition.plan.fixed is None or not condition.plan.guided:
            return {}
        selections = {(how, select): decide(search, how, select, self.judge) for how, select in CHOICES}
        return {choice: is_right(selection.answer, row, self.judge) for choice, selection in selections.items()}

    def _with_samples(self, graded: Graded, row: Row, recordings: Recordings) -> Graded:
        """Count the right ones among all independent samples, and keep their scores."""
        plans = [one.plan for one in self.conditions if one.plan.fixed and one.plan.fixed.samples == "independent"]
        if not plans:
            return graded
        largest = max(plans, key=lambda plan: (plan.budget, plan.guided))
        session, _ = self._simulate(row, largest, recordings.covering(largest))
        solutions = session.search.solutions.values()
        ends = [(solution.node, is_right(solution.answer, row, self.judge)) for solution in solutions]
        right = sum(node.ended for node, ends_right in ends if ends_right)
        return replace(graded, samples=largest.budget, right_samples=right, solutions=scored_solutions(ends))
