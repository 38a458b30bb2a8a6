"""Confidence where the profile has not seen its like: of another policy, or of a family of problems left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.findings.markdown import Finding, accuracy, flops, join, missing, percent, table
from benchmarks.strategy.confidence import ABSTAINED, USUAL, abstained, error_cell, sureness
from benchmarks.strategy.measured import Measured, Policy
from benchmarks.strategy.sweep import ends
from tts_cli.evaluation.profile_fit import SimulatedOutcome
from tts_cli.evaluation.statistics import estimate
from tts_cli.strategy.profile import Profile

LEAST = (0.8, 0.9, 0.95)
_CALIBRATED = ("% right (95 %)", "mean confidence", "calibration error (95 %)", "FLOPs")


def policies(measured: Measured) -> Finding:
    """Every policy with the profile of every other, after its own."""
    every = list(measured.policies.values())
    if len(every) < 2:
        return Finding(join(missing(measured.missing), "*This needs two policies.*"))
    pairs = [(one, other) for one in every for other in (one, *(p for p in every if p is not one))]
    calibrated = [[*_names(one, other), *_row(_by(one, other))] for one, other in pairs]
    left = [[*_names(one, other), *abstained(_by(one, other, least), least)] for one, other in pairs for least in LEAST]
    header = ["policy", "profile of"]
    return Finding(join(table([*header, *_CALIBRATED], calibrated), table([*header, *ABSTAINED], left)))


def _by(one: Policy, other: Policy, least: float | None = None) -> list[SimulatedOutcome]:
    return ends(one.seen_by(other.profile), other.profile, USUAL, least)


def _names(one: Policy, other: Policy) -> list[str]:
    return [one.name, "its own" if one is other else other.name]


def _row(ended: Sequence[SimulatedOutcome]) -> list[str]:
    sure, right = sureness(ended)
    spent = sum(one.flops for one in ended) / len(ended)
    return [accuracy(estimate(right)), percent(sum(sure) / len(sure)), error_cell(sure, right), flops(spent)]


def families(measured: Measured) -> Finding:
    """Each family's problems with a profile that was made without that family; at last all of them together."""
    parts = [_families(policy) for policy in measured.policies.values()]
    return Finding(join(*parts) or missing(measured.missing))


def _families(policy: Policy) -> str:
    names = sorted({_family(case.row.subject) for case in policy.cases})
    full = dict.fromkeys(names, policy.profile)
    without = {name: policy.without(name) for name in names}
    parts = [([name], name) for name in names] + [(names, "**all**")]
    calibrated = [
        [title, made, *_row(_ends(policy, {name: by_name[name] for name in some}, None))]
        for some, title in parts
        for made, by_name in (("with it", full), ("without it", without))
    ]
    left = [
        [made, *abstained(_ends(policy, by_name, least), least)]
        for made, by_name in (("with all", full), ("without the problem's", without))
        for least in LEAST
    ]
    return join(
        f"**{policy.name}**",
        table(["problems of", "profile made", *_CALIBRATED], calibrated),
        table(["profile made with families", *ABSTAINED], left),
    )


def _family(subject: str | None) -> str:
    return subject or "none"


def _ends(policy: Policy, by_name: Mapping[str, Profile], least: float | None) -> list[SimulatedOutcome]:
    """The problems of these families, each with its family's profile."""
    seen = list(zip(policy.cases, policy.observations, strict=True))
    return [
        ended
        for name, profile in by_name.items()
        for ended in ends([one for case, one in seen if _family(case.row.subject) == name], profile, USUAL, least)
    ]
