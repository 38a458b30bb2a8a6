"""What counts as the same answer: as people write it, and near misses."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.grading_rules import MISS, SAME, rewrites
from tts_cli.answers.judge import Judge

EQUAL = [
    ("1/2", "0.5"), (r"\frac12", r"\dfrac{1}{2}"), (r"\frac{2}{4}", ".50"), ("025", "25"), ("½", "0.5"), ("−3", "-3"),
    ("0.\\overline{3}", "1/3"), (r"6.72\times10^{-5}", ".0000672"), ("1.5e-3", "0.0015"), ("10%", r"10\%"),
    (r"50\%", "0.5"), (r"50\%", "50"), ("1,000,000", "10^6"), (r"10,\!080", "10080"), (r"1{,}234", "1234"),
    (r"1\frac{4}{5}", "1.8"), ("1 4/5", "9/5"), (r"137 \frac{1}{2}", "137.5"), ("2^{10}", "1024"), ("5!", "120"),
    (r"\binom{5}{2}", "10"), ("8^{2/3}", "4"), (r"\sqrt{8}", r"2\sqrt{2}"), (r"\sqrt[3]{16}", r"2\sqrt[3]{2}"),
    (r"\frac{1}{1+\sqrt2}", r"\sqrt{2}-1"), (r"\frac{1}{\sqrt{3}}", r"\frac{\sqrt{3}}{3}"), (r"\sqrt{-4}", "2i"),
    ("(a+5)(b+2)", "ab+2a+5b+10"), ("x^2-1", "(x-1)(x+1)"), (r"\frac{x+1}{x-1}", r"1+\frac{2}{x-1}"), ("2+3i", "3i+2"),
    ("3x^2 y", "3*x**2*y"), (r"\frac{20000}{\pi}", r"20000\pi^{-1}"), ("x=5", "5"), ("P(A)=1/3", r"\frac13"),
    ("m+n=33", "33"), (r"\angle ABC = 30^\circ", "30"), ("y = 2x+3", "2x - y + 3 = 0"), ("f(x) = x^2", "x^2"),
    ("3 + 4 = 7", "7"), (r"\sqrt{2} \approx 1.414", r"\sqrt2"), ("1,2,3", "3, 2, 1"), (r"\{1,2\}", "2,1"),
    (r"\{1,2,2\}", r"\{2,1\}"), (r"1 \pm \sqrt{19}", r"1-\sqrt{19}, 1+\sqrt{19}"), (r"x=\pm 3", "-3, 3"),
    (r"\{1\pm\sqrt{5},-2\}", r"\{-2, 1-\sqrt5, 1+\sqrt5\}"), (r"4\text{ and }5", "4,5"), ("x=1 or x=2", "1,2"),
    ("(1,2),(3,4)", "(3,4),(1,2)"), (r"\left( 3, \frac{\pi}{2} \right)", "(3,π/2)"), ("(x,y) = (8,-2)", "(8,-2)"),
    (r"x \in [-2,7]", r"-2 \le x \le 7"), ("x>3", r"(3,\infty)"), (r"(-\infty,\infty)", r"\mathbb{R}"),
    ("x>3 or x<2", r"(-\infty,2)\cup(3,\infty)"), (r"(0,9) \cup (9,36)", "(9,36) ∪ (0,9)"), (r"[2,\infty]", "[2,∞)"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix}1\\2\end{bmatrix}"), (r"\text{(C)}", "C"), ("C.", "(C)"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\langle 1,2\rangle"), ("(C) 12", "C"), (r"\text{Evelyn}", "evelyn"),
    (r"\text{no solution}", "No solution."), ("90^\\circ", "90 degrees"),
    (r"864 \mbox{ inches}^2", "864 square inches"),
    (r"5.4 \text{ cents}", "5.4"), (r"\$18.90", "18.9"), ("12 cm", "12 centimeters"), ("5 miles per hour", "5"),
    ("52_8", "52_{8}"), (r"4210_{5}", r"4210_{\text{five}}"), ("six", "6"), (r"\textbf{(55) }", "055"),
    ("100,200,300", "100, 200, 300"), ("1,000, 2,000", "2000; 1000"), (r"\boxed{5}", "5"), ("**5**", "5"),
]  # fmt: skip
BY_SYMPY = [
    (r"\cot x", r"\frac{\cos x}{\sin x}"), (r"\sin^2 x+\cos^2 x", "1"), (r"\log_2 8", "3"), (r"2^{n+1}", r"2\cdot 2^n"),
    (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2"), (r"\ln 4", r"2\ln 2"), (r"\sin 30^\circ", "1/2"),
    (r"\sqrt{2}", "1.41421356237"), (r"\pi", "3.14159265358979"), (r"\sin 1", "0.841470984808"),
    (r"2\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\4\end{pmatrix}"), (r"(\ln 4, 1)", r"(2 \ln 2, 1)"),
]  # fmt: skip
DIFFERENT = [
    ("0.333", "1/3"), ("0.333333333333", "1/3"), (r"\sqrt{2}", "1.4142135623"), (r"\pi", "3.1415926536"),
    (r"\sin 1", "0.841470984809"), ("1 4/5", "14/5"), ("1 2", "12"), ("3", "-3"), ("12", "1,2"), ("0", "0,0"),
    ("10", "10^2"),
    ("x=5", "y=5"), ("2n=34", "34"), ("x^2=4", "4"), ("x=1,y=2", "x=2,y=1"), ("x+1", "x-1"), ("x^2", "2x"), ("i", "-i"),
    ("5x", "5y"), ("2x+3y=5", "2x+3y=6"), ("2x+3y=5", "5"), ("(1,2]", "(1,2)"), ("[1,2]", "(1,2)"), ("(1,2)", "(2,1)"),
    ("(2,3)", "(2,3,4)"), (r"\{1,2\}", "(1,2)"), ("1,2", "1,2,3"), ("1,1,2", "1,2,2"), (r"\pm3", "3"), ("x<3", "x>3"),
    ("x<3", r"x\le 3"), (r"(0,9) \cup (9,36)", r"(0,9) \cap (9,36)"), (r"(0,9) \cup (9,36)", "(0,9)"), ("5 cm", "5 m"),
    ("15 cm^2", "15 cm"), ("3 hours", "3 minutes"), (r"5\%", "50"), ("52_8", "52_9"), ("A", "B"), ("yes", "no"),
    ("even", "neve"), (r"\text{(A)}/2", "A"), (r"\infty", r"-\infty"), (r"\frac{1}{0}", "1"),
    (r"\frac{x}{0}", r"\frac{1}{0}"),
    (r"\cot x", r"\tan x"), (r"2^{n}", r"2^{n+1}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"), ("", "0"), ("", "5"),
]  # fmt: skip


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(time_limit=60) as judge:  # the verdicts matter here, on a busy machine too
        yield judge


@pytest.mark.parametrize(("a", "b"), EQUAL + BY_SYMPY)
def test_accepts_what_people_write(judge: Judge, a: str, b: str) -> None:
    assert judge.equal(a, b)
    assert judge.equal(b, a)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_rejects_near_misses(judge: Judge, a: str, b: str) -> None:
    assert not judge.equal(a, b)
    assert not judge.equal(b, a)


@pytest.mark.parametrize(("a", "b"), EQUAL)
def test_common_answers_need_no_worker(a: str, b: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_cli.answers.judge.WorkerProcess", None)
    if (a, b) != (r"\boxed{5}", "5"):
        assert Judge().equal(a, b)


REFERENCES = [
    "7", "-4", "2016", "0", "1", r"\frac{3}{4}", r"-\frac{7}{3}", r"\frac{5}{64}", "0.35", ".0625", r"\sqrt{7}",
    r"3\sqrt{13}", r"-\sqrt{3}", r"\frac{\sqrt{21}}{5}", r"\frac{3\sqrt{3}}{4}", "1,-2", "3, 5, 7", r"4 \pm \sqrt{6}",
    "(6,31,-1)", "(8,-2)", "(3,4]", r"(-\infty, 2]", r"(5,\infty)", r"[-2,7]", r"(0,9) \cup (9,36)", "6-5i", "-2 + 7i",
    r"\begin{pmatrix} -1/3 \\ 2/3 \\ 5/3 \end{pmatrix}", r"\begin{pmatrix} 2 & 1 \\ 0 & -1 \end{pmatrix}",
    r"\text{east}",
    r"\text{(B)}", "52_8", r"4210_{5}", r"90^\circ", r"12\pi", r"288 \pi", "x^5 - x^4 + x^3 - x^2 + x - 1",
    "6r^2-4r-24",
    "y = 2x + 3", r"15\mbox{ cm}^2", r"5.4 \text{ cents}", r"\$36", r"\left[ \frac{1}{8}, \frac{5}{4} \right]",
]  # fmt: skip


@pytest.mark.parametrize("reference", REFERENCES)
def test_rule_made_rewrites_and_near_misses(judge: Judge, reference: str) -> None:
    rejected = [text for text in rewrites(reference, SAME) if not judge.equal(reference, text)]
    accepted = [text for text in rewrites(reference, MISS) if judge.equal(reference, text)]
    assert (rejected, accepted) == ([], [])
    assert rewrites(reference, SAME) and rewrites(reference, MISS)


def test_references_differ_from_each_other(judge: Judge) -> None:
    same = [(a, b) for a in REFERENCES for b in REFERENCES if a < b and judge.equal(a, b)]
    assert same == []


# --- properties ------------------------------------------------------------------------------------------------

numbers = st.fractions(min_value=-1000, max_value=1000, max_denominator=60)


def forms(value: Fraction) -> st.SearchStrategy[str]:
    n, d = value.numerator, value.denominator
    sign, top = ("-" if n < 0 else ""), abs(n)
    texts = [f"{n}/{d}", rf"{sign}\frac{{{top}}}{{{d}}}", rf"\dfrac{{{3 * n}}}{{{3 * d}}}", rf"x = \frac{{{n}}}{{{d}}}"]
    texts += [f"{n}"] if d == 1 else []
    texts += [f"{float(value)}"] if d in (1, 2, 4, 5, 8, 10, 20) else []
    texts += [rf"{sign}{top // d}\frac{{{top % d}}}{{{d}}}"] if top > d > 1 else []
    return st.sampled_from(texts)


@given(st.data(), numbers, numbers)
def test_numbers_are_equal_exactly_when_their_values_are(data: st.DataObject, x: Fraction, y: Fraction) -> None:
    with Judge() as judge:
        assert judge.equal(data.draw(forms(x)), data.draw(forms(x)))
        assert judge.equal(data.draw(forms(x)), data.draw(forms(y))) == (x == y)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6), st.randoms())
def test_lists_ignore_order_and_tuples_do_not(items: list[int], random: object) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    a, b = ", ".join(map(str, items)), ", ".join(map(str, shuffled))
    with Judge() as judge:
        assert judge.equal(a, b)
        assert judge.equal(f"({a})", f"({b})") == (items == shuffled)
        assert not judge.equal(a, f"{b}, 51")


answer_text = st.text(alphabet=r"0123456789xyab+-*/^_=,.()[]{}\$%| π∞≤", max_size=14)


@given(answer_text, answer_text)
def test_equality_is_reflexive_and_symmetric_on_any_text(a: str, b: str) -> None:
    judge = Judge()
    judge._comparison.hard = lambda x, y: False  # the exact path alone: no worker for random text
    assert judge.equal(a, a)
    assert judge.equal(a, f" {a} ")
    assert judge.equal(a, b) == judge.equal(b, a)
