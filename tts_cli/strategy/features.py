"""What the samples so far show of a problem, as the numbers from which difficulty and confidence are estimated.

No reference answer is needed, and no text is looked at: only how the samples agree, how likely the policy itself found
them, how the PRM scored them, and how they ended. What the numbers mean for a pair of models is measured by
`tts calibrate` (profile.py).

The likelihood of a solution is the product over its tokens, at temperature 1. It costs nothing, and that of a single
solution is worth about as much as the votes of several (docs/measurements/strategy.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean

from tts_cli.answers import Aggregate, VoteClass
from tts_cli.search.context import Solution
from tts_cli.search.tree import Node, path_to, score_of

FEATURES = (
    "agreement",
    "share",
    "margin",
    "best_last",
    "best_min",
    "mean_min",
    "second_min",
    "answers",
    "finished",
    "length",
    "likeliest",
    "likeliest_min",
    "mean_likelihood",
    "second_likeliest",
)
"""Of the leading answer: the part of all samples that gave it, its share of the votes' weight, and its lead over the
second; log odds of the best PRM-last and PRM-min among its solutions; of all solutions the mean PRM-min, and of the
second answer's solutions the best. Then the number of different answers per sample, the part of samples that ended, the
logarithm of their mean length in tokens. Then log odds of likelihoods: the largest among the leading answer's
solutions, the largest that the least likely step of one has, the mean of all, the largest among the second answer's."""

_SURE = 1e-3  # scores are kept this far from 0 and 1, where log odds end


@dataclass(frozen=True, slots=True)
class Observation:
    """What the samples so far show, of which a rule decides.

    `samples`: drawn so far. `leader`: the leading answer, None without any. `values`: as FEATURES names them. `read`:
    best-first search has had the PRM score what it needs; `convinced`: by a solution, which ended it. `fits`: what
    substituting the answers back into the problem showed: True, one is right; False, all are wrong; None, neither, or
    it was not done. `refuted`: there is no leader, as every answer rests on a false equality.
    """

    samples: int
    leader: str | None
    values: tuple[float, ...]
    read: bool = False
    convinced: bool = False
    fits: bool | None = None
    refuted: bool = False


def gather(
    ballots: Sequence[Solution],
    votes: Sequence[VoteClass],
    samples: int,
    *,
    read: bool = False,
    convinced: bool = False,
) -> Observation:
    """From the solutions that voted, each as often as it was sampled, and their classes, best first."""
    if not votes:
        return Observation(samples, None, _none(ballots, samples), read)
    total = sum(v.weight for v in votes) or 1.0
    lead, second = votes[0], votes[1] if len(votes) > 1 else None
    mins = [_score(ballot, "min") for ballot in ballots]
    likely = [exp(sum(_logprobs(ballot.node))) for ballot in ballots]
    values = (
        lead.count / samples,
        lead.weight / total,
        (lead.weight - (second.weight if second else 0.0)) / total,
        _log_odds(max(_score(ballots[i], "last") for i in lead.members)),
        _log_odds(max(mins[i] for i in lead.members)),
        _log_odds(fmean(mins)),
        _log_odds(max(mins[i] for i in second.members)) if second else _log_odds(0.0),
        len(votes) / samples,
        len(ballots) / samples,
        log(1 + fmean(ballot.node.solution_tokens for ballot in ballots)),
        _log_odds(max(likely[i] for i in lead.members)),
        _log_odds(exp(max(min(_logprobs(ballots[i].node)) for i in lead.members))),
        _log_odds(fmean(likely)),
        _log_odds(max(likely[i] for i in second.members)) if second else _log_odds(0.0),
    )
    return Observation(samples, lead.answer, values, read, convinced)


def _none(ballots: Sequence[Solution], samples: int) -> tuple[float, ...]:
    """The values where no sample has an answer."""
    none = _log_odds(0.0)
    return (0.0, 0.0, 0.0, none, none, none, none, 0.0, len(ballots) / samples, 0.0, none, none, none, none)


def _logprobs(solution: Node) -> list[float]:
    """Of each step, by the policy at temperature 1."""
    return [node.logprob for node in path_to(solution)]


def _score(ballot: Solution, how: Aggregate) -> float:
    """0.5 where the PRM has not scored it, or not all of it."""
    score = score_of(ballot.node.scores, how)
    return 0.5 if score is None else score


def _log_odds(score: float) -> float:
    kept = min(max(score, _SURE), 1 - _SURE)
    return log(kept / (1 - kept))
