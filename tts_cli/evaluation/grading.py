"""From recordings to graded records: each search is run again without a model, its vote compared with the reference.

A smaller N takes the first N samples (the first N/M trees) of the larger one. That is exactly what a run with this N
and seed would have given, so a record here is the record of `tts batch`, each problem is right or wrong and nothing
between, and methods can be compared problem by problem. The price is more variance than an average over all subsets
would have.
"""

from __future__ import annotations

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
from tts_cli.evaluation.store import Store
from tts_cli.models.backends.recording import SearchRecording
from tts_cli.protocols import ModelFacts, PromptTokens
from tts_cli.search.context import Search
from tts_cli.solving.selection import decide
from tts_cli.solving.session import Session

Choice = tuple[Aggregate, Select]
CHOICES: tuple[Choice, ...] = tuple((how, select) for how in get_args(Aggregate) for select in get_args(Select))


class EvalRecord(Record):
    """A line of `records.jsonl`. `correct` is None where the row could not be graded."""

    reference: str | None
    correct: bool | None
    requested_method: str
    level: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds of decoding per token, as measured with many problems in flight; 0 where a model did nothing."""

    policy: float = 0.0
    prm: float = 0.0


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
    rates: Rates

    def grade(self, row: Row) -> tuple[Graded, list[EvalRecord]]:
        """A row that can be graded, under every condition. Raises TtsError where its recordings are not complete."""
        recordings = Recordings(self.store, of_problem(row.problem))
        outcomes: dict[Condition, Outcome] = {}
        records: list[EvalRecord] = []
        for condition in self.conditions:
            outcomes[condition], record = self._grade_condition(row, condition, recordings)
            records.append(record)
        return self._with_samples(Graded(row.level, row.subject, outcomes), row, recordings), records

    def _grade_condition(self, row: Row, condition: Condition, recordings: Recordings) -> tuple[Outcome, EvalRecord]:
        session, error = self._simulate(row, condition, recordings.covering(condition.plan))
        record, _ = session.record(error, stopped=False)
        right = is_right(record.answer, row, self.judge)
        cost = self._with_seconds(record.cost)
        choices = {} if error else self._choices(condition, session.search, row)
        outcome = Outcome(right, record.answer is not None, error is not None, cost, choices)
        return outcome, _eval_record(record.model_copy(update={"cost": cost}), row, right, condition)

    def ungraded(self, row: Row) -> list[EvalRecord]:
        """Records that say why there is nothing to count."""
        records: list[EvalRecord] = []
        for condition in self.conditions:
            session, error = self._simulate(row, condition, SearchRecording(PromptTokens(0), {}, {}))
            record, _ = session.record(error, stopped=False)
            records.append(_eval_record(record, row, None, condition))
        return records

    def _simulate(self, row: Row, condition: Condition, recording: SearchRecording) -> tuple[Session, Exception | None]:
        prm = self.prm if condition.plan.guided else None
        return simulate(problem_of(row), condition.plan, self.settings, self.policy, prm, recording, self.judge)

    def _choices(self, condition: Condition, search: Search, row: Row) -> dict[Choice, bool]:
        """The same solutions, voted on in every way. Nothing to choose without scores."""
        if condition.plan.fixed is None or not condition.plan.guided:
            return {}
        selections = {(how, select): decide(search, how, select, self.judge) for how, select in CHOICES}
        return {choice: is_right(selection.answer, row, self.judge) for choice, selection in selections.items()}

    def _with_samples(self, graded: Graded, row: Row, recordings: Recordings) -> Graded:
        """Count the right ones among all independent samples, and keep their scores."""
        independent = [
            condition
            for condition in self.conditions
            if condition.plan.fixed is not None and condition.plan.fixed.samples == "independent"
        ]
        if not independent:
            return graded
        largest = max(independent, key=lambda condition: (condition.plan.budget, condition.plan.guided))
        session, _ = self._simulate(row, largest, recordings.covering(largest.plan))
        solutions = session.search.solutions.values()
        ends = [(solution.node, is_right(solution.answer, row, self.judge)) for solution in solutions]
        right = sum(node.ended for node, ends_right in ends if ends_right)
        return replace(graded, samples=largest.plan.budget, right_samples=right, solutions=scored_solutions(ends))

    def _with_seconds(self, cost: Cost) -> Cost:
        policy = (cost.policy_prompt_tokens + cost.policy_tokens) * self.rates.policy
        return cost.model_copy(update={"seconds": policy + cost.prm_tokens * self.rates.prm})


def _eval_record(record: Record, row: Row, right: bool | None, condition: Condition) -> EvalRecord:
    return EvalRecord(
        **dict(record),
        reference=row.reference,
        correct=right,
        requested_method=condition.requested,
        level=row.level,
        subject=row.subject,
    )
