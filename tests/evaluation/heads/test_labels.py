"""Which rows are learned from, and what of them is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.evaluation.heads.synthetic import problem_of
from tts_cli.data.rows import Row
from tts_cli.errors import UsageError
from tts_cli.evaluation.heads import labels
from tts_cli.evaluation.heads.labels import LabelledProblem, LabelledSolution, brought_solution, usable_rows
from tts_cli.evaluation.heads.table import table_of
from tts_cli.models.prm.states import StepStates


def row(number: int = 1, *, answer: str | None = "7", **fields: Any) -> Row:
    return Row(number, str(number), f"problem {number}", answer, input=fields or None)


@pytest.mark.parametrize(
    ("first_error", "expected", "right"),
    [(-1, (True, True, True), True), (0, (False, None, None), False), (2, (True, True, False), False)],
)
@pytest.mark.parametrize("name", ["first_error", "label"])
def test_steps_are_right_up_to_the_first_error(
    name: str, first_error: int, expected: tuple[bool | None, ...], right: bool
) -> None:
    solution = brought_solution(row(steps=[" a ", "b", "c"], **{name: first_error}))
    assert solution == LabelledSolution(("a", "b", "c"), expected, right)


@pytest.mark.parametrize("fields", [{}, {"steps": ["a"]}, {"first_error": 0}, {"step": ["a"], "label": 0}])
def test_rows_without_labelled_steps_are_sampled(fields: dict[str, Any]) -> None:
    assert brought_solution(row(**fields)) is None


@pytest.mark.parametrize(
    ("steps", "first_error"),
    [([], -1), (["a"], 1), (["a"], -2), (["a", " "], 0), (["a", 3], 0), ("a", 0), (["a"], True), (["a"], "0")],
)
def test_steps_that_do_not_fit_their_label_are_refused(steps: Any, first_error: Any) -> None:
    with pytest.raises(UsageError, match="Row 4 cannot be used"):
        brought_solution(row(4, steps=steps, first_error=first_error))


def test_problems_are_sampled_once_and_rows_without_an_answer_not_at_all() -> None:
    rows = [row(i % 22) for i in range(44)] + [row(90, answer=None)]
    bring = [row(91, answer=None, steps=["a"], first_error=0)]
    to_sample, found = usable_rows([*rows, *bring])
    assert [one.number for one in to_sample] == list(range(22)) and found == bring
    with pytest.raises(UsageError, match="19 problems with labelled solutions are too few"):
        usable_rows(rows[:19])


@pytest.mark.parametrize(("right", "says"), [(True, "are right"), (False, "are wrong")])
def test_labels_of_one_kind_are_nothing_to_learn_from(right: bool, says: str) -> None:
    problems = [problem_of(i, [right] * 3) for i in range(20)]
    with pytest.raises(UsageError, match=f"All 60 solutions of 20 problems {says}"):
        labels._check_kinds(problems, "tiny")
    labels._check_kinds([*problems, problem_of(20, [not right])], "tiny")


def test_a_step_that_several_samples_share_counts_for_each() -> None:
    solutions = (
        LabelledSolution(("a", "b"), (True, True), True, 3, "1", "box"),
        LabelledSolution(("a", "c"), (False, False), False, 1, "2", "box"),
        LabelledSolution(("d",), (None,), False),
    )
    problem = LabelledProblem("k", "p", solutions)
    found = table_of([problem], [_all_there(4)])
    assert found.weight.tolist() == [4, 3, 1, 0] and found.target.tolist() == [0.75, 1, 0, 0]
    assert [one.rows for one in found.solutions[0]] == [(0, 1), (0, 2), (3,)]
    assert found.ends.tolist() == [0, 3, 1, 0]


def test_last_steps_weigh_as_much_as_all_others_where_labels_are_outcomes() -> None:
    solution = LabelledSolution(("a", "b", "c", "d", "e"), (True,) * 5, True, 2, "1", "box")
    found = table_of([LabelledProblem("k", "p", (solution,))], [_all_there(5)])
    assert found.emphasis == pytest.approx([1.25] * 4 + [5.0])
    by_steps = table_of([LabelledProblem("k", "p", (solution,), by_steps=True)], [_all_there(5)])
    assert by_steps.emphasis.tolist() == by_steps.votes.tolist() == [2.0] * 5 != found.votes.tolist()


def _all_there(steps: int) -> StepStates:
    read = StepStates.empty(steps, 3)
    read.there[:] = True
    return read


def test_a_solution_that_was_not_read_whole_is_left_out() -> None:
    problems = [problem_of(i, [True, False]) for i in range(2)]
    states = [StepStates.empty(4, 3) for _ in problems]
    states[0].there[:3] = True
    found = table_of(problems, states)
    assert [[one.rows for one in solutions] for solutions in found.solutions] == [[(0, 1)]]
    assert found.joined(("end", "likelihoods"), np.arange(4)).shape == (4, 13)
