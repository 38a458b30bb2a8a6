"""The final answer of a solution text: boxes, spoken endings, and text made to break the reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.answers import extract, stated

WRITTEN = [
    (r"So \boxed{42}.", "42"),
    (r"$\boxed{\frac{\sqrt{3}}{2}}$", r"\frac{\sqrt{3}}{2}"),
    (r"First \boxed{1}, then \boxed{2}", "2"),
    (r"\boxed{3} and then \boxed{unfinished", "3"),
    (r"\boxed{3} and then \boxed{}", "3"),
    (r"\boxed{x = \boxed{5}}", "5"),
    (r"\fbox{7}", "7"),
    (r"\framebox{204} minutes", "204"),
    (r"\boxed 5", "5"),
    (r"$\boxed 5$ is it", "5"),
    (r"\boxed{\left\{ 1, 2 \right\}}", r"\left\{ 1, 2 \right\}"),
    (r"\boxed{ $\pi$ }", r"\pi"),
    ("\\boxed{1 +\n  x}", "1 + x"),
    (r"a stray } and { before \boxed{9}", "9"),
    (r"\boxed{\$18.90}", r"\$18.90"),
    (r"the box \boxedx{3} is none, \boxed{4} is", "4"),
    ("The answer is 42.", "42"),
    ("The answer is 3.14.", "3.14"),
    ("The answer is: 42\nand nothing else", "42"),
    ("Therefore, the final answer is: $\\frac{1}{2}$. I hope it is correct.", r"\frac{1}{2}"),
    ("the final answer is $x=5$ because", "x=5"),
    ("Answer: 7", "7"),
    ("**Answer:** 7", "7"),
    ("**Final Answer**: **12**", "12"),
    ("Answer:\n\n  17", "17"),
    ("reasoning\n#### 1,234", "1,234"),
    ("The answer is therefore \\(2x+1\\).", "2x+1"),
    ("The answer is Evelyn.", "Evelyn"),
    ("The answer is the sum of both numbers, that is to say 12 apples.", "12"),
    ("The answer is 5, since 2 + 3 = 5", "5"),
    ("First the answer is 3. No: the answer is 4.", "4"),
    ("答案是 8", "8"),
    ("3 + 4 = 7\n7 + 5 = 12", "12"),
    ("$a + b = 12$.", "12"),
    ("some thought\n42", "42"),
    ("some thought\n$\\frac{3}{4}$", r"\frac{3}{4}"),
    ("So she has 12 apples.", "12"),
    ("Thus there are $\\binom{5}{2}$ ways.", r"\binom{5}{2}"),
]


@pytest.mark.parametrize(("text", "answer"), WRITTEN)
def test_finds_the_answer(text: str, answer: str) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "I do not know.",
        "Let me think about 3 apples and 4 pears and see where that leads",
        r"\boxed{cut in the middle 42",
        r"\boxed{}",
        r"The answer is \boxed{4",
        "The answer is",
        "There were 3 of them, and he left.",
    ],
)
def test_admits_that_there_is_none(text: str) -> None:
    assert extract(text) is None


balanced = st.recursive(
    st.text(alphabet="abcxyz0123456789+-*/^_ =,()\\", min_size=1, max_size=8).filter(lambda t: not t.endswith("\\")),
    lambda inner: st.tuples(st.sampled_from(["", "\\frac", "\\sqrt", "x^"]), inner, inner).map(
        lambda t: f"{t[0]}{{{t[1]}}}{{{t[2]}}}"
    ),
    max_leaves=12,
)


@given(balanced, st.text(max_size=60).filter(lambda t: "boxed" not in t and "box" not in t))
def test_reads_back_what_was_boxed(content: str, before: str) -> None:
    expected = " ".join(content.split())
    # A backslash just before the box would escape its brace; the text before must end the command.
    found = extract(f"{before} \n\\boxed{{{content}}}")
    assert found == (expected or None) or not expected


@given(st.text())
def test_survives_any_text(text: str) -> None:
    answer = extract(text)
    assert answer is None or (answer == answer.strip() and answer and "\n" not in answer)


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        "}" * 100_000,
        "\\boxed{" * 20_000,
        "\\boxed{" * 5_000 + "}" * 5_000,
        "\\boxed{" + "{" * 100_000 + "}" * 100_000 + "}",
        "the answer is " * 10_000,
        "$" * 100_000,
        "\\" * 100_001,
        "answer" + " " * 100_000 + "is",
    ],
)
def test_hostile_text_ends(text: str) -> None:
    """Quadratic or recursive reading of these would take minutes or overflow the stack."""
    answer = extract(text)
    assert answer is None or len(answer) < 3_000


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So \\boxed{5}.", "5"),
        ("2 + 3 = 5\n#### 5", "5"),
        ("The answer is 5.", "5"),
        ("x = 5", "x = 5"),
        ("\\text{five}", "\\text{five}"),
        ("\\boxed{", "\\boxed{"),
        ("", ""),
    ],
)
def test_stated_is_the_marked_answer_or_the_whole_text(text: str, answer: str) -> None:
    assert stated(text) == answer
