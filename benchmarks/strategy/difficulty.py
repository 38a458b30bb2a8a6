"""How well the first samples tell how hard a problem is, against the share of right ones among all of its samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

from benchmarks.findings.markdown import Finding, join, missing, table
from benchmarks.strategy.measured import Measured, Policy
from benchmarks.strategy.ways import SEED
from tts_cli.evaluation.statistics import Estimate, auc, rank_correlation
from tts_cli.strategy.features import FEATURES
from tts_cli.strategy.paper_table import Difficulty
from tts_cli.strategy.rules import EASY, HARD, difficulty

RESAMPLES = 1000
ALONE = ("agreement", "mean_likelihood", "best_last", "mean_min")
"""Features that might tell as much by themselves, once the first samples are read."""

Figure = Callable[[Sequence[float], Sequence[float]], float | None]


def finding(measured: Measured) -> Finding:
    header = ["policy", "told by", "Spearman (95 %)", "AUC of easy (95 %)", "AUC of hard (95 %)", "mean error (95 %)"]
    rows = [row for policy in measured.policies.values() for row in _rows(policy)]
    kinds = [_kinds(policy) for policy in measured.policies.values()]
    told = table(["policy", "told \\ true", *_KINDS], [row for part in kinds for row in part])
    return Finding(join(table(header, rows), told) if rows else missing(measured.missing))


_KINDS: tuple[Difficulty, ...] = ("easy", "medium", "hard")


def _rows(policy: Policy) -> list[list[str]]:
    true = [one.solved for one in policy.observations]
    values = [one.at(_places(policy)[-1]).observation.values for one in policy.observations]
    profile = {f"the profile, {policy.profile.stages[i].name}": guesses(policy, i) for i in _places(policy)}
    alone = {f"{name} alone": [row[FEATURES.index(name)] for row in values] for name in ALONE}
    found = []
    for name, told in (profile | alone).items():
        figures = [rank_correlation, easy_auc, hard_auc] + ([mean_error] if name in profile else [])
        cells = [spread(interval(figure, told, true)) for figure in figures]
        found.append([policy.name, name, *cells, *["–"] * (4 - len(cells))])
    return found


def _places(policy: Policy) -> list[int]:
    """The stages that see nothing but the first samples: as they were drawn, and once they are read."""
    return [place for place, stage in enumerate(policy.profile.stages) if stage.solved is not None]


def guesses(policy: Policy, place: int) -> list[float]:
    """P(one sample is right) as it is told at such a stage."""
    solved = policy.profile.stages[place].solved
    assert solved is not None
    return [solved(one.at(place).observation.values) for one in policy.observations]


def easy_auc(told: Sequence[float], true: Sequence[float]) -> float | None:
    return auc(told, [share >= EASY for share in true])


def hard_auc(told: Sequence[float], true: Sequence[float]) -> float | None:
    return auc([-one for one in told], [share < HARD for share in true])


def mean_error(told: Sequence[float], true: Sequence[float]) -> float | None:
    return fmean(abs(a - b) for a, b in zip(told, true, strict=True))


def interval(figure: Figure, *columns: Sequence[float], centred: bool = False) -> Estimate | None:
    """A figure of some columns with its 95 % bootstrap interval over problems; None where it is not defined.

    `centred`: around the figure and not below 0, for an error, which is larger in every resample because each repeats
    problems.
    """
    value = figure(*columns)
    if value is None:
        return None
    arrays = [np.asarray(column, float) for column in columns]
    count = len(arrays[0])
    picks = np.random.default_rng([SEED, count]).integers(0, count, (RESAMPLES, count))
    again = [figure(*(array[pick] for array in arrays)) for pick in picks]
    known = [one for one in again if one is not None]
    low, high = np.quantile(known, (0.025, 0.975))
    if not centred:
        return Estimate(value, float(low), float(high))
    shift = value - fmean(known)
    return Estimate(value, max(0.0, float(low) + shift), float(high) + shift)


def spread(one: Estimate | None) -> str:
    """0.031 (0.020–0.044)"""
    return "–" if one is None else f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})"


def _kinds(policy: Policy) -> list[list[str]]:
    """How many problems of each true kind were told to be of which, once the first samples were read."""
    pairs = Counter(
        (difficulty(guess), difficulty(one.solved))
        for guess, one in zip(guesses(policy, _places(policy)[-1]), policy.observations, strict=True)
    )
    return [[policy.name, told, *(str(pairs[told, true]) for true in _KINDS)] for told in _KINDS]
