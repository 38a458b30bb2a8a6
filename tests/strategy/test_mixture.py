"""A vote that several judges weigh, by hand."""

from __future__ import annotations

from math import exp, log

import pytest
from pydantic import ValidationError

from tests.search.scripted import Same
from tts_cli.answers.false_equality import FalseEquality
from tts_cli.protocols import Finish
from tts_cli.search.context import Solution
from tts_cli.search.tree import Node
from tts_cli.solving.selection import elect
from tts_cli.strategy.mixture import Mixture

FALSE = FalseEquality("1 + 1 = 3", "1 + 1", "3", "2")


def solution(number: int, answer: str, score: float | None, likelihood: float = 1.0, slips: int = 0) -> Solution:
    """One step; `slips` were refuted in its place."""
    root = Node(0, None, "", 0, None, ())
    node = Node(
        number, root, answer, 1, Finish.EOS, (number, slips), score=score, logprob=log(likelihood), ended=1, depth=1
    )
    root.children = {(answer, "eos"): node}
    for i in range(slips):
        slip = Node(90 + i, root, f"slip {i}", 1, Finish.STEP, (number, i), refuted=FALSE)
        root.children[(f"slip {i}", "step")] = slip
    stranger = Node(99, root, "stranger", 1, Finish.STEP, (number + 1, 0), refuted=FALSE)
    root.children[("stranger", "step")] = stranger  # another sample's
    return Solution(node, answer, score)


def winner(mixture: Mixture | None, *solutions: Solution) -> tuple[str | None, list[float]]:
    found = elect(solutions, "last", "weighted", Same(), mixture=mixture)
    return found.answer, [vote.weight for vote in found.votes]


MANY = [solution(1, "7", 0.3, 0.1), solution(2, "7", 0.3, 0.1), solution(3, "8", 0.5, 0.5)]


def test_nothing_mixed_is_the_vote_of_the_majority() -> None:
    assert winner(Mixture(aggregate="last"), *MANY) == ("7", [2, 1])


def test_the_larger_an_exponent_the_more_the_best_decides() -> None:
    assert winner(None, *MANY)[0] == "7"
    assert winner(Mixture(aggregate="last", prm=1), *MANY) == ("7", pytest.approx([1.2, 1]))
    assert winner(Mixture(aggregate="last", prm=2), *MANY) == ("8", pytest.approx([1, 0.72]))
    assert winner(Mixture(aggregate="last", likelihood=0.5), *MANY) == ("8", pytest.approx([1, 2 * 0.2**0.5]))


def test_what_was_drawn_again_counts_against_what_came_of_it() -> None:
    pair = [solution(1, "7", None, slips=2), solution(2, "8", None)]
    assert winner(Mixture(aggregate="last", calculator=0.7), *pair) == ("8", pytest.approx([1, exp(-1.4)]))


def test_a_solution_without_a_score_counts_as_the_others_on_average() -> None:
    weights = Mixture(aggregate="last", prm=1).weights([solution(1, "7", 0.9), solution(2, "8", 0.4), MANY[0]])
    some = Mixture(aggregate="last", prm=1).weights(
        [solution(1, "7", 0.9), solution(2, "8", 0.4), solution(3, "9", None)]
    )
    assert weights[:2] == some[:2] == pytest.approx([1, 4 / 9]) and some[2] == pytest.approx((4 / 9) ** 0.5)


def test_no_score_is_too_small_and_none_has_to_be_there() -> None:
    zero = solution(1, "7", 0.0)
    assert all(0 <= weight <= 1 for weight in Mixture(aggregate="last", prm=8).weights([zero, MANY[0]]))
    assert Mixture(aggregate="last", prm=8).weights([zero, zero]) == [1, 1]
    assert Mixture(aggregate="last", prm=1).weights([solution(1, "7", None)] * 2) == [1, 1]


@pytest.mark.parametrize("wrong", [{"prm": -1}, {"likelihood": float("nan")}, {"aggregate": "sum"}, {"votes": 1}])
def test_a_file_that_a_person_broke_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Mixture.model_validate({"aggregate": "last"} | wrong)
