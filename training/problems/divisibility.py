"""Remainders, greatest common divisors (Euclid) and least common multiples.

Find the greatest common divisor of 84 and 36.
84=2*36+12. / 36=3*12+0, so \\boxed{12}.
"""

from __future__ import annotations

from math import gcd, lcm
from random import Random

from training.problems.problem import PlannedStep, Problem, plan_steps

Drawn = tuple[str, str, list[PlannedStep], int]  # question, key, plan, answer


def generate(random: Random, level: int, scale: int = 1) -> Problem:
    question, key, plan, answer = _BY_LEVEL[level](random, scale)
    return Problem(
        problem=question,
        answer=str(answer),
        level=level,
        subject="divisibility",
        steps=plan_steps(tuple(plan), str(answer)),
        key="divisibility " + key,
        rule="plan",
        plan=tuple(plan),
    )


def _remainder_of(a: int, b: int) -> list[PlannedStep]:
    quotient = a // b
    return [PlannedStep(f"{b}*{quotient}={b * quotient}"), PlannedStep(f"{a}-{b * quotient}={a % b}", (0,))]


def _remainder(random: Random, largest: int, scale: int) -> Drawn:
    b = random.randint(3, 12)
    a = random.randint(b + 1, min(largest, b * 60) * scale)
    phrase = random.choice(
        ("What is the remainder when {} is divided by {}?", "Find the remainder of {} divided by {}.")
    )
    return phrase.format(a, b), f"{a} mod {b}", _remainder_of(a, b), a % b


def _small_remainder(random: Random, scale: int) -> Drawn:
    return _remainder(random, 100, scale)


def _euclid(a: int, b: int, first: int = 0) -> list[PlannedStep]:
    a, b, plan = max(a, b), min(a, b), []
    while b:
        needs = (first + len(plan) - 1,) if plan else ()
        plan.append(PlannedStep(f"{a}={a // b}*{b}+{a % b}", needs))
        a, b = b, a % b
    return plan


def _gcd(random: Random, largest: int) -> Drawn:
    common = random.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12])
    while True:
        a, b = (common * random.randint(2, max(3, largest // common)) for _ in "ab")
        if a != b and max(a, b) <= largest and len(_euclid(a, b)) <= 5:
            break
    phrase = random.choice(
        ("Find the greatest common divisor of {} and {}.", "What is the gcd of {} and {}?", "Compute gcd({}, {}).")
    )
    return phrase.format(a, b), f"gcd {min(a, b)} {max(a, b)}", _euclid(a, b), gcd(a, b)


def _two_digit(random: Random, scale: int) -> Drawn:
    return _gcd(random, 60 * scale) if random.random() < 0.6 else _remainder(random, 700, scale)


def _lcm(random: Random, scale: int) -> Drawn:
    while True:
        common, a, b = random.randint(1, 8 * scale), random.randint(2, 9), random.randint(2, 9)
        a, b = common * a, common * b
        if a != b and lcm(a, b) <= 500 * scale and len(_euclid(a, b)) <= 4:
            break
    plan = _euclid(a, b)
    d, big, small = gcd(a, b), max(a, b), min(a, b)
    plan.append(PlannedStep(f"{big}/{d}={big // d}", (len(plan) - 1,)))
    plan.append(PlannedStep(f"{big // d}*{small}={lcm(a, b)}", (len(plan) - 1,)))
    phrase = random.choice(("Find the least common multiple of {} and {}.", "What is the lcm of {} and {}?"))
    return phrase.format(a, b), f"lcm {small} {big}", plan, lcm(a, b)


def _lcm_or_gcd(random: Random, scale: int) -> Drawn:
    return _lcm(random, scale) if random.random() < 0.6 else _gcd(random, 160 * scale)


def _product_remainder(random: Random, scale: int) -> Drawn:
    m = random.randint(5, 12)
    a, b = random.randint(m + 1, 60 * scale), random.randint(m + 1, 60 * scale)
    product = (a % m) * (b % m)
    plan = [
        PlannedStep(f"{a}={a // m}*{m}+{a % m}"),
        PlannedStep(f"{b}={b // m}*{m}+{b % m}"),
        PlannedStep(f"{a % m}*{b % m}={product}", (0, 1)),
        PlannedStep(f"{product}={product // m}*{m}+{product % m}", (2,)),
    ]
    question = f"What is the remainder when {a} * {b} is divided by {m}?"
    return question, f"{min(a, b)}*{max(a, b)} mod {m}", plan, product % m


def _three_numbers(random: Random, scale: int) -> Drawn:
    common = random.randint(2, 12)
    while True:
        a, b, c = (common * random.randint(2, 300 * scale // common) for _ in "abc")
        two = gcd(a, b)
        if len({a, b, c}) == 3 and c != two and len(_euclid(a, b)) <= 4:
            break
    plan = _euclid(a, b)
    first = len(plan)
    rest = _euclid(c, two, first)
    plan += [PlannedStep(rest[0].claim, (first - 1,)), *rest[1:]]
    question = f"Find the greatest common divisor of {a}, {b} and {c}."
    return question, f"gcd {sorted((a, b))} {c}", plan, gcd(a, b, c)


def _hard(random: Random, scale: int) -> Drawn:
    return _product_remainder(random, scale) if random.random() < 0.5 else _three_numbers(random, scale)


_BY_LEVEL = {1: _small_remainder, 2: _two_digit, 3: _lcm_or_gcd, 4: _product_remainder, 5: _hard}
