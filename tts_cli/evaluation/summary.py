"""From graded problems to the figures: `Summary`, what `summary.json` holds.

A summary depends on samples, scores and what is asked alone: no clock, no order, no date. So a run that was killed and
resumed gives the summary of one that was not, byte for byte. Seconds can never be equal: see report.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from tts_cli import __version__
from tts_cli.answers import Aggregate, Select
from tts_cli.costs import flops
from tts_cli.evaluation.conditions import Condition, label, title
from tts_cli.evaluation.grading import CHOICES, Graded, Outcome
from tts_cli.evaluation.prm_quality import PrmQuality, prm_quality
from tts_cli.evaluation.statistics import RESAMPLES, Estimate, difference, estimate, mcnemar, pass_at_k
from tts_cli.protocols import ModelFacts
from tts_cli.search.methods import writes_one

FORMAT = "tts-eval"
VERSION = 1
HOW = {
    "interval": f"95 %, percentile bootstrap over problems ({RESAMPLES} resamples); where all or none are right, "
    "the exact binomial bound",
    "smaller_budgets": "the first N samples (the first N/M trees) of the largest budget, which are those of a run "
    "with this N and seed",
    "pass_at_k": "unbiased estimator over all samples (Chen et al. 2021)",
    "paired": "exact McNemar test on the same problems; interval of the difference by paired bootstrap; not corrected "
    "for the number of comparisons",
    "cost": "mean per problem of what this method and N would have cost alone, each token run once; "
    "flops = 2 x parameters x tokens",
    "errors": "a problem that ended in an error counts as wrong; a row that cannot be graded counts nowhere",
}


@dataclass(frozen=True, slots=True)
class EvalFacts:
    """What the figures are of. `ungraded`: rows that are broken or have no reference."""

    dataset: str
    seed: int
    policy: ModelFacts
    prm: ModelFacts | None
    settings: dict[str, Any]
    ungraded: int


@dataclass(frozen=True, slots=True)
class MeanCost:
    """Per problem."""

    policy_prompt_tokens: float
    policy_tokens: float
    prm_tokens: float
    policy_flops: float
    prm_flops: float
    flops: float


@dataclass(frozen=True, slots=True)
class GroupResult:
    """Some problems under one condition."""

    problems: int
    right: int
    answered: int
    errors: int
    accuracy: Estimate
    cost: MeanCost


@dataclass(frozen=True, slots=True)
class Result:
    """One condition: over all problems, and by level and subject in natural order."""

    requested_method: str
    method: str
    budget: int
    overall: GroupResult
    by_level: dict[str, GroupResult]
    by_subject: dict[str, GroupResult]

    @property
    def title(self) -> str:
        return title(self.requested_method, self.method)

    @property
    def label(self) -> str:
        return label(self.requested_method, self.method, self.budget)


@dataclass(frozen=True, slots=True)
class PassAtK:
    """Share of problems that k samples would hold a right one of, estimated from `samples`."""

    k: int
    samples: int
    accuracy: Estimate
    by_level: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Rescored:
    """Accuracy under another aggregation and selection, from the same samples and scores."""

    method: str
    budget: int
    aggregate: Aggregate
    select: Select
    accuracy: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`a` against `b`: problems that only one of them got right, and the p of their being equally good."""

    a: str
    b: str
    difference: Estimate
    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures; `how` says in words how they were made."""

    format: str
    version: int
    tts: str
    facts: EvalFacts
    problems: int
    results: list[Result]
    pass_at_k: list[PassAtK]
    rescored: list[Rescored]
    paired: list[Comparison]
    prm_quality: PrmQuality | None
    how: dict[str, str]


def summarize(
    graded: Sequence[Graded], conditions: Sequence[Condition], facts: EvalFacts, *, with_prm_quality: bool
) -> Summary:
    """All figures. Raises ValueError without a problem."""
    how: Aggregate = facts.settings["aggregate"]
    return Summary(
        format=FORMAT,
        version=VERSION,
        tts=__version__,
        facts=facts,
        problems=len(graded),
        results=[_result(graded, condition, facts) for condition in conditions],
        pass_at_k=list(_pass_at(graded, conditions, facts.seed)),
        rescored=list(_rescored(graded, conditions)),
        paired=list(_paired(graded, conditions, facts.seed)),
        prm_quality=prm_quality([one.solutions for one in graded], how) if with_prm_quality else None,
        how=HOW,
    )


def _result(graded: Sequence[Graded], condition: Condition, facts: EvalFacts) -> Result:
    def group(part: Sequence[Graded]) -> GroupResult:
        return _group([one.outcomes[condition] for one in part], facts)

    return Result(
        requested_method=condition.requested,
        method=condition.plan.method,
        budget=condition.plan.budget,
        overall=group(graded),
        by_level={key: group(part) for key, part in strata(graded, lambda one: one.level)},
        by_subject={key: group(part) for key, part in strata(graded, lambda one: one.subject)},
    )


def strata(graded: Iterable[Graded], of: Callable[[Graded], str | None]) -> list[tuple[str, list[Graded]]]:
    """The problems by level or subject, in natural order; those without one are left out."""
    parts: dict[str, list[Graded]] = {}
    for one in graded:
        key = of(one)
        if key is not None:
            parts.setdefault(key, []).append(one)
    return sorted(parts.items(), key=lambda item: _natural(item[0]))


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Level 2 before Level 10."""
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", text) if p]


def _group(outcomes: Sequence[Outcome], facts: EvalFacts) -> GroupResult:
    right = [outcome.right for outcome in outcomes]
    return GroupResult(
        problems=len(outcomes),
        right=sum(right),
        answered=sum(outcome.answered for outcome in outcomes),
        errors=sum(outcome.failed for outcome in outcomes),
        accuracy=estimate(right, facts.seed),
        cost=_mean_cost(outcomes, facts),
    )


def _mean_cost(outcomes: Sequence[Outcome], facts: EvalFacts) -> MeanCost:
    prompt = fmean(outcome.cost.policy_prompt_tokens for outcome in outcomes)
    policy = fmean(outcome.cost.policy_tokens for outcome in outcomes)
    prm = fmean(outcome.cost.prm_tokens for outcome in outcomes)
    policy_flops = flops(facts.policy.parameters, prompt + policy)
    prm_flops = flops(facts.prm.parameters, prm) if facts.prm else 0.0
    return MeanCost(prompt, policy, prm, policy_flops, prm_flops, policy_flops + prm_flops)


def _pass_at(graded: Sequence[Graded], conditions: Sequence[Condition], seed: int) -> Iterator[PassAtK]:
    """At every budget and power of two up to the number of samples that each problem has."""
    samples = min(one.samples for one in graded)
    asked = {condition.plan.budget for condition in conditions} | {2**i for i in range(samples.bit_length())}
    for k in sorted(k for k in asked if k <= samples):
        rates = {id(one): pass_at_k(one.samples, one.right_samples, k) for one in graded}
        levels = strata(graded, lambda one: one.level)
        by_level = {key: estimate([rates[id(one)] for one in part], seed) for key, part in levels}
        yield PassAtK(k, samples, estimate(list(rates.values()), seed), by_level)


def _rescored(graded: Sequence[Graded], conditions: Sequence[Condition]) -> Iterator[Rescored]:
    """Nothing for a method without scores. A problem that ended in an error is wrong under every choice."""
    # What `auto` made of a method that was asked for as well is not listed twice.
    distinct = {(condition.plan.method, condition.plan.budget): condition for condition in reversed(conditions)}
    for (method, budget), condition in reversed(distinct.items()):
        choices = [one.outcomes[condition].choices for one in graded]
        if any(choices):
            for how, select in CHOICES:
                yield Rescored(method, budget, how, select, fmean(one.get((how, select), False) for one in choices))


def _paired(graded: Sequence[Graded], conditions: Sequence[Condition], seed: int) -> Iterator[Comparison]:
    """Any two methods with the same N, and one that has no N with all: the later one (of more compute, as methods are
    listed) against the earlier one."""
    for a, b in combinations(conditions, 2):
        if a.plan.budget == b.plan.budget or writes_one(a.plan.method) or writes_one(b.plan.method):
            first, second = ([one.outcomes[condition].right for one in graded] for condition in (a, b))
            pairs = list(zip(second, first, strict=True))
            only_b, only_a = pairs.count((True, False)), pairs.count((False, True))
            gap = difference(second, first, seed)
            yield Comparison(b.label, a.label, gap, only_b, only_a, mcnemar(only_b, only_a))
