"""From tapes to graded records: every cell of every problem is replayed, decided, and compared with the reference.

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
from tts_cli.data.record import Cost, Problem, Record, RecordError
from tts_cli.data.rows import Row
from tts_cli.evaluation.conditions import Condition, SearchJob, covers, job_of
from tts_cli.evaluation.prm_quality import ScoredSolution, scored_solutions
from tts_cli.evaluation.simulate import NotRecorded, simulate
from tts_cli.evaluation.store import Store, problem_key
from tts_cli.models.backends.recording import SearchRecording
from tts_cli.protocols import ModelFacts
from tts_cli.search.context import PromptTokens, Search
from tts_cli.solving.selection import decide
from tts_cli.solving.session import Session
from tts_cli.strategy.plan import Plan

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
    """One problem under one cell. `choices`: right or wrong under each aggregation and selection."""

    right: bool
    answered: bool
    failed: bool
    cost: Cost
    choices: dict[Choice, bool]


@dataclass(frozen=True, slots=True)
class Graded:
    """One problem under all cells. `right_samples` of `samples` independent ones state the reference."""

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
        """Replay all cells of a row that can be graded. Raises TtsError where its tapes are not complete."""
        recordings = Recordings(self.store, problem_key(row.problem))
        outcomes: dict[Condition, Outcome] = {}
        records: list[EvalRecord] = []
        for condition in self.conditions:
            outcomes[condition], record = self._grade_condition(row, condition, recordings)
            records.append(record)
        return self._with_samples(Graded(row.level, row.subject, outcomes), row, recordings), records

    def _grade_condition(self, row: Row, condition: Condition, recordings: Recordings) -> tuple[Outcome, EvalRecord]:
        session, error = self._simulate(row, condition, recordings.covering(condition.plan))
        record, _ = session.record(error, stopped=False)
        right = self._same(record.answer, row)
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

    def _same(self, answer: str | None, row: Row) -> bool:
        return answer is not None and row.reference is not None and self.judge.equal(answer, row.reference)

    def _choices(self, condition: Condition, search: Search, row: Row) -> dict[Choice, bool]:
        """The same solutions, voted on in every way. Nothing to choose without scores."""
        if condition.plan.fixed is None or not condition.plan.guided:
            return {}
        judge = self.judge
        return {(how, select): self._same(decide(search, how, select, judge).answer, row) for how, select in CHOICES}

    def _with_samples(self, graded: Graded, row: Row, recordings: Recordings) -> Graded:
        """Count the right ones among all independent samples, and keep their scores."""
        chains = [condition for condition in self.conditions if _is_independent(condition.plan)]
        if not chains:
            return graded
        largest = max(chains, key=lambda condition: (condition.plan.budget, condition.plan.guided))
        session, _ = self._simulate(row, largest, recordings.covering(largest.plan))
        ends = [(solution.node, self._same(solution.answer, row)) for solution in session.search.solutions.values()]
        right = sum(node.ended for node, is_right in ends if is_right)
        return replace(graded, samples=largest.plan.budget, right_samples=right, solutions=scored_solutions(ends))

    def _with_seconds(self, cost: Cost) -> Cost:
        policy = (cost.policy_prompt_tokens + cost.policy_tokens) * self.rates.policy
        return cost.model_copy(update={"seconds": policy + cost.prm_tokens * self.rates.prm})


def _is_independent(plan: Plan) -> bool:
    return plan.fixed is not None and plan.fixed.samples == "independent"


class Recordings:
    """The tapes of one problem, each unpacked once."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._units = sorted(store.jobs(key))
        self._unpacked: dict[SearchJob, SearchRecording] = {}

    def covering(self, plan: Plan) -> SearchRecording:
        """Raises TtsError where nothing that is stored holds all samples of the plan."""
        job = next((job for job in self._units if covers(job, job_of(plan))), None)
        if job is None:
            raise NotRecorded(
                f"The samples of {plan.method} with N = {plan.budget} are not stored.", "Sample them first."
            )
        if job not in self._unpacked:
            self._unpacked[job] = self._store.recording(self._key, job)
        return self._unpacked[job]


def _eval_record(record: Record, row: Row, right: bool | None, condition: Condition) -> EvalRecord:
    return EvalRecord(
        **dict(record),
        reference=row.reference,
        correct=right,
        requested_method=condition.requested,
        level=row.level,
        subject=row.subject,
    )
