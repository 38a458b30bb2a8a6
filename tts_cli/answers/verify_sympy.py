r"""Puts an answer into a problem's statement with SymPy. Runs in the worker process only: it may take any time.

"wrong" needs a difference that is certainly not zero, however roots of negative numbers are taught (real where they
can be, or principal complex values). Expressions with variables are compared at points, all positive, and are wrong
only if they differ at each. "right" is exact for rational numbers, else to 60 digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

import sympy
from sympy.core.function import PoleError

from tts_cli.answers.verify import Opinion
from tts_cli.answers.verify_answer import Reading, readings
from tts_cli.answers.verify_expression import Apply, Expression, Letter, Number, letters
from tts_cli.answers.verify_statement import Consequence, Root, Statement, Value, read

Environment = Mapping[str, Any]
Roots = Literal["real", "principal"]

MAX_EXPONENT = 5_000
MAX_BITS = 50_000
MAX_DEGREE = 12
_DIGITS = 60
_LARGEST_ZERO = sympy.Float("1e-50")
_SMALLEST_DIFFERENCE = sympy.Float("1e-15")
_POINTS = ("3/7", "19/11", "61/9", "211/13")  # what letters stand for; each letter is a little off

_CONSTANTS = {"pi": sympy.pi, "i": sympy.I, "exp(1)": sympy.E}


class Undefined(Exception):
    """There is no such value: a division by zero, a logarithm of zero."""


class Unclear(Exception):
    """Whether there is such a value cannot be told, or it is too large to work out."""


def opinion(problem: str, answer: str) -> Opinion:
    """Whether the answer fits the problem, where both are understood beyond doubt."""
    statement = read(problem)
    if statement is None:
        return "no opinion"
    found = readings(answer, statement.unknown if isinstance(statement, Root) else None)
    if not isinstance(statement, Root):  # one value is asked for: "1,234" is no list
        found = [reading for reading in found if len(reading.items) == 1]
    verdicts = [_verdict(statement, reading) for reading in found]
    if any(verdict == "right" for verdict in verdicts):
        return "right"
    return "wrong" if verdicts and all(verdict == "wrong" for verdict in verdicts) else "no opinion"


def _verdict(statement: Statement, reading: Reading) -> Opinion:
    try:
        match statement:
            case Value():
                return _of_value(statement, reading)
            case Root():
                return "no opinion" if reading.percent else _of_root(statement, reading)
            case Consequence():
                return "no opinion" if reading.percent else _of_consequence(statement, reading.items[0])
    except (Undefined, Unclear):
        return "no opinion"


# A value


def _of_value(statement: Value, reading: Reading) -> Opinion:
    item, wanted = reading.items[0], statement.expression
    if not letters(item) <= letters(wanted) or (reading.percent and not statement.percent):
        return "no opinion"
    fits = _agree(wanted, item)
    if fits is False and statement.percent and not reading.percent:
        fits = _agree(wanted, Apply("multiply", (Number(Fraction(100)), item)))
    return _named(fits)


def _named(fits: bool | None) -> Opinion:
    return "no opinion" if fits is None else "right" if fits else "wrong"


def _agree(wanted: Expression, item: Expression) -> bool | None:
    """Whether two expressions have one value; None where that is not certain."""
    names = sorted(letters(wanted) | letters(item))
    points = list(_points(names))
    results = [_agree_at(point, wanted, item) for point in points]
    if all(result is True for result in results):
        return True
    differ = [result for result in results if result is not None]
    certain = not any(differ) and len(differ) >= max(1, len(points) - 1)
    return False if certain and not _is_rounded(wanted, item, points) else None


def _agree_at(point: Environment, wanted: Expression, item: Expression) -> bool | None:
    """At one point: False only if no way to take roots makes them equal."""
    verdicts: list[bool | None] = []
    for roots in ("real", "principal"):
        try:
            target = _number(wanted, point, roots)
        except Undefined:
            verdicts.append(None)
            continue
        try:
            verdicts.append(_is_zero(target - _number(item, point, roots)))
        except Undefined:
            return None
    real, principal = verdicts
    if real is False:
        return False if principal is False else None
    return principal if real is None else real


def _is_rounded(wanted: Expression, item: Expression, points: Sequence[Environment]) -> bool:
    """Whether a decimal answer may be meant for the value: no further off than one unit of its last digit."""
    decimals = _decimals(item)
    if decimals is None:
        return False
    if len(points) > 1 or _magnitude_is_hidden(item):
        return True
    off = abs(_number(wanted, {}, "principal") - _number(item, {}, "principal"))
    return bool(off.evalf(_DIGITS) <= sympy.Rational(1, 10**decimals))


def _decimals(item: Expression) -> int | None:
    """Digits after the point of the least exact decimal number in an expression."""
    if isinstance(item, Number):
        return item.decimals
    parts = [_decimals(argument) for argument in item.arguments] if isinstance(item, Apply) else []
    return min((part for part in parts if part is not None), default=None)


def _magnitude_is_hidden(item: Expression) -> bool:
    """Whether a decimal is part of something larger, so that its last digit says little about the whole."""
    return not isinstance(item, Number) and not (
        isinstance(item, Apply) and item.name == "negate" and isinstance(item.arguments[0], Number)
    )


def _points(names: Sequence[str]) -> Iterator[Environment]:
    if not names:
        yield {}
        return
    for point in _POINTS:
        base = sympy.Rational(point)
        yield {name: base * sympy.Rational(97 + 10 * index, 97) for index, name in enumerate(names)}


# A solution of an equation


def _of_root(statement: Root, reading: Reading) -> Opinion:
    parameters = letters(statement.left, statement.right) - {statement.unknown}
    for item in reading.items:
        if not letters(item) <= parameters or (parameters and not letters(item)):
            return "no opinion"
    fits = [_solves(statement, item, sorted(parameters)) for item in reading.items]
    if any(fit is False for fit in fits):
        return "wrong"
    complete = all(fits) and not statement.narrowed and not parameters and _are_all(statement, reading.items)
    return "right" if complete else "no opinion"


def _solves(statement: Root, item: Expression, parameters: Sequence[str]) -> bool | None:
    points = list(_points(parameters))
    results = [_solves_at(statement, item, point) for point in points]
    if any(result is not False for result in results):
        return True if all(results) else None
    return None if _decimals(item) is not None and _may_be_rounded(statement, item, points) else False


def _solves_at(statement: Root, item: Expression, point: Environment) -> bool | None:
    """A side that has no value is not equal to the other: such an answer solves nothing."""
    verdicts: list[bool | None] = []
    for roots in ("real", "principal"):
        try:
            value = _number(item, point, roots)
        except Undefined:
            return None
        try:
            verdicts.append(_is_zero(_residual(statement, value, point, roots)))
        except Undefined:
            verdicts.append(False)
    real, principal = verdicts
    if real:
        return True
    return False if real is False and principal is False else None


def _residual(statement: Root, value: Any, point: Environment, roots: Roots) -> Any:
    environment = {**point, statement.unknown: value}
    return _number(statement.left, environment, roots) - _number(statement.right, environment, roots)


def _may_be_rounded(statement: Root, item: Expression, points: Sequence[Environment]) -> bool:
    """Whether the equation's sides come as near as one unit of the answer's last digit can bring them."""
    if len(points) > 1 or _magnitude_is_hidden(item):
        return True
    value, unit = _number(item, {}, "principal"), sympy.Rational(1, 10 ** (_decimals(item) or 0))
    try:
        here, below, above = (
            _residual(statement, value + step, {}, "principal").evalf(_DIGITS) for step in (0, -unit, unit)
        )
    except Undefined:
        return True
    return bool(abs(here) <= max(abs(above - here), abs(below - here)))


def _are_all(statement: Root, items: Sequence[Expression]) -> bool:
    """Whether these are all solutions: as many different ones as the equation's polynomial has roots."""
    polynomial = _polynomial(statement.left, statement.right, statement.unknown)
    if polynomial is None:
        return False
    values = [_number(item, {}, "real") for item in items]
    if any(_is_zero(a - b) is not False for a, b in itertools.combinations(values, 2)):
        return False
    return len(values) == int(polynomial.sqf_part().degree())


def _polynomial(left: Expression, right: Expression, unknown: str) -> Any:
    """The polynomial whose roots are the equation's solutions (and perhaps more); None where there is none."""
    try:
        difference = sympy.together(_symbolic(left) - _symbolic(right))
        numerator = sympy.fraction(sympy.cancel(difference))[0]
        polynomial = sympy.Poly(numerator, sympy.Symbol(unknown))
    except (sympy.PolynomialError, Undefined):
        return None
    rational = all(coefficient.is_Rational for coefficient in polynomial.all_coeffs())
    return polynomial if rational and 1 <= polynomial.degree() <= MAX_DEGREE else None


# What follows from equations


def _of_consequence(statement: Consequence, item: Expression) -> Opinion:
    if letters(item):
        return "no opinion"
    names = sorted(letters(*(side for equation in statement.equations for side in equation)))
    environments = _linear_solution(statement, names)
    if environments is None and len(names) == len(statement.equations) == 1:
        environments = _numeric_roots(*statement.equations[0], names[0])
    if not environments:
        return "no opinion"
    fits = [fit for environment in environments for fit in _fits(statement.asked, item, environment)]
    if fits and all(fits):
        return "right"
    return "wrong" if fits and all(fit is False for fit in fits) and _decimals(item) is None else "no opinion"


def _fits(asked: Expression, item: Expression, environment: Environment) -> Iterator[bool | None]:
    for roots in ("real", "principal"):
        try:
            yield _is_zero(_number(asked, environment, roots) - _number(item, {}, roots), sympy.Float("1e-35"))
        except Undefined:
            yield None


def _linear_solution(statement: Consequence, names: Sequence[str]) -> list[Environment] | None:
    """The only solution of linear equations; none where there are more; None where they are not linear."""
    symbols = [sympy.Symbol(name) for name in names]
    differences = [_symbolic(left) - _symbolic(right) for left, right in statement.equations]
    try:
        if any(sympy.Poly(difference, *symbols).total_degree() > 1 for difference in differences):
            return None
    except sympy.PolynomialError:
        return None
    solutions = list(sympy.linsolve(differences, *symbols))
    if len(solutions) != 1 or any(value.free_symbols for value in solutions[0]):
        return []
    return [dict(zip(names, solutions[0], strict=True))]


def _numeric_roots(left: Expression, right: Expression, name: str) -> list[Environment]:
    polynomial = _polynomial(left, right, name)
    if polynomial is None:
        return []
    return [{name: root} for root in polynomial.sqf_part().nroots(n=_DIGITS + 20, maxsteps=200)]


# Expressions as SymPy's


def _is_zero(value: Any, largest: Any = _LARGEST_ZERO) -> bool | None:
    """Whether a number is zero; None between what is certainly not and what can be taken for it."""
    if value.is_Rational:
        return bool(value == 0)
    size = abs(value.evalf(_DIGITS, maxn=300))
    if not size.is_Float and not size.is_Rational:
        return None
    if size > _SMALLEST_DIFFERENCE:
        return False
    return True if size < largest else None


def _symbolic(expression: Expression) -> Any:
    """With symbols for letters. Raises Undefined, Unclear."""
    return _built(expression, {name: sympy.Symbol(name) for name in letters(expression)}, "principal")


def _number(expression: Expression, environment: Environment, roots: Roots) -> Any:
    """The value where letters have the values of `environment`. Raises Undefined, Unclear."""
    return _built(expression, environment, roots)


def _built(expression: Expression, environment: Environment, roots: Roots) -> Any:
    match expression:
        case Number(value=number):
            return sympy.Rational(number.numerator, number.denominator)
        case Letter(name=name):
            return _CONSTANTS[name] if name in _CONSTANTS else environment[name]
        case Apply(name="root" | "power" | "log" as name, arguments=(first, second)):
            function = {"root": _root, "power": _power, "log": _logarithm}[name]
            return function(_built(first, environment, roots), _built(second, environment, roots), roots)
    try:
        value = _OPERATIONS[expression.name](*(_built(part, environment, roots) for part in expression.arguments))
    except (PoleError, ZeroDivisionError) as error:
        raise Undefined from error
    return _defined(value)


def _defined(value: Any) -> Any:
    if value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise Undefined
    return value


def _divide(a: Any, b: Any) -> Any:
    if not b.free_symbols and not _is_nonzero(b):
        raise Undefined
    return a / b


def _is_nonzero(value: Any) -> bool:
    """Raises Unclear where it cannot be told."""
    zero = _is_zero(value)
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
        raise Undefined
    return _defined(base**exponent)


def _real_power(base: Any, exponent: Any) -> Any:
    """Odd roots of negative numbers are real, as taught at school; even ones are not there."""
    if not _is_nonzero(base):
        if exponent > 0:
            return sympy.Integer(0)
        raise Undefined
    if base.evalf(_DIGITS) > 0:
        return base**exponent
    if exponent.q % 2 == 0:
        raise Undefined
    return (-1) ** int(exponent.p) * (-base) ** exponent


def _bits(value: Any) -> int:
    return int(value.p).bit_length() + int(value.q).bit_length()


def _logarithm(base: Any, value: Any, roots: Roots) -> Any:
    """Real ones are of positive numbers only."""
    for forbidden in (value, base, base - 1):
        if _is_nonzero(forbidden):
            continue
        raise Undefined
    if roots == "real" and not (value.is_positive and base.is_positive):
        raise Undefined if value.is_negative or base.is_negative else Unclear
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


def _rounded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        nearest = sympy.Integer(round(value.evalf(_DIGITS))) if value.is_real and value.is_number else None
        if nearest is None or (not value.is_Rational and _is_zero(value - nearest) is not False):
            raise Unclear
        return function(value)

    return checked


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
    **{name: getattr(sympy, name) for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
}
