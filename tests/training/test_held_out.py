"""The held-out worlds: answers found again by other means, nothing of them in training, numbers beyond training's."""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from itertools import islice
from math import gcd, lcm
from random import Random

import pytest

from training.problems import FAMILIES, LEVELS, generate, held_out, label

WORLDS = ("family", "size")


@pytest.fixture(scope="module", params=WORLDS)
def world(request):
    return request.param, list(islice(held_out.problems(request.param, 0), 300))


@pytest.fixture(scope="module")
def trained():
    return list(islice(generate(1, split="train"), 3000))


def test_training_draws_what_it_drew_before_the_held_out_worlds():
    """The hash was taken before the generators could be stretched; every training run rests on this stream."""
    text = "\n".join(f"{p.problem}\n{p.solution}" for p in islice(generate(1, split="train"), 200))
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "2b763ac71da755495b10222566fc3d04efa2fca9a185914708905c45b0ecef58"
    )


def test_answers_are_right(world):
    for problem in world[1]:
        assert Fraction(problem.answer) == solve(problem.problem), problem


def test_every_step_of_every_solution_passes_the_checker(world):
    for problem in world[1]:
        assert problem.steps and all(label(problem, problem.steps)), problem


def test_problems_are_distinct_and_levels_and_subjects_even(world):
    problems = world[1]
    subjects = len(held_out.WORLDS[world[0]])
    assert len({p.key for p in problems}) == len({p.problem for p in problems}) == 300
    assert Counter((p.subject, p.level) for p in problems) == {
        (subject, level): 300 // subjects // 5 for subject in held_out.WORLDS[world[0]] for level in LEVELS
    }


def test_harder_levels_take_more_steps(world):
    steps = {level: sum(len(p.steps) for p in world[1] if p.level == level) for level in LEVELS}
    assert steps[1] < steps[2] < steps[3] < steps[5]


def test_unseen_families_are_not_those_of_training(trained):
    assert not set(held_out.WORLDS["family"]) & {*FAMILIES, *(p.subject for p in trained)}
    assert not any(unseen_form(p.problem) for p in trained)
    assert all(unseen_form(p.problem) == p.subject for p in islice(held_out.problems("family", 3), 300))


def unseen_form(text):
    """Which of the unseen families a text is of, by its form alone."""
    if re.search(r"\dx|\bx\b", text) and "/" in text:
        return "quotient equations"
    if "%" in text and re.search(r"[+*/(-]", text):
        return "percentages in sums"
    owners = dict(re.findall(r"(\w+) has \d+ (\w+)", text))
    if len(owners) > 1:
        return "two people" if len(set(owners.values())) == 1 else "bystanders"
    return None


def test_sizes_go_beyond_training_and_not_far(trained):
    """The bounds hold in training, so a problem of the size world cannot have come from there."""
    for p in trained:
        assert held_out.largest_number(p.problem) <= held_out.LARGEST_TRAINED.get(p.subject, 10**6), p
    for p in islice(held_out.problems("size", 0), 300):
        bound = held_out.LARGEST_TRAINED[p.subject]
        assert bound < held_out.largest_number(p.problem) <= held_out.REACH * bound


def test_sizes_have_the_form_of_training(trained):
    """But for its numbers and names, a problem of the size world reads as one of its family in training does."""
    forms = {form(p.problem) for p in trained if p.subject in ("percentages", "divisibility")}
    sized = [p for p in islice(held_out.problems("size", 0), 300) if p.subject in ("percentages", "divisibility")]
    assert len(sized) == 120 and all(form(p.problem) in forms for p in sized)


def form(text):
    return re.sub(r"\d+", "9", text)


def test_world_that_is_exhausted_says_so():
    only = next(held_out.problems("family", 0))
    with pytest.raises(ValueError, match="level 1"):
        held_out._new(lambda random, level: only, Random(0), 1, {only.key})


def run_generator(*arguments):
    command = [sys.executable, "-m", "training.problems", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", WORLDS)
def test_command_prints_jsonl_and_repeats(name):
    out = run_generator("--held-out", name, "--count", "30")
    rows = [json.loads(line) for line in out.splitlines()]
    assert {tuple(row) for row in rows} == {("id", "problem", "answer", "level", "subject", "solution")}
    assert len({row["id"] for row in rows}) == 30
    assert [row["problem"] for row in rows] == [p.problem for p in islice(held_out.problems(name, 0), 30)]
    assert out != run_generator("--held-out", name, "--count", "30", "--seed", "1")


# Answers by other means than the generators': Python's arithmetic, the line through two points, the story told again.


def solve(text):
    if "remainder" in text or "common" in text or "gcd" in text or "lcm" in text:
        return divisibility(text)
    if re.search(r"\dx|\bx\b", text):
        return root(text)
    if "%" in text or "percent" in text:
        return percentage(text)
    if " has " in text:
        return story(text)
    if "travel" in text:
        return sum(int(h) * int(s) for h, s in re.findall(r"(\d+) hours at (\d+) km", text))
    if "cost" in text:
        return shopping(text)
    return value(re.search(r"[-\d(][-+*/() \d]*", text)[0])


def value(expression, x=0):
    """By Python's own precedence, every number a Fraction."""
    explicit = re.sub(r"(?<=\d)(?=[x(])", "*", expression)
    return eval(re.sub(r"\d+", r"Fraction(\g<0>)", explicit), {"Fraction": Fraction, "x": Fraction(x)})


def root(text):
    left, right = re.search(r"[-\dx(][-+/()\dx ]*=[-+/()\dx ]*[\dx)]", text)[0].split("=")
    at_0, at_1 = (value(left, x) - value(right, x) for x in (0, 1))
    root = at_0 / (at_0 - at_1)
    assert value(left, root) == value(right, root)
    return root


def divisibility(text):
    numbers = [int(digits) for digits in re.findall(r"\d+", text)]
    if "remainder" in text:
        *factors, divisor = numbers
        return (factors[0] * factors[1] if len(factors) == 2 else factors[0]) % divisor
    return lcm(*numbers) if "multiple" in text or "lcm" in text else gcd(*numbers)


def percentage(text):
    if re.search(r"(Compute|What is|Evaluate|Calculate|Find) (?=.*% of)", text):
        shares = re.sub(r"(\d+)% of (\d+)", r"(\1*\2/100)", text)
        return value(re.search(r"[\d(][-+*/() \d]*", shares)[0])
    changes = [
        Fraction(100 + (int(percent) if verb[:4] in ("incr", "rise") else -int(percent)), 100)
        for verb, percent in re.findall(r"(increase|decrease|rises|falls)\D*(\d+)%", text.lower())
    ]
    changed = re.search(r"(increase|decrease) (\d+) by (\d+)%", text.lower())
    if changed:
        sign = 1 if changed[1] == "increase" else -1
        return Fraction(int(changed[2]) * (100 + sign * int(changed[3])), 100)
    numbers = [int(digits) for digits in re.findall(r"\d+", text)]
    if not changes:
        part, base = sorted(numbers)
        return Fraction(100 * part, base)
    if "A number" in text:
        return numbers[-1] / changes[0]
    base = Fraction(numbers[0])
    for change in changes:
        base *= change
    return base


def shopping(text):
    prices = dict(re.findall(r"an? (\w+) costs (\d+) dollars", text.lower()))
    costs = [int(amount) * int(prices[good]) for amount, good in re.findall(r"(\d+) (\w+)s\b", text) if good in prices]
    assert len(costs) == len(prices)
    note = re.search(r"pays with (\d+)", text)
    return int(note[1]) - sum(costs) if note else sum(costs)


def story(text):
    *sentences, question = re.findall(r"[^.?]+[.?]", text)
    counts = {}
    for sentence in sentences:
        who, verb = sentence.split()[:2]
        who = next(iter(counts)) if who in ("He", "She") else who
        numbers = [int(digits) for digits in re.findall(r"\d+", sentence)]
        taker = re.search(r"gives \d+ \w+ to (?!each)(\w+)", sentence)
        if verb == "has":
            counts[who] = numbers[0]
        elif verb in ("doubles", "triples"):
            counts[who] *= 2 if verb == "doubles" else 3
        elif verb == "puts":
            counts[who] = Fraction(counts[who], numbers[0])
        elif verb in ("gives", "loses", "sells", "uses"):
            counts[who] -= numbers[0] * (numbers[1] if "each" in sentence else 1)
            if taker:
                counts[taker[1]] += numbers[0]
        else:
            assert verb in ("buys", "finds", "gets", "wins")
            counts[who] += numbers[0] * (numbers[1] if "each" in sentence else 1)
        assert counts[who] >= 0
    return sum(counts[name] for name in re.findall(r"[A-Z]\w+", question) if name in counts)
