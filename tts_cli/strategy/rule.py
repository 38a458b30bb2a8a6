"""What `auto` does next with a problem: stop, draw more samples, or search.

`Measured` goes by a profile: it draws on as long as the calibrated chance of a right answer is expected to grow by more
than the compute is worth at this effort. `Published` has no profile: it takes the paper's table (static.py), with a
difficulty that nobody calibrated, and says so. Neither knows what a sample or a search is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from tts_cli.strategy.evidence import FEATURES, Evidence
from tts_cli.strategy.logistic import sigmoid
from tts_cli.strategy.profile import Profile, Stage
from tts_cli.strategy.settings import Effort, MethodName
from tts_cli.strategy.static import Difficulty, Known, choose

PRICES: dict[Effort, float] = {"low": 0.02, "normal": 0.005, "high": 0.001, "max": 0.0}
"""What one more sample's compute must promise at least, as a chance of a right answer where there was none."""

PROBES = 4
"""Samples to begin with where there is no profile."""

EASY, HARD = 0.5, 0.1
"""Bounds of P(one sample is right) (paper, section 4.2): easy from 50 %, hard below 10 %."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Sample until there are `samples` in all."""

    samples: int


@dataclass(frozen=True, slots=True)
class Run:
    """Search with this method and budget, beside what there is."""

    method: MethodName
    budget: int


@dataclass(frozen=True, slots=True)
class Decision:
    """`action` None: stop. `confidence`: that the leading answer is right, calibrated or None. `why`: one clause."""

    action: Draw | Run | None
    confidence: float | None
    difficulty: Difficulty | None
    why: str


class Rule(Protocol):
    """Decides with the evidence alone, so that the same samples always lead to the same decision."""

    @property
    def first(self) -> int:
        """Samples to begin with."""
        ...

    @property
    def name(self) -> str:
        """Two rules of one name decide alike."""
        ...

    def decide(self, evidence: Evidence) -> Decision:
        """What to do next, after all samples so far have ended."""
        ...

    def confidence_after(self, run: Run, evidence: Evidence) -> float | None:
        """That the leading answer is right, after a search beside the samples; None where nobody calibrated it."""
        ...

    def confidence_so_far(self, evidence: Evidence) -> float | None:
        """The same where a limit came before all samples had ended: as good a guess as there is."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """By a profile. `most`: samples at most. `least`: confidence that is wanted whatever it costs, if any."""

    profile: Profile
    effort: Effort
    most: int
    least: float | None = None

    @property
    def first(self) -> int:
        return min(self.profile.stages[0].samples, self.most)

    @property
    def name(self) -> str:
        least = "" if self.least is None else f", at least {self.least}"
        return f"{self.effort} by profile {self.profile.key}{least}"

    def decide(self, evidence: Evidence) -> Decision:
        stage = self.profile.stage(evidence.samples)
        if stage is None:  # `most` lies between two stages, or below the first: nothing was measured there
            return Decision(None, None, None, f"it stopped at {evidence.samples} samples, the most allowed")
        right = stage.right(evidence.values)
        solved = self.profile.solved(evidence.values) if stage is self.profile.stages[0] else None
        price = 0.0 if self.least is not None and right < self.least else PRICES[self.effort]
        options = list(self._options(stage, evidence, right, price))
        net, gain, action = max(options, key=lambda option: option[0], default=_NOTHING)
        worth = f"after {evidence.samples} samples the chance of a right answer is {right:.0%}"
        if action is None or net <= 0:
            stop = "more compute promises too little" if options else "no more is allowed"
            return Decision(None, right, difficulty(solved), f"{worth}, and {stop}")
        to = self._next(stage, action) if isinstance(action, Draw) else action
        return Decision(to, right, difficulty(solved), f"{worth}, and {_text(action)} {100 * gain:+.1f} points")

    def _options(
        self, stage: Stage, evidence: Evidence, right: float, price: float
    ) -> Iterator[tuple[float, float, Draw | Run]]:
        """(gain less its price, gain, action) of all that can be done."""
        unit = self.profile.sample_flops
        for samples, model in stage.later.items():
            later = self.profile.stage(samples)
            if later is not None and samples <= self.most:
                gain = model(evidence.values) - right
                yield gain - price * (later.flops - stage.flops) / unit, gain, Draw(samples)
        for name, model in stage.searches.items():
            method, _, budget = name.partition(" ")
            if int(budget) <= self.most:
                gain = model(evidence.values) - right
                cost = self.profile.searches[name].flops / unit
                yield gain - price * cost, gain, Run(method, int(budget))  # type: ignore[arg-type]

    def confidence_after(self, run: Run, evidence: Evidence) -> float | None:
        """See Rule."""
        return self.profile.searches[f"{run.method} {run.budget}"].right(evidence.values)

    def confidence_so_far(self, evidence: Evidence) -> float | None:
        """By the last stage that was reached, or the first."""
        reached = [stage for stage in self.profile.stages if stage.samples <= evidence.samples]
        return (reached or self.profile.stages)[-1 if reached else 0].right(evidence.values)

    def _next(self, stage: Stage, goal: Draw) -> Draw:
        """Towards the goal, but only to the next stage: there it is decided again."""
        between = [s.samples for s in self.profile.stages if stage.samples < s.samples <= goal.samples]
        return Draw(min(between))


_NOTHING: tuple[float, float, None] = (0.0, 0.0, None)


def difficulty(solved: float | None) -> Difficulty | None:
    """From P(one sample is right)."""
    if solved is None:
        return None
    return "easy" if solved >= EASY else "hard" if solved < HARD else "medium"


def _text(action: Draw | Run) -> str:
    if isinstance(action, Draw):
        return f"{action.samples} samples promise"
    return f"{action.method} with N = {action.budget} promises"


@dataclass(frozen=True, slots=True)
class Published:
    """The paper's table for these models, with N = `budget`; a few samples first tell how hard the problem may be.

    The difficulty is the samples' agreement, times the PRM's best score of what they agree on: a guess that the paper
    does not make (it knew the answers), and no probability.
    """

    parameters: int
    known: Known
    has_prm: bool
    budget: int

    @property
    def first(self) -> int:
        return min(PROBES, self.budget)

    @property
    def name(self) -> str:
        return "by the table"

    def decide(self, evidence: Evidence) -> Decision:
        if evidence.samples > self.first or self.budget <= PROBES:
            return Decision(None, None, None, f"all {evidence.samples} samples are drawn")
        values = dict(zip(FEATURES, evidence.values, strict=True))
        score = sigmoid(values["best_last"]) if self.has_prm else 1.0
        guess = difficulty(values["agreement"] * score)
        if values["agreement"] == 1 and score >= EASY:
            return Decision(None, None, guess, f"the first {evidence.samples} samples agree")
        method, why = choose(self.parameters, has_prm=self.has_prm, known=replace(self.known, difficulty=guess))
        action = Run(method, self.budget) if method in ("beam", "dvts") else Draw(self.budget)
        return Decision(action, None, guess, f"{why}, as {self.first} samples make it seem; N = {self.budget}")

    def confidence_after(self, run: Run, evidence: Evidence) -> float | None:
        """See Rule."""
        return None

    def confidence_so_far(self, evidence: Evidence) -> float | None:
        """See Rule."""
        return None
