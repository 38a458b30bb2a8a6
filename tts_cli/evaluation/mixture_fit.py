"""Which mixture of judges a pair of models wants: exponents by maximum likelihood, judges by cross-validation.

Fitted is the chance of the right answer's class, its weight's share of all weights, raised to a power that is fitted
along (`sharpness`): a conditional logit over the classes of each problem (McFadden 1974). A power alone never changes
who wins, but without it the exponents would have to say how far shares may be trusted, too. Which judges are worth it
is decided on problems that the exponents were not fitted to (ten folds): the fewest judges whose vote is not measurably
worse than the best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tts_cli.answers import Aggregate
from tts_cli.answers.vote import Equality, group, trusts
from tts_cli.data.rows import Row
from tts_cli.evaluation.grading import is_right
from tts_cli.evaluation.statistics import difference, estimate
from tts_cli.search.context import Solution
from tts_cli.strategy.mixture import JUDGES, Mixture, evidence

Floats = NDArray[np.float64]

FOLDS = 10
_STEPS = (0.5, 0.2, 0.1, 0.05)
"""Of the search for exponents, which are multiples of the last: a few hundred problems do not settle more digits."""
_MOST = 8.0
_PRM = JUDGES.index("prm")
_HOWS: tuple[Aggregate, ...] = get_args(Aggregate)


@dataclass(frozen=True, slots=True)
class Electorate:
    """One problem's voters: n solutions in k classes of equal answers.

    `evidence`: by aggregation n x judges, logarithms (strategy.mixture); `classes`: n, which class each is of;
    `trusts`: n; `right`: k, at most one True.
    """

    evidence: dict[Aggregate, Floats]
    classes: NDArray[np.int64]
    trusts: Floats
    right: NDArray[np.bool_]

    def shares(self, how: Aggregate, exponents: Floats) -> Floats:
        """k: of each class's weight of all, as these exponents have it."""
        logs = self.evidence[how] @ exponents + np.log(self.trusts)
        weights = np.bincount(self.classes, np.exp(logs - logs.max()))
        shares: Floats = weights / weights.sum()
        return shares

    def elects(self, how: Aggregate, exponents: Floats) -> bool:
        """Whether the right answer wins; ties go to the first seen, as in a vote."""
        return bool(self.right[int(self.shares(how, exponents).argmax())])


def electorate(ballots: Sequence[Solution], row: Row, judge: Equality) -> Electorate | None:
    """Of the solutions that vote on a labelled problem; None where none states an answer."""
    voters = [ballot for ballot in ballots if ballot.answer is not None]
    if not voters:
        return None
    members = group([voter.answer for voter in voters], judge)
    classes = np.zeros(len(voters), int)
    for place, own in enumerate(members):
        classes[own] = place
    return Electorate(
        {how: np.array(evidence(voters, how)) for how in _HOWS},
        classes,
        np.array(trusts([voter.how for voter in voters])),
        np.array([is_right(voters[own[0]].answer, row, judge) for own in members]),
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """Judges that may be mixed, by their places in JUDGES, and how the PRM's scores are aggregated."""

    judges: tuple[int, ...]
    how: Aggregate

    @property
    def name(self) -> str:
        """votes; votes, prm (min), likelihood"""
        named = [JUDGES[place] + (f" ({self.how})" if JUDGES[place] == "prm" else "") for place in self.judges]
        return ", ".join(["votes", *named])


@dataclass(frozen=True, slots=True)
class MixtureChoice:
    """What was learned. `own`: for each problem the mixture of these judges that was fitted without it. `figures`: for
    people: the share right on problems that were not fitted to, by candidate."""

    mixture: Mixture
    own: tuple[Mixture, ...]
    figures: dict[str, dict[str, float]]


def choose_mixture(
    problems: Sequence[Electorate | None], folds: Sequence[int], seed: int, default: Aggregate
) -> MixtureChoice:
    """`problems`: None where nothing was voted on, which is wrong for all; `folds`: of each, what it is left out with;
    `default`: the PRM's own aggregation, which it takes a measurable gain to change."""
    there = _judges(problems, default)
    hows = (default, *(how for how in _HOWS if how != default)) if _PRM in there else ()
    trials = [_tried(problems, folds, Candidate((_PRM,), how)) for how in hows]
    how = _simplest(trials, seed).candidate.how if trials else default
    sets = [judges for count in range(len(there) + 1) for judges in combinations(there, count) if judges != (_PRM,)]
    trials += [_tried(problems, folds, Candidate(judges, how)) for judges in sets]
    trials.sort(key=lambda one: len(one.candidate.judges))
    suited = [one for one in trials if one.candidate.how == how or _PRM not in one.candidate.judges]
    chosen = _simplest(suited, seed)
    mixture = _mixture(chosen.candidate, _fit([one for one in problems if one is not None], chosen.candidate))
    own = tuple(_mixture(chosen.candidate, exponents) for exponents in chosen.own)
    return MixtureChoice(mixture, own, {one.candidate.name: _interval(one.right, seed) for one in trials})


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """For each problem the exponents that were fitted without it, and whether the right answer won by them."""

    candidate: Candidate
    own: list[Floats]
    right: list[bool]


def _tried(problems: Sequence[Electorate | None], folds: Sequence[int], candidate: Candidate) -> _Trial:
    pairs = list(zip(problems, folds, strict=True))
    without = {
        fold: _fit([one for one, own in pairs if one is not None and own != fold], candidate) for fold in set(folds)
    }
    own = [without[fold] for fold in folds]
    right = [one is not None and one.elects(candidate.how, fit) for one, fit in zip(problems, own, strict=True)]
    return _Trial(candidate, own, right)


def _simplest(trials: Sequence[_Trial], seed: int) -> _Trial:
    """Of those that are not measurably worse than the best the one with the fewest judges; of equals the first trial if
    it is one of them, else the best."""
    best = max(trials, key=lambda one: sum(one.right))
    good = [one for one in trials if difference(one.right, best.right, seed).high >= 0]
    fewest = min(len(one.candidate.judges) for one in good)
    fitting = [one for one in good if len(one.candidate.judges) == fewest]
    return trials[0] if trials[0] in fitting else max(fitting, key=lambda one: sum(one.right))


def _judges(problems: Sequence[Electorate | None], default: Aggregate) -> list[int]:
    """Those that there are, by their places in JUDGES: one that says the same of all solutions of a problem is none."""
    spread = np.zeros(len(JUDGES))
    for one in problems:
        if one is not None:
            spread = np.maximum(spread, np.ptp(one.evidence[default], axis=0))
    return [place for place in range(len(JUDGES)) if spread[place] > 0]


@dataclass(frozen=True, slots=True)
class _Pool:
    """The contested problems in one table: of n voters their evidence (n x judges), log trust, and class among all; of
    each class its problem, and which are right."""

    rows: Floats
    trusts: Floats
    classes: NDArray[np.int64]
    problems: NDArray[np.int64]
    right: NDArray[np.bool_]

    def loss(self, exponents: Floats, sharpness: float) -> float:
        """Minus the mean log chance of the right class."""
        logs = self.rows @ exponents + self.trusts
        top = np.full(len(self.problems), -np.inf)
        np.maximum.at(top, self.classes, logs)
        sums = np.bincount(self.classes, np.exp(logs - top[self.classes]))
        scores = sharpness * (top + np.log(sums))
        best = np.full(self.problems[-1] + 1, -np.inf)
        np.maximum.at(best, self.problems, scores)
        totals = np.log(np.bincount(self.problems, np.exp(scores - best[self.problems])))
        chances = scores - (best + totals)[self.problems]
        return -float(chances[self.right].mean())


def _pool(problems: Sequence[Electorate], how: Aggregate) -> _Pool | None:
    """Of problems with a right answer and a wrong one: others say nothing of the judges. None without any."""
    contested = [one for one in problems if one.right.any() and len(one.right) > 1]
    if not contested:
        return None
    starts = np.cumsum([0, *(len(one.right) for one in contested)])
    return _Pool(
        np.concatenate([one.evidence[how] for one in contested]),
        np.log(np.concatenate([one.trusts for one in contested])),
        np.concatenate([one.classes + start for one, start in zip(contested, starts[:-1], strict=True)]),
        np.repeat(np.arange(len(contested)), [len(one.right) for one in contested]),
        np.concatenate([one.right for one in contested]),
    )


def _fit(problems: Sequence[Electorate], candidate: Candidate) -> Floats:
    """The exponents of JUDGES, 0 for those that are left out: by pattern search (Hooke & Jeeves 1961) from 0, in steps
    that get smaller, so that no derivative is needed and the result is the same on every machine."""
    pool = _pool(problems, candidate.how)
    free = [*candidate.judges, len(JUDGES)]  # and the sharpness
    at = np.array([0.0] * len(JUDGES) + [1.0])
    if pool is None or not candidate.judges:
        return at[:-1]
    least = pool.loss(at[:-1], at[-1])
    for step in _STEPS:
        improved = True
        while improved:
            improved = False
            for place in free:
                for move in (step, -step):
                    to = at.copy()
                    to[place] = min(max(0.0, at[place] + move), _MOST)
                    loss = pool.loss(to[:-1], to[-1])
                    if loss < least - 1e-9:
                        at, least, improved = to, loss, True
    return at[:-1]


def _mixture(candidate: Candidate, exponents: Floats) -> Mixture:
    values: Mapping[str, float] = {name: round(float(x), 4) for name, x in zip(JUDGES, exponents, strict=True)}
    return Mixture(aggregate=candidate.how, **values)


def _interval(right: Sequence[bool], seed: int) -> dict[str, float]:
    found = estimate(right, seed)
    return {"value": found.value, "low": found.low, "high": found.high}
