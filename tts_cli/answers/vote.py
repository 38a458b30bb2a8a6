"""From sampled solutions to one answer: step scores to a score, answers to equivalence classes, a vote.

Votes go to classes of equal answers, not to strings. A class is represented by its first member: an
answer joins the first class whose representative it equals. Solutions without an answer never vote. An answer that is
only the last number of its solution counts less than one that its solution states, where both occur.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, get_args, runtime_checkable

from tts_cli.answers.extract import How

Aggregate = Literal["last", "min", "mean", "prod"]
Select = Literal["weighted", "max", "majority"]
Opinion = Literal["right", "wrong", "no opinion"]

LAST_NUMBER = 0.5
"""What the vote of an answer that is only the last number of its solution counts beside answers that are stated.

Such a number is often a step of a calculation, or the end of a text that lost its way: less trust than in a box, but
some, as the solution did come to its end. One half: it takes more than two of them to outvote a box.
"""


class Equality(Protocol):
    """What a vote asks of a judge, to group answers."""

    def equal(self, a: str, b: str) -> bool: ...


@runtime_checkable
class Verifier(Equality, Protocol):
    """A judge that can also put an answer into its problem (`tts_cli.verification`)."""

    def check(self, problem: str, answer: str) -> Opinion: ...


@dataclass(frozen=True, slots=True)
class VoteClass:
    """One class of equal answers. `answer`: the form most of its members use (then the shortest); `count`: members;
    `trust`: what their votes count together, `count` unless some are only last numbers; `weight`: sum of their scores,
    each times the trust in it, with `max` the best of these; `members`: indexes, ascending."""

    answer: str
    count: int
    trust: float
    weight: float
    members: tuple[int, ...]


_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "last": lambda scores: scores[-1],
    "min": min,
    "mean": lambda scores: math.fsum(scores) / len(scores),
    "prod": math.prod,
}


def aggregate(step_scores: Sequence[float], how: Aggregate) -> float:
    """The score of a solution from the scores of its steps; 0.0 without steps, so that it carries no weight."""
    if how not in _AGGREGATES:
        raise ValueError(f"unknown aggregation: {how}")
    return float(_AGGREGATES[how](step_scores)) if step_scores else 0.0


def group(answers: Sequence[str | None], judge: Equality) -> list[list[int]]:
    """Indexes of equal answers, classes and members in first-seen order; None belongs to no class."""
    classes: list[list[int]] = []
    class_of: dict[str, list[int]] = {}
    for index, answer in enumerate(answers):
        if answer is None:
            continue
        members = class_of.get(answer) or next((c for c in classes if judge.equal(answers[c[0]] or "", answer)), [])
        if not members:
            classes.append(members)
        members.append(index)
        class_of[answer] = members
    return classes


def trusts(ways: Sequence[How | None]) -> list[float]:
    """What each vote counts, by how its answer was found: the same where all were found alike.

    >>> trusts(["box", "last number", "sentence"]), trusts(["last number", "last number"])
    ([1.0, 0.5, 1.0], [1.0, 1.0])
    """
    stated = any(way is not None and way != "last number" for way in ways)
    return [LAST_NUMBER if stated and way == "last number" else 1.0 for way in ways]


def vote(
    answers: Sequence[str | None],
    scores: Sequence[float] | None,
    select: Select,
    judge: Equality,
    ways: Sequence[How | None] | None = None,
) -> list[VoteClass]:
    """Classes of equal answers, best first; of equally good ones the first seen.

    weighted: largest sum of scores; max: highest single score, then most members (a step that several share may be the
    worst of each); majority: most members. Without `scores` every answer weighs 1, and the majority selects. `ways`:
    how each answer was found, by which votes and scores count as `trusts` says; without it all count in full. Raises
    ValueError if the lengths differ or a score is not a finite number.
    """
    select = "majority" if scores is None and select == "max" else select
    scores = [1.0] * len(answers) if scores is None else scores
    ways = [None] * len(answers) if ways is None else ways
    if not len(answers) == len(scores) == len(ways):
        raise ValueError(f"{len(answers)} answers but {len(scores)} scores and {len(ways)} ways")
    if not all(map(math.isfinite, scores)):
        raise ValueError("scores must be finite numbers")
    if select not in get_args(Select):
        raise ValueError(f"unknown selection: {select}")
    counts = trusts([None if answer is None else way for answer, way in zip(answers, ways, strict=True)])
    classes = [_class(answers, scores, counts, members, select) for members in group(answers, judge)]
    if select == "majority":
        return sorted(classes, key=lambda c: -c.trust)
    return sorted(classes, key=lambda c: (-c.weight, -c.trust if select == "max" else 0))


def votes_needed(share: float) -> int | None:
    """How many votes it takes at least to support this share, in [0, 1]: two, and more the higher it is; None for 1.

    By the rule of succession (Laplace): after n votes for one answer and none against it the next one is for it with a
    chance of (n + 1) / (n + 2), so fewer votes do not support more than that, however well they agree.

    >>> [votes_needed(share) for share in (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)]
    [2, 3, 8, 18, 98, None]
    """
    exact = Fraction(str(share))  # as it is written: in binary 0.9 is a little more
    return None if exact == 1 else max(2, math.ceil((2 * exact - 1) / (1 - exact)))


def _class(
    answers: Sequence[str | None],
    scores: Sequence[float],
    counts: Sequence[float],
    members: list[int],
    select: Select,
) -> VoteClass:
    forms = Counter(form for index in members if (form := answers[index]) is not None)
    answer = min(forms, key=lambda form: (-forms[form], len(form), form))
    own = [scores[index] * counts[index] for index in members]
    weight = max(own) if select == "max" else math.fsum(own)
    return VoteClass(answer, len(members), math.fsum(counts[index] for index in members), weight, tuple(members))
