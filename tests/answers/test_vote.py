"""Aggregation of step scores, equivalence classes, and the three ways to vote."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.answers import Select, aggregate, group, vote
from tts_cli.answers.extract import How
from tts_cli.answers.judge import Judge
from tts_cli.answers.vote import trusts, votes_needed

HALVES = [r"\frac12", "0.5", r"\dfrac12", "1/2", r"\frac24", r"\frac13", r"\frac13"]


@pytest.mark.parametrize(
    ("how", "expected"), [("last", 0.5), ("min", 0.25), ("mean", (0.8 + 0.25 + 0.5) / 3), ("prod", 0.1)]
)
def test_aggregates_step_scores(how: str, expected: float) -> None:
    assert aggregate([0.8, 0.25, 0.5], how) == pytest.approx(expected)  # type: ignore[arg-type]
    assert aggregate([], how) == 0.0  # type: ignore[arg-type]


def test_unknown_names_are_errors() -> None:
    with pytest.raises(ValueError, match="median"):
        aggregate([0.5], "median")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="best"):
        vote(["1"], None, "best", Judge())  # type: ignore[arg-type]


def test_votes_go_to_values_and_not_to_strings() -> None:
    with Judge() as judge:
        assert group(HALVES, judge) == [[0, 1, 2, 3, 4], [5, 6]]
        best, other = vote(HALVES, None, "majority", judge)
        assert (best.count, best.members, best.answer) == (5, (0, 1, 2, 3, 4), "0.5")
        assert (other.count, other.answer) == (2, r"\frac13")


def test_the_class_is_shown_in_its_commonest_form() -> None:
    with Judge() as judge:
        (only,) = vote(["x = 5", "5", r"\boxed{5}", "5"], None, "majority", judge)
        assert only.answer == "5"


def test_the_three_selections_differ_where_they_should() -> None:
    answers, scores = ["7", "8", "8", "9", "9", "9"], [0.95, 0.6, 0.6, 0.3, 0.3, 0.3]
    judge = Judge()
    assert [(c.answer, c.weight) for c in vote(answers, scores, "max", judge)] == [("7", 0.95), ("8", 0.6), ("9", 0.3)]
    assert [c.answer for c in vote(answers, scores, "weighted", judge)] == ["8", "7", "9"]
    majority = vote(answers, scores, "majority", judge)
    assert [(c.answer, c.count) for c in majority] == [("9", 3), ("8", 2), ("7", 1)]
    assert majority[0].weight == pytest.approx(0.9)


def test_solutions_without_an_answer_never_vote() -> None:
    assert vote([None, None], [0.9, 0.9], "weighted", Judge()) == []
    (only,) = vote([None, "4", None], [0.9, 0.1, 0.9], "weighted", Judge())
    assert (only.answer, only.count, only.members) == ("4", 1, (1,))
    assert vote([], [], "max", Judge()) == []


@pytest.mark.parametrize("select", ["weighted", "max", "majority"])
def test_ties_go_to_the_first_seen(select: Select) -> None:
    assert [c.answer for c in vote(["3", "1", "2"], [0.5, 0.5, 0.5], select, Judge())] == ["3", "1", "2"]


@pytest.mark.parametrize("scores", [[0.5], [0.5, math.nan], [0.5, math.inf]])
def test_senseless_scores_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="scores"):
        vote(["1", "2"], scores, "weighted", Judge())


LAST: How = "last number"
BOX: How = "box"


@pytest.mark.parametrize("stated", ["box", "mark", "sentence"])
@pytest.mark.parametrize(("select", "weight"), [("majority", 1.0), ("weighted", 1.0), ("max", 0.5)])
def test_last_numbers_count_half_beside_stated_answers(select: Select, weight: float, stated: How) -> None:
    ways: list[How | None] = [LAST, stated, LAST, stated, stated]
    best, other = vote(["20", "5", "20", "5", None], [1.0, 0.6, 1.0, 0.6, 0.6], select, Judge(), ways)
    assert (best.answer, other.answer, other.weight) == ("5", "20", weight)
    assert (best.count, best.trust, other.count, other.trust) == (2, 2.0, 2, 1.0)
    unweighted = vote(["20", "5", "20", "5", None], [1.0, 0.6, 1.0, 0.6, 0.6], select, Judge())
    assert unweighted[0].answer == "20", "without the ways it is the other"


@pytest.mark.parametrize("select", ["majority", "weighted", "max"])
def test_last_numbers_count_in_full_where_no_answer_is_stated(select: Select) -> None:
    answers, scores = ["20", "5", "20", None], [0.9, 0.6, 0.8, 0.9]
    alone = vote(answers, scores, select, Judge(), [LAST, LAST, LAST, BOX])
    assert alone == vote(answers, scores, select, Judge()), "who has no answer states none"


def test_enough_last_numbers_still_win() -> None:
    ways: list[How | None] = [BOX, LAST, LAST, LAST]
    assert [c.answer for c in vote(["5", "20", "20", "20"], None, "majority", Judge(), ways)] == ["20", "5"]
    assert [c.answer for c in vote(["5", "20", "20"], None, "majority", Judge(), ways[:3])] == ["5", "20"], "a tie"


def test_every_way_of_stating_an_answer_is_trusted_alike() -> None:
    assert trusts(["box", "mark", "sentence", None, LAST]) == [1.0, 1.0, 1.0, 1.0, 0.5]
    assert trusts([None, LAST]) == [1.0, 1.0]
    assert trusts([]) == []


@pytest.mark.parametrize("needed", [3, 8, 9, 18, 98])
def test_a_vote_supports_what_the_rule_of_succession_says(needed: int) -> None:
    supported = (needed + 1) / (needed + 2)
    assert votes_needed(supported - 1e-9) == needed == (votes_needed(supported + 1e-9) or 0) - 1


def test_the_fewest_votes_that_support_anything_are_two() -> None:
    assert [votes_needed(share) for share in (0.0, 0.2, 0.5, 0.75, 0.76, 1.0)] == [2, 2, 2, 2, 3, None]


class Counting:
    """Equality of integers modulo 10, that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def equal(self, a: str, b: str) -> bool:
        self.asked += 1
        return int(a) % 10 == int(b) % 10


def test_identical_answers_are_compared_once() -> None:
    judge = Counting()
    assert group(["3"] * 100 + ["13"] * 100, judge) == [list(range(200))]
    assert judge.asked == 1


votes = st.lists(st.tuples(st.integers(0, 6), st.floats(0, 1)), max_size=24)


@given(votes)
def test_majority_of_plain_integers_is_a_counter(ballots: list[tuple[int, float]]) -> None:
    answers = [str(answer) for answer, _ in ballots]
    result = vote(answers, [score for _, score in ballots], "majority", Judge())
    assert [(c.answer, c.count) for c in result] == Counter(answers).most_common()
    assert sorted(index for c in result for index in c.members) == list(range(len(answers)))


@given(votes, st.randoms(use_true_random=False), st.sampled_from(["weighted", "max", "majority"]))
def test_the_order_of_solutions_matters_in_ties_only(
    ballots: list[tuple[int, float]], random: object, select: Select
) -> None:
    shuffled = list(ballots)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def outcome(cast: Sequence[tuple[int, float]]) -> list[tuple[float, str, int]]:
        result = vote([f"{a}.0" for a, _ in cast], [s for _, s in cast], select, Judge())
        ranks = [c.count if select == "majority" else c.weight for c in result]
        assert ranks == sorted(ranks, reverse=True)
        return sorted((c.weight, c.answer, c.count) for c in result)

    assert outcome(ballots) == outcome(shuffled)


@given(st.lists(st.sampled_from(HALVES), max_size=12), st.randoms(use_true_random=False))
def test_the_printed_form_does_not_depend_on_order(answers: list[str], random: object) -> None:
    shuffled = list(answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    judge = Judge()
    forms = [{(c.answer, c.count) for c in vote(cast, None, "majority", judge)} for cast in (answers, shuffled)]
    assert forms[0] == forms[1]
