"""What a head is trained on, as arrays: a row for each distinct step of a problem, and which rows a solution has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.evaluation.heads.labels import LabelledProblem, LabelledSolution
from tts_cli.models.prm.head_file import HeadInput
from tts_cli.models.prm.states import StepStates, step_paths

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlacedSolution:
    """A solution and the rows of its steps, in order."""

    solution: LabelledSolution
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StepTable:
    """`inputs`: by name [rows, ..]; `problem`: a row's, as an index into `solutions`; `weight`: the samples that go
    through the step with a known label, `target`: the share of these that are right (0 where there are none); `ends`:
    those of them that end with the step."""

    inputs: dict[HeadInput, NDArray[np.floating]]
    problem: NDArray[np.int64]
    weight: Numbers
    target: Numbers
    ends: Numbers
    solutions: tuple[tuple[PlacedSolution, ...], ...]
    by_steps: bool

    def has(self, inputs: Sequence[HeadInput]) -> bool:
        """Are these there? Not all are stored by older versions."""
        return all(name in self.inputs for name in inputs)

    def joined(self, inputs: Sequence[HeadInput], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """These rows of these inputs side by side [rows, width]."""
        return np.concatenate([self.inputs[name][rows].astype(np.float32) for name in inputs], axis=1)

    @property
    def emphasis(self) -> Numbers:
        """What each row weighs in a fit. An outcome says most of the last step: last steps weigh as much together as
        all others. Labels of single steps weigh alike."""
        before = self.weight - self.ends
        if self.by_steps or not before.any():
            return self.weight
        half = 0.5 * float(self.weight.sum())
        return half / float(self.ends.sum()) * self.ends + half / float(before.sum()) * before

    @property
    def votes(self) -> Numbers:
        """What each row weighs where chances are calibrated: as those of solutions, which are what votes. Labels of
        single steps: as those of steps."""
        return self.weight if self.by_steps else self.ends

    def rows_of(self, problems: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of some problems, ascending."""
        return np.flatnonzero(np.isin(self.problem, problems))


def table_of(problems: Sequence[LabelledProblem], states: Sequence[StepStates]) -> StepTable:
    """Solutions with a step that was not read (the context had no room) are left out, and so are problems without
    any other."""
    inputs: dict[HeadInput, list[NDArray[np.floating]]] = {"end": [], "mean": [], "likelihoods": []}
    if all(read.doubtful is not None for read in states):
        inputs["doubtful"] = []
    problem_of_row: list[int] = []
    counts: list[list[float]] = []  # of a row: samples with a label, right ones, ends
    placed: list[tuple[PlacedSolution, ...]] = []
    for problem, read in zip(problems, states, strict=True):
        begin = len(problem_of_row)
        solutions = _placed(problem, read, begin)
        if not solutions:
            continue
        problem_of_row += [len(placed)] * len(read.there)
        counts += _counts(solutions, begin, len(read.there))
        placed.append(solutions)
        for name, parts in inputs.items():
            parts.append(getattr(read, name))
    weight, right, ends = np.array(counts, float).reshape(-1, 3).T
    return StepTable(
        inputs={name: np.concatenate(parts) for name, parts in inputs.items() if parts},
        problem=np.array(problem_of_row, np.int64),
        weight=weight,
        target=right / np.maximum(weight, 1.0),
        ends=ends,
        solutions=tuple(placed),
        by_steps=all(problem.by_steps for problem in problems),
    )


def _placed(problem: LabelledProblem, read: StepStates, begin: int) -> tuple[PlacedSolution, ...]:
    row_of = {path: row for row, path in enumerate(step_paths(one.steps for one in problem.solutions))}
    found = []
    for solution in problem.solutions:
        rows = [row_of[solution.steps[:end]] for end in range(1, len(solution.steps) + 1)]
        if read.there[rows].all():
            found.append(PlacedSolution(solution, tuple(begin + row for row in rows)))
    return tuple(found)


def _counts(solutions: Sequence[PlacedSolution], begin: int, rows: int) -> list[list[float]]:
    counts = [[0.0, 0.0, 0.0] for _ in range(rows)]
    for one in solutions:
        for row, label in zip(one.rows, one.solution.labels, strict=True):
            if label is not None:
                counts[row - begin][0] += one.solution.count
                counts[row - begin][1] += one.solution.count * label
        if one.solution.labels[-1] is not None:
            counts[one.rows[-1] - begin][2] += one.solution.count
    return counts
