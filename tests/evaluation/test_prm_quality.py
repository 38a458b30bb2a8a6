"""AUC, calibration and length bias of a PRM, on solutions whose figures can be worked out by hand."""

from __future__ import annotations

import pytest

from tests.search.scripted import Bench
from tts_cli.evaluation.prm_quality import ScoredSolution, length_bias, prm_quality, scored_solutions
from tts_cli.search.methods import METHODS


def solution(right: bool, *scores: float, tokens: int = 4, count: int = 1) -> ScoredSolution:
    return ScoredSolution(right, count, scores, (tokens,) * len(scores))


PROBLEMS = [
    [solution(True, 0.9, 0.8), solution(False, 0.7, 0.2)],
    [solution(True, 0.3, 0.1), solution(False, 0.6, 0.4)],
    [solution(True, 0.5, 1.0, count=2)],
]


def test_steps_are_labelled_by_the_answer_and_counted_once_a_sample() -> None:
    quality = prm_quality(PROBLEMS, "last")
    assert quality is not None
    assert quality.steps.count == 12 and quality.steps.share_right == pytest.approx(8 / 12)
    right, wrong = [0.9, 0.8, 0.3, 0.1, 0.5, 1.0, 0.5, 1.0], [0.7, 0.2, 0.6, 0.4]
    assert quality.steps.auc == pytest.approx(sum(r > w for r in right for w in wrong) / 32)


def test_a_vote_needs_order_within_a_problem() -> None:
    quality = prm_quality(PROBLEMS, "last")
    assert quality is not None
    by_aggregate = {one.aggregate: one for one in quality.aggregates}
    last = by_aggregate["last"]
    assert quality.problems_within == 2 and last.auc_within == pytest.approx((1 + 0) / 2)
    assert last.auc == pytest.approx((4 * 2 - 2) / 8)  # 0.8, 1, 1 above both wrong ones, 0.1 below both
    assert by_aggregate["min"].auc_within == pytest.approx(0.5)
    assert set(by_aggregate) == {"last", "min", "mean", "prod"}


def test_calibration_of_solutions_by_hand() -> None:
    quality = prm_quality(PROBLEMS, "last")
    assert quality is not None
    bins = {bin.low: (bin.count, bin.share_right) for bin in quality.solutions.calibration}
    assert bins == {0.1: (1, 1), 0.2: (1, 0), 0.4: (1, 0), 0.8: (1, 1), 0.9: (2, 1)}
    assert quality.solutions.calibration_error == pytest.approx((0.9 + 0.2 + 0.4 + 0.2 + 0) / 6)


def test_scores_that_follow_length_alone_are_found_out() -> None:
    """Correctness has nothing to do with it: among right and among wrong ones alike longer scores higher."""
    solutions = [solution(n % 2 == 0, n / 10, tokens=n) for n in range(1, 9)]
    bias = length_bias(solutions, "last")
    assert bias.score_with_tokens == pytest.approx(1)
    assert bias.score_with_tokens_right == bias.score_with_tokens_wrong == pytest.approx(1)
    assert bias.score_with_steps is None, "all have one step"
    assert [(g.low, g.high, g.right, g.wrong) for g in bias.groups] == [
        (1, 2, 1, 1),
        (3, 4, 1, 1),
        (5, 6, 1, 1),
        (7, 8, 1, 1),
    ]
    assert [g.right_score for g in bias.groups] == [0.2, 0.4, 0.6, 0.8]


def test_one_length_is_one_group_and_one_kind_has_no_auc() -> None:
    quality = prm_quality([[solution(True, 0.5), solution(True, 0.6)]], "min")
    assert quality is not None
    (group,) = quality.length.groups
    assert (group.low, group.high, group.right, group.wrong, group.wrong_score) == (4, 4, 2, 0, None)
    assert quality.solutions.auc is None and quality.problems_within == 0
    assert all(one.auc is None and one.auc_within is None for one in quality.aggregates)


def test_without_scores_there_is_nothing_to_say() -> None:
    assert prm_quality([[], []], "last") is None


def test_only_finished_solutions_with_all_scores_are_judged() -> None:
    script = {(0, 0): "x y", (0, 0, 0): "is 1.", (1, 0): "x y", (1, 0, 0): "cut~", (2, 0): "x y", (2, 0, 0): "is 1."}
    search = Bench(script, {"x y": 0.5, "is 1": 0.9}).run(METHODS["best-of-n"].run, 3)
    found = scored_solutions([(node, True) for node in search.solutions])
    assert found == [ScoredSolution(True, 2, (0.5, 0.9), (2, 2))]
    search.nodes()[0].score = None
    assert scored_solutions([(node, True) for node in search.solutions]) == []
