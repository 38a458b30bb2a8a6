"""`auto` played on stored samples: at its efforts, at other prices of a solution, which make the curve, and without a
rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.strategy.plan import most
from benchmarks.strategy.votes import Outcome
from benchmarks.strategy.ways import Way, way
from tts_cli.config import Effort
from tts_cli.evaluation import observations as observed
from tts_cli.evaluation.observations import CalibrationProblem, Checkpoint
from tts_cli.evaluation.profile_fit import SimulatedOutcome, simulate_rule
from tts_cli.strategy.profile import Profile, name_of
from tts_cli.strategy.rules import CalibratedRule

PRICES = (
    0.5,
    0.4,
    0.3,
    0.25,
    0.2,
    0.15,
    0.1,
    0.07,
    0.05,
    0.03,
    0.02,
    0.015,
    0.01,
    0.007,
    0.005,
    0.003,
    0.002,
    0.001,
    0.0,
)
"""Of one solution's compute, as rule.PRICES, which are among them."""


@dataclass(frozen=True, slots=True)
class Priced(CalibratedRule):
    """The rule of `auto` at a price that is none of its efforts'."""

    asked: float = 0.0

    @property
    def price(self) -> float:
        return self.asked


def ends(
    observations: Sequence[CalibrationProblem], profile: Profile, effort: Effort, least: float | None = None
) -> list[SimulatedOutcome]:
    """How `auto` ends at an effort. `least`: the confidence that --min-confidence asks for."""
    rule = CalibratedRule(profile, effort, most(), least)
    return [simulate_rule(one, rule) for one in observations]


def at_effort(observations: Sequence[CalibrationProblem], profile: Profile, effort: Effort) -> Way:
    return way(f"auto, {effort}", map(_outcome, ends(observations, profile, effort)))


def curve(observations: Sequence[CalibrationProblem], profile: Profile) -> list[Way]:
    """At each of PRICES."""
    rules = [Priced(profile, "max", most(), None, price) for price in PRICES]
    return [way(f"price {rule.price}", (_outcome(simulate_rule(one, rule)) for one in observations)) for rule in rules]


def without_rule(observations: Sequence[CalibrationProblem]) -> list[Way]:
    """The same best-first search, with each problem taken to the same stage; at last to its end."""
    return [
        way(name_of(*stage), (_outcome(one.at(place)) for one in observations))
        for place, stage in enumerate(observed.STAGES)
    ]


def _outcome(ended: SimulatedOutcome | Checkpoint) -> Outcome:
    return Outcome(ended.right, ended.flops)
