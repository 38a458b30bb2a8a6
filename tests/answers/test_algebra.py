"""Exact arithmetic and its parser against floating point: random expressions, written in several ways."""

from __future__ import annotations

import cmath
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tts_cli.answers import algebra
from tts_cli.answers.algebra import TooBig, Undefined
from tts_cli.answers.evaluate import scalar
from tts_cli.answers.reading.expression import NotUnderstood
from tts_cli.answers.reading.normalize import clean
from tts_cli.answers.reading.parse import parse

POINTS = [
    {"x": complex(0.731), "y": complex(1.377)},
    {"x": complex(2.113), "y": complex(0.419)},
]
Value = Callable[[dict[str, complex]], complex]


@dataclass(frozen=True)
class Expression:
    """Two spellings of one value."""

    latex: str
    typed: str
    value: Value


def _leaf() -> st.SearchStrategy[Expression]:
    integers = st.integers(0, 40).map(lambda n: Expression(str(n), f"{n}.0", lambda p: n))
    decimals = st.integers(1, 999).map(
        lambda n: Expression(rf"\frac{{{n}}}{{100}}", f"{n / 100:.2f}", lambda p: n / 100)
    )
    variables = st.sampled_from("xy").map(lambda v: Expression(v, v, lambda p: p[v]))
    roots = st.integers(2, 30).map(lambda n: Expression(rf"\sqrt{{{n}}}", f"({4 * n})^(1/2)/2", lambda p: n**0.5))
    constants = st.sampled_from(
        [Expression("i", r"\sqrt{-1}", lambda p: 1j), Expression(r"\pi", "pi", lambda p: cmath.pi)]
    )
    return st.one_of(integers, decimals, variables, roots, constants)


def _binary(parts: tuple[Expression, Expression]) -> st.SearchStrategy[Expression]:
    a, b = parts
    return st.sampled_from(
        [
            Expression(f"{a.latex} + {b.latex}", f"({b.typed})+({a.typed})", lambda p: a.value(p) + b.value(p)),
            Expression(
                rf"{a.latex} - \left({b.latex}\right)", f"-({b.typed})+{a.typed}", lambda p: a.value(p) - b.value(p)
            ),
            Expression(rf"({a.latex})({b.latex})", f"({b.typed})*({a.typed})", lambda p: a.value(p) * b.value(p)),
            Expression(
                rf"({a.latex}) \cdot ({b.latex}+1)",
                f"({a.typed})+({b.typed})*({a.typed})",
                lambda p: a.value(p) * (b.value(p) + 1),
            ),
            Expression(
                rf"\dfrac{{{a.latex}}}{{{b.latex}}}", f"({a.typed})/({b.typed})", lambda p: a.value(p) / b.value(p)
            ),
            Expression(rf"({a.latex})^2", f"({a.typed})({a.typed})", lambda p: a.value(p) ** 2),
            Expression(rf"({a.latex}-1)^{{3}}", f"({a.typed}-1)**3", lambda p: (a.value(p) - 1) ** 3),
        ]
    )


expressions = st.recursive(_leaf(), lambda inner: st.tuples(inner, inner).flatmap(_binary), max_leaves=6)


def value_of(text: str) -> algebra.Ratio:
    return scalar(parse(text).expression)


def exact(text: str) -> algebra.Ratio:
    try:
        return value_of(clean(text))
    except (TooBig, Undefined):
        assume(False)
        raise


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_two_spellings_of_one_value_are_equal(expression: Expression) -> None:
    assert algebra.equal(exact(expression.latex), exact(expression.typed)) is True


@settings(max_examples=200, deadline=None)
@given(expressions, st.sampled_from(["{}+1", "-({})-1", "({})+x^7", r"({})+\frac{{1}}{{97}}", r"({})+\sqrt{{101}}"]))
def test_a_changed_value_is_not(expression: Expression, change: str) -> None:
    changed = change.format(expression.latex)
    assume(change[0] != "-" or algebra.equal(exact(f"2({expression.latex})+1"), algebra.number(0)) is not True)
    assert algebra.equal(exact(expression.latex), exact(changed)) is False


@settings(max_examples=200, deadline=None)
@given(expressions, expressions)
def test_the_verdict_agrees_with_floating_point(a: Expression, b: Expression) -> None:
    verdict = algebra.equal(exact(a.latex), exact(b.latex))
    try:
        pairs = [(a.value(point), b.value(point)) for point in POINTS]
    except (ZeroDivisionError, OverflowError):
        assume(False)
    near = all(cmath.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12) for x, y in pairs)
    assert verdict == near


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3-4", -1), ("2+3*4", 14), ("2*3^2", 18), ("-2^2", -4), ("(-2)^2", 4), ("6/2*3", 9), ("1/2/2", Fraction(1, 4)),
        ("2^-1", Fraction(1, 2)), ("8^{1/3}", 2), ("(-8)^{1/3}", -2), (r"\sqrt{\frac{9}{4}}", Fraction(3, 2)),
        ("i^2", -1),
        (r"\frac34", Fraction(3, 4)), (r"\frac{3}4", Fraction(3, 4)), (r"2\frac12", Fraction(5, 2)), (r"2\frac32", 3),
        ("0.1", Fraction(1, 10)), (".5", Fraction(1, 2)), ("5.", 5), (r"0.1\overline{6}", Fraction(1, 6)), ("|3-5|", 2),
        (r"\sqrt{2}\sqrt{8}", 4), (r"e^{i\pi}", -1), (r"\lfloor 7/2 \rfloor", 3), (r"\lceil 7/2 \rceil", 4), ("3!", 6),
        ("√16", 4), ("2√9", 6), ("10^2", 100), ("1e3", 1000), (r"\binom{4}{2}", 6), ("x/x", 1), ("(x+1)/(x+1)", 1),
        (r"\sqrt[3]{27}", 3), (r"\left(\sqrt3\right)^2", 3), (r"3\cdot 10^{-1}", Fraction(3, 10)),
    ],
)  # fmt: skip
def test_rational_values(text: str, value: Fraction | int) -> None:
    assert value_of(clean(text)).rational == value


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (r"e^{i\pi/3}", r"\frac12+\frac{\sqrt3}{2}i"),
        (r"e^{7\pi i/6}", r"e^{-5\pi i/6}"),
        (r"e^{\pi i/4}", r"\frac{1+i}{\sqrt2}"),
    ],
)
def test_the_unit_circle(a: str, b: str) -> None:
    assert algebra.equal(value_of(clean(a)), value_of(clean(b))) is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "1+",
        "(1",
        "1)",
        r"\frac{1}",
        r"\foo",
        "word",
        "1 = 2",
        r"\int x",
        "2^3^4",
        "a,b",
        "1/2x",
        "1/2(x+1)",
        "3/4÷1/2",
        "6÷2(1+2)",
        "2 3",
        "2^3 4",
        r"\sin x/2",
        r"\sin x(x+1)",
        "n!!",
        "||a|-1|",
        "no",
        "x is",
        "2.5.3",
        "0.333...",
        "٣",
        "5\u202e",
        r"\sum_{i=1}^n i",
        r"\lim x",
    ],
)
def test_what_is_no_expression_is_not_guessed_at(text: str) -> None:
    with pytest.raises(NotUnderstood):
        value_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "2^{99999}",
        "9^{9^{9}}",
        "x^{999}",
        "1" * 5_000,
        "1E9999",
        "501!",
        "(" * 100 + "1" + ")" * 100,
        r"\sqrt" * 100 + "2",
    ],
)
def test_what_is_too_big_is_not_computed(text: str) -> None:
    with pytest.raises((TooBig, NotUnderstood)):
        value_of(text)


def test_functions_are_equal_only_when_written_alike() -> None:
    sine, again, other = (value_of(text) for text in (r"\sin 2x", r"\sin(x+x)", r"2\sin x\cos x"))
    assert algebra.equal(sine, again) is True
    assert algebra.equal(sine, other) is None
