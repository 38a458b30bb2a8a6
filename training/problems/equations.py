"""Linear equations in x with an integer root.

Solve 3(x + 4) = 5x - 2 for x.
3x+12=5x-2. / 3x-5x=-2-12. / -2x=-14. / x=7, so \\boxed{7}.
"""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random

from training.problems.problem import Problem, boxed

PHRASES = (
    "Solve {} for x.",
    "Solve for x: {}.",
    "Find x if {}.",
    "What is x if {}?",
    "Solve the equation {}.",
)


def generate(random: Random, level: int, scale: int = 1) -> Problem:
    equation, steps, root = _BY_LEVEL[level](random, scale)
    text = equation if random.random() < 0.2 else _spaced(equation)
    return Problem(
        problem=random.choice(PHRASES).format(text),
        answer=str(root),
        level=level,
        subject="equations",
        steps=(*(f"{step}." for step in steps), boxed(f"x={root}", str(root))),
        key="equations " + equation,
        rule="root",
        target=Fraction(root),
    )


def _spaced(equation: str) -> str:
    """Spaces around = and around + and - between terms, none after the minus sign of a number."""
    text = re.sub(r"(?<=[\dx)])([+-])", r" \1 ", equation)
    return text.replace("=", " = ")


def _x(coefficient: int) -> str:
    return {1: "x", -1: "-x"}.get(coefficient, f"{coefficient}x")


def _side(coefficient: int, constant: int) -> str:
    """`3x-4`, `-x+2`, `7`."""
    if coefficient == 0:
        return str(constant)
    return _x(coefficient) + (f"{constant:+d}" if constant else "")


def _nonzero(random: Random, low: int, high: int) -> int:
    return random.choice([value for value in range(low, high + 1) if value not in (0, 1)])


def _solve(a: int, b: int, c: int, d: int) -> list[str]:
    """The steps after ax+b=cx+d, up to but not including x=root."""
    steps = []
    if c and (b or d):
        left = _x(a) + ("-" + _x(c) if c > 0 else "+" + _x(-c))
        steps.append(f"{left}={_difference(d, b)}" if b else f"{left}={d}")
    elif b:
        steps.append(f"{_x(a)}={_difference(d, b)}")
    if a - c != 1:
        steps.append(f"{_x(a - c)}={d - b}")
    return steps


def _difference(d: int, b: int) -> str:
    return f"{d}-{b}" if b > 0 else f"{d}+{-b}"


def _one_step(random: Random, scale: int) -> tuple[str, list[str], int]:
    root = random.randint(-20 * scale, 40 * scale)
    if random.random() < 0.6:
        b = random.choice([v for v in range(-40 * scale, 60 * scale + 1) if v])
        return f"{_side(1, b)}={root + b}", _solve(1, b, 0, root + b), root
    a, root = random.randint(2, 12), random.randint(-12 * scale, 15 * scale)
    return f"{_x(a)}={a * root}", [], root


def _two_steps(random: Random, scale: int) -> tuple[str, list[str], int]:
    a, root = _nonzero(random, -9, 12), random.randint(-10 * scale, 15 * scale)
    b = random.choice([v for v in range(-40 * scale, 40 * scale + 1) if v])
    d = a * root + b
    return f"{_side(a, b)}={d}", _solve(a, b, 0, d), root


def _both_sides(random: Random, scale: int) -> tuple[str, list[str], int]:
    root = random.randint(-10 * scale, 15 * scale)
    while True:
        a, c = _nonzero(random, -9, 12), _nonzero(random, -9, 12)
        b = random.choice([v for v in range(-30 * scale, 30 * scale + 1) if v])
        if a != c:
            break
    d = a * root + b - c * root
    return f"{_side(a, b)}={_side(c, d)}", _solve(a, b, c, d), root


def _bracket(random: Random, scale: int) -> tuple[str, list[str], int]:
    root = random.randint(-10 * scale, 12 * scale)
    while True:
        k, p, c = random.randint(2, 9), _nonzero(random, -12 * scale, 12 * scale), _nonzero(random, -9, 12)
        if k != c:
            break
    d = k * (root + p) - c * root
    equation = f"{k}({_side(1, p)})={_side(c, d)}"
    return equation, [f"{_side(k, k * p)}={_side(c, d)}", *_solve(k, k * p, c, d)], root


def _two_brackets(random: Random, scale: int) -> tuple[str, list[str], int]:
    root = random.randint(-9 * scale, 12 * scale)
    while True:
        k, m = random.randint(2, 9), random.randint(2, 9)
        p, q, c = (
            _nonzero(random, -9 * scale, 9 * scale),
            _nonzero(random, -9 * scale, 9 * scale),
            random.choice([0, 0, 2, 3, 4, -2, -3]),
        )
        sign = random.choice((1, -1))
        if k + sign * m != c and k + sign * m != 0:
            break
    a, b = k + sign * m, k * p + sign * m * q
    d = a * root + b - c * root
    op = "+" if sign > 0 else "-"
    equation = f"{k}({_side(1, p)}){op}{m}({_side(1, q)})={_side(c, d)}"
    opened = f"{_side(k, k * p)}{_x(sign * m) if sign < 0 else '+' + _x(m)}{sign * m * q:+d}={_side(c, d)}"
    return equation, [opened, f"{_side(a, b)}={_side(c, d)}", *_solve(a, b, c, d)], root


_BY_LEVEL = {1: _one_step, 2: _two_steps, 3: _both_sides, 4: _bracket, 5: _two_brackets}
