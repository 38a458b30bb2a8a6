"""What holds for any answers: equality is reflexive and symmetric, and what is not understood adds nothing to it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.grading import written_pairs
from benchmarks.grading_rules import SAME, rewrites
from tests.answers.test_equal import REFERENCES
from tts_cli.answers.compare import prepare
from tts_cli.answers.judge import Judge

TEXTS = sorted({text for pair in written_pairs() for text in pair[:2]})
NOT_UNDERSTOOD = [
    " is extraneous", " because the sum wobbles", " if the parity fits", " (rejected)", " or more", " \\foo{7}", " ⊕ 3",
    " ∧ 2", " 以上", " does not work", "\\lim", " \\Rightarrow", " \u202e", " when n is even", " _", " ^", " ≪ 9",
    " <|x|>",
]  # fmt: skip
BEFORE = ["not ", "at least ", "más de ", "\\lim ", "more than ", "⊕", "\\foo ", "neither "]

texts = st.sampled_from(TEXTS)
any_text = st.one_of(
    texts,
    st.text(alphabet="0123456789xyabei+-*/^_=<>,.:;()[]{}|!'\"%$°\\ πθ√∞≤≠±∪½²₂ˣ‰", max_size=16),
    st.lists(
        st.sampled_from(["5", "x", "\\frac", "{", "}", "\\text{", "and", "or", ",", "=", "\\pi", "(", ")", "km"])
    ).map(" ".join),
    st.text(max_size=12),
)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(time_limit=60) as judge:
        yield judge


@settings(max_examples=300, deadline=None)
@given(any_text, any_text)
def test_equality_is_reflexive_and_symmetric(judge: Judge, a: str, b: str) -> None:
    assert judge.equal(a, a)
    assert judge.equal(a, b) == judge.equal(b, a)


@settings(max_examples=300, deadline=None)
@given(texts, texts, st.sampled_from(NOT_UNDERSTOOD))
def test_what_is_not_understood_never_makes_two_answers_equal(judge: Judge, a: str, b: str, more: str) -> None:
    assume(not judge.equal(a, b))
    assert not judge.equal(a + more, b + more)
    assert not judge.equal(a + more, b)


@pytest.mark.parametrize("more", NOT_UNDERSTOOD)
@pytest.mark.parametrize(
    "text", ["5", "x = 5", r"\frac{1}{2}", "(1,2)", "x > 3", "1, 2", "5 cm", "2:30", "yes", "52_8"]
)
def test_an_answer_with_more_than_is_understood_is_not_that_answer(judge: Judge, text: str, more: str) -> None:
    assert not judge.equal(text + more, text)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("text", ["5", r"\frac{1}{2}", "(1,2)", "5 cm", "yes"])
def test_nor_with_more_before_it(judge: Judge, text: str, before: str) -> None:
    assert not judge.equal(before + text, text)


@pytest.mark.parametrize("reference", REFERENCES[::3])
def test_equality_is_transitive_among_spellings_of_one_value(judge: Judge, reference: str) -> None:
    spellings = list(rewrites(reference, SAME))[:12]
    unequal = [(a, b) for a, b in combinations(spellings, 2) if not judge.equal(a, b)]
    assert unequal == []


@settings(max_examples=100, deadline=None)
@given(any_text)
def test_anything_is_read_without_an_exception(text: str) -> None:
    prepare(text)
