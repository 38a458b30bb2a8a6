"""From the solutions that a search found to one answer: who may vote, with what weight, and what won.

How sure the answer is: confidence.py. A profile puts a calibrated chance in the place of the vote's share (session.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from tts_cli.answers import Aggregate, Select, VoteClass, find_answer, vote
from tts_cli.answers.vote import Equality, Opinion, Verifier
from tts_cli.data.record import Verified
from tts_cli.search.context import Search, Solution
from tts_cli.search.tree import Node, score_of, solution_text, tips, walk
from tts_cli.solving.confidence import Confidence, of_vote
from tts_cli.strategy.mixture import Mixture

_STATES_AN_ANSWER = re.compile(r"\\f?(?:boxed|box)\b|####|\banswers?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a vote came to.

    `chosen`: the winning class's best solution; without an answer, the best attempt. `unfinished`: none was finished,
    unfinished ones voted; `refuted`: each that was finished holds a false equality, so these voted. `ballots`: the
    solutions that voted, each as often as it was sampled; the members of `votes` are indexes into them. `verified`: how
    many answers proved right or wrong when they were substituted back into the problem; None where none was.
    """

    answer: str | None
    confidence: Confidence | None
    chosen: Solution | None
    votes: tuple[VoteClass, ...]
    unfinished: bool
    ballots: tuple[Solution, ...] = ()
    verified: Verified | None = None
    refuted: bool = False


NOTHING = Selection(None, None, None, (), unfinished=False)


def conclude(node: Node, how: Aggregate) -> Solution:
    """The answer in the text of a path, how it was found, and the path's score."""
    found = find_answer(solution_text(node))
    return scored(Solution(node, found.text, None, found.how) if found else Solution(node, None, None), how)


def scored(solution: Solution, how: Aggregate) -> Solution:
    """The solution with the score that `how` makes of the scores of its steps."""
    return replace(solution, score=score_of(solution.node.scores, how))


def decide(
    search: Search,
    how: Aggregate,
    select: Select,
    judge: Equality,
    *,
    verify: bool = False,
    mixture: Mixture | None = None,
) -> Selection:
    """Finished solutions vote; without any, unfinished ones that state an answer. `verify`, `mixture`: see `elect`.

    One that holds a false equality votes only where no other states an answer; then nothing but a proof stands behind
    what they elect.
    """
    finished = list(search.solutions.values())
    sound = [solution for solution in finished if solution.node.sound]
    refuted = len(sound) < len(finished) and all(solution.answer is None for solution in sound)
    solutions = finished if refuted else sound or unfinished_solutions(search, how)
    problem = search.problem if verify else None
    selection = elect(
        solutions,
        how,
        select,
        judge,
        unfinished=not finished,
        problem=problem,
        copies=search.copies,
        mixture=mixture,
        dropped=0 if refuted else count_dropped(search),
    )
    if not refuted:
        return selection
    proof = selection.confidence if selection.confidence and selection.confidence.basis == "proof" else None
    return replace(selection, confidence=proof, refuted=True)


def elect(
    solutions: Iterable[Solution],
    how: Aggregate,
    select: Select,
    judge: Equality,
    *,
    unfinished: bool = False,
    problem: str | None = None,
    copies: int = 1,
    mixture: Mixture | None = None,
    dropped: int = 0,
) -> Selection:
    """Each solution votes as often as it was sampled; with a `problem`, only if its answer is not provably wrong there.

    They are put in the order of their paths: the order in which samples end depends on what shared their batches,
    and what a tie is decided by must not. `copies`: so many votes are those of one sample. `mixture`: weighs them, if
    not their scores. `dropped`: samples that the calculator left without a vote (`count_dropped`).
    """
    ordered = sorted((scored(solution, how) for solution in solutions), key=lambda solution: solution.node.path)
    ballots = tuple(s for s in ordered for _ in range(s.node.count if unfinished else s.node.ended))
    opinions: tuple[Opinion | None, ...] = (None,) * len(ballots)
    if problem is not None:
        assert isinstance(judge, Verifier), "a judge that can check answers goes with --verify"
        opinions = tuple(None if s.answer is None else judge.check(problem, s.answer) for s in ballots)
    verified = _counted(opinions)
    if verified is not None and not all_wrong(verified):
        kept = [(s, opinion) for s, opinion in zip(ballots, opinions, strict=True) if opinion != "wrong"]
        ballots, opinions = tuple(s for s, _ in kept), tuple(opinion for _, opinion in kept)
    votes = vote_of(ballots, select, judge, mixture)
    if not votes:
        return Selection(None, None, _best(ordered), (), unfinished, ballots, verified)
    winners = [ballots[index] for index in votes[0].members]
    said = {opinions[index] for index in votes[0].members}
    voters = 0 if unfinished else sum(v.count for v in votes) // copies
    confidence = _proved(said) or of_vote(votes, select, voters, how=how, dropped=dropped)
    return Selection(votes[0].answer, confidence, _best(winners), tuple(votes), unfinished, ballots, verified)


def vote_of(
    ballots: Sequence[Solution], select: Select, judge: Equality, mixture: Mixture | None = None
) -> list[VoteClass]:
    """The classes of these solutions' answers, best first; each solution has one vote."""
    known = mixture.weights(ballots) if mixture else weights(ballots, select)
    answers, ways = [s.answer for s in ballots], [s.how for s in ballots]
    return vote(answers, known, select, judge, ways)


def _counted(opinions: Iterable[Opinion | None]) -> Verified | None:
    """How many answers proved right or wrong; None where none was checked."""
    counts = Counter(opinion for opinion in opinions if opinion is not None)
    if not counts:
        return None
    return Verified(right=counts["right"], wrong=counts["wrong"], unknown=counts["no opinion"])


def _proved(opinions: Collection[Opinion | None]) -> Confidence | None:
    """What substitution says of an answer, by its opinions of the solutions that gave it."""
    if "right" in opinions:
        return Confidence(1.0, "proof")
    return Confidence(0.0, "proof") if "wrong" in opinions else None


def all_wrong(verified: Verified) -> bool:
    """Whether no solution would be left to vote; then all do."""
    return verified.wrong > 0 and not verified.right and not verified.unknown


def unfinished_solutions(search: Search, how: Aggregate) -> list[Solution]:
    """Paths that stopped before their end but state an answer in so many words.

    The last number of a calculation that was cut is no answer, though it could be extracted.
    """
    nodes = [node for root in search.roots for node in tips(root)]
    return [conclude(node, how) for node in nodes if _STATES_AN_ANSWER.search(solution_text(node))]


@dataclass(frozen=True, slots=True)
class SampleCount:
    """How many samples came to their end, of how many that were `drawn`."""

    finished: int
    drawn: int


def count_samples(search: Search) -> SampleCount:
    """Samples that were begun one by one; of a tree search all paths but those that it gave up."""
    if not (search.draws or search.policy_usage.sampled):
        return SampleCount(0, 0)
    trees = search.roots[1:] if search.begun else search.roots  # `auto` may grow trees beside its samples
    in_trees = {node for root in trees for node in walk(root)}
    paths = sum(node.ended for node in search.solutions if node in in_trees)
    paths += sum(tip.count for root in trees for tip in tips(root))
    finished = sum(node.ended for node in search.solutions)
    drawn = search.begun + paths // search.copies
    return SampleCount(min(finished // search.copies, drawn), drawn)  # a sample may end in several refuted steps


def count_dropped(search: Search) -> int:
    """Votes that independent samples lost to the calculator: all that they drew somewhere states a false equality.

    A tree search gives such a step's place to another branch, and loses no vote by it; the trees that `auto` grows
    beside its samples have paths that begin below 0.
    """
    if not search.begun:
        return 0
    ended = sum(node.ended for node in search.solutions if not node.sound and node.path[0] >= 0)
    parked = (one for place, one in search.refuted.parked.items() if place[0] >= 0 and not one.node.revived)
    return ended + sum(one.votes for one in parked if one.node not in search.solutions)


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


def _best(solutions: Sequence[Solution]) -> Solution | None:
    return max(solutions, key=lambda s: -1.0 if s.score is None else s.score, default=None)
