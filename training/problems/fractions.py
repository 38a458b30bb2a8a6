"""Sums, differences, products and quotients of fractions, answers in lowest terms.

Compute 2/3 + 1/4.
2/3+1/4=8/12+3/12. / 8/12+3/12=11/12, so \\boxed{11/12}.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from random import Random

from training.problems.problem import Problem, boxed, fraction_text

Pair = tuple[int, int]  # numerator, denominator, not reduced
PHRASES = (
    "Compute {}.",
    "What is {}?",
    "Write {} as a fraction in lowest terms.",
    "Evaluate {}.",
    "Calculate {}.",
)


def generate(random: Random, level: int) -> Problem:
    while True:
        question, steps, value = _BY_LEVEL[level](random)
        if value.denominator < 200 and abs(value.numerator) < 200:
            break
    text = question if random.random() < 0.2 else _spaced(question)
    return Problem(
        problem=random.choice(PHRASES).format(text),
        answer=fraction_text(value),
        level=level,
        subject="fractions",
        steps=tuple(_finish(steps, value)),
        key="fractions " + question,
        rule="value",
        target=value,
    )


def _spaced(question: str) -> str:
    for op in "+-*":
        question = question.replace(op, f" {op} ")
    return question.replace(")/(", ") / (")


def _finish(steps: list[str], value: Fraction) -> list[str]:
    """Every step but the last ends in a period; the last one holds the answer in lowest terms."""
    last_form = steps[-1].rpartition("=")[2]
    if last_form != fraction_text(value):
        steps = [*steps, f"{last_form}={fraction_text(value)}"]
    return [f"{step}." for step in steps[:-1]] + [boxed(steps[-1], fraction_text(value))]


def _show(pair: Pair) -> str:
    return f"{pair[0]}/{pair[1]}"


def _value(pair: Pair) -> Fraction:
    return Fraction(*pair)


def _fraction(random: Random, largest: int) -> Pair:
    bottom = random.randint(2, largest)
    return random.randint(1, bottom + 2), bottom


def _add(left: Pair, right: Pair, op: str) -> tuple[list[str], Pair]:
    """Bring to one denominator, then add the numerators."""
    bottom = lcm(left[1], right[1])
    a, b = left[0] * (bottom // left[1]), right[0] * (bottom // right[1])
    total = a + b if op == "+" else a - b
    steps = [] if left[1] == right[1] else [f"{_show(left)}{op}{_show(right)}={a}/{bottom}{op}{b}/{bottom}"]
    return [*steps, f"{a}/{bottom}{op}{b}/{bottom}={total}/{bottom}"], (total, bottom)


def _same_denominator(random: Random) -> tuple[str, list[str], Fraction]:
    bottom = random.randint(3, 20)
    left, right = (random.randint(1, bottom), bottom), (random.randint(1, bottom), bottom)
    op = random.choice("+-")
    steps, total = _add(left, right, op)
    return f"{_show(left)}{op}{_show(right)}", steps, _value(total)


def _multiple_denominator(random: Random) -> tuple[str, list[str], Fraction]:
    left = _fraction(random, 9)
    bottom = left[1] * random.randint(2, 4)
    right, op = (random.randint(1, bottom), bottom), random.choice("+-")
    if random.random() < 0.5 and op == "+":
        left, right = right, left
    steps, total = _add(left, right, op)
    return f"{_show(left)}{op}{_show(right)}", steps, _value(total)


def _any_denominators(random: Random) -> tuple[str, list[str], Fraction]:
    left, right, op = _fraction(random, 12), _fraction(random, 12), random.choice("+-")
    steps, total = _add(left, right, op)
    return f"{_show(left)}{op}{_show(right)}", steps, _value(total)


def _times(left: Pair, right: Pair) -> Pair:
    return left[0] * right[0], left[1] * right[1]


def _product_or_quotient(random: Random) -> tuple[str, list[str], Fraction]:
    left, right = _fraction(random, 12), _fraction(random, 9)
    if random.random() < 0.5:
        total = _times(left, right)
        question = f"{_show(left)}*{_show(right)}"
        return question, [f"{question}={_show(total)}"], _value(total)
    flipped = (right[1], right[0])
    total = _times(left, flipped)
    question = f"({_show(left)})/({_show(right)})"
    turned = f"{_show(left)}*{_show(flipped)}"
    return question, [f"{question}={turned}", f"{turned}={_show(total)}"], _value(total)


def _sum_with_product(random: Random) -> tuple[str, list[str], Fraction]:
    first, left, right = _fraction(random, 9), _fraction(random, 6), _fraction(random, 6)
    op = random.choice("+-")
    product = _times(left, right)
    reduced = _value(product)
    question = f"{_show(first)}{op}{_show(left)}*{_show(right)}"
    steps = [f"{question}={_show(first)}{op}{_show(product)}"]
    if (reduced.numerator, reduced.denominator) != product and reduced.denominator != 1:
        short = (reduced.numerator, reduced.denominator)
        steps.append(f"{_show(first)}{op}{_show(product)}={_show(first)}{op}{_show(short)}")
        product = short
    more, total = _add(first, product, op)
    return question, steps + more, _value(total)


_BY_LEVEL = {
    1: _same_denominator,
    2: _multiple_denominator,
    3: _any_denominators,
    4: _product_or_quotient,
    5: _sum_with_product,
}
