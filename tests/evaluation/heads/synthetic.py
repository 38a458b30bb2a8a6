"""Labelled problems and states in which the truth is known."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tts_cli.evaluation.heads.labels import LabelledProblem, LabelledSolution
from tts_cli.evaluation.heads.table import StepTable, table_of
from tts_cli.models.prm.likelihoods import NAMES
from tts_cli.models.prm.states import StepStates, step_paths

Where = Literal["nowhere", "likelihoods", "end", "doubtful", "product", "problem"]
WIDTH = 8
WRONG = ("2", "3")


def problem_of(number: int, right: list[bool]) -> LabelledProblem:
    """Of every solution two steps of its own; the right answer is 1, wrong ones are 2 and 3 in turn."""
    solutions = []
    for i, ok in enumerate(right):
        steps = (f"{number} first {i}", f"{number} last {i}")
        solutions.append(LabelledSolution(steps, (ok, ok), ok, 1, "1" if ok else WRONG[i % 2], "box"))
    return LabelledProblem(f"key{number}", f"problem {number}", tuple(solutions))


def states_of(problem: LabelledProblem, where: Where, strength: float, random: np.random.Generator) -> StepStates:
    """Noise, but for what shows at steps whether their solution is right: a number of the end's state, a likelihood,
    the product of two numbers, or a number that is the whole problem's."""
    paths = step_paths(solution.steps for solution in problem.solutions)
    read = StepStates.empty(len(paths), WIDTH)
    read.there[:] = True
    own = random.normal(size=WIDTH)
    right = {path: one.right for one in problem.solutions for path in (one.steps[:1], one.steps)}
    for row, path in enumerate(paths):
        sign = 1.0 if right[path] else -1.0
        read.end[row], read.mean[row] = random.normal(size=WIDTH), random.normal(size=WIDTH)
        read.likelihoods[row] = random.normal(size=len(NAMES))
        if read.doubtful is not None:
            read.doubtful[row] = random.normal(size=WIDTH)
            read.doubtful[row, 0] += strength * sign * (where == "doubtful")
        if where == "end":
            read.end[row, 0] += strength * sign
        elif where == "likelihoods":
            read.likelihoods[row, 0] += strength * sign
        elif where == "product":
            read.end[row, 1] = sign * strength * np.sign(read.end[row, 0]) + 0.1 * random.normal()
            read.end[row, 0] = strength * np.sign(read.end[row, 0])
        elif where == "problem":
            read.end[row] = 10 * own
    return read


def table(where: Where, *, problems: int = 60, samples: int = 8, strength: float = 1.0, seed: int = 0) -> StepTable:
    """Half of the solutions are right."""
    random = np.random.default_rng(seed)
    labelled = [problem_of(i, list(random.random(samples) < 0.5)) for i in range(problems)]
    return table_of(labelled, [states_of(one, where, strength, random) for one in labelled])
