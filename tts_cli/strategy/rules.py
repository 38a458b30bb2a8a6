"""What `auto` does next with a problem: stop, sample more, or run a search method.

`CalibratedRule` goes by a profile: it goes on as long as the calibrated chance of a right answer is expected to grow
by more than the compute is worth at this effort. `PaperTableRule` has no profile: it takes the paper's table
(paper_table.py), with a difficulty that nobody calibrated. Neither knows how samples are drawn or searches run. A
decision gives its reason as facts; solving/wording.py makes the sentence of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, Protocol

from tts_cli.answers import Aggregate, Select
from tts_cli.answers.vote import votes_needed
from tts_cli.config import Effort
from tts_cli.protocols import ModelFacts
from tts_cli.search.best_first import Start
from tts_cli.search.methods import find
from tts_cli.strategy.features import FEATURES, Observation
from tts_cli.strategy.logistic import sigmoid
from tts_cli.strategy.mixture import Mixture
from tts_cli.strategy.paper_table import Difficulty, TableChoice, choose
from tts_cli.strategy.profile import Profile, Stage

PRICES: dict[Effort, float] = {"low": 0.05, "normal": 0.02, "high": 0.005, "max": 0.0}
"""What the compute of one solution, written and scored, must promise at least: a chance of a right answer where there
was none. 0: on as long as anything is promised."""

PROBES = 4
"""Samples to begin with where there is no profile."""

EASY, HARD = 0.5, 0.1
"""Bounds of P(one sample is right) (paper, section 4.2): easy from 50 %, hard below 10 %."""


# What may be done next


@dataclass(frozen=True, slots=True)
class SampleUntil:
    """Sample until there are `samples` in all, and have the PRM score each."""

    samples: int


@dataclass(frozen=True, slots=True)
class BestFirstUntil:
    """Best-first search until there are `samples` in all or one convinces. Without `read` the PRM is not asked yet.

    `start`: where its rounds start.
    """

    samples: int
    read: bool
    start: Start = "prefix"


@dataclass(frozen=True, slots=True)
class RunMethod:
    """Run this method with this budget, beside the samples that there are; that is the last thing that is done."""

    method: str
    budget: int


Action = SampleUntil | BestFirstUntil | RunMethod


class Because(Enum):
    """Why a rule decided as it did, where that takes no number but those of the decision."""

    ANSWER_FITS = auto()  # an answer is right when substituted back into the problem
    NO_ANSWER_FITS = auto()  # all answers are wrong
    NO_ANSWER_FITS_AT_LIMIT = auto()  # and no more samples are allowed
    ALL_REFUTED = auto()  # every answer rests on a false equality
    ALL_REFUTED_AT_LIMIT = auto()  # and no more samples are allowed
    SOLUTION_CONVINCES = auto()  # the PRM scored every step of it high
    AT_LIMIT = auto()  # no more samples are allowed
    AT_UNMEASURED_LIMIT = auto()  # and the profile has no stage of so many
    TOO_LITTLE_PROMISED = auto()  # more compute would bring less than it is worth
    NOTHING_PROMISED = auto()  # more compute would bring nothing
    ALL_SAMPLED = auto()  # the budget is spent
    SAMPLES_AGREE = auto()  # all gave one answer, which the PRM does not doubt


_NONE_FITS = (Because.NO_ANSWER_FITS, Because.NO_ANSWER_FITS_AT_LIMIT)
_ALL_REFUTED = (Because.ALL_REFUTED, Because.ALL_REFUTED_AT_LIMIT)


@dataclass(frozen=True, slots=True)
class BelowWanted:
    """The confidence is below the one that is wanted."""

    wanted: float


@dataclass(frozen=True, slots=True)
class MorePromised:
    """`gain`: what `samples` in all would add to the confidence; None: the PRM's scores of those that are there."""

    samples: int | None
    gain: float


@dataclass(frozen=True, slots=True)
class TooFewToAgree:
    """All samples agree, but so few do not support the confidence that is wanted."""

    wanted: float


Reason = Because | BelowWanted | MorePromised | TooFewToAgree | TableChoice


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule says after `samples`. `action` None: stop. `confidence`: the calibrated chance, in [0, 1], that the
    leading answer is right; None where nothing was measured."""

    samples: int
    action: Action | None
    reason: Reason | None
    confidence: float | None = None
    difficulty: Difficulty | None = None


class Rule(Protocol):
    """Decides by the observation alone, so that the same samples always lead to the same decision."""

    @property
    def first(self) -> SampleUntil | BestFirstUntil:
        """What to begin with."""
        ...

    @property
    def vote(self) -> tuple[Aggregate, Select] | None:
        """How the solutions vote, if not as the settings say."""
        ...

    @property
    def mixture(self) -> Mixture | None:
        """What weighs their votes, if not the PRM's scores alone."""
        ...

    @property
    def name(self) -> str:
        """Two rules of one name decide alike."""
        ...

    def decide(self, observation: Observation) -> Decision:
        """What to do next, after all samples so far have ended."""
        ...

    def confidence_so_far(self, observation: Observation) -> float | None:
        """The confidence where a limit came before all samples had ended: the best estimate that there is."""
        ...


@dataclass(frozen=True, slots=True)
class CalibratedRule:
    """By a profile. `most`: samples at most. `least`: a confidence to reach whatever it costs, if any."""

    profile: Profile
    effort: Effort
    most: int
    least: float | None = None

    @property
    def first(self) -> BestFirstUntil:
        first = self.profile.stages[0]
        return self._until(min(first.samples, self.most), first.read)

    @property
    def vote(self) -> tuple[Aggregate, Select]:
        """As it was calibrated."""
        return self.profile.vote.aggregate, self.profile.vote.select

    @property
    def mixture(self) -> Mixture | None:
        """As it was learned."""
        return self.profile.mixture if self.profile.vote.mixed else None

    @property
    def name(self) -> str:
        least = "" if self.least is None else f", at least {self.least}"
        return f"{self.effort} by profile {self.profile.key}{least}"

    @property
    def price(self) -> float:
        """Of one solution's compute, as a chance of a right answer."""
        return PRICES[self.effort]

    def decide(self, observation: Observation) -> Decision:
        samples, values = observation.samples, observation.values
        stage = self.profile.stage(samples, read=observation.read)
        kind = difficulty(stage.solved(values)) if stage and stage.solved else None
        if observation.fits:
            return Decision(samples, None, Because.ANSWER_FITS, difficulty=kind)
        if observation.fits is False or observation.refuted:  # whatever the PRM or the calibrated chance says of it
            after = self._next(stage) if stage else None
            reasons = _ALL_REFUTED if observation.refuted else _NONE_FITS
            return Decision(samples, after, reasons[after is None], difficulty=kind)
        if observation.convinced:
            right = self.profile.convinced(values)
            return Decision(samples, None, Because.SOLUTION_CONVINCES, right, kind)
        if stage is None:  # `most` lies between two stages, or below the first: nothing was measured there
            action = None if observation.read or self.profile.prm is None else self._until(samples, read=True)
            return Decision(samples, action, Because.AT_UNMEASURED_LIMIT)
        right = stage.right(values)
        return Decision(samples, *self._weigh(stage, observation, right), right, kind)

    def _weigh(self, stage: Stage, observation: Observation, right: float) -> tuple[BestFirstUntil | None, Reason]:
        """Whether to go on, but only to the next stage, where it is decided again."""
        after = self._next(stage)
        if after is None:
            return None, Because.AT_LIMIT
        if self.least is not None and right < self.least:
            return after, BelowWanted(self.least)
        goal, gain = self._best(stage, observation, right)
        if goal is None:
            return None, Because.TOO_LITTLE_PROMISED if self.price else Because.NOTHING_PROMISED
        return after, MorePromised(None if goal.samples == stage.samples else goal.samples, gain)

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

    def _next(self, stage: Stage) -> BestFirstUntil | None:
        allowed = self._allowed(stage)
        return self._until(allowed[0].samples, allowed[0].read) if allowed else None

    def _until(self, samples: int, read: bool) -> BestFirstUntil:
        return BestFirstUntil(samples, read, self.profile.start)

    def confidence_so_far(self, observation: Observation) -> float | None:
        """By the last stage that was reached, or the first."""
        if observation.convinced:
            return self.profile.convinced(observation.values)
        stages = self.profile.stages
        reached = [one for one in stages if one.samples <= observation.samples and one.read <= observation.read]
        return (reached or stages)[-1 if reached else 0].right(observation.values)


def difficulty(solved: float | None) -> Difficulty | None:
    """From P(one sample is right).

    >>> difficulty(0.3)
    'medium'
    """
    if solved is None:
        return None
    return "easy" if solved >= EASY else "hard" if solved < HARD else "medium"


@dataclass(frozen=True, slots=True)
class PaperTableRule:
    """The paper's table for these models, with N = `budget`; a few samples first show how hard the problem may be.

    The difficulty is the samples' agreement, times the PRM's best score of what they agree on: a guess that the paper
    does not make (it knew the answers), and no probability. `least`: a confidence to reach, for which all N samples are
    drawn where a few that agree do not support it and N may.
    """

    policy: ModelFacts
    prm: ModelFacts | None
    budget: int
    least: float | None = None
    vote: ClassVar[None] = None
    mixture: ClassVar[None] = None

    @property
    def name(self) -> str:
        return "by the table" + ("" if self.least is None else f", at least {self.least}")

    @property
    def first(self) -> SampleUntil:
        return SampleUntil(min(PROBES, self.budget))

    def decide(self, observation: Observation) -> Decision:
        samples = observation.samples
        if observation.fits:
            return Decision(samples, None, Because.ANSWER_FITS)
        if samples > PROBES or self.budget <= PROBES:
            return Decision(samples, None, Because.ALL_SAMPLED)
        values = dict(zip(FEATURES, observation.values, strict=True))
        score = sigmoid(values["best_last"]) if self.prm is not None else 1.0
        guess = difficulty(values["agreement"] * score)
        if values["agreement"] == 1 and score >= EASY and observation.fits is not False:
            needed = None if self.least is None else votes_needed(self.least)
            if self.least is not None and needed is not None and samples < needed <= self.budget:
                return Decision(samples, SampleUntil(self.budget), TooFewToAgree(self.least), difficulty=guess)
            return Decision(samples, None, Because.SAMPLES_AGREE, difficulty=guess)
        choice = choose(self.policy, self.prm, guess)
        grows_trees = find(choice.method).grows_trees
        action = RunMethod(choice.method, self.budget) if grows_trees else SampleUntil(self.budget)
        return Decision(samples, action, choice, difficulty=guess)

    def confidence_so_far(self, observation: Observation) -> None:
        """Nobody calibrated it."""
