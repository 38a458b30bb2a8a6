"""From observations to a profile: logistic models of a few numbers (strategy.features), and the best variant.

What a profile is worth is simulated on problems that it was not fitted to. The models are fitted by ridge regression
with Newton's method: with a few hundred problems and ten numbers each, nothing larger would hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli import __version__
from tts_cli.config import Settings
from tts_cli.evaluation import observations as observed
from tts_cli.evaluation.observations import VARIANTS, CalibrationProblem, Checkpoint, Variant
from tts_cli.strategy.features import FEATURES
from tts_cli.strategy.logistic import Logistic
from tts_cli.strategy.mixture import Mixture
from tts_cli.strategy.paper_table import Difficulty
from tts_cli.strategy.profile import Data, LaterStage, ModelFile, Profile, Stage, Voting, name_of, samples_as
from tts_cli.strategy.rules import PRICES, CalibratedRule

Floats = NDArray[np.float64]

RIDGE = 3.0
_STEPS = 50
_FOLDS = 10

EARLY = 4
"""Samples up to which a stage estimates the difficulty: those after it are chosen by what was found."""


@dataclass(frozen=True, slots=True)
class CalibrationFacts:
    """What a profile is of: models, data, the settings that the samples depend on, and the mixture that was learned."""

    policy: ModelFile
    prm: ModelFile | None
    data: Data
    settings: Settings
    variant: Variant = VARIANTS[0]
    mixture: Mixture | None = None

    @property
    def stages(self) -> tuple[tuple[int, bool], ...]:
        return observed.stages(has_prm=self.prm is not None)


def profile_of(problems: Sequence[CalibrationProblem], facts: CalibrationFacts, figures: dict[str, Any]) -> Profile:
    """Fitted to all of `problems`."""
    ends = [one.checkpoints[-1] for one in problems]
    mixed = facts.variant.vote is None
    vote = facts.mixture.vote if mixed and facts.mixture else facts.variant.vote
    assert vote is not None, "a mixture was learned"
    method = observed.sampler(has_prm=facts.prm is not None)
    sampled = {n: [one.fixed[f"{method} {n}"] for one in problems] for n in observed.BEST_OF_N}
    return Profile(
        format="tts-profile",
        version=3,
        tts=__version__,
        made=date.today().isoformat(),
        data=facts.data,
        policy=facts.policy,
        prm=facts.prm,
        settings=samples_as(facts.settings),
        start=facts.variant.start,
        vote=Voting(aggregate=vote[0], select=vote[1], mixed=mixed),
        mixture=facts.mixture,
        features=FEATURES,
        stages=tuple(_stages(problems, facts.stages)),
        convinced=_right([end for end in ends if end.observation.convinced] or ends),
        best_of_n={n: _right(checkpoints) for n, checkpoints in sampled.items() if n > 1 and facts.prm},
        solution_flops=fmean(one.flops for one in sampled[1]),
        figures=figures,
    )


def _stages(problems: Sequence[CalibrationProblem], stages: Sequence[tuple[int, bool]]) -> Iterator[Stage]:
    """Until all problems are decided."""
    for place, (samples, read) in enumerate(stages):
        undecided = [one for one in problems if one.undecided(place)]
        if not undecided:
            return
        now = [one.at(place) for one in problems]
        yield Stage(
            samples=samples,
            read=read,
            flops=fmean(one.flops for one in now),
            right=_right([one.at(place) for one in undecided]),
            later=dict(_later_stages(problems, undecided, stages, place)),
            solved=fit(_values(now), [one.solved for one in problems]) if samples <= EARLY else None,
        )


def _later_stages(
    problems: Sequence[CalibrationProblem],
    undecided: Sequence[CalibrationProblem],
    stages: Sequence[tuple[int, bool]],
    place: int,
) -> Iterator[tuple[str, LaterStage]]:
    values = _values(one.at(place) for one in undecided)
    for later in range(place + 1, len(stages)):
        if not any(one.undecided(later) for one in problems):
            return
        more = fmean(one.at(later).flops - one.at(place).flops for one in undecided)
        right = fit(values, [one.at(later).right for one in undecided])
        yield name_of(*stages[later]), LaterStage(flops=max(1.0, more), right=right)


def _right(checkpoints: Sequence[Checkpoint]) -> Logistic:
    return fit(_values(checkpoints), [one.right for one in checkpoints])


def _values(checkpoints: Iterable[Checkpoint]) -> list[tuple[float, ...]]:
    return [one.observation.values for one in checkpoints]


@dataclass(frozen=True, slots=True)
class SimulatedOutcome:
    """How `auto` would have gone with one problem."""

    right: bool
    flops: float
    samples: int
    confidence: float | None
    difficulty: Difficulty | None


def simulate_rule(problem: CalibrationProblem, rule: CalibratedRule) -> SimulatedOutcome:
    """Let the rule decide with what was observed."""
    kind = None
    for end in problem.checkpoints:
        decision = rule.decide(end.observation)
        kind = decision.difficulty or kind
        if decision.action is None:
            break
    return SimulatedOutcome(end.right, end.flops, end.observation.samples, decision.confidence, kind)


def cross_profiles(problems: Sequence[CalibrationProblem], facts: CalibrationFacts) -> list[Profile]:
    """For each problem a profile that was fitted without it (ten folds)."""
    folds = assign_folds(len(problems), facts.settings.seed)
    without = {
        fold: profile_of([one for one, own in zip(problems, folds, strict=True) if own != fold], facts, {})
        for fold in set(folds)
    }
    return [without[fold] for fold in folds]


def worth_most(found: Mapping[Variant, Sequence[CalibrationProblem]], facts: CalibrationFacts) -> Variant:
    """By the share of right answers less the price of the compute, mean over efforts, on problems that a profile was
    not fitted to."""
    return max(found, key=lambda variant: _worth(found[variant], replace(facts, variant=variant)))


def _worth(problems: Sequence[CalibrationProblem], facts: CalibrationFacts) -> float:
    worth = 0.0
    for problem, profile in zip(problems, cross_profiles(problems, facts), strict=True):
        for effort, price in PRICES.items():
            ended = simulate_rule(problem, CalibratedRule(profile, effort, facts.stages[-1][0]))
            worth += ended.right - price * ended.flops / profile.solution_flops
    return worth


# Fitting; shapes: n problems, d features


def fit(values: Sequence[Sequence[float]], shares: Sequence[float], ridge: float = RIDGE) -> Logistic:
    """values: n x d; shares: n, in [0, 1] (right or wrong, or the part of a problem's samples that is right).

    The features are standardised, so `ridge` means the same for all; the bias is not penalised. Shares are shrunk as if
    one more problem had been half right (Jeffreys' prior), so that no chance is 0 or 1.
    """
    x, y = np.asarray(values, float), np.asarray(shares, float)
    y = (len(y) * y + 0.5) / (len(y) + 1)
    centre, scale = x.mean(0), x.std(0)
    scale[scale < 1e-9] = 1.0
    z = np.c_[np.ones(len(x)), (x - centre) / scale]
    penalty = np.diag([1e-6, *[ridge] * x.shape[1]])
    w = np.zeros(z.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ w, -60, 60)))
        step = np.linalg.solve((z * (p * (1 - p) + 1e-9)[:, None]).T @ z + penalty, z.T @ (p - y) + penalty @ w)
        w -= np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(bias=_short(w[0]), weights=_row(w[1:]), centre=_row(centre), scale=_row(scale))


def assign_folds(count: int, seed: int) -> list[int]:
    """A fold for each of `count` problems, at random, all folds of nearly one size."""
    order = np.random.default_rng(seed).permutation(count)
    return [int(place) % min(_FOLDS, count) for place in order]


def _row(values: Floats) -> tuple[float, ...]:
    return tuple(_short(value) for value in values)


def _short(value: float) -> float:
    """Six digits: a profile is read by people, too."""
    return float(f"{value:.6g}")
