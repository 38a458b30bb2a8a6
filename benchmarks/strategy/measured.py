"""All that RUNS holds of each policy, read once for all findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from benchmarks.strategy import oracle, sweep, votes
from benchmarks.strategy.plan import EFFORTS, POLICIES, Places
from benchmarks.strategy.tapes import Case, cases, labelled
from benchmarks.strategy.ways import Way, way
from tts_cli.answers import Aggregate, Select
from tts_cli.data.rows import Row
from tts_cli.evaluation.calibrate import Facts, Observation, profile_of
from tts_cli.evaluation.report import SAMPLES
from tts_cli.strategy import profile as profiles
from tts_cli.strategy.profile import Profile
from tts_cli.strategy.settings import SolveSettings


@dataclass(frozen=True)
class Policy:
    """One policy's profile, the problems that it was made with, and those that everything is told of."""

    name: str
    profile: Profile
    calibrated: list[tuple[Row, Observation]]
    cases: list[Case]

    @property
    def observations(self) -> list[Observation]:
        return [case.observation for case in self.cases]

    @cached_property
    def fixed(self) -> dict[str, Way]:
        return {name: way(name, (case.fixed[name] for case in self.cases)) for name in self.cases[0].fixed}

    @cached_property
    def efforts(self) -> dict[str, Way]:
        return {effort: sweep.at_effort(self.cases, self.profile, effort) for effort in EFFORTS}

    @cached_property
    def curve(self) -> list[Way]:
        return sweep.curve(self.cases, self.profile)

    @cached_property
    def adaptive(self) -> list[Way]:
        """Adaptive majority voting at each threshold."""
        return [
            way(f"{threshold}", (votes.adaptive(case.samples, threshold) for case in self.cases))
            for threshold in votes.THRESHOLDS
        ]

    @cached_property
    def knowing_difficulty(self) -> list[Way]:
        return oracle.by_difficulty(self.cases, self.fixed, self.profile.sample_flops)

    def without(self, subject: str) -> Profile:
        """A profile from the same samples, without the problems of one family."""
        rest = [observation for row, observation in self.calibrated if row.subject != subject]
        data = self.profile.data.model_copy(update={"problems": len(rest)})
        return profile_of(rest, replace(self.facts, data=data), {})

    @property
    def facts(self) -> Facts:
        how = self.profile.settings
        aggregate: Aggregate = how["aggregate"]  # type: ignore[assignment]
        select: Select = how["select"]  # type: ignore[assignment]
        settings = SolveSettings(aggregate=aggregate, select=select, beam_width=int(how["beam_width"]))
        return Facts(self.profile.policy, self.profile.prm, self.profile.data, settings)


@dataclass(frozen=True)
class Measured:
    """`policies`: those of which all is there, small ones first; `missing`: the others."""

    places: Places
    policies: Mapping[str, Policy]
    missing: list[str]


def read(runs: Path) -> Measured:
    """Raises TtsError where samples are not complete or a profile is none."""
    places = Places(runs)
    found = {name: read_policy(places, name) for name in POLICIES if _is_there(places, name)}
    return Measured(places, found, [name for name in POLICIES if name not in found])


def read_policy(places: Places, name: str) -> Policy:
    return Policy(
        name, profiles.read(places.profile(name)), labelled(places.calibration(name)), cases(places.test(name))
    )


def _is_there(places: Places, name: str) -> bool:
    stores = (places.calibration(name), places.test(name))
    return places.profile(name).exists() and all((store / SAMPLES).exists() for store in stores)
