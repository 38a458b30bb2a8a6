"""What `auto` does next with a problem: stop, draw more samples, or search.

`CalibratedRule` goes by a profile: it draws on as long as the calibrated chance of a right answer is expected to grow by more
than the compute is worth at this effort. `PaperTableRule` has no profile: it takes the paper's table (static.py), with a
difficulty that nobody calibrated, and says so. Neither knows what a sample or a search is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tts_cli.answers import Aggregate, Select
from tts_cli.config import Effort
from tts_cli.protocols import ModelFacts
from tts_cli.search.best_first import Start
from tts_cli.search.methods import find
from tts_cli.strategy.features import FEATURES, Observation
from tts_cli.strategy.logistic import sigmoid
from tts_cli.strategy.paper_table import Difficulty, choose
from tts_cli.strategy.profile import Profile, Stage

PRICES: dict[Effort, float] = {"low": 0.05, "normal": 0.02, "high": 0.005, "max": 0.0}
"""What the compute of one solution, written and read, must promise at least: a chance of a right answer where there was
none. 0: on as long as anything is promised."""

PROBES = 4
"""Samples to begin with where there is no profile."""

EASY, HARD = 0.5, 0.1
"""Bounds of P(one sample is right) (paper, section 4.2): easy from 50 %, hard below 10 %."""


@dataclass(frozen=True, slots=True)
class SampleUntil:
    """Sample until there are `samples` in all, and have the PRM score each."""

    samples: int


@dataclass(frozen=True, slots=True)
class BestFirstUntil:
    """Best-first search until there are `samples` in all or one convinces; without `read` the PRM is not asked yet."""

    samples: int
    read: bool


@dataclass(frozen=True, slots=True)
class RunMethod:
    """Search with this method and budget, beside what there is; that ends it."""

    method: str
    budget: int


Action = SampleUntil | BestFirstUntil | RunMethod


@dataclass(frozen=True, slots=True)
class Decision:
    """`action` None: stop. `confidence`: that the leading answer is right, calibrated or None. `why`: one clause."""

    action: Action | None
    confidence: float | None
    difficulty: Difficulty | None
    why: str


class Rule(Protocol):
    """Decides with the evidence alone, so that the same samples always lead to the same decision."""

    @property
    def first(self) -> SampleUntil | BestFirstUntil:
        """What to begin with."""
        ...

    @property
    def vote(self) -> tuple[Aggregate, Select] | None:
        """How the solutions vote, if not as the settings say."""
        ...

    @property
    def start(self) -> Start:
        """Where the rounds of `BestFirstUntil` start."""
        ...

    @property
    def name(self) -> str:
        """Two rules of one name decide alike."""
        ...

    def decide(self, observation: Observation) -> Decision:
        """What to do next, after all samples so far have ended."""
        ...

    def confidence_so_far(self, observation: Observation) -> float | None:
        """The same where a limit came before all samples had ended: as good a guess as there is."""
        ...


@dataclass(frozen=True, slots=True)
class CalibratedRule:
    """By a profile. `most`: samples at most. `least`: confidence that is wanted whatever it costs, if any."""

    profile: Profile
    effort: Effort
    most: int
    least: float | None = None

    @property
    def first(self) -> BestFirstUntil:
        first = self.profile.stages[0]
        return BestFirstUntil(min(first.samples, self.most), first.read)

    @property
    def vote(self) -> tuple[Aggregate, Select]:
        """As it was calibrated."""
        return self.profile.vote.aggregate, self.profile.vote.select

    @property
    def start(self) -> Start:
        """As it was calibrated."""
        return self.profile.start

    @property
    def name(self) -> str:
        least = "" if self.least is None else f", at least {self.least}"
        return f"{self.effort} by profile {self.profile.key}{least}"

    @property
    def price(self) -> float:
        """Of one solution's compute, as a chance of a right answer."""
        return PRICES[self.effort]

    def decide(self, observation: Observation) -> Decision:
        seen = "after 1 sample" if observation.samples == 1 else f"after {observation.samples} samples"
        stage = self.profile.stage(observation.samples, read=observation.read)
        kind = difficulty(stage.solved(observation.values)) if stage and stage.solved else None
        if observation.fits:
            return Decision(None, None, kind, f"{seen} an answer fits the problem")
        if observation.fits is False:  # whatever the PRM or a model of the evidence makes of it
            why = f"{seen} no answer fits the problem"
            if stage and self._allowed(stage):
                return Decision(self._next(stage), None, kind, why)
            return Decision(None, None, kind, f"{why}, and no more is allowed")
        if observation.convinced:
            right = self.profile.convinced(observation.values)
            why = f"{seen} a solution convinces the PRM in every step; the chance that it is right is {_chance(right)}"
            return Decision(None, right, kind, why)
        if stage is None:  # `most` lies between two stages, or below the first: nothing was measured there
            action = None if observation.read else BestFirstUntil(observation.samples, read=True)
            return Decision(action, None, None, f"it stopped at {observation.samples} samples, the most allowed")
        right = stage.right(observation.values)
        worth = f"{seen} the chance of a right answer is {_chance(right)}"
        if not self._allowed(stage):
            return Decision(None, right, kind, f"{worth}, and no more is allowed")
        if self.least is not None and right < self.least:
            return Decision(self._next(stage), right, kind, f"{worth}, and {self.least:.0%} is wanted")
        goal, gain = self._best(stage, observation, right)
        if goal is None:
            little = "too little" if self.price else "nothing"
            return Decision(None, right, kind, f"{worth}, and more compute promises {little}")
        return Decision(self._next(stage), right, kind, f"{worth}, and {_text(stage, goal)} {100 * gain:+.1f} points")

    def _best(self, stage: Stage, observation: Observation, right: float) -> tuple[Stage | None, float]:
        """The later stage that promises most beyond its price, and how much; None where none does."""
        price = self.price / self.profile.solution_flops
        best, most, gained = None, 0.0, 0.0
        for later in self._allowed(stage):
            prospect = stage.later[later.name]
            gain = prospect.right(observation.values) - right
            if gain - price * prospect.flops > most:
                best, most, gained = later, gain - price * prospect.flops, gain
        return best, gained

    def _allowed(self, stage: Stage) -> list[Stage]:
        return [one for one in self.profile.stages if one.name in stage.later and one.samples <= self.most]

    def _next(self, stage: Stage) -> BestFirstUntil:
        """Towards the goal, but only to the next stage: there it is decided again."""
        after = self._allowed(stage)[0]
        return BestFirstUntil(after.samples, after.read)

    def confidence_so_far(self, observation: Observation) -> float | None:
        """By the last stage that was reached, or the first."""
        if observation.convinced:
            return self.profile.convinced(observation.values)
        stages = self.profile.stages
        reached = [one for one in stages if one.samples <= observation.samples and one.read <= observation.read]
        return (reached or stages)[-1 if reached else 0].right(observation.values)


def difficulty(solved: float | None) -> Difficulty | None:
    """From P(one sample is right)."""
    if solved is None:
        return None
    return "easy" if solved >= EASY else "hard" if solved < HARD else "medium"


def _chance(right: float) -> str:
    """Whole percents, of which 100 would be too much said."""
    return "over 99%" if right > 0.99 else f"{right:.0%}"


def _text(stage: Stage, goal: Stage) -> str:
    return "reading them promises" if goal.samples == stage.samples else f"{goal.samples} samples promise"


@dataclass(frozen=True, slots=True)
class PaperTableRule:
    """The paper's table for these models, with N = `budget`; a few samples first tell how hard the problem may be.

    The difficulty is the samples' agreement, times the PRM's best score of what they agree on: a guess that the paper
    does not make (it knew the answers), and no probability.
    """

    policy: ModelFacts
    prm: ModelFacts | None
    budget: int

    @property
    def first(self) -> SampleUntil:
        return SampleUntil(min(PROBES, self.budget))

    @property
    def vote(self) -> None:
        return None

    @property
    def start(self) -> Start:
        """Never asked for."""
        return "root"

    @property
    def name(self) -> str:
        return "by the table"

    def decide(self, observation: Observation) -> Decision:
        if observation.fits:
            return Decision(None, None, None, f"after {observation.samples} samples an answer fits the problem")
        if observation.samples > PROBES or self.budget <= PROBES:
            return Decision(None, None, None, f"all {observation.samples} samples are drawn")
        values = dict(zip(FEATURES, observation.values, strict=True))
        score = sigmoid(values["best_last"]) if self.prm is not None else 1.0
        guess = difficulty(values["agreement"] * score)
        if values["agreement"] == 1 and score >= EASY and observation.fits is not False:
            return Decision(None, None, guess, f"the first {observation.samples} samples agree")
        method, why = choose(self.policy, self.prm, guess)
        action = RunMethod(method, self.budget) if find(method).grows_trees else SampleUntil(self.budget)
        return Decision(action, None, guess, f"{why}, as {self.first.samples} samples make it seem; N = {self.budget}")

    def confidence_so_far(self, observation: Observation) -> float | None:
        """See Rule."""
        return None
