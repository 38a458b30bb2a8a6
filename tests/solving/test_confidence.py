"""What stands behind a vote, by the kind of judge that weighs it and by what the calculator left of its samples."""

from __future__ import annotations

from typing import Any

import pytest

from tests.solving.test_solve import BOX, lines, run
from tts_cli.answers import VoteClass
from tts_cli.solving.confidence import of_vote

SLIP = "so 20 + 80 = 110"
VOTES = [VoteClass("7", 1, 1.0, 0.9, (0,)), VoteClass("8", 3, 3.0, 0.1, (1, 2, 3))]


def dead_ends(*samples: int) -> dict[tuple[int, ...], str]:
    """These samples draw a false equality as often as they may."""
    return {(sample, n): SLIP for sample in samples for n in range(4)}


def test_two_that_are_left_of_four_and_agree_are_not_sure() -> None:
    record = run(lines("7", "7") | dead_ends(2, 3), budget=4).record
    assert (record.answer, record.finished, record.samples) == ("7", 2, 4)
    assert record.confidence == pytest.approx(2 / 3)
    whole = run(lines("7", "7", "7", "7"), budget=4).record
    assert whole.confidence == 1
    alone = run(lines("7") | dead_ends(1, 2, 3), budget=4).record
    assert (alone.answer, alone.confidence) == ("7", None), "one sample always agrees with itself"


def test_many_that_agree_outweigh_those_that_were_dropped() -> None:
    shares = [run(lines(*["7"] * n) | dead_ends(*range(n, 8)), budget=8).record.confidence for n in (2, 4, 7, 8)]
    assert shares == pytest.approx([2 / 3, 4 / 5, 7 / 8, 1])


def test_weighed_votes_and_the_best_one_lose_as_much() -> None:
    script, scores = lines("7", "8") | dead_ends(2), {r"\boxed{7}": 0.75, r"\boxed{8}": 0.25}
    for select in ("weighted", "max"):
        record = run(script, scores, "best-of-n", budget=3, select=select).record
        assert record.confidence == pytest.approx(0.75 * 2 / 3)


def test_a_slip_that_was_drawn_again_costs_no_confidence() -> None:
    script = lines("7", "7") | {(1, 0): SLIP, (1, 1): BOX % 7}
    record = run(script, budget=2).record
    assert record.calculator is not None and record.calculator.redrawn == 1
    assert (record.finished, record.confidence) == (2, 1)


def test_a_branch_that_a_tree_gave_up_is_no_vote() -> None:
    script = {(k,): BOX % 7 if k < 3 else SLIP for k in range(16)}
    record = run(script, {r"\boxed{7}": 0.9}, "beam", budget=4, beam_width=4).record
    assert record.calculator is not None and record.calculator.refuted
    assert (record.answer, record.finished, record.confidence) == ("7", 3, 1)


@pytest.mark.parametrize(
    ("kind", "select", "how", "share"),
    [
        ("votes", "majority", "last", 0.25),
        ("chances: a PRM, a yes/no judge, a head", "weighted", "last", 0.9),
        ("chances: a PRM, a yes/no judge, a head", "weighted", "min", 0.9),
        ("likelihoods: a reader", "weighted", "prod", (0.25 + 0.9) / 2),
        ("likelihoods: a reader", "max", "prod", (0.25 + 0.9) / 2),
    ],
)
def test_each_kind_of_judge_has_a_share_of_its_own(kind: str, select: Any, how: Any, share: float) -> None:
    found = of_vote(VOTES, select, 4, how=how)
    assert found is not None and found.value == pytest.approx(share), kind


def test_the_tiny_weight_of_a_long_solution_does_not_make_the_short_one_sure() -> None:
    """A reader's probabilities differ by powers of ten: the heaviest alone takes nearly all of the weight."""
    script = lines("7", "8", "8")
    scores = {r"\boxed{7}": 1e-3, r"\boxed{8}": 1e-9}
    record = run(script, scores, "best-of-n", budget=3, aggregate="prod").record
    assert record.answer == "7" and record.confidence == pytest.approx((1 + 1 / 3) / 2, abs=0.01)


def test_without_any_weight_the_votes_are_what_there_is() -> None:
    none = [VoteClass("7", 3, 3.0, 0.0, (0, 1, 2)), VoteClass("8", 1, 1.0, 0.0, (3,))]
    found = of_vote(none, "weighted", 4, how="prod")
    assert found is not None and found.value == 0.75
