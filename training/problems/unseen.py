"""Four families that are never trained, each a new composition of trained skills.

quotient equations   Solve (x + 3)/4 = 5 for x. Training's equations have products only.
percentages in sums  What is 300 - 15% of 240? Training has percentages by themselves only.
two people           Tom has 12 books. Mia has 9 books. Tom gives 4 books to Mia. How many books does Mia have now?
                     Training's stories keep one count, of one person.
bystanders           Tom has 12 books. Ann has 41 eggs. He buys 3 more books. How many books does Tom have now?
                     A trained story with one sentence more, that has no part in it.

A percentage that something follows stands in parentheses, so that there is only one reading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import gcd
from random import Random

from training.problems import arithmetic, equations, percentages, word_problems
from training.problems.problem import PlannedStep, Problem, boxed, plan_steps


def quotient_equation(random: Random, level: int) -> Problem:
    """(ax+p)/k+b=d with an integer root."""
    a, p, k, b, root = _quotient(random, level)
    n = (a * root + p) // k * k
    above = equations._side(a, p)
    equation = f"{f'({above})' if p else above}/{k}{f'{b:+d}' if b else ''}={n // k + b}"
    text = equation if random.random() < 0.2 else equations._spaced(equation)
    return Problem(
        problem=random.choice(equations.PHRASES).format(text),
        answer=str(root),
        level=level,
        subject="quotient equations",
        steps=(*(f"{step}." for step in _quotient_steps(a, p, k, b, n)), boxed(f"x={root}", str(root))),
        key="quotient " + equation,
        rule="root",
        target=Fraction(root),
    )


def _quotient(random: Random, level: int) -> tuple[int, int, int, int, int]:
    """a, p, k, b and the root; k divides ax+p at the root, and has no factor in common with a."""
    while True:
        a = random.randint(2, 9) if level == 5 else 1
        p = random.choice([v for v in range(-12, 13) if v]) if level in (3, 4) or (level == 5 and _coin(random)) else 0
        b = random.choice([v for v in range(-30, 31) if v]) if level in (2, 4, 5) else 0
        root = random.randint(-10, 15) if a > 1 else random.randint(-20, 40)
        fitting = [k for k in range(2, 13) if (a * root + p) % k == 0 and gcd(a, k) == 1]
        if fitting and a * root + p:
            return a, p, random.choice(fitting), b, root


def _coin(random: Random) -> bool:
    return random.random() < 0.5


def _quotient_steps(a: int, p: int, k: int, b: int, n: int) -> list[str]:
    above = equations._side(a, p)
    quotient, value, d = f"({above})/{k}" if p else f"{above}/{k}", n // k, n // k + b
    steps = [f"{quotient}={equations._difference(d, b)}", f"{quotient}={value}"] if b else []
    steps.append(f"{above}={value}*{k}")
    if a > 1 or p:
        steps += [f"{above}={n}", *equations._solve(a, p, 0, n)]
    return list(dict.fromkeys(steps))  # without the equation that both parts have where p is 0


EASY, FINE = tuple(range(10, 100, 10)), (5, 15, 25, 35, 45, 55, 65, 75, 85, 95, *range(2, 13))
_TERMS: dict[int, tuple[tuple[int, ...] | None, ...]] = {  # None: a plain number
    1: (EASY, None),
    2: (FINE, None),
    3: (EASY, EASY),
    4: (FINE, FINE),
    5: (FINE, FINE, None),
}


def percentage_sum(random: Random, level: int) -> Problem:
    """Two or three terms, one or two of them percentages; the value is a positive integer."""
    while True:
        terms = [_term(random, percents) for percents in random.sample(_TERMS[level], len(_TERMS[level]))]
        signs = [random.choice("+-") for _ in terms[1:]]
        plan, value = _sum_plan(terms, signs)
        if 0 < value <= 999:
            break
    text = _sum_text(terms, signs)
    return Problem(
        problem=random.choice(arithmetic.PHRASES[:4]).format(text),
        answer=str(value),
        level=level,
        subject="percentages in sums",
        steps=plan_steps(tuple(plan), str(value)),
        key="percentage sum " + text,
        rule="plan",
        plan=tuple(plan),
    )


Term = tuple[int | None, int]  # percent, of what; or no percent and a plain number


def _term(random: Random, percents: tuple[int, ...] | None) -> Term:
    if percents is None:
        return None, random.randint(2, 99)
    percent = random.choice(percents)
    return percent, percentages._base(random, percent, 400)


def _sum_text(terms: list[Term], signs: list[str]) -> str:
    shown = [str(of) if percent is None else f"{percent}% of {of}" for percent, of in terms]
    shown[:-1] = [f"({term})" if "%" in term else term for term in shown[:-1]]
    return shown[0] + "".join(f" {sign} {term}" for sign, term in zip(signs, shown[1:], strict=True))


def _sum_plan(terms: list[Term], signs: list[str]) -> tuple[list[PlannedStep], int]:
    """First the percentages from left to right, then the sums; the steps and the value."""
    plan: list[PlannedStep] = []
    values: list[tuple[int, tuple[int, ...]]] = []  # of each term, and the step that finds it
    for percent, of in terms:
        if percent is None:
            values.append((of, ()))
            continue
        steps, share = percentages._part(percent, of, first=len(plan))
        plan += steps
        values.append((share, (len(plan) - 1,)))
    total, needs = values[0]
    for sign, (value, found) in zip(signs, values[1:], strict=True):
        result = total + value if sign == "+" else total - value
        plan.append(PlannedStep(f"{total}{sign}{value}={result}", needs + found))
        total, needs = result, (len(plan) - 1,)
    return plan, total


Claims = list[tuple[str, str]]  # whose count, and what is claimed of it


def two_people(random: Random, level: int) -> Problem:
    """A story of two people and one kind of things; its solution has as many steps as the level."""
    while True:
        names = [name for name, _ in random.sample(word_problems.PEOPLE, 2)]
        things = random.choice(word_problems.THINGS)
        story, counts, claims = _story(random, names, things, random.randint(0, level))
        asked = names if _coin(random) else [random.choice(names)]
        plan, answer = _count_plan(claims, counts, asked)
        if len(plan) == level and 0 < answer <= 999:
            break
    question = f"{' '.join(story)} {_question(random, things, asked)}"
    return Problem(
        problem=question,
        answer=str(answer),
        level=level,
        subject="two people",
        steps=plan_steps(tuple(plan), str(answer)),
        key="two people " + " ".join(step.claim for step in plan) + " " + question,
        rule="plan",
        plan=tuple(plan),
    )


def _story(random: Random, names: list[str], things: str, events: int) -> tuple[list[str], dict[str, int], Claims]:
    """The sentences, the counts in the end, and the claims on the way."""
    counts = {name: random.randint(5, 60) for name in names}
    sentences, claims = [f"{name} has {count} {things}." for name, count in counts.items()], Claims()
    for _ in range(events):
        who, other = random.sample(names, 2)
        if random.random() < 0.4 and counts[who] > 3:
            given = random.randint(2, counts[who] - 1)
            sentences.append(f"{who} gives {given} {things} to {other}.")
            for name, change in ((who, -given), (other, given)):
                claims.append((name, f"{counts[name]}{change:+d}={counts[name] + change}"))
                counts[name] += change
            continue
        event = random.choice(word_problems._EVENTS)(random, who, things, counts[who])
        if event is not None:
            sentences.append(event[0])
            claims += [(who, claim) for claim in event[1]]
            counts[who] = event[2]
    return sentences, counts, claims


def _count_plan(claims: Claims, counts: dict[str, int], asked: list[str]) -> tuple[list[PlannedStep], int]:
    """The claims on those who are asked for, and their sum where it is both."""
    plan: list[PlannedStep] = []
    last: dict[str, tuple[int, ...]] = dict.fromkeys(asked, ())
    for name, claim in claims:
        if name in asked:
            plan.append(PlannedStep(claim, last[name]))
            last[name] = (len(plan) - 1,)
    answer = sum(counts[name] for name in asked)
    if len(asked) > 1:
        one, two = asked
        plan.append(PlannedStep(f"{counts[one]}+{counts[two]}={answer}", last[one] + last[two]))
    return plan, answer


def _question(random: Random, things: str, asked: list[str]) -> str:
    if len(asked) > 1:
        return f"How many {things} do {asked[0]} and {asked[1]} have together?"
    return f"How many {things} does {asked[0]} have {random.choice(('now', 'in the end'))}?"


def bystander(random: Random, level: int) -> Problem:
    """The solution is that of the story without the second sentence, which "He" or "She" cannot mean."""
    problem = word_problems.generate(random, level)
    while " has " not in problem.problem:
        problem = word_problems.generate(random, level)
    others = word_problems.HE if " She " in problem.problem else word_problems.SHE
    name = random.choice([name for name in others if name not in problem.problem])
    things = random.choice([things for things in word_problems.THINGS if things not in problem.problem])
    first, rest = problem.problem.split(". ", 1)
    return replace(
        problem,
        problem=f"{first}. {name} has {random.randint(5, 60)} {things}. {rest}",
        subject="bystanders",
        key="bystander " + problem.key,
    )


FAMILIES: dict[str, Callable[[Random, int], Problem]] = {
    "quotient equations": quotient_equation,
    "percentages in sums": percentage_sum,
    "two people": two_people,
    "bystanders": bystander,
}
