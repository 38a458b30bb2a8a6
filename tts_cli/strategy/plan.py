"""What to run for a problem: the method and budget that were asked for, or `auto` with the rule that it goes by."""

from __future__ import annotations

from dataclasses import dataclass, field

from tts_cli.answers import Aggregate, Select
from tts_cli.config import Effort, Settings
from tts_cli.errors import UsageError
from tts_cli.protocols import ModelFacts
from tts_cli.search.methods import Method, find
from tts_cli.strategy.logistic import Logistic
from tts_cli.strategy.mixture import Mixture
from tts_cli.strategy.profile import Profile, Unfit
from tts_cli.strategy.rules import CalibratedRule, PaperTableRule, Rule

USUAL_SAMPLES = 16

EFFORT_BUDGETS: dict[str, int] = {"low": 4, "normal": 16, "high": 64, "max": 128}
"""N where no budget is given. The paper sweeps 4, 16, 64 and 256; beyond 128 gains are small for the cost."""


@dataclass(frozen=True, slots=True)
class PlanReason:
    """Why this plan, as facts; solving/wording.py makes the sentence.

    `asked`: the method was asked for by name. `effort`: where N comes from, None if N was asked for. Of `auto`: `made`,
    the day on which its profile was made, or `unfit`, a profile that might have been used and was not.
    """

    asked: bool = False
    effort: Effort | None = None
    made: str | None = None
    unfit: Unfit | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and why. For `auto` `rule` decides, and `budget` is the most samples; any other method has no rule.

    `confidence`: from an observation to a calibrated chance, where a profile has it for this method and budget.
    """

    method: str
    budget: int
    beam_width: int
    reason: PlanReason | None = None
    rule: Rule | None = field(default=None, compare=False, repr=False)
    confidence: Logistic | None = field(default=None, compare=False, repr=False)

    @property
    def fixed(self) -> Method | None:
        """The method, where it is settled beforehand; None for `auto`."""
        return None if self.method == "auto" else find(self.method)

    @property
    def guided(self) -> bool:
        """The PRM is asked, if there is one."""
        return self.fixed is None or self.fixed.needs_prm

    @property
    def likeliest_only(self) -> bool:
        """One solution of the likeliest tokens: nothing is drawn at random."""
        return self.fixed is not None and self.fixed.samples == "one"

    @property
    def usual(self) -> int:
        """Solutions that a problem usually takes: `auto` seldom needs the most."""
        return min(self.budget, USUAL_SAMPLES) if self.rule else self.budget

    def vote(self, settings: Settings) -> tuple[Aggregate, Select]:
        """How solutions vote: as the rule was calibrated, else as the settings say."""
        return (self.rule and self.rule.vote) or (settings.aggregation, settings.select)

    @property
    def mixture(self) -> Mixture | None:
        """What weighs the votes, where it was learned."""
        return self.rule.mixture if self.rule else None


def make_plan(
    settings: Settings,
    policy: ModelFacts,
    prm: ModelFacts | None,
    profile: Profile | None = None,
    unfit: Unfit | None = None,
) -> Plan:
    """What these settings mean with these models.

    `profile`: one that was made with these very models; `unfit`: one that was made for models of these names and cannot
    be used. Raises UsageError for a method that needs a PRM where there is none.

    >>> make_plan(Settings(method="beam", budget=8), ModelFacts("policy", 10**9), ModelFacts("prm", 10**9)).budget
    8
    """
    budget = settings.budget or EFFORT_BUDGETS[settings.effort]
    effort = None if settings.budget else settings.effort
    width = settings.beam_width
    if settings.method != "auto":
        method = find(settings.method)
        if method.needs_prm and prm is None:
            raise UsageError(
                f"{settings.method} needs a PRM to score its steps, and there is none",
                "Give one with --prm, or use --method majority.",
            )
        if method.samples == "one":
            return Plan(method.name, 1, 1, PlanReason(asked=True, effort=effort))
        measured = profile.best_of_n.get(budget) if profile and method.name == "best-of-n" else None
        return Plan(method.name, budget, width, PlanReason(asked=True, effort=effort), confidence=measured)
    if settings.sampling.temperature == 0:
        return Plan("greedy", 1, 1, PlanReason())
    if profile is not None and (profile.prm is None) == (prm is None):
        most = settings.budget or profile.stages[-1].samples
        rule = CalibratedRule(profile, settings.effort, most, settings.min_confidence)
        return Plan("auto", most, width, PlanReason(effort=settings.effort, made=profile.made), rule)
    table = PaperTableRule(policy, prm, budget, settings.min_confidence)
    return Plan("auto", budget, width, PlanReason(effort=effort, unfit=unfit), table)
