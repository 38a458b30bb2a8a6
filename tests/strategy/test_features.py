"""Every number that difficulty and confidence are estimated from, worked out by hand on a few solutions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from math import log
from typing import Any

import pytest

from tests.search.scripted import Same
from tts_cli.protocols import Finish
from tts_cli.search.context import Solution
from tts_cli.search.tree import Node
from tts_cli.solving.selection import elect
from tts_cli.strategy.features import FEATURES, Observation, gather


def solution(
    number: int,
    answer: str | None,
    scores: list[float | None],
    tokens: int = 10,
    times: int = 1,
    likelihoods: Sequence[float] = (),
) -> Solution:
    """A path of so many steps, which so many samples ended with."""
    node = Node(0, None, "", 0, None, ())
    for depth, (score, likelihood) in enumerate(zip_longest(scores, likelihoods, fillvalue=1.0)):
        logprob = log(likelihood or 1.0)
        node = Node(number, node, "x", tokens, Finish.EOS, (number, depth), score=score, logprob=logprob)
    node.ended, node.solution_tokens = times, tokens
    return Solution(node, answer, None)


def seen(samples: int, *solutions: Solution, select: Any = "weighted") -> tuple[Observation, dict[str, float]]:
    selection = elect(solutions, "last", select, Same())
    found = gather(selection.ballots, selection.votes, samples)
    return found, dict(zip(FEATURES, found.values, strict=True))


def log_odds(p: float) -> float:
    return log(p / (1 - p))


def test_each_feature_of_three_solutions_and_a_sample_that_was_cut() -> None:
    observation, values = seen(
        4,
        solution(0, "7", [0.9, 0.8], tokens=10, likelihoods=[0.9, 0.2]),
        solution(1, "7", [0.3, 0.6], tokens=20, likelihoods=[0.4, 0.4]),
        solution(2, "8", [0.5, 0.4], tokens=30, likelihoods=[0.6, 0.5]),
    )
    assert (observation.samples, observation.leader) == (4, "7")
    assert values == pytest.approx(
        {
            "agreement": 2 / 4,
            "share": 1.4 / 1.8,
            "margin": (1.4 - 0.4) / 1.8,
            "best_last": log_odds(0.8),
            "best_min": log_odds(0.8),
            "mean_min": log_odds((0.8 + 0.3 + 0.4) / 3),
            "second_min": log_odds(0.4),
            "answers": 2 / 4,
            "finished": 3 / 4,
            "length": log(21),
            "likeliest": log_odds(0.18),
            "likeliest_min": log_odds(0.4),
            "mean_likelihood": log_odds((0.18 + 0.16 + 0.3) / 3),
            "second_likeliest": log_odds(0.3),
        }
    )


def test_the_leader_is_who_leads_by_weight_and_not_by_count() -> None:
    observation, values = seen(3, solution(0, "7", [0.1], times=2), solution(1, "8", [0.9]))
    assert observation.leader == "8"
    assert values["agreement"] == pytest.approx(1 / 3)
    assert values["second_min"] == pytest.approx(log_odds(0.1))
    assert seen(3, solution(0, "7", [0.1], times=2), solution(1, "8", [0.9]), select="majority")[0].leader == "7"


def test_a_solution_counts_as_often_as_it_was_sampled() -> None:
    once, twice = solution(0, "7", [0.9], tokens=10), solution(1, "8", [0.2], tokens=40, times=3)
    _, values = seen(4, once, twice)
    assert values["finished"] == 1.0
    assert values["mean_min"] == pytest.approx(log_odds((0.9 + 3 * 0.2) / 4))
    assert values["length"] == pytest.approx(log(1 + (10 + 3 * 40) / 4))


def test_agreement_of_all_has_no_second() -> None:
    _, values = seen(2, solution(0, "7", [0.9]), solution(1, "7", [0.8]))
    assert (values["agreement"], values["share"], values["margin"], values["answers"]) == (1.0, 1.0, 1.0, 0.5)
    assert values["second_min"] == values["second_likeliest"] == pytest.approx(log_odds(0.001))


def test_solutions_without_an_answer_have_ended_but_do_not_vote() -> None:
    _, values = seen(2, solution(0, "7", [0.9]), solution(1, None, [0.2]))
    assert (values["agreement"], values["finished"]) == (0.5, 1.0)
    assert values["mean_min"] == pytest.approx(log_odds(0.55))


def test_nobody_answered() -> None:
    for solutions in ([], [solution(0, None, [0.9])]):
        observation, values = seen(4, *solutions)
        assert observation.leader is None
        assert values["finished"] == len(solutions) / 4
        assert [values[name] for name in ("agreement", "share", "margin", "answers")] == [0, 0, 0, 0]
        assert values["best_last"] == values["second_min"] == pytest.approx(log_odds(0.001))
        assert values["likeliest"] == values["mean_likelihood"] == pytest.approx(log_odds(0.001))


def test_without_a_prm_scores_say_neither_yes_nor_no() -> None:
    _, values = seen(3, solution(0, "7", [None]), solution(1, "7", [None]), solution(2, "8", [None]))
    assert [values[name] for name in ("best_last", "best_min", "mean_min", "second_min")] == [0.0] * 4
    assert (values["agreement"], values["share"]) == (2 / 3, 2 / 3), "the votes weigh the same"


def test_scores_of_0_and_1_are_no_infinities() -> None:
    _, values = seen(2, solution(0, "7", [1.0]), solution(1, "8", [0.0]))
    assert values["best_last"] == pytest.approx(log_odds(0.999))
    assert values["second_min"] == pytest.approx(log_odds(0.001))
    _, nothing = seen(1, solution(0, "7", [0.0]))
    assert nothing["share"] == 0.0, "weights that sum up to nothing are no division by zero"


def test_a_step_that_was_never_scored_is_left_out() -> None:
    assert seen(1, solution(0, "7", [0.4, None]))[1]["best_last"] == pytest.approx(log_odds(0.4))
