"""From the solutions that a search found to one answer: who may vote, with what weight, and what won.

Confidence is the winning class's share of all votes (by weight, or by count where the majority selects), which is not
calibrated: 0.9 does not mean right nine times in ten. A profile puts a calibrated one in its place (session.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from tts_cli.answers import Aggregate, Select, VoteClass, extract, vote
from tts_cli.answers.vote import Equality, Verifier
from tts_cli.data.record import Verified
from tts_cli.search.context import Search, Solution
from tts_cli.search.tree import Node, score_of, solution_text, tips, walk

_STATES_AN_ANSWER = re.compile(r"\\f?(?:boxed|box)\b|####|\banswers?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a vote came to.

    `chosen`: the winning class's best solution; without an answer, the best attempt. `unfinished`: none was finished,
    unfinished ones voted. `ballots`: the solutions that voted, each as often as it was sampled; the members of `votes`
    are indexes into them. `verified`: how many answers proved right or wrong when they were substituted back into the
    problem; None where none was.
    """

    answer: str | None
    confidence: float | None
    chosen: Solution | None
    votes: tuple[VoteClass, ...]
    unfinished: bool
    ballots: tuple[Solution, ...] = ()
    verified: Verified | None = None


NOTHING = Selection(None, None, None, (), unfinished=False)


def conclude(node: Node, how: Aggregate) -> Solution:
    """The answer in the text of a path, and its score."""
    return scored(Solution(node, extract(solution_text(node)), None), how)


def scored(solution: Solution, how: Aggregate) -> Solution:
    """The solution with the score that `how` makes of the scores of its steps."""
    return replace(solution, score=score_of(solution.node.scores, how))


def decide(search: Search, how: Aggregate, select: Select, judge: Equality, *, verify: bool = False) -> Selection:
    """Finished solutions vote; without any, unfinished ones that state an answer. `verify`: see `elect`."""
    finished = list(search.solutions.values())
    problem = search.problem if verify else None
    if finished:
        return elect(finished, how, select, judge, problem=problem)
    return elect(unfinished_solutions(search, how), how, select, judge, unfinished=True, problem=problem)


def elect(
    solutions: Iterable[Solution],
    how: Aggregate,
    select: Select,
    judge: Equality,
    *,
    unfinished: bool = False,
    problem: str | None = None,
) -> Selection:
    """Each solution votes as often as it was sampled; with a `problem`, only if its answer is not provably wrong there.

    They are put in the order of their paths: the order in which samples end depends on what shared their batches,
    and what a tie is decided by must not.
    """
    ordered = sorted((scored(solution, how) for solution in solutions), key=lambda solution: solution.node.path)
    ballots = tuple(s for s in ordered for _ in range(s.node.count if unfinished else s.node.ended))
    verified = None
    if problem is not None:
        assert isinstance(judge, Verifier), "a judge that can check answers goes with --verify"
        ballots, verified = _checked(ballots, problem, judge)
    votes = vote([s.answer for s in ballots], weights(ballots, select), select, judge)
    if not votes:
        return Selection(None, None, _best(ordered), (), unfinished, ballots, verified)
    winners = [ballots[index] for index in votes[0].members]
    share = confidence(votes, select)
    return Selection(votes[0].answer, share, _best(winners), tuple(votes), unfinished, ballots, verified)


def _checked(
    ballots: tuple[Solution, ...], problem: str, judge: Verifier
) -> tuple[tuple[Solution, ...], Verified | None]:
    """Those that may vote, and how many answers proved right or wrong; None where there is no answer."""
    opinions = [None if s.answer is None else judge.check(problem, s.answer) for s in ballots]
    counts = Counter(opinion for opinion in opinions if opinion is not None)
    if not counts:
        return ballots, None
    verified = Verified(right=counts["right"], wrong=counts["wrong"], unknown=counts["no opinion"])
    if all_wrong(verified):
        return ballots, verified
    return tuple(s for s, opinion in zip(ballots, opinions, strict=True) if opinion != "wrong"), verified


def all_wrong(verified: Verified) -> bool:
    """Whether no solution would be left to vote; then all do."""
    return verified.wrong > 0 and not verified.right and not verified.unknown


def unfinished_solutions(search: Search, how: Aggregate) -> list[Solution]:
    """Paths that stopped before their end but state an answer in so many words.

    The last number of a calculation that was cut is no answer, though it could be extracted.
    """
    nodes = [node for root in search.roots for node in tips(root)]
    return [conclude(node, how) for node in nodes if _STATES_AN_ANSWER.search(solution_text(node))]


def best_attempt(search: Search, how: Aggregate) -> Solution | None:
    """Where nothing states an answer, what was written: the path with the best score, else the longest one."""
    nodes = [node for root in search.roots for node in tips(root)]
    nodes = nodes or [node for root in search.roots for node in walk(root)]  # all was given up
    attempts = [scored(Solution(node, None, None), how) for node in sorted(nodes, key=lambda node: node.path)]
    return max(attempts, key=lambda s: (-1.0 if s.score is None else s.score, s.node.solution_tokens), default=None)


def weights(ballots: Sequence[Solution], select: Select) -> list[float] | None:
    """Scores as weights; None without any. Without a score it weighs as the others on average, but is not the best."""
    known = [ballot.score for ballot in ballots if ballot.score is not None]
    if not known:
        return None
    unknown = 0.0 if select == "max" else fmean(known)
    return [unknown if ballot.score is None else ballot.score for ballot in ballots]


def confidence(votes: Sequence[VoteClass], select: Select) -> float:
    """The first class's share, in [0, 1]; by count where no score is above 0."""
    total = sum(v.weight for v in votes)
    if select == "majority" or total <= 0:
        return votes[0].count / sum(v.count for v in votes)
    return min(1.0, votes[0].weight / total)


def _best(solutions: Sequence[Solution]) -> Solution | None:
    return max(solutions, key=lambda s: -1.0 if s.score is None else s.score, default=None)
