"""What a calibration found, for people: the `figures` of a profile. All of it on problems that the models behind a
figure were not fitted to (ten folds), with 95 % intervals over problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any, get_args

from tts_cli.config import Effort
from tts_cli.evaluation.calibrate import STAGES, CalibrationFacts, CalibrationProblem, cross_profiles, simulate_rule
from tts_cli.evaluation.statistics import auc, calibration, calibration_error, estimate, rank_correlation
from tts_cli.strategy.paper_table import Difficulty
from tts_cli.strategy.profile import Profile
from tts_cli.strategy.rules import HARD, CalibratedRule, difficulty

_KINDS = get_args(Difficulty)


def figures(observations: Sequence[CalibrationProblem], facts: CalibrationFacts) -> dict[str, Any]:
    """`fixed`: each method and N; `efforts`: what `auto` makes of the same samples; then how well difficulty and
    confidence are told."""
    profiles = cross_profiles(observations, facts)
    seed = facts.settings.seed
    guessed = [_guess(profile, one) for profile, one in zip(profiles, observations, strict=True)]
    efforts: tuple[Effort, ...] = get_args(Effort)
    parts = {
        "fixed": _fixed(observations, guessed, seed),
        "efforts": {effort: _effort(observations, profiles, effort, seed) for effort in efforts},
        "difficulty": _difficulty(observations, guessed),
    }
    return {name: _rounded(part) for name, part in parts.items()}


def _guess(profile: Profile, one: CalibrationProblem) -> float:
    """As `auto` tells it of the first samples, once they are read."""
    place = max(i for i, stage in enumerate(profile.stages) if stage.solved is not None)
    solved = profile.stages[place].solved
    assert solved is not None
    return solved(one.at(place).observation.values)


def _fixed(observations: Sequence[CalibrationProblem], guessed: Sequence[float], seed: int) -> dict[str, Any]:
    """By "METHOD N": share right, over all problems and by estimated difficulty, and mean FLOPs."""
    seen = {name: [one.fixed[name] for one in observations] for name in observations[0].fixed}
    names = [difficulty(chance) for chance in guessed]
    found: dict[str, Any] = {}
    for name, rows in seen.items():
        parts = {kind: [row.right for row, k in zip(rows, names, strict=True) if k == kind] for kind in _KINDS}
        found[name] = {
            "right": _interval([row.right for row in rows], seed),
            "flops": fmean(row.flops for row in rows),
            "by_difficulty": {kind: _interval(part, seed) for kind, part in parts.items() if part},
        }
    return found


def _effort(
    observations: Sequence[CalibrationProblem], profiles: Sequence[Profile], effort: Effort, seed: int
) -> dict[str, Any]:
    ended = [
        simulate_rule(o, CalibratedRule(p, effort, STAGES[-1][0])) for o, p in zip(observations, profiles, strict=True)
    ]
    right = [one.right for one in ended]
    sure = [one.confidence or 0.0 for one in ended]
    return {
        "right": _interval(right, seed),
        "flops": fmean(one.flops for one in ended),
        "samples": fmean(one.samples for one in ended),
        "calibration_error": calibration_error(calibration(sure, right)),
    }


def _difficulty(observations: Sequence[CalibrationProblem], guessed: Sequence[float]) -> dict[str, Any]:
    """How well P(one sample is right) is told by the first samples, against the share of all samples."""
    solved = [one.solved for one in observations]
    return {
        "problems": {name: [difficulty(g) for g in guessed].count(name) for name in _KINDS},
        "rank_correlation": rank_correlation(guessed, solved),
        "auc_of_hard": auc([-g for g in guessed], [s < HARD for s in solved]),
        "mean_error": fmean(abs(g - s) for g, s in zip(guessed, solved, strict=True)),
    }


def _interval(right: Sequence[bool], seed: int) -> dict[str, float]:
    return asdict(estimate(right, seed))


def _rounded(value: Any) -> Any:
    """Four digits: nothing here is known better."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return {key: _rounded(item) for key, item in value.items()} if isinstance(value, Mapping) else value
