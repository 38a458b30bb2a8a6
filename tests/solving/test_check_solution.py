"""Scoring a person's solution with the bundled PRM in real llama.cpp."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tts_cli.data.checked import CheckedSolution, CheckedStep
from tts_cli.errors import PromptTooLong
from tts_cli.models.backends.llama_cpp import LlamaPRM
from tts_cli.models.load import load_prm
from tts_cli.solving.check_solution import THRESHOLD, check_solution, check_solutions, default_threshold

PROBLEM = "Compute 37 + 4 * (12 - 5)."
RIGHT = ("12-5=7, so 37+4*7.", "4*7=28, so 37+28.", "37+28=65, so \\boxed{65}.")
WRONG = ("12-5=7, so 37+4*7.", "4*7=21, so 37+21.", "37+21=58, so \\boxed{58}.")


@pytest.fixture(scope="module")
def prm() -> Iterator[LlamaPRM]:
    loaded = load_prm("nano-prm", n_ctx=256, n_seq_max=4, threads=1, gpu_layers=0)
    assert loaded is not None
    yield loaded
    loaded.close()


def test_the_first_wrong_step_is_found_and_a_right_solution_left_alone(prm: LlamaPRM) -> None:
    least = default_threshold(prm.entry.family)
    assert check_solution(PROBLEM, RIGHT, prm).first_doubtful(least) is None
    assert check_solution(PROBLEM, WRONG, prm).first_doubtful(least) == 2


def test_a_step_is_judged_by_what_stands_before_it(prm: LlamaPRM) -> None:
    """The same step scores high where it follows, low where it does not."""
    after_right = check_solution(PROBLEM, RIGHT, prm).scores[1]
    after_nothing = check_solution(PROBLEM, ("12-5=8, so 37+4*8.", RIGHT[1]), prm).scores[1]
    assert after_right > 0.5 > after_nothing


def test_together_and_alone_are_the_same(prm: LlamaPRM) -> None:
    together = check_solutions([(PROBLEM, RIGHT), (PROBLEM, WRONG), ("Compute 2 + 3.", RIGHT[:1])], prm)
    alone = [check_solution(PROBLEM, RIGHT, prm), check_solution(PROBLEM, WRONG, prm)]
    for a, b in zip(together, alone, strict=False):
        assert a.scores == pytest.approx(b.scores, abs=1e-3)
        assert a.prm_tokens == b.prm_tokens
    assert [len(one.scores) for one in together] == [3, 3, 1]


def test_nothing_is_left_in_the_engine(prm: LlamaPRM) -> None:
    for _ in range(8):  # 8 x 66 tokens would not fit into the context
        check_solution(PROBLEM, RIGHT, prm)
    assert not prm.busy


def test_a_solution_that_does_not_fit_names_the_step(prm: LlamaPRM) -> None:
    with pytest.raises(PromptTooLong, match="no room for step 2"):
        check_solution(PROBLEM, ("12-5=7.", "9" * 5000), prm)
    with pytest.raises(PromptTooLong):
        check_solution("9" * 5000, RIGHT, prm)
    assert check_solution(PROBLEM, RIGHT, prm).first_doubtful(0.01) is None  # and the PRM goes on working


def test_the_first_doubtful_step_counts_from_one() -> None:
    steps = tuple(CheckedStep("a step", score) for score in (0.9, 0.4, 0.1))
    checked = CheckedSolution("a problem", steps, "prm", 30, 3e7)
    assert [checked.first_doubtful(threshold) for threshold in (0.05, 0.1, 0.3, 0.5, 0.95)] == [None, None, 3, 2, 1]


def test_families_without_a_measurement_share_one_threshold() -> None:
    assert default_threshold("rlhflow") == default_threshold(None) == THRESHOLD
