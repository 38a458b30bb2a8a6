"""The calculator: what it calls false, and that it is silent wherever a text has a second reading."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tts_cli.calculator import equalities, values
from tts_cli.calculator.equalities import false_equalities, false_equality

# A step and the value of the side that can be worked out.
FALSE = [
    # nano's own style
    ("20+80+160=360.", "260"),
    ("240/20=13, which is 5%.", "12"),
    ("12-5=8, so 37+4*8.", "7"),
    ("4*7=27, so 37+27.", "28"),
    ("8/12+3/12=12/12, so \\boxed{12/12}.", "11/12"),
    ("2/3+1/4=8/12+4/12.", "11/12"),
    ("43=8*5+4.", "44"),
    ("37+28=66, so \\boxed{66}.", "65"),
    ("(2/3)/(4/5)=2/3*4/5.", "5/6"),
    ("-14/2=7.", "-7"),
    ("17-49=-33, so -33-10+(38+14-17).", "-32"),
    ("8*(-3)=24.", "-24"),
    # plain text
    ("So he needs 20 + 80 + 160 = 360 apples.", "260"),
    ("That's a total of 3 + 4 = 8 apples.", "7"),
    ("Total = 3 + 4 = 8", "7"),
    ("Total cost: $20 + $30 = $60.", "50"),
    ("He has 5 boxes * 3 apples = 16 apples.", "15"),
    ("5 boxes * 3 apples/box = 16 apples", "15"),
    ("They drove 3 hours * 60 miles per hour = 190 miles.", "180"),
    ("In the beginning, Betty has only 100 / 2 = $<<100/2=60>>60.", "50"),
    ("He sold 48/2 = <<48/2=24>>25 clips.", "24"),
    ("The cost is 1,200 + 300 = 1,600 dollars", "1500"),
    ("12 x 4 = 44", "48"),
    ("12 × 4 = 44", "48"),
    ("12 · 4 = 44", "48"),
    ("48 ÷ 4 = 11", "12"),
    ("20% of 50 = 12", "10"),
    ("20% * 50 = $12", "10"),
    ("1/2 of 50 = 30 students", "25"),
    ("2^3 = 9", "8"),
    ("5! = 110", "120"),
    ("sqrt(16) = 5", "4"),
    ("2 * (3 + 4) = 15", "14"),
    ("2(3 + 4) = 15", "14"),
    ("0.5 * 30 = 16", "15"),
    ("10 / 4 = 2.6", "2.5"),
    ("10/3 = 3.43", "10/3"),
    ("22/7 ≈ 3.41", "22/7"),
    ("50% of 1 = 0.6", "0.5"),
    ("3/4 = 0.85", "3/4"),
    ("3 + 4 = 7, so 7 + 5 = 13.", "12"),
    ("3 + 4 = 7. 7 + 5 = 13.", "12"),
    ("3 + 4 = 7\n7 + 5 = 13", "12"),
    ("1. 3 + 4 = 8", "7"),
    ("- Apples: 3 + 4 = 8", "7"),
    ("Step 3: 3 + 4 = 8", "7"),
    ("**Total: 3 + 4 = 8**", "7"),
    ("Total: 3 + 4 = **8** apples", "7"),
    ("3 - 5 = 2", "-2"),
    ("100 - 2 * 30 = 50", "40"),
    ("7 * 8 = 54 = 54", "56"),
    ("(3 apples + 4 apples) * 2 = 15 apples", "14"),
    ("2 1/2 + 1 = 4.5", "3.5"),
    ("That is 14 - 8 = 5 times a day.", "6"),
    ("There are 66 - 33 = 32 more goats than pigs", "33"),
    ("She gave 42 - 20 = 21 stickers to the class.", "22"),
    ("He is 3 years old because 10 - 6 = 3", "4"),
    ("at a total cost of 72*$0.75 = $55.00", "54"),
    ("The mural is 20*15 = 310 sq ft", "300"),
    ("2 dozen eggs cost $6, so he pays 4 * 6 = $26 for 8 dozen", "24"),
    # LaTeX
    (r"$3 + 4 = 8$", "7"),
    (r"The sum is \(3 + 4 = 8\).", "7"),
    (r"\[3 \cdot 4 = 13\]", "12"),
    (r"\[ 3 \times 4 \text{ apples} = 13 \text{ apples} \]", "12"),
    (r"$\frac{3}{4} + \frac{1}{4} = 2$", "1"),
    (r"$\frac12 + \frac13 = \frac25$", "5/6"),
    (r"$\dfrac{10}{4} = 2.6$", "2.5"),
    (r"$2^{10} = 1025$", "1024"),
    (r"$\sqrt{49} = 8$", "7"),
    (r"$\sqrt[3]{27} = 4$", "3"),
    (r"$\binom{5}{2} = 11$", "10"),
    (r"$5! = 110$", "120"),
    (r"$x = 3 + 4 = 8$", "7"),
    (r"$x + y = 3 + 4 = 8$.", "7"),
    (r"\begin{align*} x &= 3 + 4 \\ &= 8 \end{align*}", "7"),
    (r"\begin{align*}2\cdot 3 + 4 &= 6 + 4\\&= 11\end{align*}", "10"),
    (r"$20\% \cdot 50 = 12$", "10"),
    (r"$1{,}200 + 300 = 1{,}600$", "1500"),
    (r"$\left(3 + 4\right) \cdot 2 = 15$", "14"),
    (r"We get $2(3)^2 = 19$", "18"),
    (r"so $\boxed{3 + 4 = 8}$", "7"),
    ("We take the $100 from $2000.\n\\[\n \\$2000 - \\$100 = \\$1800\n\\]", "1900"),
]
TRUE = [
    "3+4=7, so 7+2.",
    "3 + 4 = 7 apples",
    "240/20=12, which is 5%.",
    "43=8*5+3.",
    "10/3 = 3.33",
    "10/3 = 3.3",
    "10/3 = 3",
    "20/3 = 6.6",
    "20/3 = 6.67",
    "20/3 = 7",
    "10/3 ≈ 3.3",
    r"$\frac{22}{7} \approx 3.14$",
    "199 * 5 ≈ 1000",
    "20% of 50 = 10",
    "50% = 0.5",
    "20/50 = 40%",
    "20/50 * 100 = 40%",
    "100% - 20% = 80%",
    "1,200 + 300 = 1,500",
    "$20 + $30 = $50",
    r"$2\frac{1}{2} + 1 = \frac{7}{2}$",
    "2 1/2 + 1 = 3.5",
    r"\begin{align*} x &= 3 + 4 \\ &= 7 \end{align*}",
    r"$2^{10} = 1024$",
    "1/3 * 9 = 3",
    "0.33 * 30 = 10",
    "He pays 3 * $4 = $12, then 12 + 5 = 17.",
    "12 x 2 = <<12*2=24>>24 pages",
    "2 * 3 = 6 (3 each)",
]
SILENT = [
    # letters
    "2x + 3 = 8",
    "x = 5",
    "2x = 3 + 4 = 8 - x",
    "3x4 = 13x",
    r"$2x \cdot 3 = 7$",
    "f(2) = 5",
    "f(2 + 3) = 6",
    "g (2) + 3 = 7",
    "AB + 3 = 4",
    r"$\pi \cdot 2 = 6.28$",
    r"$\sin 30 + 1 = 2$",
    # not read whole
    "Cost - 5 = 10",
    "the number of apples * 5 = 20",
    "3 + 4 + ... + 10 = 53",
    r"$1 + 2 + \cdots + 10 = 56$",
    r"$\sum_{i=1}^{10} i = 56$",
    r"$\sum_{i=1}^{10} 3 + 4 = 70$",
    "5 + 3 = 9x",
    "5 + 3 = 9 - the rest",
    "3 + 4 = ?",
    "= 5",
    "3 + 4 =",
    # two readings
    "1/2x = 3",
    "6/2(3) = 1",
    "2 3 = 7",
    "-2^2 = 4",
    "-2^2 = -4",
    "12/2/3 = 18",
    "8 ÷ 2(2+2) = 1",
    "12/3*4 = 1",
    "3 + 4 * 2 = 14",
    r"$2^10 = 1025$",
    "3 + 4 = 7!",
    r"$2\frac{1}{2} = 1$",
    "50 + 20% = 60",
    # words that belong to it
    "half of 20 + 5 = 15",
    "3 times 4 + 2 = 14",
    "twice 5 + 1 = 11",
    "twice 5 = 10",
    "5 less than 20 = 15",
    "5 less than 20 - 2 = 13",
    "a dozen * 2 = 24",
    "3 boxes of 5 apples + 4 = 19",
    "3 dozen + 4 = 40",
    "6 + 2 = 2 times 4",
    "7 + 3 = 5 plus 5",
    "16 - 1 = 3 times 5",
    "12 / 5 = 2 remainder 2",
    "12 / 5 = 2 r 2",
    "4 + 4 = 2 cubed",
    "1 + 1 = 3 or 2",
    "3 + 3 = 2 to 1",
    "3 + 3 = 5 more than 1",
    "3 + 3 = 5 and a half",
    "3 + 3 = 2 times the rest",
    "30 + 35 = 1 hour and 5 minutes",
    "30 + 35 = 1 hour 5 minutes",
    "2 hours 30 minutes + 45 minutes = 195 minutes",
    "Day 1 = 5 + 3",
    "Step 1 = 3 + 4",
    "Day 2 + 3 = 8",
    "the average of 3 + 4 + 5 = 4",
    # units
    "3 feet = 36 inches",
    "3 feet * 2 = 72 inches",
    "2 hours * 60 = 120 minutes",
    "1.5 + 0.5 hours = 120 minutes",
    "$5 * 2 = 1000 cents",
    "1 dozen = 12",
    "120 seconds / 2 = 1 minute",
    "2 + 1 weeks = 21 days",
    "20/50 = 40, so 40%",
    "0.5 * 1 = 50 percent",
    # other arithmetic
    "17 mod 5 = 2",
    "10 + 5 = 3 (mod 12)",
    r"$10 + 5 \equiv 3 \pmod{12}$",
    "In clock arithmetic 10 + 5 ≡ 3",
    "101_2 = 5",
    r"$101_2 + 1_2 = 110_2$",
    "In base 2, 1 + 1 = 10",
    "3 : 4 = 6 : 9",
    "3:4 = 6:9",
    "9:30 + 45 = 10:15",
    "(1, 2) = (2, 1)",
    "{1, 2} = {3}",
    "|3 - 5| = 3",
    "11 + 2 = 1 o'clock",
    "10 + 4 = 2 pm",
    "1.000 + 500 = 1500",
    "50 * 20% off = 40",
    # not asserted
    "Is 3 + 4 = 8?",
    "assert 3 + 4 == 8",
    "x += 3 + 4 = 8",
    "log(100) + 1 = 3",
    "log 100 + 1 = 3",
    "gcd(12, 18) = 2 * 4",
    "5 choose 2 = 10",
    "3 + 4i = 5",
    "|-3| + 2 = 5 + 1",
    "0.999... = 1 + 1",
    r"$0.\overline{3} \cdot 3 = 1$",
    "5e3 + 1 = 5002",
    "(1, 2) + (3, 4) = (4, 7)",
    "5 + 5 = 10 - 3 = 7",
    "4 x 3 = 12 x 2 = 24",
    "1/2 hour * 60 = 30 minutes",
    "20% off $50 = $40",
    "Profit = 100 - 60 = 40%",
    "7^2 = 1 mod 12",
    "The units digit of 3^4 = 1",
    "0900-0130 = 0730",
    "6-8-10 = 3-4-5",
    "14, 400 / 80 = 180",
    "16,0000/10=16000",
    r"$3*2 = 3^2 + 3 \cdot 2 - 2^2$",
    r"\frac{2.54\text{ cm}}{1\text{ in}} = 1",
    r"$\frac{144}{1-a^2} = 2016$",
    r"+ \frac{1}{2} \cdot 3 = 4 \]",
    r"5\cdot 4 = 21$ ways, so $x = 2$",
    "8 batches = 5.5 * 8",
    "1 apple = 1/2 banana = 1/2 * 3/2 cucumbers",
    "Suppose 1 + 1 = 3.",
    "If 3 + 1 = 5 then pigs fly, which is a contradiction.",
    "3 + 4 ≠ 8",
    "3 + 4 != 8",
    r"$3 + 4 \ne 8$",
    "3 + 4 = 8 is not true",
    "We need 2 + 3 = 6, which is false.",
    "2(3) + 5 = 12 doesn't hold",
    "We check: 2 * 3 + 1 = 4 + 4",
    "If we plug in -7, we get -7 - 3 = 2*(-7) + 4.",
    "The equation becomes 10 = -14 + 4.",
    "10 = -10",
    # layout
    "",
    "no numbers here = none",
    "3 + 4 is 8",
    r"\begin{array}{c} 3 + 4 = 8 \end{array}",
    "- 5 + 3 = -2",
    "- 5 + 3 = 9",
]


@pytest.mark.parametrize(("step", "value"), FALSE)
def test_a_false_equality_is_found_with_its_value(step: str, value: str) -> None:
    found = false_equality(step)
    assert found is not None and found.value == value


@pytest.mark.parametrize("step", TRUE)
def test_a_true_equality_is_left_alone(step: str) -> None:
    assert false_equality(step) is None


@pytest.mark.parametrize("step", SILENT)
def test_there_is_no_opinion_of_what_has_another_reading(step: str) -> None:
    assert false_equality(step) is None


def test_an_equality_is_given_as_it_was_written() -> None:
    found = false_equality("So  he pays $20 +  $30 = $60 in all.")
    assert found is not None
    assert (found.text, found.left, found.right) == ("$20 + $30 = $60", "20 + $30", "60")


def test_all_false_equalities_of_a_step_are_found_in_order() -> None:
    found = false_equalities("3 + 4 = 8, and then 2 * 3 = 6. Also 5 - 1 = 3 = 3.")
    assert [(equality.text, equality.value) for equality in found] == [("3 + 4 = 8", "7"), ("5 - 1 = 3", "4")]


def test_a_false_link_of_a_chain_is_named() -> None:
    (found,) = false_equalities("2 * 3 + 4 = 6 + 4 = 11")
    assert (found.text, found.value) == ("6 + 4 = 11", "10")


# Random arithmetic

numbers = st.one_of(st.integers(0, 99), st.integers(100, 99_999))
STYLES = {
    "plain": "{}",
    "spaced": "So he has {} apples.",
    "latex": "We get $ {} $.",
    "display": "\\[ {} \\]",
    "inline": "Thus \\( {} \\) apples.",
    "align": "\\begin{{align*}} y &= {} \\end{{align*}}",
    "chain": "Total = {}",
    "listed": "1. The sum: {}",
}
SIGNS = {"*": ["*", " * ", "×", r" \times ", r" \cdot ", " x "], "/": ["/", " / ", "÷", r" \div "]}


KINDS = ("number", "*", "frac", "/")


@st.composite
def sums(draw: st.DrawFn, kinds: tuple[str, ...]) -> tuple[str, Fraction, Fraction]:
    """Two or three numbers, products or quotients; their sum, and what it is from left to right."""
    total, turn, text = Fraction(0), Fraction(0), ""
    for at in range(draw(st.integers(2, 3))):
        a, b = draw(numbers), draw(st.integers(1, 50))
        kind = draw(st.sampled_from(kinds))
        value = {"number": Fraction(a), "*": Fraction(a * b)}.get(kind, Fraction(a, b))
        written = {"number": f"{a}", "frac": rf"\frac{{{a}}}{{{b}}}"}.get(kind)
        sign = -1 if at and draw(st.booleans()) else 1
        total += sign * value
        turn = (turn + sign * a) * b if kind == "*" else turn + sign * value
        text += "" if not at else " + " if sign > 0 else " - "
        text += written or f"{a}{draw(st.sampled_from(SIGNS[kind]))}{b}"
    return text, total, turn


def as_latex(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else rf"\frac{{{value.numerator}}}{{{value.denominator}}}"


@settings(max_examples=300, deadline=None)
@given(sums(KINDS), st.sampled_from(sorted(STYLES)))
def test_a_true_sum_is_never_flagged(made: tuple[str, Fraction, Fraction], style: str) -> None:
    text, value, _ = made
    assert false_equality(STYLES[style].format(f"{text} = {as_latex(value)}")) is None


@settings(max_examples=300, deadline=None)
@given(sums(KINDS[:3]), st.sampled_from(sorted(STYLES)), st.integers(0, 20), st.integers(1, 9))
def test_a_sum_with_one_digit_changed_is_flagged(
    made: tuple[str, Fraction, Fraction], style: str, place: int, change: int
) -> None:
    text, value, turn = made
    digits = str(abs(value.numerator))
    at = place % len(digits)
    changed = digits[:at] + str((int(digits[at]) + change) % 10) + digits[at + 1 :]
    wrong = Fraction(int(changed) * (1 if value >= 0 else -1), value.denominator)
    assume(wrong not in (value, turn) and wrong.denominator == value.denominator)  # 1/2 = 1 may be a rounding
    found = false_equality(STYLES[style].format(f"{text} = {as_latex(wrong)}"))
    assert found is not None and Fraction(found.value) == value


# Hostile input

TOWER = "9^{" * 3 + "9" + "}" * 3
HOSTILE = [
    f"${TOWER} = 5$",
    "9^9^9^9^9 = 5",
    "2^99999999999 = 3",
    "+".join(["1"] * 10_000) + " = 3",
    "=".join(["1"] * 5_000),
    "=".join(["1+1"] * 3_000),
    "9" * 100 + " + 1 = 5",
    "5/0 = 3",
    "0/0 = 1 + 1",
    "0^0 = 2",
    "0^(-1) = 2",
    "1 = " * 1_000,
    "1" * 1_000_000 + "=2",
    "(" * 5_000 + "1 + 1" + ")" * 5_000 + " = 3",
    "(" * 15_000 + "=" + ")" * 4_000,
    "((" * 99 + "1 + 1" + "))" * 99 + " = 3 = " + "(" * 200,
    "{" * 10_000 + "= 3",
    "\\frac{" * 3_000 + "1 = 2",
    "\\sqrt{" * 3_000 + "1 = 2",
    " + ".join(rf"\sqrt{{{n}}}" for n in range(9_999_901, 9_999_951)) + " = 3",
    r"$\sqrt{99999999999999999999999999} = 3$",
    "-" * 19_000 + "1 = 3",
    "!" * 5_000 + " = 3!" + "!" * 5_000,
    "3" + "!" * 5_000 + " = 3",
    "99999! = 3",
    r"\binom{99999}{50000} = 3",
    "<<" * 5_000 + "1+1=3" + ">>" * 5_000,
    "<<1+1=2>>" * 2_000,
    "**" * 5_000 + " 1 + 1 = 3 ** 99999",
    "\\text{" * 3_000 + " = 3",
    "a " * 9_000 + "1 + 1 = 2",
    "3 % % % + 4 = 8 %",
    "1e999 + 1 = 3",
    "0.(3) + 1 = 2",
    ".8 + . 84 + 1 = 3",
    "\x00 3 \ud800 + 4 = 7",
    "٣ + ٤ = 8",
    "² + ³ = 8",
]


@pytest.mark.parametrize("step", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_has_no_opinion(step: str) -> None:
    assert false_equality(step) is None


def test_much_hostile_text_is_read_with_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: how many sides are worked out for the longest chains."""
    read: list[str] = []

    def counted(text: str, latex: bool) -> values.SideValue:
        read.append(text)
        return values.reading(text, latex)

    monkeypatch.setattr(equalities, "reading", counted)
    for step in ("=".join(["1+1"] * 3_000), "1 + 1 = 2. " * 1_500, "<<1+1=2>>" * 2_000):
        read.clear()
        assert false_equalities(step) == []
        assert len(read) <= 200


TOKENS = r"\frac { } 1 2 = + \sqrt ^ ! \text{a} ( ) % \left( \right) [ ] of x - \binom & 1/2"
PIECES = TOKENS.split(" ")
ALPHABET = st.text(alphabet="0123456789 +-*/=≈^!%().,:{}[]|<>$&\\\nx_abn", max_size=60)


@settings(max_examples=500, deadline=None)
@given(ALPHABET)
def test_no_text_raises(text: str) -> None:
    for found in false_equalities(text):
        assert found.text and found.left and found.right and Fraction(found.value) is not None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_no_latex_raises(pieces: list[str]) -> None:
    for text in ("".join(pieces), " ".join(pieces), "\n".join(pieces)):
        assert all(found.value for found in false_equalities(text))


def test_random_order_of_calls_changes_nothing() -> None:
    """Results are kept; what was asked before must not matter."""
    steps = [step for step, _ in FALSE] + TRUE + SILENT
    before = {step: false_equality(step) for step in steps}
    Random(1).shuffle(steps)
    assert {step: false_equality(step) for step in steps} == before
