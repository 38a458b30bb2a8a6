"""The problem generator: answers are right, splits never meet, the same seed gives the same problems."""

import contextlib
import json
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.problems import FAMILIES, LEVELS, SPLITS, distinct, generate, label
from training.problems import expressions as ex
from tts_cli.answers import extract


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", LEVELS)
def test_every_step_of_every_solution_passes_the_checker(family, level):
    for problem in islice(generate(7, split="train", levels=(level,), families=(family,)), 60):
        assert all(label(problem, problem.steps)), problem
        assert problem.level == level
        assert extract(problem.solution) == problem.answer


def test_arithmetic_agrees_with_python():
    for problem in islice(generate(3, split="test", families=("arithmetic",)), 200):
        text = problem.key.removeprefix("arithmetic ")
        assert Fraction(eval(text.replace("/", "//"))) == Fraction(problem.answer)


@pytest.mark.parametrize("family", FAMILIES)
def test_harder_levels_take_more_steps(family):
    def mean_steps(level):
        problems = list(islice(generate(1, split="train", levels=(level,), families=(family,)), 150))
        return sum(len(problem.steps) for problem in problems) / len(problems)

    assert mean_steps(1) < mean_steps(3) <= mean_steps(5)


def test_splits_share_no_problem():
    keys = {split: {p.key for p in islice(generate(11, split=split), 4000)} for split in SPLITS}
    texts = {split: {p.problem for p in islice(generate(12, split=split), 4000)} for split in SPLITS}
    for one, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        assert not keys[one] & keys[other]
        assert not texts[one] & texts[other]


def test_a_key_names_what_is_asked_not_how():
    """Two phrasings of one expression have one key, so they cannot fall into two splits."""
    by_key = {}
    for problem in islice(generate(5, split="train", levels=(1,), families=("arithmetic",)), 4000):
        by_key.setdefault(problem.key, set()).add(problem.problem)
    assert any(len(phrasings) > 1 for phrasings in by_key.values())
    assert all(len({extract_numbers(text) for text in phrasings}) == 1 for phrasings in by_key.values())


def extract_numbers(text):
    return tuple("".join(c if c.isdigit() else " " for c in text).split())


def test_families_and_levels_are_drawn_evenly():
    problems = list(islice(generate(2, split="train"), 3000))
    subjects, levels = Counter(p.subject for p in problems), Counter(p.level for p in problems)
    assert len(subjects) == len(FAMILIES) and min(subjects.values()) > 400
    assert set(levels) == set(LEVELS) and min(levels.values()) > 500


def test_distinct_problems_have_distinct_keys():
    problems = list(distinct(generate(4, split="test"), 300))
    assert len({problem.key for problem in problems}) == len(problems) == 300


def run_generator(*arguments):
    command = [sys.executable, "-m", "training.problems", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_command_prints_jsonl_and_repeats():
    out = run_generator("--seed", "3", "--count", "5", "--level", "2", "--family", "fractions")
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 5
    assert {tuple(row) for row in rows} == {("id", "problem", "answer", "level", "subject", "solution")}
    assert {(row["level"], row["subject"]) for row in rows} == {(2, "fractions")}
    assert out == run_generator("--seed", "3", "--count", "5", "--level", "2", "--family", "fractions")
    assert out != run_generator("--seed", "4", "--count", "5", "--level", "2", "--family", "fractions")


def test_generator_needs_no_training_package():
    code = "import sys, training.problems.__main__; assert not {'torch', 'gguf', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def expressions(depth=3):
    leaf = st.integers(-99, 99).map(ex.number)
    return st.recursive(leaf, lambda inner: st.tuples(st.sampled_from("+-*/"), inner, inner), max_leaves=6)


@given(expressions(), st.booleans())
def test_shown_expressions_parse_back_to_the_same_value(expression, spaces):
    try:
        value = ex.evaluate(expression)
    except ex.NotAnExpression:
        return
    assert ex.evaluate(ex.parse(ex.show(expression, spaces))) == value


@given(st.text(alphabet="0123456789x+-*/() ", max_size=40))
def test_parser_ends_on_any_text(text):
    with contextlib.suppress(ex.NotAnExpression):
        ex.evaluate(ex.parse(text), Fraction(1))


def test_canonical_form_ignores_the_order_of_sums_and_products_only():
    def same(a, b):
        return ex.canonical(ex.parse(a)) == ex.canonical(ex.parse(b))

    assert same("2*36+12", "12+36*2")
    assert not same("12-5", "5-12")
    assert not same("12/5", "5/12")
    assert not same("2*36+12", "2*36+13")


def test_random_is_not_shared():
    """A generator owns its randomness: another one running beside it changes nothing."""
    alone = [p.key for p in islice(generate(9), 20)]
    one, other = generate(9), generate(10)
    together = []
    for _ in range(20):
        together.append(next(one).key)
        next(other)
        Random(0).random()
    assert alone == together
