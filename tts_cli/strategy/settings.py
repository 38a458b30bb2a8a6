"""`SolveSettings`: all that a person may set about solving, checked. Models and files are not part of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from tts_cli.answers import Aggregate, Select
from tts_cli.errors import UsageError
from tts_cli.protocols import Sampling

MethodName = Literal["greedy", "majority", "best-of-n", "beam", "dvts"]
Done = Literal[MethodName, "best-first"]
"""What a record may call the method: `auto` has one of its own."""
Effort = Literal["low", "normal", "high", "max"]

MAX_BUDGET = 4096

EFFORT_BUDGETS: dict[str, int] = {"low": 4, "normal": 16, "high": 64, "max": 128}
"""N where no budget is given. The paper sweeps 4, 16, 64 and 256; beyond 128 gains are small for the cost."""


@dataclass(frozen=True, slots=True)
class SolveSettings:
    """How to solve. Raises UsageError for a value that cannot be used.

    `budget`: the paper's N, None leaves it to `effort`. `max_tokens`: sampled tokens of one whole solution.
    `max_time` (seconds) counts from the start of a problem's search. `max_flops`: 2 x parameters x tokens.
    `verify`: answers that are wrong when put into the problem have no vote.
    """

    method: Literal["auto"] | MethodName = "auto"
    budget: int | None = None
    beam_width: int = 4
    aggregate: Aggregate = "last"
    select: Select = "weighted"
    sampling: Sampling = field(default_factory=Sampling)
    max_steps: int = 40
    max_tokens: int = 2048
    effort: Effort = "normal"
    max_time: float | None = None
    max_flops: float | None = None
    min_confidence: float | None = None
    seed: int = 0
    verify: bool = False

    def __post_init__(self) -> None:
        _choice("--method", self.method, ("auto", *get_args(MethodName)))
        _choice("--effort", self.effort, get_args(Effort))
        _choice("--aggregate", self.aggregate, get_args(Aggregate))
        _choice("--select", self.select, get_args(Select))
        if self.budget is not None:
            _within("--budget", self.budget, 1, MAX_BUDGET)
        _within("--beam-width", self.beam_width, 1, MAX_BUDGET)
        _within("--temperature", self.sampling.temperature, 0, 10)
        _within("--top-p", self.sampling.top_p, 1e-9, 1)
        _within("--max-step-tokens", self.sampling.max_step_tokens, 1, float("inf"))
        _within("--max-steps", self.max_steps, 1, 1000)
        _within("--max-tokens", self.max_tokens, 1, float("inf"))
        for flag, value in (("--max-time", self.max_time), ("--max-flops", self.max_flops)):
            if value is not None and not value > 0:
                raise UsageError(f"{flag} must be above 0, not {value}", f"Leave {flag} out for no limit.")
        if self.min_confidence is not None:
            _within("--min-confidence", self.min_confidence, 0, 1)


def _choice(flag: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{flag} has no choice {value!r}", f"Choose one of: {', '.join(known)}.")


def _within(flag: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        span = f"from {low:g} to {high:g}" if high != float("inf") else f"at least {low:g}"
        raise UsageError(f"{flag} {value} cannot be used", f"Give a number {span}.")
