"""Pairs and solutions written before the grader was mended: each kind of fault, its variations and its near misses.

Not covered here: the pairs of `hand_written.txt` (test_hand_written.py) and pairs made by rule (benchmarks/grading.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tts_cli.answers.extract import extract, find_answer, stated
from tts_cli.answers.judge import Judge

CORPUS = Path(__file__).with_name("corpus")
FAULTS = ("faults_equal.txt", "faults_different.txt")


class Pair(NamedTuple):
    answer: str
    reference: str
    same: bool


def pairs(name: str) -> dict[str, list[Pair]]:
    """The pairs of a file by kind, as its header lines name it."""
    kinds: dict[str, list[Pair]] = {}
    kind = ""
    for line in (CORPUS / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("# kind: "):
            kind = line.removeprefix("# kind: ")
        elif line and not line.startswith("#"):
            answer, reference, verdict = line.split(" | ")
            assert verdict in ("=", "!"), line
            kinds.setdefault(kind, []).append(Pair(answer.strip(), reference.strip(), verdict == "="))
    return kinds


class Solution(NamedTuple):
    """A whole text, and the answer that it gives: none where it gives none."""

    kind: str
    how: str | None
    expected: str | None
    text: str


def solutions() -> list[Solution]:
    lines = (CORPUS / "solutions.jsonl").read_text(encoding="utf-8").splitlines()
    return [Solution(**json.loads(line)) for line in lines]


KINDS = [(name, kind) for name in FAULTS for kind in pairs(name)]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(time_limit=60) as judge:  # the verdicts matter here, on a busy machine too
        yield judge


def judged_otherwise(judge: Judge, given: list[Pair]) -> list[Pair]:
    """The pairs that are judged otherwise than marked in either direction, each text read as `tts grade` reads it."""
    both = [(pair, stated(pair.answer), stated(pair.reference)) for pair in given]
    return [pair for pair, a, b in both if judge.equal(a, b) != pair.same or judge.equal(b, a) != pair.same]


def extracted_otherwise(judge: Judge, given: list[Pair]) -> list[Pair]:
    """The pairs whose solution text has another answer than the reference, or has it where it should not."""
    read = [(pair, extract(pair.answer)) for pair in given]
    return [pair for pair, got in read if (got is not None and judge.equal(got, pair.reference)) != pair.same]


def graded_otherwise(given: list[Pair]) -> list[Pair]:
    """The pairs of JSON values that `tts grade` judges otherwise, as answer and reference and the other way round."""
    rows = [f'{{"answer": {a}, "reference": {b}}}' for a, b, _ in given]
    rows += [f'{{"answer": {b}, "reference": {a}}}' for a, b, _ in given]
    command = [sys.executable, "-m", "tts_cli", "grade"]
    done = subprocess.run(command, input="\n".join(rows) + "\n", capture_output=True, text=True, timeout=120)
    graded = [json.loads(line)["equal"] for line in done.stdout.splitlines()]
    assert len(graded) == len(rows), done.stderr
    there, back = graded[: len(given)], graded[len(given) :]
    return [pair for pair, *equal in zip(given, there, back, strict=True) if equal != [pair.same] * 2]


@pytest.mark.parametrize(("name", "kind"), KINDS, ids=[kind for _, kind in KINDS])
def test_every_pair_of_the_kind_is_judged_right(judge: Judge, name: str, kind: str) -> None:
    given = pairs(name)[kind]
    if kind.endswith("(solutions)"):
        assert extracted_otherwise(judge, given) == []
    elif kind.endswith("(JSON rows)"):
        assert graded_otherwise(given) == []
    else:
        assert judged_otherwise(judge, given) == []


@pytest.mark.parametrize(("name", "equal", "different"), [("faults_equal.txt", 3, 8), ("faults_different.txt", 6, 3)])
def test_every_kind_has_pairs_of_both_verdicts(name: str, equal: int, different: int) -> None:
    for kind, given in pairs(name).items():
        same = sum(pair.same for pair in given)
        assert same >= equal, kind
        assert len(given) - same >= different, kind


@pytest.fixture(scope="module")
def further(judge: Judge) -> tuple[list[Pair], list[Pair]]:
    """All pairs of `pairs.txt`, and those of them that are judged otherwise."""
    given = [pair for kind in pairs("pairs.txt").values() for pair in kind]
    return given, judged_otherwise(judge, given)


def test_no_further_pair_that_differs_is_accepted(further: tuple[list[Pair], list[Pair]]) -> None:
    assert [pair for pair in further[1] if not pair.same] == []


def test_few_further_pairs_that_are_the_same_are_rejected(further: tuple[list[Pair], list[Pair]]) -> None:
    given, otherwise = further
    rejected = [pair for pair in otherwise if pair.same]
    assert len(rejected) < 0.03 * sum(pair.same for pair in given), rejected


def test_there_are_enough_further_pairs_of_both_verdicts() -> None:
    same = [pair.same for kind in pairs("pairs.txt").values() for pair in kind]
    assert len(same) >= 700
    assert same.count(True) >= 340
    assert same.count(False) >= 340


@pytest.mark.parametrize("kind", sorted({solution.kind for solution in solutions()}))
def test_every_solution_of_the_kind_gives_its_answer(judge: Judge, kind: str) -> None:
    given = [solution for solution in solutions() if solution.kind == kind]
    read = [(solution, extract(solution.text)) for solution in given]
    nothing = [(solution.text, got) for solution, got in read if solution.expected is None and got is not None]
    other = [
        (solution.text, got)
        for solution, got in read
        if solution.expected is not None and (got is None or not judge.equal(got, solution.expected))
    ]
    assert nothing + other == []


def test_an_answer_is_read_from_a_box_only_where_the_solution_gives_it_in_one() -> None:
    found = [(solution, find_answer(solution.text)) for solution in solutions()]
    assert [s.text for s, got in found if (got is not None and got.how == "box") != (s.how == "box")] == []


def test_there_are_enough_solutions_with_an_answer_and_without() -> None:
    without = [solution.expected is None for solution in solutions()]
    assert len(without) >= 150
    assert without.count(True) >= 12
