"""What each part of `auto` is worth: the same problems and samples, played without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.findings.markdown import Finding, accuracy, change, flops, missing, table
from benchmarks.strategy.accuracy import times
from benchmarks.strategy.measured import Measured, Policy
from benchmarks.strategy.sweep import ends
from benchmarks.strategy.votes import Outcome
from benchmarks.strategy.ways import Way, more_right, times_flops, way
from tts_cli.config import Effort
from tts_cli.evaluation.observations import VARIANTS, CalibrationProblem, Variant
from tts_cli.evaluation.profile_fit import profile_of
from tts_cli.strategy.features import FEATURES, Observation
from tts_cli.strategy.profile import Profile

LIKELIHOODS = ("likeliest", "likeliest_min", "mean_likelihood", "second_likeliest")
TOLD: tuple[Effort, ...] = ("normal", "high")


def finding(measured: Measured) -> Finding:
    header = ["policy", "effort", "without", "% right (95 %)", "FLOPs", "points to the whole (95 %)", "times its FLOPs"]
    rows = [row for policy in measured.policies.values() for effort in TOLD for row in _rows(policy, effort)]
    return Finding(table(header, rows) if rows else missing(measured.missing))


def _rows(policy: Policy, effort: Effort) -> list[list[str]]:
    whole = policy.efforts[effort]
    rows = [[policy.name, effort, "–", accuracy(whole.estimate), flops(whole.cost), "–", "–"]]
    for one in (without_likelihoods(policy, effort), without_first_look(policy, effort), other_start(policy, effort)):
        compared = [change(more_right(one, whole)), times(times_flops(one, whole))]
        rows.append([policy.name, effort, one.name, accuracy(one.estimate), flops(one.cost), *compared])
    return rows


def without_likelihoods(policy: Policy, effort: Effort) -> Way:
    """They are always the same, in calibration and after it, and so say nothing."""
    labelled = [_masked(found[policy.variant]) for _, found in policy.calibrated]
    made = profile_of(labelled, policy.facts, {})
    return _played("the policy's likelihoods", [_masked(one) for one in policy.observations], made, effort)


def _masked(one: CalibrationProblem) -> CalibrationProblem:
    return replace(
        one, checkpoints=tuple(replace(seen, observation=_unlikely(seen.observation)) for seen in one.checkpoints)
    )


def _unlikely(seen: Observation) -> Observation:
    kept = (0.0 if name in LIKELIHOODS else value for name, value in zip(FEATURES, seen.values, strict=True))
    return replace(seen, values=tuple(kept))


def without_first_look(policy: Policy, effort: Effort) -> Way:
    """The greedy solution is one of the first four samples."""
    made = policy.profile.model_copy(update={"stages": policy.profile.stages[1:]})
    seen = [replace(one, checkpoints=one.checkpoints[1:]) for one in policy.observations]
    return _played("the look at one greedy solution", seen, made, effort)


def other_start(policy: Policy, effort: Effort) -> Way:
    """Rounds start where calibration did not choose."""
    own = policy.variant
    other = next(one for one in VARIANTS if one.vote == own.vote and one.start != own.start)
    labelled = [found[other] for _, found in policy.calibrated]
    made = profile_of(labelled, replace(policy.facts, variant=other), {})
    name = f"rounds from the {_where(own)} (from the {_where(other)})"
    return _played(name, [case.observed[other] for case in policy.cases], made, effort)


def _where(variant: Variant) -> str:
    return "best prefix" if variant.start == "prefix" else variant.start


def _played(name: str, seen: Sequence[CalibrationProblem], profile: Profile, effort: Effort) -> Way:
    return way(name, (Outcome(one.right, one.flops) for one in ends(seen, profile, effort)))
