"""What a head is worth: figures on problems that it has not seen, with 95 % intervals over problems.

How well its chances separate right from wrong (AUC over steps, over solutions, within problems), whether they are
chances (calibration error), and what they gain: best-of-n and the weighted vote against the majority of the same
samples.

An AUC is the mean over folds, each of which has a head of its own: of all chances together it would be too low where
heads are weak, as a fold with many right solutions was held out of the one whose chances are the lowest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from tts_cli.answers import Select, vote
from tts_cli.answers.vote import Equality
from tts_cli.evaluation.heads.selection import outer_folds, solution_score
from tts_cli.evaluation.heads.table import Numbers, PlacedSolution, StepTable
from tts_cli.evaluation.statistics import Estimate, auc, calibration, calibration_error, difference, estimate

_RESAMPLES = 300
"""Of figures that are not means over problems, each of which takes a sort."""

RECOMMENDED: Select = "weighted"
"""How solutions vote with a head unless something else is asked for. A head is judged by this alone: the better of two
gains would look like a gain where there is none."""

Pairs = tuple[NDArray[np.float64], NDArray[np.bool_]]  # chances and labels


@dataclass(frozen=True, slots=True)
class HeadFigures:
    """None: there is nothing to measure it on. `mixed`: problems with right and wrong solutions."""

    problems: int
    mixed: int
    share_right: float
    auc_of_steps: Estimate | None
    auc_of_solutions: Estimate | None
    auc_within: Estimate | None
    calibration_error: Estimate | None
    majority: Estimate | None = None
    best_of_n: Estimate | None = None
    weighted: Estimate | None = None
    gain_of_best_of_n: Estimate | None = None
    gain_of_weighted: Estimate | None = None

    @property
    def worthless(self) -> bool:
        """No gain of the `RECOMMENDED` vote was measured, or, without votes, no difference between right steps and
        wrong ones: the interval reaches down to nothing."""
        if self.gain_of_weighted is not None:
            return self.gain_of_weighted.low <= 0
        return self.auc_of_steps is None or self.auc_of_steps.low <= 0.5

    @property
    def worth(self) -> str:
        """In one sentence, for people."""
        gain = self.gain_of_weighted
        if gain is None:
            return (
                "It is worth nothing: chance alone." if self.worthless else "It separates right steps from wrong ones."
            )
        points = f"{100 * gain.value:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
        if self.worthless:
            return f"No gain was measured, so treat it as worth nothing: a weighted vote against majority {points}."
        return f"It is worth something: a weighted vote against majority {points}."

    def as_dict(self) -> dict[str, object]:
        """As JSON can hold it, four digits each."""
        return {name: _rounded(value) for name, value in asdict(self).items()} | {
            "worth": self.worth,
            "select": RECOMMENDED,
        }


def measure(table: StepTable, chances: Numbers, judge: Equality, seed: int = 0) -> HeadFigures:
    """`chances`: of every row of the table, by a head that has not seen its problem (`held_out_chances`)."""
    steps = [_step_pairs(solutions, chances) for solutions in table.solutions]
    ends = [_solution_pairs(solutions, chances, table.by_steps) for solutions in table.solutions]
    folds = outer_folds(table, seed)
    within = [one for one in (auc(*pairs) for pairs in ends) if one is not None]
    found = HeadFigures(
        problems=len(ends),
        mixed=len(within),
        share_right=fmean(float(labels.mean()) for _, labels in ends),
        auc_of_steps=_over_problems(steps, auc, folds, seed),
        auc_of_solutions=_over_problems(ends, auc, folds, seed),
        auc_within=estimate(within, seed) if within else None,
        calibration_error=_over_problems(ends, _calibration_error, [np.arange(len(ends))], seed),
    )
    voting = [solutions for solutions in table.solutions if any(one.solution.answer for one in solutions)]
    return _with_votes(found, voting, chances, judge, table.by_steps, seed) if voting else found


def _with_votes(
    found: HeadFigures,
    voting: Sequence[Sequence[PlacedSolution]],
    chances: Numbers,
    judge: Equality,
    by_steps: bool,
    seed: int,
) -> HeadFigures:
    def right_by(select: Select) -> list[float]:
        return [float(_elected(solutions, chances, select, judge, by_steps)) for solutions in voting]

    majority, best, weighted = right_by("majority"), right_by("max"), right_by("weighted")
    votes = {
        "majority": estimate(majority, seed),
        "best_of_n": estimate(best, seed),
        "weighted": estimate(weighted, seed),
        "gain_of_best_of_n": difference(best, majority, seed),
        "gain_of_weighted": difference(weighted, majority, seed),
    }
    return HeadFigures(**{name: getattr(found, name) for name in found.__slots__} | votes)


def _elected(
    solutions: Sequence[PlacedSolution], chances: Numbers, select: Select, judge: Equality, by_steps: bool
) -> bool:
    """Whether the answer that wins is right; each solution votes as often as it was sampled."""
    ballots = [one for one in solutions for _ in range(one.solution.count)]
    scores = [solution_score(one, chances, by_steps=by_steps) for one in ballots]
    answers, ways = [one.solution.answer for one in ballots], [one.solution.how for one in ballots]
    classes = vote(answers, scores, select, judge, ways)
    return bool(classes) and ballots[classes[0].members[0]].solution.right


def _step_pairs(solutions: Sequence[PlacedSolution], chances: Numbers) -> Pairs:
    """A step counts once for each sample that goes through it."""
    pairs = [
        (chances[row], label)
        for one in solutions
        for row, label in zip(one.rows, one.solution.labels, strict=True)
        for _ in range(one.solution.count)
        if label is not None
    ]
    return np.array([p for p, _ in pairs], float), np.array([y for _, y in pairs], bool)


def _solution_pairs(solutions: Sequence[PlacedSolution], chances: Numbers, by_steps: bool) -> Pairs:
    scores = [solution_score(one, chances, by_steps=by_steps) for one in solutions]
    counts = [one.solution.count for one in solutions]
    return np.repeat(scores, counts), np.repeat([one.solution.right for one in solutions], counts)


def _over_problems(
    pairs: Sequence[Pairs],
    figure: Callable[[NDArray[np.float64], NDArray[np.bool_]], float | None],
    folds: Sequence[NDArray[np.int64]],
    seed: int,
) -> Estimate | None:
    """A figure of all pairs of a fold together, its mean over those folds that have one, and its interval by drawing
    the problems of each fold anew."""

    def of(chosen: Sequence[NDArray[np.int64]]) -> float | None:
        found = []
        for fold in chosen:
            parts = [pairs[i] for i in fold]
            if parts:
                found.append(figure(np.concatenate([p for p, _ in parts]), np.concatenate([y for _, y in parts])))
        known = [one for one in found if one is not None]
        return fmean(known) if known else None

    value = of(folds)
    random = np.random.default_rng(seed)
    drawn = [of([random.choice(fold, len(fold)) for fold in folds if len(fold)]) for _ in range(_RESAMPLES)]
    known = [one for one in drawn if one is not None]
    if value is None or not known:
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return Estimate(value, float(low), float(high))


def _calibration_error(chances: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    return calibration_error(calibration(chances, labels))


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return {name: _rounded(part) for name, part in value.items()} if isinstance(value, dict) else value
