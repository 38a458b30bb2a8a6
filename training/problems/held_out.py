"""Held-out worlds: problems that no training run has seen, to measure how models do out of distribution.

`family`: families that are never trained (unseen.py), of words, signs and skills that are.
`size`: known families with numbers beyond those of training: at least one in every problem is larger than any that
its family draws. Fractions are not among them: there larger numbers soon mean another problem, a common denominator
of thousands.

`generate` of this package reaches neither, and so neither does a training run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, product
from random import Random

from training.problems import LEVELS, arithmetic, divisibility, equations, percentages, unseen, word_problems
from training.problems.problem import Problem

Draw = Callable[[Random, int], Problem]

# Of each family: the largest number in the text of a training problem, and what stretches its bounds beyond that.
LARGEST_TRAINED = {"arithmetic": 80, "equations": 414, "percentages": 1680, "word problems": 500, "divisibility": 700}
_STRETCHED: dict[str, Draw] = {
    "arithmetic": partial(arithmetic.generate, scale=2),
    "equations": partial(equations.generate, scale=6),
    "percentages": partial(percentages.generate, scale=10),
    "word problems": partial(word_problems.generate, scale=15),
    "divisibility": partial(divisibility.generate, scale=15),
}
REACH = 1.5  # no number of the size world is larger than this many times the largest trained one
_MOST_DRAWS = 20_000  # a new problem takes about 20 draws; far more of them mean that there is none left


def problems(world: str, seed: int) -> Iterator[Problem]:
    """Different problems of one world: the subjects in turn, and level 1 to 5 in turn with each round of subjects.

    Raises ValueError once a subject has no new problem at a level.
    """
    random, seen = Random(f"held out {world} {seed}"), set[str]()
    for level, subject in cycle(product(LEVELS, WORLDS[world])):
        yield _new(WORLDS[world][subject], random, level, seen)


def _new(draw: Draw, random: Random, level: int, seen: set[str]) -> Problem:
    for _ in range(_MOST_DRAWS):
        problem = draw(random, level)
        if not {problem.key, problem.problem} & seen:
            seen |= {problem.key, problem.problem}
            return problem
    raise ValueError(f"no new problem of this subject at level {level}: ask for fewer")


def largest_number(text: str) -> int:
    return max(int(digits) for digits in re.findall(r"\d+", text))


def _larger(family: str) -> Draw:
    """The family with its bounds stretched, and of what it then draws only what training could not have drawn."""
    least, most = LARGEST_TRAINED[family] + 1, LARGEST_TRAINED[family] * REACH

    def draw(random: Random, level: int) -> Problem:
        while True:
            problem = _STRETCHED[family](random, level)
            if least <= largest_number(problem.problem) <= most:
                return problem

    return draw


WORLDS: dict[str, dict[str, Draw]] = {
    "family": dict(unseen.FAMILIES),
    "size": {family: _larger(family) for family in _STRETCHED},
}
