"""What the verifier says: never "wrong" of an answer that may be right, however it is written."""

from __future__ import annotations

import pytest

from tts_cli.verification.opinion import opinion

RIGHT = [
    ("Solve 3x + 5 = 20 for x.", "x=5"),
    ("Solve 3x + 5 = 20 for x.", r"\frac{10}{2}"),
    ("Find x if 2(x-3) = 12x - 96.", "9"),
    (r"Evaluate $\frac{3}{4} + \frac{1}{2}$.", "1.25"),
    (r"Evaluate $\frac{3}{4} + \frac{1}{2}$.", r"1\frac{1}{4}"),
    (r"What is the value of $5!$?", "120"),
    (r"Simplify $\sqrt{242}$.", r"11\sqrt{2}"),
    ("What is 15% of 240?", "36"),
    ("What is 12 ÷ 4?", "3"),
    (r"Compute $\frac{3}{4} \div \frac{1}{2}$.", r"\frac{3}{2}"),
    ("12 is what percent of 100?", "12%"),
    ("12 is what percent of 100?", "0.12"),
    ("Find the value of 1000 + 234.", "1,234"),
    ("Find the remainder of 99 divided by 11.", "0"),
    ("Find the greatest common divisor of 81, 261 and 168.", "3"),
    ("Solve $x^2 = 4$.", r"\pm 2"),
    ("Solve $x^2 = 4$.", "x = -2 or x = 2"),
    (r"Simplify $\frac{x^2-1}{x-1}$.", "x+1"),
    (r"If $x^2 - x - 1 = 0$, what is the value of $x^3 - 2x + 1$?", "2"),
    (r"If $a+b=8$, $b+c=-3$, and $a+c= -5$, what is the value of $abc$?", "-120"),
    (r"Compute $\sqrt[3]{-8}$.", "-2"),
]
WRONG = [
    ("Solve 3x + 5 = 20 for x.", "x=6"),
    (r"Find all values of $x$ that satisfy the equation $x = \sqrt{11-2x} + 4$.", "-1"),  # of the squared one
    (r"Solve $x^2 = 4$.", "2, 3"),
    (r"Find the value of $r$ such that $\frac{6r^2 -19r - 7}{2r-7} = 4r-3.$", r"\frac{7}{2}"),  # divides by zero
    (r"Simplify $\frac{x^2-1}{x-1}$.", "x-1"),
    ("Solve 3x + y = 7 for y in terms of x.", "7+3x"),
    (r"Evaluate $\log_2 64$.", "5"),
    (r"Compute $\sqrt{2}$.", "1.7"),
    ("Compute 2 + 3.", "six"),
    ("What is 12 ÷ 4?", "4"),
    ("What is 15% of 240?", "3600"),
    ("A price of 250 dollars is decreased by 40%. What is the new price in dollars?", "100"),
]
NO_OPINION = [
    # right, but perhaps not all there is, or not the one that is meant
    ("Solve $x^2 = 4$.", "2"),
    ("Find the smallest $x$ such that $x^2 = 4$.", "2"),
    ("Solve 3x + y = 7 for y in terms of x.", "7-3x"),
    ("Solve 3x + y = 7 for y.", "4"),
    # ÷ beside a slash, or before a product without a sign, has two readings
    ("What is 3/4 ÷ 1/2?", "3/2"),
    ("What is 3/4 ÷ 1/2?", "3/8"),
    (r"What is 3/4 \div 1/2?", "3/2"),
    ("What is 24 / 6 ÷ 2?", "2"),
    ("What is 6 ÷ 2(1+2)?", "9"),
    ("What is 8/2(2+2)?", "16"),
    ("What is 1/2 ÷ 3/4?", "1/6"),
    # answers that are not read
    ("Compute 2 + 3.", "6 apples"),
    ("Compute 2 + 3.", "6 cm"),
    ("What is 15% of 240?", "40%"),
    ("Compute 2 + 3.", "about 6"),
    ("Compute 2 + 3.", r"\approx 6"),
    ("Compute 2 + 3.", "y = 6"),
    ("Compute 2 + 3.", "12_4"),
    ("Compute 2 + 3.", "[1, 6]"),
    ("Solve 3x + 5 = 20 for x.", "(1, 6)"),
    ("Solve 3x + 5 = 20 for x.", "n = 6"),
    ("Solve 3x + 5 = 20 for x.", "no solution"),
    ("Solve 3x + 5 = 20 for x.", "x > 6"),
    # rounded
    (r"Evaluate $\frac{1}{3}$.", "0.33"),
    (r"Compute $\sqrt{2}$.", "1.4"),
    ("Solve 3x = 20 for x.", "6.67"),
    # what the problem means is not certain
    ("Evaluate 1/2(3).", "6"),
    (r"Evaluate $\log 100$.", "7"),
    (r"Compute $\sin 30$.", "7"),
    (r"Evaluate $f(2)$.", "7"),
    ("Evaluate 3 x 4.", "7"),
    ("Simplify 3 x 4.", "7"),
    ("Compute 5!", "7"),
    (r"Evaluate $2^10$.", "7"),
    (r"Compute $6_8 \cdot 7_8$.", "7"),
    (r"Compute $1+2+\dots+9$.", "7"),
    (r"What is the value of $x$ if $x + y = 10$?", "7"),
    (r"Solve $\ln(x-5) = \ln(2x-3)$.", "-2"),
    # more is said than was understood
    ("Solve -4 < 2(x - 1) < 8.", "99"),
    ("Evaluate 7/3 to the nearest tenth.", "7"),
    ("Solve 3x + 5 = 20 for x, where x is a number modulo 7.", "6"),
    ("Compute 2 + 3. Give the number of its divisors.", "7"),
    (r"Find the sum of the roots of $x^2 = 4$.", "7"),
    (r"How many solutions has $x^2 = 4$?", "7"),
    (r"Compute $17^{-1}\pmod{83}$.", "44"),
]


@pytest.mark.parametrize(("problem", "answer"), RIGHT)
def test_right(problem: str, answer: str) -> None:
    assert opinion(problem, answer) == "right"


@pytest.mark.parametrize(("problem", "answer"), WRONG)
def test_wrong(problem: str, answer: str) -> None:
    assert opinion(problem, answer) == "wrong"


@pytest.mark.parametrize(("problem", "answer"), NO_OPINION)
def test_no_opinion(problem: str, answer: str) -> None:
    assert opinion(problem, answer) == "no opinion"
