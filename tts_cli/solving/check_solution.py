"""Scores a solution that somebody wrote, step by step, with the PRM alone.

The scores say what the PRM thinks of each step after the steps before it; where the first one falls under a threshold
is the first doubtful step. What the PRM was not trained to read it cannot judge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tts_cli.errors import PromptTooLong
from tts_cli.protocols import Job, RewardModel, ScoredStep, Usage

THRESHOLD = 0.5
"""For a PRM on which nothing was measured: the step is likelier wrong than right, if the scores are probabilities."""

THRESHOLDS = {"nano": 0.03}
"""By family of PRM, chosen on validation problems: docs/check.md."""

_AFTER_THE_BOX = re.compile(r"(\\boxed\{[^{}]*\})[\s.]+$")


@dataclass(frozen=True, slots=True)
class CheckedSolution:
    """One score in [0, 1] for each step; `prm_tokens` were run for them."""

    scores: tuple[float, ...]
    prm_tokens: int

    def first_doubtful(self, threshold: float) -> int | None:
        """The 1-based number of the first step that scores below `threshold`; None where no step does."""
        return next((place for place, score in enumerate(self.scores, start=1) if score < threshold), None)


def default_threshold(family: str | None) -> float:
    """What suits a family of PRMs."""
    return THRESHOLDS.get(family or "", THRESHOLD)


def check_solution(problem: str, steps: Sequence[str], prm: RewardModel) -> CheckedSolution:
    """Score `steps` (none of them empty), each after those before it. Raises PromptTooLong, naming the step."""
    return check_solutions([(problem, steps)], prm)[0]


def check_solutions(solutions: Sequence[tuple[str, Sequence[str]]], prm: RewardModel) -> list[CheckedSolution]:
    """Many (problem, steps) together, a step of each in every round. Raises PromptTooLong for the first that is."""
    readings: list[_Reading] = []
    try:
        for problem, steps in solutions:
            readings.append(_Reading(problem, steps, prm))
        while live := [reading for reading in readings if reading.left]:
            jobs = [reading.score_next() for reading in live]
            while not all(job.done for job in jobs):
                prm.advance()
            for reading, job in zip(live, jobs, strict=True):
                reading.take(job)
    finally:
        for reading in readings:
            prm.release(reading.prefix)
    return [CheckedSolution(tuple(reading.scores), reading.usage.total) for reading in readings]


def as_searched(step: str) -> str:
    """The step as a search has it: a solution ends with its box, and a full stop behind it was never seen."""
    return _AFTER_THE_BOX.sub(r"\1", step)


class _Reading:
    """One solution under way: `prefix` is what the PRM has read of it."""

    def __init__(self, problem: str, steps: Sequence[str], prm: RewardModel) -> None:
        self.usage, self.scores = Usage(), list[float]()
        self.prefix = prm.start(problem, self.usage)
        self._steps, self._prm = steps, prm

    @property
    def left(self) -> int:
        return len(self._steps) - len(self.scores)

    def score_next(self) -> Job[ScoredStep]:
        return self._prm.score(self.prefix, as_searched(self._steps[len(self.scores)]))

    def take(self, job: Job[ScoredStep]) -> None:
        try:
            scored = job.result()
        except PromptTooLong as error:
            raise PromptTooLong(
                f"The solution does not fit into the context of the PRM {self._prm.name}: "
                f"there is no room for step {len(self.scores) + 1}.",
                "Give a larger --ctx-size, or check a shorter solution.",
            ) from error
        self._prm.release(self.prefix)
        self.prefix = scored.prefix
        self.scores.append(scored.score)
