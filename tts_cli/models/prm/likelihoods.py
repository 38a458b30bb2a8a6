"""How likely a language model finds a solution that it reads: the log-probabilities of its tokens in a few numbers.

A step's numbers speak of the step and of the solution so far, as a slip in an early step is a slip in what follows.
Tokens that hold a digit count apart as well: whether style is likely says little of whether a step is right.

Likelihoods also say which states speak most: `Doubtful`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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

LEAST_DOUBT = 0.01


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
class Doubtful:
    """The mean of the states at all tokens so far [n_embd] (None: of none), each weighted by the model's doubt in its
    token: 1 - p, and LEAST_DOUBT more, or where it doubts none rounding would choose. `mass`: the sum of the weights.

    A linear head on it is one on every token's state, whose values a gate weighs, as SWIFT's (arXiv 2505.12225) but for
    the gate: that one is learned from the states, which takes those of all tokens on disk, and was no better where both
    were tried (docs/measurements/judges.md).
    """

    mean: NDArray[np.float32] | None = None
    mass: float = 0.0

    def after(self, states: NDArray[np.float32], logprobs: Sequence[float]) -> Doubtful:
        """With the states at some more tokens [tokens, n_embd]."""
        import numpy as np

        weights = np.array([1 - exp(min(0.0, one)) + LEAST_DOUBT for one in logprobs])
        total = weights @ states + (0.0 if self.mean is None else self.mass * self.mean)
        mass = self.mass + float(weights.sum())
        return Doubtful((total / mass).astype(np.float32), mass)


@dataclass(frozen=True, slots=True)
class StepLikelihood:
    """Of the last step, and of all steps up to it: over all tokens, and over those that hold a digit. `doubtful`: where
    the states were read too.

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
    doubtful: Doubtful = field(default_factory=Doubtful)

    def after(
        self, logprobs: Sequence[float], digits: Sequence[bool], states: NDArray[np.float32] | None = None
    ) -> StepLikelihood:
        """What it is after one more step: `logprobs` of its tokens, which of them hold a digit, and the states at them
        [tokens, n_embd]."""
        kept = [max(FLOOR, one) for one in logprobs]
        step = LogprobSum.of(kept)
        step_digits = LogprobSum.of([one for one, digit in zip(kept, digits, strict=True) if digit])
        doubtful = self.doubtful if states is None else self.doubtful.after(states, kept)
        return StepLikelihood(step, step_digits, self.so_far + step, self.so_far_digits + step_digits, doubtful)

    @property
    def numbers(self) -> tuple[float, ...]:
        """In the order of `NAMES`."""
        step, digits, so_far, so_far_digits = self.step, self.step_digits, self.so_far, self.so_far_digits
        return (
            *(step.mean, step.least, digits.mean, digits.least),
            *(so_far.mean, so_far.least, so_far.total),
            *(so_far_digits.mean, so_far_digits.least, so_far_digits.total),
        )
