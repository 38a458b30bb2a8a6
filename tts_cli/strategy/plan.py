"""What to run for a problem: the method and budget that were asked for, or `auto` with the rule that it goes by."""

from __future__ import annotations

from dataclasses import dataclass, field

from tts_cli.config import Settings
from tts_cli.errors import UsageError
from tts_cli.protocols import ModelFacts
from tts_cli.search.methods import Method, find
from tts_cli.strategy.logistic import Logistic
from tts_cli.strategy.profile import Profile
from tts_cli.strategy.rules import CalibratedRule, PaperTableRule, Rule


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and one sentence why (without its full stop). For `auto`: `budget` is the most, `rule` decides.

    `confidence`: from evidence to a calibrated chance, where a profile has it for this method and budget.
    """

    method: str
    budget: int
    beam_width: int
    why: str
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
        """Solutions that a problem takes as a rule: `auto` seldom needs the most."""
        return min(self.budget, _USUAL) if self.rule else self.budget


_USUAL = 16

EFFORT_BUDGETS: dict[str, int] = {"low": 4, "normal": 16, "high": 64, "max": 128}
"""N where no budget is given. The paper sweeps 4, 16, 64 and 256; beyond 128 gains are small for the cost."""


def make_plan(
    settings: Settings,
    policy: ModelFacts,
    prm: ModelFacts | None,
    profile: Profile | None = None,
    remark: str | None = None,
) -> Plan:
    """`profile`: one that was made with these very models; `remark`: why one is not used, in one clause.

    Raises UsageError for a guided method without a PRM.
    """
    if settings.method == "auto":
        return _auto(settings, policy, prm, profile, remark)
    method = find(settings.method)
    if method.needs_prm and prm is None:
        raise UsageError(
            f"{settings.method} needs a PRM to score its steps, and there is none",
            "Give one with --prm, or use --method majority.",
        )
    why = f"{settings.method} was asked for"
    if method.samples == "one":
        return Plan(method.name, 1, 1, f"{why}; it writes one solution")
    budget = settings.budget or EFFORT_BUDGETS[settings.effort]
    sure = profile.best_of_n.get(budget) if profile and settings.method == "best-of-n" else None
    why = f"{why}; N = {budget} {_source(settings)}"
    return Plan(settings.method, budget, settings.beam_width, why, confidence=sure)


def _auto(
    settings: Settings, policy: ModelFacts, prm: ModelFacts | None, profile: Profile | None, remark: str | None
) -> Plan:
    if settings.sampling.temperature == 0:
        return Plan("greedy", 1, 1, "greedy, as at temperature 0 all samples are equal")
    rule: Rule
    if profile is not None and prm is not None:
        budget = settings.budget or profile.stages[-1].samples
        rule = CalibratedRule(profile, settings.effort, budget, settings.min_confidence)
        why = f"auto by the profile of {profile.made}, at --effort {settings.effort}; at most N = {budget}"
    else:
        budget = settings.budget or EFFORT_BUDGETS[settings.effort]
        rule = PaperTableRule(policy, prm, budget)
        why = f"auto by the paper's table, as {remark or 'these models have no profile'}; N = {budget} {_source(settings)}"
    return Plan("auto", budget, settings.beam_width, why, rule)


def _source(settings: Settings) -> str:
    return "was asked for" if settings.budget else f"is --effort {settings.effort}"
