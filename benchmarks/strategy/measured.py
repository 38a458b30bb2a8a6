"""All that RUNS holds of each policy, read once for all findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.strategy import oracle, sweep, votes
from benchmarks.strategy.plan import EFFORTS, POLICIES, Places
from benchmarks.strategy.recordings import Case, cases, labelled
from benchmarks.strategy.ways import Way, best, way
from tts_cli.config import Settings
from tts_cli.data.rows import Row
from tts_cli.errors import TtsError
from tts_cli.evaluation.grading import CHOICES
from tts_cli.evaluation.observations import CalibrationProblem, Variant
from tts_cli.evaluation.profile_fit import CalibrationFacts, profile_of
from tts_cli.evaluation.store import SAMPLES
from tts_cli.strategy import profile as profiles
from tts_cli.strategy.profile import Profile


@dataclass(frozen=True)
class Policy:
    """One policy's profile, the problems that it was made with, and those that everything is told of."""

    name: str
    profile: Profile
    calibrated: list[tuple[Row, dict[Variant, CalibrationProblem]]]
    cases: list[Case]

    @property
    def variant(self) -> Variant:
        """The one that calibration chose."""
        return variant_of(self.profile)

    @property
    def observations(self) -> list[CalibrationProblem]:
        return self.seen_by(self.profile)

    def seen_by(self, profile: Profile) -> list[CalibrationProblem]:
        """What there is to see where it is searched and voted as a profile says, which may be another policy's."""
        return [case.observed[variant_of(profile)] for case in self.cases]

    @cached_property
    def fixed(self) -> dict[str, Way]:
        return {name: way(name, (case.fixed[name] for case in self.cases)) for name in self.cases[0].fixed}

    @cached_property
    def voted(self) -> dict[str, Way]:
        """Those of them that ask the PRM, each under the aggregation and selection that is best on these problems."""
        return {name: self._best_vote(name) for name in self.cases[0].voted}

    def _best_vote(self, name: str) -> Way:
        flops = self.fixed[name].flops
        right = {choice: np.array([case.voted[name][choice] for case in self.cases], float) for choice in CHOICES}
        return best([Way(f"{name}, {how} + {select}", right[how, select], flops) for how, select in CHOICES])

    @cached_property
    def efforts(self) -> dict[str, Way]:
        return {effort: sweep.at_effort(self.observations, self.profile, effort) for effort in EFFORTS}

    @cached_property
    def curve(self) -> list[Way]:
        return sweep.curve(self.observations, self.profile)

    @cached_property
    def without_rule(self) -> list[Way]:
        return sweep.without_rule(self.observations)

    @cached_property
    def adaptive(self) -> list[Way]:
        """Adaptive majority voting at each threshold."""
        return [
            way(f"threshold {threshold}", (votes.adaptive(case.samples, threshold) for case in self.cases))
            for threshold in votes.THRESHOLDS
        ]

    @cached_property
    def knowing_difficulty(self) -> list[Way]:
        fixed = [*self.fixed.values(), *self.without_rule]
        return oracle.by_difficulty(self.observations, fixed, self.profile.solution_flops)

    def without(self, subject: str) -> Profile:
        """A profile from the same samples, without the problems of one family."""
        rest = [found[self.variant] for row, found in self.calibrated if row.subject != subject]
        data = self.profile.data.model_copy(update={"problems": len(rest)})
        return profile_of(rest, replace(self.facts, data=data), {})

    @property
    def facts(self) -> CalibrationFacts:
        how = self.profile.settings
        settings = Settings(temperature=float(how["temperature"]), top_p=float(how["top_p"]))
        return CalibrationFacts(
            self.profile.policy, self.profile.prm, self.profile.data, settings, self.variant, self.profile.mixture
        )


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
    """Raises TtsError, also where a profile has seen what it would be measured on."""
    profile = profiles.read(places.profile(name))
    calibrated, told = (
        labelled(places.calibration(name), profile.mixture),
        cases(places.test(name), profile.mixture),
    )
    shared = {row.problem for row, _ in calibrated} & {case.row.problem for case in told}
    if shared:
        raise TtsError(
            f"{places.profile(name)} was made with {len(shared)} of the test problems, {min(shared)!r} for one.",
            "Calibrate on others.",
        )
    return Policy(name, profile, calibrated, told)


def variant_of(profile: Profile) -> Variant:
    return Variant(profile.start, None if profile.vote.mixed else (profile.vote.aggregate, profile.vote.select))


def _is_there(places: Places, name: str) -> bool:
    stores = (places.calibration(name), places.test(name))
    return places.profile(name).exists() and all((store / SAMPLES).exists() for store in stores)
