"""A person's worked solution as PRM and calculator read it: what `tts check` finds, and its `--json` prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tts_cli.answers.false_equality import FalseEquality


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """`score`: of this step after those before it, in [0, 1]; None without a PRM. `false_equality`: one that it states,
    None where the calculator found none or is off."""

    text: str
    score: float | None
    false_equality: FalseEquality | None = None

    def below(self, threshold: float) -> bool:
        """The PRM doubts it."""
        return self.score is not None and self.score < threshold


@dataclass(frozen=True, slots=True)
class CheckedSolution:
    """`prm`: the name of the PRM; None where the calculator checked alone. `flops` = 2 x parameters x `prm_tokens`, all
    of which were run for it."""

    problem: str
    steps: tuple[CheckedStep, ...]
    prm: str | None
    prm_tokens: int
    flops: float

    @property
    def scores(self) -> tuple[float, ...]:
        """Of the steps that were scored: all, or without a PRM none."""
        return tuple(step.score for step in self.steps if step.score is not None)

    def first_doubtful(self, threshold: float) -> int | None:
        """The 1-based number of the first step that scores below `threshold` or states a false equality; None where no
        step does.

        >>> steps = (CheckedStep("2+2=4", 0.9), CheckedStep("4+1=6", 0.2))
        >>> CheckedSolution("Compute 2 + 2 + 1.", steps, "nano-prm", prm_tokens=30, flops=3e7).first_doubtful(0.5)
        2
        """
        doubtful = (step.below(threshold) or step.false_equality is not None for step in self.steps)
        return next((place for place, found in enumerate(doubtful, start=1) if found), None)

    def to_json(self, threshold: float) -> dict[str, Any]:
        """The document of `--json`."""
        return {
            "problem": self.problem,
            "steps": [asdict(step) for step in self.steps],
            "first_doubtful": self.first_doubtful(threshold),
            "threshold": threshold if self.prm is not None else None,
            "prm": self.prm,
            "cost": {"prm_tokens": self.prm_tokens, "flops": self.flops},
        }
