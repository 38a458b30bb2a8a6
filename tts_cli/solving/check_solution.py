"""Checks a solution that somebody wrote, step by step, with a PRM and the calculator, or either alone.

A score says what the PRM thinks of a step after the steps before it; the first one under a threshold is the first
doubtful step, unless one before it states a false equality. Of solutions unlike those that the PRM was trained on the
scores say little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tts_cli.answers.false_equality import Refute, never
from tts_cli.costs import flops
from tts_cli.data.checked import CheckedSolution, CheckedStep
from tts_cli.errors import PromptTooLong
from tts_cli.protocols import Prefix, RewardModel, Usage

THRESHOLD = 0.5
"""For a PRM on which nothing was measured: the step is likelier wrong than right, if the scores are probabilities."""

THRESHOLDS = {"nano": 0.03}
"""By family of PRM, chosen on validation problems: docs/check.md."""


def default_threshold(family: str | None) -> float:
    """What suits a family of PRMs."""
    return THRESHOLDS.get(family or "", THRESHOLD)


@dataclass(slots=True)
class _Checking:
    """One solution under way: `prefix` holds the steps that have their `scores`."""

    problem: str
    steps: Sequence[str]
    usage: Usage
    prefix: Prefix
    scores: list[float] = field(default_factory=list)

    def checked(self, prm: RewardModel, refute: Refute) -> CheckedSolution:
        steps = tuple(map(CheckedStep, self.steps, self.scores, map(refute, self.steps)))
        tokens = self.usage.total
        return CheckedSolution(self.problem, steps, prm.name, tokens, flops(prm.parameters, tokens))


def check_solution(
    problem: str, steps: Sequence[str], prm: RewardModel | None, *, refute: Refute = never
) -> CheckedSolution:
    """Score `steps` (none of them empty), each after those before it, and look for false equalities with `refute`.

    Without a PRM only the latter. Raises PromptTooLong, naming the step.
    """
    if prm is None:
        found = tuple(CheckedStep(step, None, refute(step)) for step in steps)
        return CheckedSolution(problem, found, None, prm_tokens=0, flops=0.0)
    return check_solutions([(problem, steps)], prm, refute=refute)[0]


def check_solutions(
    solutions: Sequence[tuple[str, Sequence[str]]], prm: RewardModel, *, refute: Refute = never
) -> list[CheckedSolution]:
    """Many (problem, steps) together, a step of each in every round. Raises PromptTooLong for the first that is."""
    checking: list[_Checking] = []
    try:
        for problem, steps in solutions:
            usage = Usage()
            checking.append(_Checking(problem, steps, usage, prm.start(problem, usage)))
        while live := [one for one in checking if len(one.scores) < len(one.steps)]:
            jobs = [prm.score(one.prefix, one.steps[len(one.scores)]) for one in live]
            while not all(job.done for job in jobs):
                prm.advance()
            for one, job in zip(live, jobs, strict=True):
                try:
                    scored = job.result()
                except PromptTooLong as error:
                    raise PromptTooLong(
                        f"The solution does not fit into the context of the PRM {prm.name}: "
                        f"there is no room for step {len(one.scores) + 1}.",
                        "Give a larger --ctx-size, or check a shorter solution.",
                    ) from error
                prm.release(one.prefix)
                one.prefix = scored.prefix
                one.scores.append(scored.score)
    finally:
        for one in checking:
            prm.release(one.prefix)
    return [one.checked(prm, refute) for one in checking]
