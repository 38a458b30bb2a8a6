"""The step checker, on hand-written steps and against the near misses."""

from itertools import islice
from random import Random

import pytest

from training.problems import FAMILIES, check, generate, label
from training.problems.corrupt import near_misses
from training.problems.problem import PlannedStep, Problem

ARITHMETIC = Problem(
    problem="Compute 37 + 4 * (12 - 5).",
    answer="65",
    level=3,
    subject="arithmetic",
    steps=("12-5=7, so 37+4*7.", "4*7=28, so 37+28.", "37+28=65, so \\boxed{65}."),
    key="",
    rule="value",
    target=65,
)
EQUATION = Problem("Solve 3x + 5 = 20 for x.", "5", 2, "equations", (), "", "root", target=5)
STORY = Problem(
    problem="Mia has 12 apples. She buys 3 bags with 4 apples each. How many apples does Mia have now?",
    answer="24",
    level=2,
    subject="word problems",
    steps=("3*4=12.", "12+12=24, so \\boxed{24}."),
    key="",
    rule="plan",
    plan=(PlannedStep("3*4=12"), PlannedStep("12+12=24", (0,))),
)


@pytest.mark.parametrize(
    ("step", "right"),
    [
        ("12-5=7, so 37+4*7.", True),
        ("12-5=7, so 37+28.", True),  # two steps at once, and true
        ("12-5=8, so 37+4*8.", False),  # a slip, carried on
        ("12-5=7, so 37+4*8.", False),  # copied wrongly
        ("12-5=7, so 4*7.", False),  # a term lost
        ("12-5=7.", False),  # says nothing of the question
        ("37+4*(12-5)=65, so \\boxed{65}.", True),
        ("37+4*(12-5)=65, so \\boxed{66}.", False),
        ("12-5=7, so \\boxed{7}.", False),
        ("12-5", False),
        ("", False),
        ("1/0=1/0, so 65.", False),
        ("9" * 400 + "=7.", False),
        ("12-5=7, so 37+4*7. And so on", False),
    ],
)
def test_value_rule(step, right):
    assert check(ARITHMETIC, [], step) is right


@pytest.mark.parametrize(
    ("step", "right"),
    [
        ("3x=20-5.", True),
        ("3x=15.", True),
        ("3x=20-5=15.", True),
        ("3x=16.", False),
        ("x=5, so \\boxed{5}.", True),
        ("x=5, so \\boxed{4}.", False),
        ("x=4, so \\boxed{4}.", False),
        ("3x=3x.", False),  # true and empty
        ("15=15.", False),
    ],
)
def test_root_rule(step, right):
    assert check(EQUATION, [], step) is right


@pytest.mark.parametrize(
    ("previous", "step", "right"),
    [
        ((), "3*4=12.", True),
        ((), "4*3=12.", True),
        ((), "3+4=7.", False),  # true arithmetic, another story
        ((), "12+12=24, so \\boxed{24}.", False),  # needs the first step
        (("3*4=12.",), "12+12=24, so \\boxed{24}.", True),
        (("3*4=12.",), "12+12=24.", False),  # the answer is due
        (("3*4=12.",), "12+12=25, so \\boxed{25}.", False),
        ((), "3*4=12, so \\boxed{12}.", False),
    ],
)
def test_plan_rule(previous, step, right):
    assert check(STORY, previous, step) is right


def test_nothing_is_right_after_an_error():
    steps = ["12-5=8, so 37+4*8.", "4*7=28, so 37+28.", "37+28=65, so \\boxed{65}."]
    assert label(ARITHMETIC, steps) == [False, False, False]
    assert label(ARITHMETIC, ARITHMETIC.steps) == [True, True, True]


@pytest.mark.parametrize("family", FAMILIES)
def test_near_misses_are_wrong_and_different(family):
    random, found = Random(1), 0
    for problem in islice(generate(21, split="train", families=(family,)), 60):
        for i, step in enumerate(problem.steps):
            misses = near_misses(problem, i, random, 3)
            found += len(misses)
            assert len(set(misses)) == len(misses) and step not in misses
            assert not any(check(problem, problem.steps[:i], miss) for miss in misses)
    assert found > 60
