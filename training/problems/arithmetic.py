"""Nested arithmetic with precedence and negatives: one operation a step, the rest copied.

Compute 37 + 4 * (12 - 5).
12-5=7, so 37+4*7. / 4*7=28, so 37+28. / 37+28=65, so \\boxed{65}.
"""

from __future__ import annotations

from random import Random

from training.problems import expressions as ex
from training.problems.problem import Problem, boxed

OPERANDS = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6}
LARGEST = {1: 60, 2: 60, 3: 60, 4: 70, 5: 80}
PHRASES = ("Compute {}.", "What is {}?", "Evaluate {}.", "Calculate {}.", "Find the value of {}.", "{} = ?")


def generate(random: Random, level: int, scale: int = 1) -> Problem:
    while True:
        expression = _expression(random, OPERANDS[level], LARGEST[level] * scale, level)
        steps = _reduce(expression)
        if steps is not None:
            break
    value = ex.evaluate(expression)
    text = ex.show(expression, spaces=random.random() < 0.8)
    phrase = random.choice(PHRASES[:5]) if random.random() < 0.95 else PHRASES[5]
    return Problem(
        problem=phrase.format(text),
        answer=str(value),
        level=level,
        subject="arithmetic",
        steps=tuple(steps),
        key="arithmetic " + ex.show(expression),
        rule="value",
        target=value,
    )


def _expression(random: Random, operands: int, largest: int, level: int) -> ex.Expression:
    if operands == 1:
        value = random.randint(2, 12) if random.random() < 0.5 else random.randint(2, largest)
        return ex.number(-value if level >= 3 and random.random() < 0.12 else value)
    left = random.randint(1, operands - 1)
    op = random.choices("+-*/", (30, 30, 30, 10 if level >= 2 else 0))[0]
    return (
        op,
        _expression(random, left, largest, level),
        _expression(random, operands - left, largest, level),
    )


def _reduce(expression: ex.Expression) -> list[str] | None:
    """The solution's steps, or None where an operation is more than one does in the head."""
    steps = []
    while expression[0] in "+-*/":
        inner, value = _next(expression)
        if value is None:
            return None
        expression = _replace(expression, inner, ex.number(value))
        claim = f"{ex.show(inner)}={value}"
        last = expression[0] not in "+-*/"
        steps.append(boxed(claim, str(value)) if last else f"{claim}, so {ex.show(expression)}.")
    return steps


def _next(expression: ex.Expression) -> tuple[ex.Expression, int | None]:
    """The innermost leftmost operation on two numbers, and its value if it is easy enough."""
    for part in expression[1:]:
        if part[0] in "+-*/":
            return _next(part)
    left, right = (int(ex.evaluate(part)) for part in expression[1:])
    return expression, _easy(expression[0], left, right)


def _easy(op: str, left: int, right: int) -> int | None:
    small, large = sorted((abs(left), abs(right)))
    if op == "+" or op == "-":
        value = left + right if op == "+" else left - right
        return value if abs(value) <= 999 and large <= 999 else None
    if op == "*":
        return left * right if small <= 12 and large <= 99 and small >= 1 else None
    fits = right != 0 and left % right == 0 and abs(right) <= 12 and abs(left // right) <= 99 and abs(right) > 1
    return left // right if fits else None


def _replace(expression: ex.Expression, old: ex.Expression, new: ex.Expression) -> ex.Expression:
    """Replace the very object `old`, not its equals."""
    if expression is old:
        return new
    if expression[0] not in "+-*/":
        return expression
    return (expression[0], _replace(expression[1], old, new), _replace(expression[2], old, new))
