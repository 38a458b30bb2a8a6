r"""Expressions as SymPy's: their values to many digits, and whether two have one value. For the worker process only.

Roots of negative numbers are taken in one of two ways: "real" where they can be (and undefined where they cannot),
or "principal" complex values. What is too large to be worked out raises Unclear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import sympy
from sympy.core.function import PoleError

from tts_cli.answers.reading.expression import (
    ENOUGH_DIGITS,
    Apply,
    Expression,
    Name,
    Number,
    decimals,
    letters,
    operations,
    significant_digits,
)

Environment = Mapping[str, Any]
Roots = Literal["real", "principal"]

MAX_EXPONENT = 5_000
MAX_BITS = 50_000
DIGITS = 60
_LARGEST_ZERO = sympy.Float("1e-50")
_SMALLEST_DIFFERENCE = sympy.Float("1e-15")
_CONSTANTS = {"pi": sympy.pi, "i": sympy.I, "e": sympy.E}


class UndefinedValue(Exception):
    """There is no such value: a division by zero, a logarithm of zero."""


class Unclear(Exception):
    """Whether there is such a value is not certain, or it is too large to work out."""


def is_zero(value: Any, largest: Any = _LARGEST_ZERO) -> bool | None:
    """Whether a number is zero; None between what is certainly not and what can be taken for it."""
    if value.is_Rational:
        return bool(value == 0)
    size = abs(value.evalf(DIGITS, maxn=300))
    if not size.is_Float and not size.is_Rational:
        return None
    if size > _SMALLEST_DIFFERENCE:
        return False
    return True if size < largest else None


POINTS = ("3/7", "19/11", "61/9", "211/13")
_NEGATIVE_POINTS = ("-5/8", "-61/17")
_FEWEST = 3  # points at which two expressions with variables must be seen to agree
_DOUBLE = 15  # significant digits of a decimal number that may all be meant


def points(names: Sequence[str], values: Sequence[str] = POINTS) -> list[Environment]:
    """What the names stand for, one after another; each is a little off the others. Without names one empty point."""
    near = {name: sympy.Rational(97 + 10 * index, 97) for index, name in enumerate(names)}
    return [{name: sympy.Rational(value) * near[name] for name in near} for value in values] if names else [{}]


def equal(a: Expression, b: Expression) -> bool:
    """Whether two expressions have the same value, to 50 digits: at every point where both have one, if they have
    variables. A long decimal number equals what all its digits fit."""
    names = sorted(letters(a) | letters(b))
    of_integers = {"factorial", "binomial"} & operations(a, b)
    places = points(names, POINTS + _NEGATIVE_POINTS) if not of_integers else _integer_points(names)
    agreed = 0
    for place in places:
        same = _agree_at(place, a, b)
        if same is False:
            return False
        agreed += bool(same)
    return agreed >= (_FEWEST if names else 1)


def _integer_points(names: Sequence[str]) -> list[Environment]:
    """Later names stand for larger numbers: n for more than k."""
    starts = ((5, 7), (3, 11), (8, 13), (4, 9))
    return [{name: sympy.Integer(a + b * index) for index, name in enumerate(names)} for a, b in starts]


def _agree_at(place: Environment, a: Expression, b: Expression) -> bool | None:
    """None where one of them has no value, with real roots and with complex ones alike."""
    for roots in ("real", "principal"):
        try:
            first, second = number(a, place, roots), number(b, place, roots)
        except (UndefinedValue, Unclear):
            continue
        zero = is_zero(first - second)
        if zero or place or max(significant_digits(a), significant_digits(b)) < ENOUGH_DIGITS:
            return zero
        unit = sympy.Rational(1, 10 ** (decimals(a) or decimals(b) or 0))  # of the last digit
        nearest_double = abs(second.evalf(DIGITS)) * sympy.Float("1e-15")
        return bool(abs((first - second).evalf(DIGITS)) <= max(unit, nearest_double))
    return None


def symbolic(expression: Expression) -> Any:
    """With symbols for letters. Raises UndefinedValue, Unclear."""
    return number(expression, {name: sympy.Symbol(name) for name in letters(expression)}, "principal")


def number(expression: Expression, environment: Environment, roots: Roots) -> Any:
    """The value where letters have the values of `environment`. Raises UndefinedValue, Unclear."""
    match expression:
        case Number(value=exact):
            return sympy.Rational(exact.numerator, exact.denominator)
        case Name(name="∞"):
            raise UndefinedValue
        case Name(name=name):
            return _CONSTANTS[name] if name in _CONSTANTS else environment[name]
        case Apply(name="root" | "power" | "log" as name, arguments=(first, second)):
            function = {"root": _root, "power": _power, "log": _logarithm}[name]
            return function(number(first, environment, roots), number(second, environment, roots), roots)
    if expression.name not in _OPERATIONS:
        raise Unclear
    try:
        value = _OPERATIONS[expression.name](*(number(part, environment, roots) for part in expression.arguments))
    except (PoleError, ZeroDivisionError) as error:
        raise UndefinedValue from error
    return _defined(value)


def _defined(value: Any) -> Any:
    if value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise UndefinedValue
    return value


def _divide(a: Any, b: Any) -> Any:
    if not b.free_symbols and not _is_nonzero(b):
        raise UndefinedValue
    return a / b


def _is_nonzero(value: Any) -> bool:
    """Raises Unclear where it is not certain."""
    zero = is_zero(value)
    if zero is None:
        raise Unclear
    return not zero


def _root(degree: Any, radicand: Any, roots: Roots) -> Any:
    if not degree.is_Integer or not 2 <= degree <= 100:
        raise Unclear
    return _power(radicand, 1 / degree, roots)


def _power(base: Any, exponent: Any, roots: Roots) -> Any:
    if exponent.is_Rational:
        if abs(exponent.p) > MAX_EXPONENT or (base.is_Rational and abs(exponent) * _bits(base) > MAX_BITS):
            raise Unclear
        if not exponent.is_Integer and roots == "real" and base.is_number and base.is_real is not False:
            return _real_power(base, exponent)
    elif exponent.is_number and abs(exponent.evalf(15)) > MAX_EXPONENT:
        raise Unclear
    if base.is_number and not exponent.is_positive and not _is_nonzero(base):  # 0^0, too
        raise UndefinedValue
    return _defined(base**exponent)


def _real_power(base: Any, exponent: Any) -> Any:
    """Odd roots of negative numbers are real, as taught at school; even ones are not there."""
    if not _is_nonzero(base):
        if exponent > 0:
            return sympy.Integer(0)
        raise UndefinedValue
    if base.evalf(DIGITS) > 0:
        return base**exponent
    if exponent.q % 2 == 0:
        raise UndefinedValue
    return (-1) ** int(exponent.p) * (-base) ** exponent


def _bits(value: Any) -> int:
    return int(value.p).bit_length() + int(value.q).bit_length()


def _logarithm(base: Any, value: Any, roots: Roots) -> Any:
    """Real ones are of positive numbers only."""
    if not all(map(_is_nonzero, (value, base, base - 1))):
        raise UndefinedValue
    if roots == "real" and not (value.is_positive and base.is_positive):
        raise UndefinedValue if value.is_negative or base.is_negative else Unclear
    return sympy.log(value) / sympy.log(base)


def _factorial(n: Any) -> Any:
    if not n.is_Integer or not 0 <= n <= 1_000:
        raise Unclear
    return sympy.factorial(n)


def _binomial(n: Any, k: Any) -> Any:
    if not n.is_Integer or not k.is_Integer or not 0 <= k <= n <= 5_000:
        raise Unclear
    return sympy.binomial(n, k)


def _mod(n: Any, m: Any) -> Any:
    """Of a natural number: what the remainder of a negative one is depends on whom one asks."""
    if not n.is_Integer or not m.is_Integer or n < 0 or m <= 0:
        raise Unclear
    return n % m


def _of_integers(function: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*numbers: Any) -> Any:
        if not all(number.is_Integer and number > 0 for number in numbers):
            raise Unclear
        return sympy.Integer(function(*map(int, numbers)))

    return checked


def _of_reals(function: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*numbers: Any) -> Any:
        if not all(number.is_real and number.is_number for number in numbers):
            raise Unclear
        return function(*numbers)

    return checked


def _rounded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        nearest = sympy.Integer(round(value.evalf(DIGITS))) if value.is_real and value.is_number else None
        if nearest is None or (not value.is_Rational and is_zero(value - nearest) is not False):
            raise Unclear
        return function(value)

    return checked


_SAME_NAMES = "sin cos tan cot sec csc sinh cosh tanh coth sech csch"
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "negate": lambda a: -a,
    "multiply": lambda a, b: a * b,
    "divide": _divide,
    "abs": sympy.Abs,
    "degrees": lambda a: a * sympy.pi / 180,
    "factorial": _factorial,
    "binomial": _binomial,
    "mod": _mod,
    "gcd": _of_integers(sympy.igcd),
    "lcm": _of_integers(sympy.ilcm),
    "floor": _rounded(sympy.floor),
    "ceil": _rounded(sympy.ceiling),
    "max": _of_reals(sympy.Max),
    "min": _of_reals(sympy.Min),
    "Re": sympy.re,
    "Im": sympy.im,
    **{name: getattr(sympy, name) for name in _SAME_NAMES.split()},
    **{f"arc{name}": getattr(sympy, f"a{name}") for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
}
