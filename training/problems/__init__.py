"""School arithmetic with a checked solution for every step: six families, five levels, three disjoint splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from training.problems import arithmetic, divisibility, equations, fractions, percentages, word_problems
from training.problems.check import check, label
from training.problems.problem import SPLITS, Problem, Split

FAMILIES: dict[str, Callable[[Random, int], Problem]] = {
    "arithmetic": arithmetic.generate,
    "equations": equations.generate,
    "fractions": fractions.generate,
    "percentages": percentages.generate,
    "word-problems": word_problems.generate,
    "divisibility": divisibility.generate,
}
LEVELS = (1, 2, 3, 4, 5)


def generate(
    seed: int,
    *,
    split: Split = "test",
    levels: tuple[int, ...] = LEVELS,
    families: tuple[str, ...] = tuple(FAMILIES),
) -> Iterator[Problem]:
    """An endless stream of problems of one split; family and level are drawn evenly."""
    random = Random(f"{seed} {split}")
    while True:
        family, level = random.choice(families), random.choice(levels)
        problem = FAMILIES[family](random, level)
        while problem.split != split:
            problem = FAMILIES[family](random, level)
        yield problem


def distinct(problems: Iterator[Problem], count: int) -> Iterator[Problem]:
    """The first `count` problems with different keys; small families may repeat once they are exhausted."""
    seen: set[str] = set()
    repeats = 0
    while count:
        problem = next(problems)
        if problem.key in seen and repeats < 1000:
            repeats += 1
            continue
        seen.add(problem.key)
        repeats, count = 0, count - 1
        yield problem


__all__ = ["FAMILIES", "LEVELS", "SPLITS", "Problem", "Split", "check", "distinct", "generate", "label"]
