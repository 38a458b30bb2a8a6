"""What half and twice the budget would have answered, from the samples of one search.

Half is exact where the samples of the smaller budget are among those that were drawn: the first N/2 of independent
samples, the first half of the trees. Twice cannot be known; it is estimated as the posterior predictive of a vote:
answers are drawn from a Dirichlet posterior over those that occurred and one that did not, scores from those that
members of the class got. Nothing is said of beam search, whose candidates depend on N, nor of select = max, where the
best score of the samples to come would count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.analysis.trace_analysis import Ballot, VotingRules, elect
from tts_cli.answers.vote import Equality, trusts
from tts_cli.data.record import Record
from tts_cli.search.methods import METHODS, writes_one
from tts_cli.solving.selection import weights

DRAWS = 4000
_MOST_NUMBERS = 4_000_000  # bounds memory at large budgets
UNSEEN = "(an answer not seen so far)"
Counts = NDArray[np.int64]
Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WinChance:
    """How likely an answer is to win."""

    answer: str
    chance: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What another budget would have answered; `says` is a sentence for people.

    `kind`: "exact" (voted again: `answer`, which is None where no sample has one, and `confidence`), "estimate"
    (`changes`: the chance that another answer wins; `winners`, likeliest first) or "unknown".
    """

    budget: int | None
    kind: str
    says: str
    answer: str | None = None
    confidence: float | None = None
    changes: float | None = None
    winners: tuple[WinChance, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswersSoFar:
    """The answers so far, the winner first: how many gave each, and what the vote of each of these counts. `nothing`:
    samples without an answer."""

    answers: tuple[str, ...]
    weights: tuple[Weights, ...]
    nothing: int

    @property
    def counts(self) -> Counts:
        return np.array([len(own) for own in self.weights], dtype=np.int64)


def answers_in_record(record: Record, rules: VotingRules, trajectories: int) -> AnswersSoFar:
    """All members of a class are taken to weigh the same."""
    each = [1.0 if rules.select == "majority" else vote.weight / vote.count for vote in record.votes]
    own = tuple(np.full(vote.count, weight) for vote, weight in zip(record.votes, each, strict=True))
    return AnswersSoFar(tuple(vote.answer for vote in record.votes), own, max(0, trajectories - sum(map(len, own))))


def answers_in(ballots: Sequence[Ballot], rules: VotingRules, judge: Equality, trajectories: int) -> AnswersSoFar:
    """With the weight of every ballot."""
    votes, _ = elect(ballots, rules, judge)
    solutions = [ballot.solution for ballot in ballots]
    scores = None if rules.select == "majority" else weights(solutions, "weighted")
    trust = trusts([solution.how if solution.answer is not None else None for solution in solutions])
    every = np.array(trust) * (1.0 if scores is None else np.array(scores))
    own = tuple(every[list(vote.members)] for vote in votes)
    return AnswersSoFar(tuple(vote.answer for vote in votes), own, max(0, trajectories - sum(map(len, own))))


def trajectories(record: Record, beam_width: int) -> int:
    """How many independent solutions vote: one of each sample, or of each tree."""
    method = METHODS.get(record.method)
    return method.trajectories(record.budget, beam_width) if method is not None else record.budget


def silence(record: Record) -> str | None:
    """Why nothing can be said of other budgets; None where something can."""
    if record.error is not None:
        return "the search ended with an error."
    method = METHODS.get(record.method)
    if method is None:
        return f"what {record.method} does with another budget is not known here."
    if method.samples == "one":
        return f"{method.name} writes one solution whatever the budget."
    if method.grows_trees and record.difficulty is not None:  # only `auto` estimates a difficulty
        return f"auto ran {method.name} beside samples; with another budget it decides anew."
    if method.samples == "adaptive":
        otherwise = "auto decides anew with another budget" if record.difficulty else "another budget leads elsewhere"
        return f"{method.name} search goes where the last steps led: {otherwise}."
    if method.samples == "beam":
        return f"a {method.name} with another budget is another search: its candidates depend on N."
    return None if record.votes else "no sample has an answer."


def half(
    record: Record,
    beam_width: int,
    ballots: Sequence[Ballot] | None,
    so_far: AnswersSoFar,
    rules: VotingRules,
    judge: Equality,
    dropped: frozenset[int] = frozenset(),
) -> WhatIf:
    """`ballots`: those of the trace, None where there is none or it does not say which sample each belongs to;
    `dropped`: samples that the calculator left without one."""
    budget = record.budget // 2
    why = silence(record) or ("N = 1 has no half." if not budget else None)
    if why:
        return WhatIf(budget or None, "unknown", why)
    first: int | None = trajectories(record, beam_width) // 2
    if _of_trees(record):
        first = METHODS[record.method].first_trees(budget, record.budget, beam_width)
    if first is None:
        return WhatIf(budget, "unknown", f"with N = {budget} the trees have other widths, so others would grow.")
    if ballots is None:
        return _random_half(record, budget, first, so_far, rules)
    lost = 0 if _of_trees(record) else sum(branch < first for branch in dropped)
    votes, share = elect([b for b in ballots if b.branch is not None and b.branch < first], rules, judge, lost)
    answer = votes[0].answer if votes else None
    what = f"the first {first} {_name_of_samples(record)}"
    if answer is None and record.calculator is not None and record.calculator.refuted:
        return WhatIf(budget, "unknown", f"none of {what} has an answer without a false equality: they would go on.")
    if answer is None:
        return WhatIf(budget, "exact", f"no answer: none of {what} has one.")
    same = "the same answer" if judge.equal(answer, record.votes[0].answer) else "another answer"
    return WhatIf(budget, "exact", f"{answer}, {same}, by the vote of {what}.", answer, share)


def _of_trees(record: Record) -> bool:
    return METHODS[record.method].samples == "trees"


def _name_of_samples(record: Record) -> str:
    return "trees" if _of_trees(record) else "samples"


def _random_half(record: Record, budget: int, first: int, so_far: AnswersSoFar, rules: VotingRules) -> WhatIf:
    """Which samples came first is not known; any were as likely to."""
    if rules.select == "max":
        return WhatIf(budget, "unknown", "which samples came first is not known, nor what each of them scored.")
    rng = np.random.default_rng([record.seed, 1])
    draws = _draws(int(so_far.counts.sum()))
    pool = np.append(so_far.counts, so_far.nothing)
    taken = rng.multivariate_hypergeometric(pool, min(first, int(pool.sum())), size=draws)[:, :-1]
    wins = _wins(_totals(taken, so_far, rng, replace=False), so_far.answers)
    changes = 1 - _of(wins, so_far.answers[0])
    says = f"a random half of the samples elects another answer in {_percent(changes)} of cases"
    says += "; which samples came first is not known."
    return WhatIf(budget, "estimate", says, changes=changes, winners=tuple(wins))


def twice(record: Record, so_far: AnswersSoFar, rules: VotingRules, more: int) -> WhatIf:
    """`more` further samples (or trees), drawn from what those so far say of the policy's answers."""
    budget = 2 * record.budget
    why = silence(record)
    if why is None and rules.select == "max":
        why = "with --select max the best score of further samples decides, and that is not known."
    if why:
        return WhatIf(None if writes_one(record.method) else budget, "unknown", why)
    rng = np.random.default_rng([record.seed, 2])
    belief = np.concatenate([so_far.counts, [1], [so_far.nothing] if so_far.nothing else []]).astype(float)
    chances = rng.dirichlet(belief, size=_draws(more + int(so_far.counts.sum())))
    drawn = rng.multinomial(more, chances)[:, : len(so_far.counts) + 1]
    everything = np.concatenate(so_far.weights)
    further = AnswersSoFar((*so_far.answers, UNSEEN), (*so_far.weights, everything), 0)
    before = np.array([own.sum() for own in so_far.weights] + [0.0])
    wins = _wins(before + _totals(drawn, further, rng, replace=True), further.answers)
    changes = 1 - _of(wins, so_far.answers[0])
    says = f"the chance that {more} more {_name_of_samples(record)} elect another answer is about {_percent(changes)}."
    return WhatIf(budget, "estimate", says, changes=changes, winners=tuple(wins))


def _totals(drawn: Counts, so_far: AnswersSoFar, rng: np.random.Generator, *, replace: bool) -> Weights:
    """[simulations, classes]: what the members that were drawn weigh together."""
    columns = []
    for place, own in enumerate(so_far.weights):
        how_many = drawn[:, place]
        if (own == own[0]).all():
            columns.append(how_many * own[0])
        elif replace:
            columns.append(rng.multinomial(how_many, np.full(len(own), 1 / len(own))) @ own)
        else:
            shuffled = rng.permuted(np.tile(own, (len(drawn), 1)), axis=1)
            columns.append((shuffled * (np.arange(len(own)) < how_many[:, None])).sum(axis=1))
    return np.stack(columns, axis=1)


def _wins(totals: Weights, answers: Sequence[str]) -> list[WinChance]:
    """How often each answer has the largest total, likeliest first; of equal totals the earlier class wins."""
    some = totals.max(axis=1) > 0
    won = np.bincount(totals[some].argmax(axis=1), minlength=len(answers)) / len(totals)
    chances = [WinChance(answer, float(chance)) for answer, chance in zip(answers, won, strict=True) if chance > 0]
    return sorted(chances, key=lambda chance: -chance.chance)


def _of(wins: Sequence[WinChance], answer: str) -> float:
    return next((win.chance for win in wins if win.answer == answer), 0.0)


def _draws(numbers: int) -> int:
    return max(200, min(DRAWS, _MOST_NUMBERS // max(1, int(numbers))))


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else "over 99 %" if share > 0.99 else f"{100 * share:.0f} %"
