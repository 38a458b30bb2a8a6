"""How likely a language model finds a solution that it reads: the log-probabilities of its tokens in a few numbers.

A step's numbers speak of the step and of the solution so far, as a slip in an early step is a slip in what follows.
Tokens that hold a digit count apart as well: whether style is likely says little of whether a step is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

NAMES = (
    "mean",
    "least",
    "digits mean",
    "digits least",
    "mean so far",
    "least so far",
    "sum so far",
    "digits mean so far",
    "digits least so far",
    "digits sum so far",
)
"""What `StepLikelihood.numbers` holds, in order. A head names those that it was trained on."""

FLOOR = -30.0
"""Natural logarithm: anything less likely than this is as unlikely, and no outlier."""


@dataclass(frozen=True, slots=True)
class LogprobSum:
    """Over some tokens: their number, the sum of their log-probabilities, and the least of these. Of none: 0."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0

    @staticmethod
    def of(logprobs: Sequence[float]) -> LogprobSum:
        """`logprobs`: natural logarithms, not above 0."""
        return LogprobSum(len(logprobs), sum(logprobs), min(logprobs, default=0.0))

    def __add__(self, other: LogprobSum) -> LogprobSum:
        return LogprobSum(self.count + other.count, self.total + other.total, min(self.least, other.least))

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class StepLikelihood:
    """Of the last step, and of all steps up to it: over all tokens, and over those that hold a digit.

    >>> first = StepLikelihood().after([-1.0, -3.0], [True, False])
    >>> dict(zip(NAMES, first.numbers))["digits mean"]
    -1.0
    >>> dict(zip(NAMES, first.after([-0.5], [False]).numbers))["least so far"]
    -3.0
    """

    step: LogprobSum = field(default_factory=LogprobSum)
    step_digits: LogprobSum = field(default_factory=LogprobSum)
    so_far: LogprobSum = field(default_factory=LogprobSum)
    so_far_digits: LogprobSum = field(default_factory=LogprobSum)

    def after(self, logprobs: Sequence[float], digits: Sequence[bool]) -> StepLikelihood:
        """What it is after one more step: `logprobs` of its tokens, and which of them hold a digit."""
        kept = [max(FLOOR, one) for one in logprobs]
        step = LogprobSum.of(kept)
        step_digits = LogprobSum.of([one for one, digit in zip(kept, digits, strict=True) if digit])
        return StepLikelihood(step, step_digits, self.so_far + step, self.so_far_digits + step_digits)

    @property
    def numbers(self) -> tuple[float, ...]:
        """In the order of `NAMES`."""
        step, digits, so_far, so_far_digits = self.step, self.step_digits, self.so_far, self.so_far_digits
        return (
            *(step.mean, step.least, digits.mean, digits.least),
            *(so_far.mean, so_far.least, so_far.total),
            *(so_far_digits.mean, so_far_digits.least, so_far_digits.total),
        )
