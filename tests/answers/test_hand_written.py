"""Pairs of answers written by hand: every kind that people and models write, and near misses of each."""

from __future__ import annotations

from pathlib import Path

from tts_cli.answers.judge import Judge

FILE = Path(__file__).with_name("hand_written.txt")


def pairs() -> list[tuple[str, str, bool]]:
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    split = [line.split(" | ") for line in lines]
    return [(a.strip(), b.strip(), verdict == "=") for a, b, verdict in split]


def test_every_pair_is_judged_right_in_both_directions() -> None:
    with Judge(time_limit=60) as judge:  # the verdicts matter here, on a busy machine too
        wrong = [(a, b) for a, b, same in pairs() if judge.equal(a, b) != same or judge.equal(b, a) != same]
    assert wrong == []


def test_there_are_enough_of_both_verdicts() -> None:
    assert len(pairs()) > 400
    assert sum(same for *_, same in pairs()) > 150
    assert sum(not same for *_, same in pairs()) > 150
