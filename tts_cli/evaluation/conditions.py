"""What is to be measured (conditions), and which searches must be run for it (jobs): one job serves many conditions.

The N independent samples of majority and best-of-n are the first N of any larger number, because a sample's random
stream does not depend on N. So are the trees of DVTS, where the smaller budget makes the same trees: N = 4 is the first
of the four trees of N = 16 (M = 4), while N = 3 is a narrower tree and is run by itself. Beam search is another search
for each N.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tts_cli.config import Settings
from tts_cli.protocols import ModelFacts
from tts_cli.search.methods import METHODS, find, writes_one
from tts_cli.strategy.plan import Plan, make_plan
from tts_cli.strategy.profile import Profile, Unfit
from tts_cli.strategy.rules import Rule


@dataclass(frozen=True, slots=True)
class Condition:
    """A method at a budget, to be measured. `requested` may be "auto", the plan says what it came to."""

    requested: str
    plan: Plan

    @property
    def label(self) -> str:
        return label(self.requested, self.plan.method, self.plan.budget)


def label(requested: str, method: str, budget: int) -> str:
    """beam, N = 16; auto (beam), N = 16 where the strategy chose; greedy, which has no N"""
    shown = title(requested, method)
    return shown if writes_one(method) else f"{shown}, N = {budget}"


def title(requested: str, method: str) -> str:
    """beam; auto (beam)"""
    return method if requested == method else f"{requested} ({method})"


@dataclass(frozen=True, slots=True, order=True)
class SearchJob:
    """One search that is run per problem and stored. `beam_width` is 1 where it has no meaning.

    `auto` is named with the rule that it goes by: another effort or profile makes another search.
    """

    method: str
    budget: int
    beam_width: int
    rule: Rule | None = field(default=None, compare=False, repr=False)

    @property
    def plan(self) -> Plan:
        if self.rule is not None:
            return Plan("auto", self.budget, self.beam_width, rule=self.rule)
        return Plan(self.method, self.budget, self.beam_width)


def job_of(plan: Plan) -> SearchJob:
    """The search that measures exactly this plan."""
    if plan.rule is not None:
        return SearchJob(f"auto, {plan.rule.name}", plan.budget, plan.beam_width, plan.rule)
    return SearchJob(plan.method, plan.budget, plan.beam_width if find(plan.method).grows_trees else 1)


def covers(job: SearchJob, wanted: SearchJob) -> bool:
    """Whether all samples (and scores) that `wanted` needs are among those of `job`."""
    if job.rule is not None or wanted.rule is not None or job.method not in METHODS or wanted.method not in METHODS:
        return job == wanted  # `auto` by some rule
    if job.beam_width != wanted.beam_width:
        return False
    return METHODS[job.method].covers(job.budget, METHODS[wanted.method], wanted.budget, job.beam_width)


def draws(job: SearchJob, wanted: SearchJob) -> bool:
    """Whether `job` has drawn all samples of `wanted`, so that nothing is missing but scores."""
    if job.method not in METHODS or wanted.method not in METHODS:
        return False
    return METHODS[job.method].draws(job.budget, METHODS[wanted.method], wanted.budget)


def fewest(wanted: Iterable[SearchJob]) -> list[SearchJob]:
    """The jobs to run so that each one wanted is covered, small ones first."""
    chosen: list[SearchJob] = []
    for job in sorted(set(wanted), key=lambda job: (-job.budget, job.method)):
        if not any(covers(other, job) for other in chosen):
            chosen.append(job)
    return chosen[::-1]


def plan_conditions(
    methods: Sequence[str],
    budgets: Sequence[int],
    settings: Settings,
    policy: ModelFacts,
    prm: ModelFacts | None,
    profile: Profile | None = None,
    unfit: Unfit | None = None,
) -> list[Condition]:
    """Every method at every budget, greedy once. Raises UsageError for a guided method without a PRM."""
    conditions: dict[tuple[str, str, int], Condition] = {}
    for method in methods:
        for budget in budgets:
            asked = settings.model_copy(update={"method": method, "budget": budget})
            plan = make_plan(asked, policy, prm, profile, unfit)
            conditions.setdefault((method, plan.method, plan.budget), Condition(method, plan))
    return list(conditions.values())
