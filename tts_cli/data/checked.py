"""A person's worked solution as a PRM scored it: what `tts check` finds, and its `--json` prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """`score`: of this step after those before it, in [0, 1]."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class CheckedSolution:
    """`prm`: the name of the PRM. `flops` = 2 x parameters x `prm_tokens`, all of which were run for it."""

    problem: str
    steps: tuple[CheckedStep, ...]
    prm: str
    prm_tokens: int
    flops: float

    @property
    def scores(self) -> tuple[float, ...]:
        return tuple(step.score for step in self.steps)

    def first_doubtful(self, threshold: float) -> int | None:
        """The 1-based number of the first step that scores below `threshold`; None where no step does.

        >>> steps = (CheckedStep("2+2=4", 0.9), CheckedStep("4+1=6", 0.2))
        >>> CheckedSolution("Compute 2 + 2 + 1.", steps, "nano-prm", prm_tokens=30, flops=3e7).first_doubtful(0.5)
        2
        """
        return next((place for place, score in enumerate(self.scores, start=1) if score < threshold), None)

    def to_json(self, threshold: float) -> dict[str, Any]:
        """The document of `--json`."""
        return {
            "problem": self.problem,
            "steps": [asdict(step) for step in self.steps],
            "first_doubtful": self.first_doubtful(threshold),
            "threshold": threshold,
            "prm": self.prm,
            "cost": {"prm_tokens": self.prm_tokens, "flops": self.flops},
        }
