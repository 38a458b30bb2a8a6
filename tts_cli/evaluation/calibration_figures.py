"""What a calibration found, for people: the `figures` of a profile.

All figures are of problems that the models behind them were not fitted to (ten folds), with 95 % intervals over
problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any, get_args

from tts_cli.config import Effort
from tts_cli.evaluation.observations import CalibrationProblem
from tts_cli.evaluation.profile_fit import CalibrationFacts, cross_profiles, simulate_rule
from tts_cli.evaluation.statistics import auc, calibration, calibration_error, estimate, rank_correlation
from tts_cli.strategy.paper_table import Difficulty
from tts_cli.strategy.profile import Profile
from tts_cli.strategy.rules import HARD, CalibratedRule, difficulty

_KINDS = get_args(Difficulty)


def figures(problems: Sequence[CalibrationProblem], facts: CalibrationFacts) -> dict[str, Any]:
    """`fixed`: each method and N; `efforts`: what `auto` makes of the same samples; `difficulty`: how well it is
    estimated."""
    profiles = cross_profiles(problems, facts)
    seed = facts.settings.seed
    guessed = [_guess(profile, one) for profile, one in zip(profiles, problems, strict=True)]
    efforts: tuple[Effort, ...] = get_args(Effort)
    parts = {
        "fixed": _fixed(problems, guessed, seed),
        "efforts": {effort: _effort(problems, profiles, effort, facts) for effort in efforts},
        "difficulty": _difficulty(problems, guessed),
    }
    return {name: _rounded(part) for name, part in parts.items()}


def _guess(profile: Profile, one: CalibrationProblem) -> float:
    """P(one sample is right), as `auto` estimates it from the first samples once they are scored."""
    place = max(i for i, stage in enumerate(profile.stages) if stage.solved is not None)
    solved = profile.stages[place].solved
    assert solved is not None
    return solved(one.at(place).observation.values)


def _fixed(problems: Sequence[CalibrationProblem], guessed: Sequence[float], seed: int) -> dict[str, Any]:
    """By "METHOD N": share right, over all problems and by estimated difficulty, and mean FLOPs."""
    ends = {name: [one.fixed[name] for one in problems] for name in problems[0].fixed}
    names = [difficulty(chance) for chance in guessed]
    found: dict[str, Any] = {}
    for name, rows in ends.items():
        parts = {kind: [row.right for row, k in zip(rows, names, strict=True) if k == kind] for kind in _KINDS}
        found[name] = {
            "right": _interval([row.right for row in rows], seed),
            "flops": fmean(row.flops for row in rows),
            "by_difficulty": {kind: _interval(part, seed) for kind, part in parts.items() if part},
        }
    return found


def _effort(
    problems: Sequence[CalibrationProblem], profiles: Sequence[Profile], effort: Effort, facts: CalibrationFacts
) -> dict[str, Any]:
    rules = [CalibratedRule(profile, effort, facts.stages[-1][0]) for profile in profiles]
    ended = [simulate_rule(problem, rule) for problem, rule in zip(problems, rules, strict=True)]
    right = [one.right for one in ended]
    sure = [one.confidence or 0.0 for one in ended]
    return {
        "right": _interval(right, facts.settings.seed),
        "flops": fmean(one.flops for one in ended),
        "samples": fmean(one.samples for one in ended),
        "calibration_error": calibration_error(calibration(sure, right)),
    }


def _difficulty(problems: Sequence[CalibrationProblem], guessed: Sequence[float]) -> dict[str, Any]:
    """How well the first samples estimate P(one sample is right), against the share of all samples."""
    solved = [one.solved for one in problems]
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
