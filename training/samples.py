"""The policy's own solutions, each step labelled by the checker: read and written as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import groupby
from pathlib import Path

from training.problems.problem import PlannedStep, Problem


@dataclass(frozen=True, slots=True)
class Sample:
    """One solution; `verdicts` are the checker's, one a step; `finished`: it ended by itself."""

    problem: Problem
    steps: tuple[str, ...]
    verdicts: tuple[bool, ...]
    finished: bool

    @property
    def right(self) -> bool:
        """Every step is right and the last one gives the answer."""
        if not (self.finished and self.steps and all(self.verdicts)):
            return False
        return f"\\boxed{{{self.problem.answer}}}" in self.steps[-1]


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """`path` is there only once it is whole."""
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        for sample in samples:
            row = {
                "problem": {**_fields(sample.problem), "target": str(sample.problem.target)},
                "steps": sample.steps,
                "verdicts": sample.verdicts,
                "finished": sample.finished,
            }
            file.write(json.dumps(row) + "\n")
    partial.replace(path)


def _fields(problem: Problem) -> dict[str, object]:
    fields = {name: getattr(problem, name) for name in Problem.__slots__}
    fields["plan"] = [(step.claim, step.needs, step.note) for step in problem.plan]
    return fields


@cache
def read_file(path: Path) -> list[Sample]:
    with path.open() as file:
        return [_sample(json.loads(line)) for line in file]


def read_groups(paths: Iterable[Path]) -> list[list[Sample]]:
    """The samples of each problem together, in the order of the files."""
    samples = (sample for path in paths for sample in read_file(path))
    return [list(group) for _, group in groupby(samples, key=lambda sample: sample.problem.problem)]


def _sample(row: dict) -> Sample:  # type: ignore[type-arg]
    fields = row["problem"]
    plan = tuple(PlannedStep(claim, tuple(needs), note) for claim, needs, note in fields.pop("plan"))
    target = None if fields["target"] == "None" else Fraction(fields["target"])
    problem = Problem(**{**fields, "target": target, "steps": tuple(fields["steps"])}, plan=plan)
    return Sample(problem, tuple(row["steps"]), tuple(row["verdicts"]), row["finished"])
