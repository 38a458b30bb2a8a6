"""From graded problems to the figures: `Summary`, what `summary.json` holds, and `Timing`, what took how long.

A summary depends on samples, scores and what is asked alone: no clock, no order, no date. So a run that was killed and
resumed gives the summary of one that was not, byte for byte. Seconds can never be equal; they have a file of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from tts_cli import __version__
from tts_cli.answers import Aggregate, Select
from tts_cli.costs import flops
from tts_cli.evaluation.conditions import Condition
from tts_cli.evaluation.grading import CHOICES, Graded, Outcome, Rates
from tts_cli.evaluation.prm_quality import PrmQuality, prm_quality
from tts_cli.evaluation.statistics import RESAMPLES, Estimate, difference, estimate, mcnemar, pass_at_k
from tts_cli.protocols import ModelFacts
from tts_cli.search.methods import writes_one
from tts_cli.strategy.plan import Plan

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
        pass_at_k=_pass_at(graded, conditions, facts.seed),
        rescored=[found for condition in _distinct(conditions) for found in _rescored(graded, condition)],
        paired=_paired(graded, conditions, facts.seed),
        prm_quality=prm_quality([one.solutions for one in graded], how) if with_prm_quality else None,
        how=HOW,
    )


def name(condition: Condition) -> str:
    return label(condition.requested, condition.plan.method, condition.plan.budget)


def label(requested: str, method: str, budget: int) -> str:
    """beam, N = 16; auto (beam), N = 16 where the strategy chose; greedy, which has no N"""
    shown = title(requested, method)
    return shown if writes_one(method) else f"{shown}, N = {budget}"


def title(requested: str, method: str) -> str:
    """beam; auto (beam)"""
    return method if requested == method else f"{requested} ({method})"


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


def _pass_at(graded: Sequence[Graded], conditions: Sequence[Condition], seed: int) -> list[PassAtK]:
    """At every budget and power of two up to the number of samples that each problem has."""
    samples = min(one.samples for one in graded)
    asked = {condition.plan.budget for condition in conditions} | {2**i for i in range(samples.bit_length())}
    return [_pass_at_one(graded, k, samples, seed) for k in sorted(asked) if k <= samples]


def _pass_at_one(graded: Sequence[Graded], k: int, samples: int, seed: int) -> PassAtK:
    def rate(part: Sequence[Graded]) -> Estimate:
        return estimate([pass_at_k(one.samples, one.right_samples, k) for one in part], seed)

    by_level = {key: rate(part) for key, part in strata(graded, lambda one: one.level)}
    return PassAtK(k, samples, rate(graded), by_level)


def _distinct(conditions: Sequence[Condition]) -> list[Condition]:
    """Without those that `auto` made of a method that was asked for as well."""
    found = {(condition.plan.method, condition.plan.budget): condition for condition in reversed(conditions)}
    return list(found.values())[::-1]


def _rescored(graded: Sequence[Graded], condition: Condition) -> list[Rescored]:
    """Nothing for a method without scores. A problem that ended in an error is wrong under every choice."""
    if not any(one.outcomes[condition].choices for one in graded):
        return []
    return [
        Rescored(
            condition.plan.method,
            condition.plan.budget,
            how,
            select,
            fmean(one.outcomes[condition].choices.get((how, select), False) for one in graded),
        )
        for how, select in CHOICES
    ]


def _paired(graded: Sequence[Graded], conditions: Sequence[Condition], seed: int) -> list[Comparison]:
    """Any two methods with the same N, and one that writes one solution with all."""
    pairs = combinations(conditions, 2)
    return [_compare(graded, a, b, seed) for a, b in pairs if _comparable(a.plan, b.plan)]


def _comparable(a: Plan, b: Plan) -> bool:
    return a.budget == b.budget or writes_one(a.method) or writes_one(b.method)


def _compare(graded: Sequence[Graded], a: Condition, b: Condition, seed: int) -> Comparison:
    """The later one (of more compute, as methods are listed) against the earlier one."""
    first, second = [one.outcomes[a].right for one in graded], [one.outcomes[b].right for one in graded]
    pairs = list(zip(second, first, strict=True))
    only_second, only_first = pairs.count((True, False)), pairs.count((False, True))
    gap = difference(second, first, seed)
    return Comparison(name(b), name(a), gap, only_second, only_first, mcnemar(only_second, only_first))


@dataclass(frozen=True, slots=True)
class ConditionTime:
    """Seconds of decoding per problem, by model."""

    requested_method: str
    method: str
    budget: int
    policy_seconds: float
    prm_seconds: float
    by_level: dict[str, float]
    by_subject: dict[str, float]


@dataclass(frozen=True, slots=True)
class Timing:
    """What the samples took, over all runs that filled the store, and each condition's share of it by its tokens."""

    wall_seconds: float
    policy_seconds: float
    prm_seconds: float
    policy_tokens: int
    prm_tokens: int
    cells: list[ConditionTime]


def condition_times(summary: Summary, rates: Rates) -> list[ConditionTime]:
    """Tokens times the seconds that one token took on average, many problems being in flight."""
    return [
        ConditionTime(
            result.requested_method,
            result.method,
            result.budget,
            *_seconds(result.overall.cost, rates),
            by_level={key: sum(_seconds(group.cost, rates)) for key, group in result.by_level.items()},
            by_subject={key: sum(_seconds(group.cost, rates)) for key, group in result.by_subject.items()},
        )
        for result in summary.results
    ]


def _seconds(cost: MeanCost, rates: Rates) -> tuple[float, float]:
    return (cost.policy_prompt_tokens + cost.policy_tokens) * rates.policy, cost.prm_tokens * rates.prm
