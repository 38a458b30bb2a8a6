"""The exact step checker: is a proposed step true, and does it follow?

A step reads `claim.`, `claim, so rest.` or `claim, which is P%.`, a claim being equalities `a=b=c`. Three rules:
  value  (arithmetic, fractions)  every equality is true, and the expression that remains has the value of the question;
  root   (equations)              every side has the same value at the root, and the claim still says something about x;
  plan   (the rest)               the claim is one of the solution's, up to the order of sums and products, and all that
                                  it needs was claimed before.
It reads only the language that the generator writes: any other text is judged not to follow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from training.problems import expressions as ex
from training.problems.problem import Problem

_STEP = re.compile(r"(?P<claim>[^,]+)(?:, so (?P<rest>[^,]+)|, (?P<note>which is [^,]+))?\.")
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")


def check(problem: Problem, previous: Sequence[str], step: str) -> bool:
    """Judge `step` after the right steps `previous`."""
    match = _STEP.fullmatch(step.strip())
    if match is None:
        return False
    claim, rest, note = match.group("claim", "rest", "note")
    try:
        if problem.rule == "value":
            return note is None and _holds_value(problem, claim, rest)
        if problem.rule == "root":
            return note is None and _holds_root(problem, claim, rest)
        return _holds_plan(problem, previous, claim, rest, note or "")
    except ex.NotAnExpression:
        return False


def label(problem: Problem, steps: Sequence[str]) -> list[bool]:
    """True for every step before the first wrong one; a step after an error has nothing right to follow."""
    labels: list[bool] = []
    for i, step in enumerate(steps):
        labels.append(all(labels) and check(problem, steps[:i], step))
    return labels


def _sides(claim: str) -> list[ex.Expression]:
    sides = [ex.parse(side) for side in claim.split("=")]
    if len(sides) < 2:
        raise ex.NotAnExpression(claim)
    return sides


def _is_answer(problem: Problem, rest: str) -> bool | None:
    """None where `rest` is not a boxed answer."""
    match = _BOXED.fullmatch(rest)
    return match.group(1) == problem.answer if match else None


def _holds_value(problem: Problem, claim: str, rest: str | None) -> bool:
    values = {ex.evaluate(side) for side in _sides(claim)}
    if len(values) != 1:
        return False
    if rest is None:
        return values == {problem.target}
    answer = _is_answer(problem, rest)
    if answer is not None:
        return answer and values == {problem.target}
    return ex.evaluate(ex.parse(rest)) == problem.target


def _holds_root(problem: Problem, claim: str, rest: str | None) -> bool:
    assert problem.target is not None
    sides = _sides(claim)
    if len({ex.evaluate(side, problem.target) for side in sides}) != 1:
        return False
    elsewhere = problem.target + Fraction(1)
    determines_x = len({ex.evaluate(side, elsewhere) for side in sides}) > 1
    return determines_x and (rest is None or _is_answer(problem, rest) is True)


def _same_claim(claim: str) -> tuple[str, ...]:
    return tuple(ex.canonical(side) for side in _sides(claim))


def _holds_plan(problem: Problem, previous: Sequence[str], claim: str, rest: str | None, note: str) -> bool:
    plan, said = problem.plan, _said(problem, previous)
    wanted = _same_claim(claim)
    for i, planned in enumerate(plan):
        if _same_claim(planned.claim) != wanted or not said.issuperset(planned.needs):
            continue
        last = i == len(plan) - 1
        if rest is not None and last and _is_answer(problem, rest):
            return True
        if rest is None and not last and note == planned.note:
            return True
    return False


def _said(problem: Problem, previous: Sequence[str]) -> set[int]:
    """The planned steps that `previous`, which is right, has made."""
    claims = set()
    for step in previous:
        match = _STEP.fullmatch(step.strip())
        if match is not None:
            claims.add(_same_claim(match.group("claim")))
    return {i for i, planned in enumerate(problem.plan) if _same_claim(planned.claim) in claims}
