"""The verifier through the judge: its worker, its limits, and what it says where it must not guess."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tts_cli.verification.judge import VerifyingJudge

PATIENT = 60.0  # seconds: a busy machine must not change an opinion


@pytest.fixture(scope="module")
def judge() -> Iterator[VerifyingJudge]:
    with VerifyingJudge(time_limit=PATIENT) as opened:
        yield opened


def test_it_says_right_and_wrong(judge: VerifyingJudge) -> None:
    assert judge.check("Solve 3x + 5 = 20 for x.", "5") == "right"
    assert judge.check("Solve 3x + 5 = 20 for x.", "6") == "wrong"
    assert judge.check("How many apples does Tom have?", "6") == "no opinion"


def test_the_worker_does_both_its_works(judge: VerifyingJudge) -> None:
    assert judge.check("Compute 2 + 3.", "5") == "right"
    assert judge.equal(r"\cot x", r"\frac{\cos x}{\sin x}")
    assert judge.check("Compute 2 + 3.", "6") == "wrong"


def test_no_process_is_started_for_a_story() -> None:
    with VerifyingJudge() as judge:
        assert judge.check("Tom has 3 apples and eats 2. How many are left?", "1") == "no opinion"
        assert judge._worker is None


@pytest.mark.parametrize(
    ("problem", "answer"),
    [
        ("Evaluate $9^{9^{9^9}}$.", "1"),
        ("Evaluate 2 + 2.", "9^{9^{9^9}}"),
        ("Evaluate $(10^{9})^{(10^{9})}$.", "1"),
        ("Evaluate $((99!)!)!$.", "1"),
        ("Solve $x^{9999999999} = 1$ for $x$.", "1"),
        ("Solve $x^{999} = 2$ for $x$.", "9^{99}"),
        ("Evaluate " + "(" * 200 + "1" + ")" * 200 + ".", "1"),
        ("Evaluate $" + r"\sqrt{" * 60 + "2" + "}" * 60 + "$.", "1"),
        ("Evaluate 1.", "\x00\ue000\ue001"),
        ("$" * 999, "$"),
    ],
)
def test_what_is_hostile_ends_soon_and_without_an_error(problem: str, answer: str) -> None:
    with VerifyingJudge(time_limit=3.0) as judge:
        assert judge.check(problem, answer) in ("no opinion", "wrong")
        assert judge.check(problem, "the same again") == "no opinion"
