"""Scores a solution that somebody wrote, step by step, with the PRM alone.

The scores say what the PRM thinks of each step after the steps before it; where the first one falls under a threshold
is the first doubtful step. What the PRM was not trained to read it cannot judge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tts_cli.errors import PromptTooLong
from tts_cli.models.protocols import Ledger, Prefix, RewardModel

THRESHOLD = 0.5
"""Chosen for nano-prm on validation problems: docs/check.md."""

_AFTER_THE_BOX = re.compile(r"(\\boxed\{[^{}]*\})[\s.]+$")


@dataclass(frozen=True, slots=True)
class Checked:
    """One score in [0, 1] for each step; `prm_tokens` were run for them."""

    scores: tuple[float, ...]
    prm_tokens: int

    def first_doubtful(self, threshold: float) -> int | None:
        """The 1-based number of the first step that scores below `threshold`; None where no step does."""
        return next((place for place, score in enumerate(self.scores, start=1) if score < threshold), None)


def check_solution(problem: str, steps: Sequence[str], prm: RewardModel) -> Checked:
    """Score `steps` (none of them empty), each after those before it. Raises PromptTooLong, naming the step."""
    ledger = Ledger()
    prefix = prm.start(problem, ledger)
    scores: list[float] = []
    try:
        for place, step in enumerate(steps, start=1):
            score, after = _score(prm, prefix, as_searched(step), place)
            prm.release(prefix)
            scores, prefix = [*scores, score], after
    finally:
        prm.release(prefix)
    return Checked(tuple(scores), ledger.prm_tokens)


def as_searched(step: str) -> str:
    """The step as a search has it: a solution ends with its box, and a full stop behind it was never seen."""
    return _AFTER_THE_BOX.sub(r"\1", step)


def _score(prm: RewardModel, prefix: Prefix, step: str, place: int) -> tuple[float, Prefix]:
    job = prm.score(prefix, step)
    while not job.done:
        prm.advance()
    try:
        scored = job.result()
    except PromptTooLong as error:
        raise PromptTooLong(
            f"The solution does not fit into the context of the PRM {prm.name}: there is no room for step {place}.",
            "Give a larger --ctx-size, or check a shorter solution.",
        ) from error
    return scored.score, scored.prefix
