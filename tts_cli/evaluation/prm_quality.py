"""How good a judge the PRM is, measured on the solutions that the policy samples.

The only label is whether a solution's answer is right. A step is counted once for each sample that goes through it and
is called right where that sample ends right: the label of Math-Shepherd (Wang et al. 2024), with the evaluation's own
samples as roll-outs. So a true step that is followed by a blunder counts as wrong; step figures are those of a judge
of what a step leads to, and lie below those of a judge of the step itself. Unfinished solutions are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import get_args

from tts_cli.answers import Aggregate, aggregate
from tts_cli.evaluation.statistics import Bin, auc, calibration, calibration_error, rank_correlation
from tts_cli.search.tree import Node, path_to

LABELS = "a step is right where the sample that goes through it ends with the right answer"
LENGTH_BINS = 4


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """One distinct solution: `count` samples came out as it. Scores and tokens of its steps, in order."""

    right: bool
    count: int
    scores: tuple[float, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Discrimination:
    """How well scores separate right from wrong. `auc` is None where only one kind occurs."""

    count: int
    share_right: float
    auc: float | None
    calibration_error: float
    calibration: list[Bin]


@dataclass(frozen=True, slots=True)
class AggregateQuality:
    """One aggregation: AUC over all solutions, and the mean of the AUCs within problems that have both kinds."""

    aggregate: Aggregate
    auc: float | None
    auc_within: float | None


@dataclass(frozen=True, slots=True)
class LengthGroup:
    """Solutions of `low` to `high` tokens: mean score of the right and of the wrong ones (None: there are none)."""

    low: int
    high: int
    right: int
    wrong: int
    right_score: float | None
    wrong_score: float | None


@dataclass(frozen=True, slots=True)
class LengthBias:
    """Rank correlations of score with length; those among the right and among the wrong show what correctness hides."""

    score_with_tokens: float | None
    score_with_steps: float | None
    score_with_tokens_right: float | None
    score_with_tokens_wrong: float | None
    step_score_with_step_tokens: float | None
    groups: list[LengthGroup]


@dataclass(frozen=True, slots=True)
class PrmQuality:
    """`problems_within`: on how many problems there were right and wrong solutions."""

    labels: str
    aggregate: Aggregate
    steps: Discrimination
    solutions: Discrimination
    problems_within: int
    aggregates: list[AggregateQuality]
    length: LengthBias


def scored_solutions(ends: Iterable[tuple[Node, bool]]) -> list[ScoredSolution]:
    """The finished solutions with a score for each step; `ends` are last steps and whether the answer is right."""
    found: list[ScoredSolution] = []
    for node, right in ends:
        path = path_to(node)
        scores = tuple(step.score for step in path if step.score is not None)
        if len(scores) == len(path):
            found.append(ScoredSolution(right, node.ended, scores, tuple(step.tokens for step in path)))
    return found


def prm_quality(problems: Sequence[Sequence[ScoredSolution]], how: Aggregate) -> PrmQuality | None:
    """`problems`: the solutions of each. None where nothing was scored."""
    samples = [[solution for solution in one for _ in range(solution.count)] for one in problems]
    flat = [solution for one in samples for solution in one]
    if not flat:
        return None
    steps = [(score, solution.right) for solution in flat for score in solution.scores]
    return PrmQuality(
        labels=LABELS,
        aggregate=how,
        steps=discrimination([score for score, _ in steps], [right for _, right in steps]),
        solutions=discrimination([aggregate(s.scores, how) for s in flat], [s.right for s in flat]),
        problems_within=sum(len({s.right for s in one}) == 2 for one in samples),
        aggregates=[_aggregate_quality(samples, flat, each) for each in get_args(Aggregate)],
        length=length_bias(flat, how),
    )


def discrimination(scores: Sequence[float], right: Sequence[bool]) -> Discrimination:
    curve = calibration(scores, right)
    return Discrimination(len(scores), fmean(right), auc(scores, right), calibration_error(curve), curve)


def _aggregate_quality(
    samples: Sequence[Sequence[ScoredSolution]], flat: Sequence[ScoredSolution], how: Aggregate
) -> AggregateQuality:
    def auc_of(solutions: Sequence[ScoredSolution]) -> float | None:
        return auc([aggregate(s.scores, how) for s in solutions], [s.right for s in solutions])

    within = [value for one in samples if (value := auc_of(one)) is not None]
    return AggregateQuality(how, auc_of(flat), fmean(within) if within else None)


def length_bias(solutions: Sequence[ScoredSolution], how: Aggregate) -> LengthBias:
    """Does the score follow the length, beyond what correctness explains?"""
    scores = [aggregate(solution.scores, how) for solution in solutions]
    tokens = [sum(solution.tokens) for solution in solutions]

    def among(right: bool) -> float | None:
        chosen = [i for i, solution in enumerate(solutions) if solution.right == right]
        return rank_correlation([scores[i] for i in chosen], [tokens[i] for i in chosen])

    pairs = [pair for s in solutions for pair in zip(s.scores, s.tokens, strict=True)]
    return LengthBias(
        score_with_tokens=rank_correlation(scores, tokens),
        score_with_steps=rank_correlation(scores, [len(s.scores) for s in solutions]),
        score_with_tokens_right=among(True),
        score_with_tokens_wrong=among(False),
        step_score_with_step_tokens=rank_correlation([score for score, _ in pairs], [n for _, n in pairs]),
        groups=_length_groups(solutions, scores, tokens),
    )


def _length_groups(
    solutions: Sequence[ScoredSolution], scores: Sequence[float], tokens: Sequence[int]
) -> list[LengthGroup]:
    """Groups of about equally many solutions, short to long; equal lengths stay together."""
    order = sorted(tokens)
    edges = sorted({order[len(order) * i // LENGTH_BINS] for i in range(LENGTH_BINS)})
    groups: list[LengthGroup] = []
    for low, after in zip(edges, [*edges[1:], order[-1] + 1], strict=True):
        inside = [i for i, n in enumerate(tokens) if low <= n < after]
        right = [scores[i] for i in inside if solutions[i].right]
        wrong = [scores[i] for i in inside if not solutions[i].right]
        means = [fmean(part) if part else None for part in (right, wrong)]
        groups.append(LengthGroup(low, max(tokens[i] for i in inside), len(right), len(wrong), *means))
    return groups
