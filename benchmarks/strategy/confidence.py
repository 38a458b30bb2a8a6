"""Is a confidence of 80 % right four times of five? Calibration, and what --min-confidence leaves unanswered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.findings import drawing
from benchmarks.findings.markdown import Finding, accuracy, flops, join, missing, percent, picture, table
from benchmarks.strategy.accuracy import PICTURES
from benchmarks.strategy.difficulty import interval, spread
from benchmarks.strategy.measured import Measured, Policy
from benchmarks.strategy.plan import EFFORTS
from benchmarks.strategy.sweep import ends
from benchmarks.strategy.ways import SEED
from tts_cli.config import Effort
from tts_cli.evaluation.profile_fit import SimulatedOutcome
from tts_cli.evaluation.statistics import Estimate, calibration, calibration_error, estimate

LEAST = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
USUAL: Effort = "normal"
BINS = 10


@dataclass(frozen=True, slots=True)
class Answered:
    """With --min-confidence: the share of problems answered, and the share right among these (None: none was)."""

    share: Estimate
    right: Estimate | None
    flops: float

    def holds(self, least: float) -> bool:
        """At least as many right as asked for, within the interval."""
        return self.right is None or self.right.high >= least


def sureness(ended: Sequence[SimulatedOutcome]) -> tuple[list[float], list[bool]]:
    """Confidence and right or wrong, problem by problem."""
    return [one.confidence or 0.0 for one in ended], [one.right for one in ended]


def error(sure: Sequence[float], right: Sequence[float]) -> float:
    """The expected calibration error over ten bins."""
    return calibration_error(calibration(sure, [bool(one) for one in right], BINS))


def by_chance(sure: Sequence[float]) -> Estimate:
    """The calibration error that perfect confidences would show on so many problems: mean, and 95 % of cases."""
    rng = np.random.default_rng([SEED, len(sure)])
    draws = rng.random((500, len(sure))) < np.asarray(sure)
    errors = [error(sure, list(draw)) for draw in draws]
    low, high = np.quantile(errors, (0.025, 0.975))
    return Estimate(float(np.mean(errors)), float(low), float(high))


def answered(ended: Sequence[SimulatedOutcome], least: float) -> Answered:
    """What is told of problems that were played with `least` as their --min-confidence."""
    given = [(one.confidence or 0.0) >= least for one in ended]
    right = [one.right for one, yes in zip(ended, given, strict=True) if yes]
    mean = sum(one.flops for one in ended) / len(ended)
    return Answered(estimate(given), estimate(right) if right else None, mean)


def finding(measured: Measured) -> Finding:
    policies = list(measured.policies.values())
    if not policies:
        return Finding(missing(measured.missing))
    header = ["policy", "effort", "mean confidence", "% right (95 %)", "calibration error (95 %)", "a perfect one's"]
    rows = [_row(policy, effort) for policy in policies for effort in EFFORTS]
    shown = picture("reliability.svg", "Share right against confidence, a panel for each policy", PICTURES)
    return Finding(join(table(header, rows), shown), {"reliability.svg": _draw(policies)})


def _row(policy: Policy, effort: Effort) -> list[str]:
    sure, right = sureness(ends(policy.observations, policy.profile, effort))
    mean = percent(sum(sure) / len(sure))
    return [policy.name, effort, mean, accuracy(estimate(right)), error_cell(sure, right), spread(by_chance(sure))]


def error_cell(sure: Sequence[float], right: Sequence[bool]) -> str:
    found = interval(error, sure, right, centred=True)
    assert found is not None
    return spread(found)


def abstention(measured: Measured) -> Finding:
    """As `--min-confidence` has it: compute is spent until the confidence is reached, or there is no more."""
    header = ["policy", *ABSTAINED]
    rows = [
        [policy.name, *abstained(ends(policy.observations, policy.profile, USUAL, least), least)]
        for policy in measured.policies.values()
        for least in LEAST
    ]
    return Finding(table(header, rows) if rows else missing(measured.missing))


ABSTAINED = ("--min-confidence", "% answered (95 %)", "% right among these (95 %)", "holds", "FLOPs")


def abstained(ended: Sequence[SimulatedOutcome], least: float) -> list[str]:
    """A row of a table with these columns."""
    one = answered(ended, least)
    right = accuracy(one.right) if one.right else "–"
    return [f"{least}", accuracy(one.share), right, "yes" if one.holds(least) else "**no**", flops(one.flops)]


def _draw(policies: Sequence[Policy]) -> Any:
    figure, axes = drawing.panels(1, len(policies), height=3.8, sharey=True)
    for place, policy in zip(axes[0], policies, strict=True):
        place.plot([0, 100], [0, 100], color="0.6", linewidth=1, label="perfect")
        for i, effort in enumerate(("low", "normal", "max")):
            _reliability(place, *sureness(ends(policy.observations, policy.profile, effort)), effort, i)  # type: ignore[arg-type]
        place.set_title(policy.name, fontsize="medium")
        place.set_xlabel("confidence, %")
    axes[0][0].set_ylabel("% right")
    drawing.legend(figure, 4)
    return figure


def _reliability(axes: Any, sure: Sequence[float], right: Sequence[bool], label: str, place: int) -> None:
    bins = np.minimum((np.asarray(sure) * BINS).astype(int), BINS - 1)
    x, shares = [], []
    for one in np.unique(bins):
        inside = bins == one
        x.append(100 * float(np.asarray(sure)[inside].mean()) + place - 1)  # side by side
        shares.append(estimate([bool(r) for r in np.asarray(right)[inside]]))
    drawing.bars(axes, x, shares, label=label, **drawing.series_style(place))
