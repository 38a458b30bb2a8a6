"""Scores a solution that somebody wrote, step by step, with the PRM alone.

Each step is scored after the steps before it; the first one that scores below a threshold is the first doubtful step.
A PRM cannot judge steps of a kind that it was not trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_cli.costs import flops
from tts_cli.data.checked import CheckedSolution, CheckedStep
from tts_cli.errors import PromptTooLong
from tts_cli.protocols import Job, RewardModel, ScoredStep, Usage

THRESHOLD = 0.5
"""For a PRM on which nothing was measured: the step is likelier wrong than right, if the scores are probabilities."""

THRESHOLDS = {"nano": 0.03}
"""By family of PRM, chosen on validation problems: docs/check.md."""

_AFTER_THE_BOX = re.compile(r"(\\boxed\{[^{}]*\})[\s.]+$")


def default_threshold(family: str | None) -> float:
    """What suits a family of PRMs."""
    return THRESHOLDS.get(family or "", THRESHOLD)


def check_solution(problem: str, steps: Sequence[str], prm: RewardModel) -> CheckedSolution:
    """Score `steps` (none of them empty), each after those before it. Raises PromptTooLong, naming the step."""
    return check_solutions([(problem, steps)], prm)[0]


def check_solutions(solutions: Sequence[tuple[str, Sequence[str]]], prm: RewardModel) -> list[CheckedSolution]:
    """Many (problem, steps) together, a step of each in every round. Raises PromptTooLong for the first that is."""
    checks: list[_Check] = []
    try:
        for problem, steps in solutions:
            checks.append(_Check(problem, steps, prm))
        while live := [check for check in checks if check.left]:
            jobs = [check.score_next() for check in live]
            while not all(job.done for job in jobs):
                prm.advance()
            for check, job in zip(live, jobs, strict=True):
                check.take(job)
    finally:
        for check in checks:
            prm.release(check.prefix)
    return [check.result() for check in checks]


def as_searched(step: str) -> str:
    """The step as a search has it: a solution ends with its box, and no full stop follows it."""
    return _AFTER_THE_BOX.sub(r"\1", step)


class _Check:
    """One solution under way: `prefix` holds the steps that are scored so far."""

    def __init__(self, problem: str, steps: Sequence[str], prm: RewardModel) -> None:
        self.usage, self.scores = Usage(), list[float]()
        self.prefix = prm.start(problem, self.usage)
        self._problem, self._steps, self._prm = problem, steps, prm

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

    def result(self) -> CheckedSolution:
        steps = tuple(map(CheckedStep, self._steps, self.scores))
        tokens = self.usage.total
        return CheckedSolution(self._problem, steps, self._prm.name, tokens, flops(self._prm.parameters, tokens))
