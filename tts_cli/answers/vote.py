"""From sampled solutions to one answer: step scores to a score, answers to equivalence classes, a vote.

Votes go to classes of equal answers, not to strings. A class is represented by its first member: an
answer joins the first class whose representative it equals. Solutions without an answer never vote.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

Aggregate = Literal["last", "min", "mean", "prod"]
Select = Literal["weighted", "max", "majority"]
Opinion = Literal["right", "wrong", "no opinion"]


class Equality(Protocol):
    """What a vote asks of a judge, to group answers."""

    def equal(self, a: str, b: str) -> bool: ...


@runtime_checkable
class Verifier(Equality, Protocol):
    """A judge that can also put an answer into its problem (`tts_cli.verification`)."""

    def check(self, problem: str, answer: str) -> Opinion: ...


@dataclass(frozen=True, slots=True)
class VoteClass:
    """One class of equal answers. `answer`: the form most of its members use (then the shortest);
    `count`: members; `weight`: sum of their scores, with `max` their best; `members`: indexes, ascending."""

    answer: str
    count: int
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


def vote(
    answers: Sequence[str | None], scores: Sequence[float] | None, select: Select, judge: Equality
) -> list[VoteClass]:
    """Classes of equal answers, best first; of equally good ones the first seen.

    weighted: largest sum of scores; max: highest single score, then most members (a step that several share may be the
    worst of each); majority: most members. Without `scores` every answer weighs 1, and the majority selects. Raises
    ValueError if the lengths differ or a score is not a finite number.
    """
    weights = [1.0] * len(answers) if scores is None else list(scores)
    select = "majority" if scores is None and select == "max" else select
    if len(weights) != len(answers):
        raise ValueError(f"{len(answers)} answers but {len(weights)} scores")
    if not all(map(math.isfinite, weights)):
        raise ValueError("scores must be finite numbers")
    if select not in get_args(Select):
        raise ValueError(f"unknown selection: {select}")
    classes = [_class(answers, weights, members, select) for members in group(answers, judge)]
    if select == "majority":
        return sorted(classes, key=lambda c: -c.count)
    return sorted(classes, key=lambda c: (-c.weight, -c.count if select == "max" else 0))


def _class(answers: Sequence[str | None], weights: list[float], members: list[int], select: Select) -> VoteClass:
    forms = Counter(form for index in members if (form := answers[index]) is not None)
    answer = min(forms, key=lambda form: (-forms[form], len(form), form))
    own = [weights[index] for index in members]
    weight = max(own) if select == "max" else math.fsum(own)
    return VoteClass(answer, len(members), weight, tuple(members))
