"""Labelled solutions: what the policy sampled, right or wrong by its answer, or what a row brings with its first error.

The outcome of a solution labels each of its prefixes, so that a head learns the value of a prefix: how often it leads
to the right answer (OVM, arXiv 2311.09724). A row that has `steps` and `first_error` (ProcessBench, PRM800K) is not
sampled: its steps are right before the error, wrong at it, and of no known label after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tts_cli.answers import How
from tts_cli.answers.judge import Judge
from tts_cli.data.fingerprint import of_problem
from tts_cli.data.rows import Row
from tts_cli.errors import UsageError
from tts_cli.evaluation.grading import is_right, problem_of, ungradable
from tts_cli.evaluation.recordings import Recordings, simulate
from tts_cli.evaluation.run import EvalRun

LEAST = 20
"""Problems: five folds of four."""

_STEPS, _FIRST_ERROR = "steps", ("first_error", "label")


@dataclass(frozen=True, slots=True)
class LabelledSolution:
    """One distinct solution, that `count` samples came out as. `labels`: of its steps, None where that is not known.
    `answer`, and `how` it was found: what it votes for, None where it has no vote."""

    steps: tuple[str, ...]
    labels: tuple[bool | None, ...]
    right: bool
    count: int = 1
    answer: str | None = None
    how: How | None = None


@dataclass(frozen=True, slots=True)
class LabelledProblem:
    """A problem with its solutions, in the order of their samples. `by_steps`: their steps are labelled one by one."""

    key: str
    text: str
    solutions: tuple[LabelledSolution, ...]
    by_steps: bool = False

    @property
    def mixed(self) -> bool:
        """It has right solutions and wrong ones: only there can a judge choose."""
        return len({solution.right for solution in self.solutions}) == 2

    @property
    def samples(self) -> int:
        return sum(solution.count for solution in self.solutions)


def brought_solution(row: Row) -> LabelledSolution | None:
    """The solution that a row brings, its steps labelled; None where it brings none. Raises UsageError."""
    fields: dict[str, Any] = row.input or {}
    error = next((fields[name] for name in _FIRST_ERROR if name in fields), None)
    steps = fields.get(_STEPS)
    if row.error is not None or steps is None or error is None:
        return None
    texts = isinstance(steps, list) and all(isinstance(step, str) and step.strip() for step in steps)
    place = isinstance(error, int) and not isinstance(error, bool)
    if not (texts and steps and place and -1 <= error < len(steps)):
        raise UsageError(
            f"Row {row.number} cannot be used: its steps and its first error do not fit together.",
            '"steps" is a list of texts, "first_error" the index of the first wrong one from 0, or -1.',
        )
    known = len(steps) if error < 0 else error + 1
    labels = [None if i >= known else i != error for i in range(len(steps))]
    return LabelledSolution(tuple(step.strip() for step in steps), tuple(labels), right=error < 0)


def usable_rows(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Rows to be sampled, each problem once, and rows that bring a solution. Raises UsageError where these are few."""
    to_sample: dict[str, Row] = {}
    bring: list[Row] = []
    for row in rows:
        if brought_solution(row) is not None:
            bring.append(row)
        elif ungradable(row) is None:
            to_sample.setdefault(row.problem, row)
    check_number(len(to_sample.keys() | {row.problem for row in bring}))
    return list(to_sample.values()), bring


def labelled_problems(evaluation: EvalRun, to_sample: Sequence[Row], bring: Sequence[Row]) -> list[LabelledProblem]:
    """With the solutions in the store, which must hold all samples, and those that rows bring.

    Problems without a finished solution are left out. Raises UsageError where too few are left, and where there is
    nothing to learn: all solutions are right, or all are wrong.
    """
    found: list[LabelledProblem] = []
    with Judge() as judge:
        for row in to_sample:
            solutions = _sampled(evaluation, row, judge)
            found += [LabelledProblem(of_problem(row.problem), row.problem, solutions)] if solutions else []
    brought: dict[str, list[LabelledSolution]] = {}
    for row in bring:
        solution = brought_solution(row)
        assert solution is not None
        brought.setdefault(row.problem, []).append(solution)
    # Named apart from the same problem's samples: another file of states.
    found += [LabelledProblem(f"{of_problem(text)}-steps", text, tuple(them), True) for text, them in brought.items()]
    check_number(len(found))
    _check_kinds(found, evaluation.models.policy.name)
    return found


def _sampled(evaluation: EvalRun, row: Row, judge: Judge) -> tuple[LabelledSolution, ...]:
    """The finished solutions, in the order of their paths; () where the search ended with an error."""
    (condition,) = evaluation.conditions
    recording = Recordings(evaluation.store, of_problem(row.problem)).covering(condition.plan)
    policy, _ = evaluation.facts
    problem = problem_of(row)
    session, error = simulate(problem, condition.plan, evaluation.settings, policy, None, recording, judge)
    if error is not None:
        return ()
    ordered = sorted(session.search.solutions.values(), key=lambda solution: solution.node.path)
    solutions = []
    for one in ordered:
        steps = tuple(step for step in one.node.steps if step.strip())
        right = is_right(one.answer, row, judge)
        labels = (right,) * len(steps)
        if steps:
            solutions.append(LabelledSolution(steps, labels, right, one.node.ended, one.answer, one.how))
    return tuple(solutions)


def check_number(problems: int) -> None:
    """Raises UsageError."""
    if problems < LEAST:
        what = f"{problems} problems with labelled solutions are too few to train on; {LEAST} is the least"
        raise UsageError(f"{what}.", "A few hundred are a beginning.")


def _check_kinds(problems: Sequence[LabelledProblem], policy: str) -> None:
    """Raises UsageError where all labels are alike."""
    labels = {label for one in problems for solution in one.solutions for label in solution.labels} - {None}
    if len(labels) < 2:
        kind, other = ("right", "harder") if True in labels else ("wrong", "easier")
        samples = sum(one.samples for one in problems)
        raise UsageError(
            f"All {samples} solutions of {len(problems)} problems are {kind}: there is nothing to learn from.",
            f"Take {other} problems for {policy}, or see with `tts eval` whether the answers are what they should be.",
        )
