"""Answers that are wrong when put into the problem have no vote; what was said of them is in the record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.search.scripted import ScriptedPolicy
from tts_cli.answers.vote import Opinion
from tts_cli.config import Settings
from tts_cli.data.record import Record, Verified
from tts_cli.solving.solve import solve


class Knows:
    """Says of each answer what it was told; answers are the same if their texts are."""

    def __init__(self, **opinions: Opinion) -> None:
        self.opinions = opinions

    def equal(self, a: str, b: str) -> bool:
        return a == b

    def check(self, problem: str, answer: str) -> Opinion:
        assert problem == "one two three"
        return self.opinions[f"a{answer}"]


def run(
    *answers: str, verify: bool = True, clock: Any = lambda: 0.0, judge: Knows | None = None, **more: Any
) -> Record:
    script = {(index, 0): rf"\boxed{{{answer}}}." for index, answer in enumerate(answers)}
    settings = Settings(method="majority", budget=len(answers), verify=verify, **more)
    judge = judge or Knows(a1="wrong", a2="no opinion", a3="right")
    return solve("one two three", settings, ScriptedPolicy(script=script), None, judge=judge, clock=clock).record


def test_a_wrong_majority_loses() -> None:
    record = run("1", "1", "1", "2", "3", "3")
    assert record.answer == "3"
    assert record.verified == Verified(right=2, wrong=3, unknown=1)
    assert [(vote.answer, vote.count) for vote in record.votes] == [("3", 2), ("2", 1)]
    assert "3 of 6 answers do not fit the problem and had no vote" in record.why


def test_without_the_setting_nothing_is_asked() -> None:
    record = run("1", "1", "1", "2", verify=False, judge=Knows())
    assert record.answer == "1"
    assert record.verified is None


def test_where_all_are_wrong_all_vote_and_the_record_says_so() -> None:
    record = run("1", "1", "1")
    assert record.answer == "1"
    assert record.verified == Verified(right=0, wrong=3, unknown=0)
    assert "none of the 3 answers fits, so all voted" in record.why
    assert (record.confidence, record.finish) == (0.0, "answered")


@pytest.mark.parametrize("least", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("answers", ["1", "1" * 8, "1" * 16])
def test_what_was_found_wrong_passes_no_wanted_confidence(answers: str, least: float) -> None:
    record = run(*answers, min_confidence=least)
    assert (record.answer, record.finish, record.confidence) == (None, "low-confidence", 0.0)
    assert "fits, so all voted; " in record.why
    assert record.why.endswith(f"an answer that was found wrong does not pass --min-confidence {least:g}.")


def test_what_was_found_right_is_sure_even_from_one_sample() -> None:
    record = run("3", min_confidence=0.99)
    assert (record.answer, record.confidence) == ("3", 1.0)
    assert run("1", "3", min_confidence=1).answer == "3"


def test_what_was_not_found_wrong_needs_more_than_that() -> None:
    """One wrong answer had no vote; the other stands alone."""
    record = run("1", "2", min_confidence=0.5)
    assert (record.answer, record.confidence, record.finish) == (None, None, "low-confidence")


def test_no_opinion_is_no_reason_to_speak_of() -> None:
    record = run("2", "2")
    assert record.answer == "2"
    assert record.verified == Verified(right=0, wrong=0, unknown=2)
    assert "fit" not in record.why
