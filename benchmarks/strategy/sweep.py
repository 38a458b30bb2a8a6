"""`auto` played on stored samples: at its efforts, and at other prices of a sample, which make the curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.strategy.tapes import Case
from benchmarks.strategy.votes import Outcome
from benchmarks.strategy.ways import Way, way
from tts_cli.evaluation import calibrate
from tts_cli.evaluation.calibrate import Ended, Observation, play
from tts_cli.strategy.evidence import Evidence
from tts_cli.strategy.profile import Profile, Stage
from tts_cli.strategy.rule import Draw, Measured, Run
from tts_cli.strategy.settings import Effort

PRICES = (0.5, 0.2, 0.1, 0.07, 0.05, 0.03, 0.02, 0.015, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001, 0.0005, 0.0002, 0.0)


@dataclass(frozen=True)
class Priced(Measured):
    """The rule of `auto` at a price that is none of its efforts'."""

    price: float = 0.0

    def _options(
        self, stage: Stage, evidence: Evidence, right: float, price: float
    ) -> Iterator[tuple[float, float, Draw | Run]]:
        return super()._options(stage, evidence, right, self.price)


def ends(
    observations: Sequence[Observation], profile: Profile, effort: Effort, least: float | None = None
) -> list[Ended]:
    """How `auto` ends at an effort. `least`: the confidence that --min-confidence asks for."""
    rule = Measured(profile, effort, calibrate.STAGES[-1], least)
    return [play(one, rule) for one in observations]


def at_effort(cases: Sequence[Case], profile: Profile, effort: Effort) -> Way:
    return way(f"auto, {effort}", map(_outcome, ends([case.observation for case in cases], profile, effort)))


def curve(cases: Sequence[Case], profile: Profile) -> list[Way]:
    """At each of PRICES."""
    rules = [Priced(profile, "max", calibrate.STAGES[-1], None, price) for price in PRICES]
    return [way(f"{rule.price}", (_outcome(play(case.observation, rule)) for case in cases)) for rule in rules]


def _outcome(ended: Ended) -> Outcome:
    return Outcome(ended.right, ended.flops)
