"""Near misses: wrong versions of a right step, made by rule, each judged wrong by the checker.

They are what a policy's slips look like: a digit off, a sign, a term dropped in copying, the wrong numbers or
operation with true arithmetic, an answer given too early.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from training.problems import expressions as ex
from training.problems.check import check
from training.problems.problem import Problem

_NUMBER = re.compile(r"\d+")
_CLAIM = re.compile(r"(?P<left>\(?-?\d+\)?)(?P<op>[+\-*/])(?P<right>\(?-?\d+\)?)=(?P<value>-?\d+)")


def near_misses(problem: Problem, index: int, random: Random, count: int) -> list[str]:
    """Up to `count` different wrong versions of step `index`; fewer where the rules find none."""
    step, previous, found = problem.steps[index], problem.steps[:index], []
    for _ in range(count * 6):
        rule = random.choices(_RULES, _WEIGHTS)[0]
        changed = rule(problem, index, step, random)
        if changed is not None and changed not in found and not check(problem, previous, changed):
            found.append(changed)
            if len(found) == count:
                break
    return found


def near_miss(problem: Problem, index: int, kind: str, random: Random, tries: int = 6) -> str | None:
    """A wrong version of step `index` of one kind (a key of KINDS); None where none came of so many tries."""
    step, previous = problem.steps[index], problem.steps[:index]
    for _ in range(tries):
        changed = KINDS[kind](problem, index, step, random)
        if changed is not None and not check(problem, previous, changed):
            return changed
    return None


def _other_number(text: str, random: Random) -> str:
    """A number one would mistake for this one."""
    value, kind = int(text), random.random()
    if kind < 0.3:
        return str(abs(value + random.choice((-1, 1))))
    if kind < 0.45:
        return str(abs(value + random.choice((-10, 10))))
    if kind < 0.55 and len(text) > 1:
        i = random.randrange(len(text) - 1)
        return text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    if kind < 0.6 and len(text) > 1:
        i = random.randrange(len(text))
        return text[:i] + text[i + 1 :]
    i = random.randrange(len(text))
    return text[:i] + str(random.randint(0, 9)) + text[i + 1 :]


def _slip(problem: Problem, index: int, step: str, random: Random) -> str | None:
    """A wrong result, carried on consistently."""
    match = re.search(r"=(-?)(\d+)", step)
    if match is None:
        return None
    wrong = _other_number(match.group(2), random)
    head, tail = step[: match.start(2)], step[match.end(2) :]
    return head + wrong + re.sub(rf"(?<!\d){match.group(2)}(?!\d)", wrong, tail)


def _wrong_digit(problem: Problem, index: int, step: str, random: Random) -> str | None:
    """One number somewhere, not carried on."""
    numbers = list(_NUMBER.finditer(step))
    if not numbers:
        return None
    match = random.choice(numbers)
    return step[: match.start()] + _other_number(match.group(), random) + step[match.end() :]


def _sign(problem: Problem, index: int, step: str, random: Random) -> str | None:
    """Another sign before a number, once or wherever the number stands."""
    signs = [m.start() for m in re.finditer(r"[+\-](?=[\dx(])", step)]
    if signs and random.random() < 0.6:
        at = random.choice(signs)
        return step[:at] + ("+" if step[at] == "-" else "-") + step[at + 1 :]
    match = re.search(r"=(-?)(\d+)", step)
    if match is None:
        return None
    turned = ("" if match.group(1) else "-") + match.group(2)
    old = re.escape(match.group(1) + match.group(2))
    tail = re.sub(rf"(?<![\d]){old}(?!\d)", turned, step[match.end() :])
    return step[: match.start() + 1] + turned + tail


def _drop_term(problem: Problem, index: int, step: str, random: Random) -> str | None:
    terms = list(re.finditer(r"[+\-*/]\(?-?\d*x?\)?(?=[+\-*/,.)=])", step))
    if not terms:
        return None
    match = random.choice(terms)
    return step[: match.start()] + step[match.end() :]


def _other_operation(problem: Problem, index: int, step: str, random: Random) -> str | None:
    """True arithmetic that does not follow: another operation, or another number of the problem."""
    match = _CLAIM.match(step)
    if match is None:
        return None
    left, op, right = match.group("left", "op", "right")
    if random.random() < 0.5:
        op = random.choice("+-*")
    else:
        numbers = _NUMBER.findall(problem.problem + "".join(problem.steps[:index]))
        left, right = (random.choice(numbers), right) if random.random() < 0.5 else (left, random.choice(numbers))
    if op == "/" and int(right.strip("()")) == 0:
        return None
    value = ex.evaluate(ex.parse(f"{left}{op}{right}"))
    if value.denominator != 1 or abs(value) > 5000:
        return None
    tail = re.sub(rf"(?<![\d-]){re.escape(match.group('value'))}(?!\d)", str(value), step[match.end() :])
    return f"{left}{op}{right}={value}{tail}"


def _too_early(problem: Problem, index: int, step: str, random: Random) -> str | None:
    """The answer where there is none yet, or none where it is due."""
    claim = step[:-1].partition(",")[0]
    if index == len(problem.steps) - 1:
        return f"{claim}."
    value = claim.rpartition("=")[2]
    return f"{claim}, so \\boxed{{{value}}}."


def _other_step(problem: Problem, index: int, step: str, random: Random) -> str | None:
    """A step of this solution that is not due yet, or was already made with another end."""
    other = random.choice(problem.steps)
    return other if other != step else None


Rule = Callable[[Problem, int, str, Random], str | None]
KINDS: dict[str, Rule] = {
    "slip": _slip,
    "wrong digit": _wrong_digit,
    "sign": _sign,
    "dropped term": _drop_term,
    "other operation": _other_operation,
    "answer too early or missing": _too_early,
    "other step": _other_step,
}
_RULES: Sequence[Rule] = tuple(KINDS.values())
_WEIGHTS = (40, 22, 12, 6, 12, 3, 5)
