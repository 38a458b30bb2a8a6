"""The test set that ships as tts_cli/nano/test.jsonl: 500 problems, 100 a level, the families in turn.

Any first part of it is nearly as balanced as the whole. The problems come from the test split, which no training
run reads. Rewrite it with `python -m training.problems --bundled > tts_cli/nano/test.jsonl`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from training.problems.problem import Problem

SEED = 500
COUNT = 500
_MOST_REPEATS = 300  # then a family has no more to offer at this level: it has few different problems there


def rows() -> Iterator[dict[str, str | int]]:
    """The rows of the file, always the same."""
    for i, problem in enumerate(islice(problems(), COUNT), start=1):
        yield {
            "id": f"nano-{i:03}",
            "problem": problem.problem,
            "answer": problem.answer,
            "level": problem.level,
            "subject": problem.subject,
        }


def problems() -> Iterator[Problem]:
    """Problems without repeats: level 1 to 5 in turn, and at each level the families in turn."""
    from training.problems import LEVELS

    seen: set[str] = set()
    streams = [_level(level, seen) for level in LEVELS]
    while True:
        for stream in streams:
            yield next(stream)


def _level(level: int, seen: set[str]) -> Iterator[Problem]:
    """The families in turn, each as long as it has problems that were not there yet."""
    from training.problems import FAMILIES, generate

    streams = {family: _unseen(generate(SEED, levels=(level,), families=(family,)), seen) for family in FAMILIES}
    turn = list(FAMILIES)
    turn = turn[level:] + turn[:level]  # each level begins with another family, so that the families come out even
    while turn:
        family = turn.pop(0)
        problem = next(streams[family], None)
        if problem is not None:
            turn.append(family)
            yield problem


def _unseen(stream: Iterator[Problem], seen: set[str]) -> Iterator[Problem]:
    repeats = 0
    for problem in stream:
        if not {problem.key, problem.problem} & seen:
            seen |= {problem.key, problem.problem}
            repeats = 0
            yield problem
        elif (repeats := repeats + 1) > _MOST_REPEATS:
            return
