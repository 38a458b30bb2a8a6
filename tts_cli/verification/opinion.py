"""Puts an answer into a problem's statement with SymPy. Runs in the worker process only: it may take any time.

"wrong" needs a difference that is certainly not zero, however roots of negative numbers are taught. Expressions with
variables are compared at points, all positive, and are wrong only if they differ at each. "right" is exact for
rational numbers, else to 50 digits; the form of an answer (simplified, factored, a fraction) is not looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import sympy

from tts_cli.answers.reading.expression import Apply, Expression, Number, decimals, letters
from tts_cli.answers.symbolic import (
    DIGITS,
    Environment,
    Roots,
    Unclear,
    UndefinedValue,
    is_zero,
    number,
    points,
    symbolic,
)
from tts_cli.answers.vote import Opinion
from tts_cli.verification.answer import Reading, readings
from tts_cli.verification.statement import Consequence, Root, Statement, Value, read

MAX_DEGREE = 12
_BOTH: tuple[Roots, ...] = ("real", "principal")


def opinion(problem: str, answer: str) -> Opinion:
    """Whether the answer fits the problem, where both are understood beyond doubt."""
    statement = read(problem)
    if statement is None:
        return "no opinion"
    found = readings(answer, statement.unknown if isinstance(statement, Root) else None)
    if not isinstance(statement, Root):  # one value is asked for: "1,234" is no list
        found = [reading for reading in found if len(reading.items) == 1]
    opinions = {_of_reading(statement, reading) for reading in found}
    if "right" in opinions:
        return "right"
    return "wrong" if opinions == {"wrong"} else "no opinion"


def _of_reading(statement: Statement, reading: Reading) -> Opinion:
    try:
        match statement:
            case Value():
                return _of_value(statement, reading)
            case Root():
                return "no opinion" if reading.percent else _of_root(statement, reading)
            case Consequence():
                return "no opinion" if reading.percent else _of_consequence(statement, reading.items[0])
    except (UndefinedValue, Unclear):
        return "no opinion"


# A value


def _of_value(statement: Value, reading: Reading) -> Opinion:
    item, wanted = reading.items[0], statement.expression
    if not letters(item) <= letters(wanted) or (reading.percent and not statement.percent):
        return "no opinion"
    fits = _agree(wanted, item)
    if fits is False and statement.percent and not reading.percent:
        fits = _agree(wanted, Apply("multiply", (Number(Fraction(100)), item)))
    return "no opinion" if fits is None else "right" if fits else "wrong"


def _agree(wanted: Expression, item: Expression) -> bool | None:
    """Whether two expressions have one value; None where that is not certain."""
    names = sorted(letters(wanted) | letters(item))
    places = points(names)
    results = [_agree_at(place, wanted, item) for place in places]
    if all(result is True for result in results):
        return True
    differ = [result for result in results if result is not None]
    certain = not any(differ) and len(differ) >= max(1, len(places) - 1)
    return False if certain and not _is_rounded(wanted, item, places) else None


def _agree_at(point: Environment, wanted: Expression, item: Expression) -> bool | None:
    """At one point: False only if no way to take roots makes them equal."""
    results: list[bool | None] = []
    for roots in _BOTH:
        try:
            target = number(wanted, point, roots)
        except UndefinedValue:
            results.append(None)
            continue
        try:
            results.append(is_zero(target - number(item, point, roots)))
        except UndefinedValue:
            return None
    real, principal = results
    if real is False:
        return False if principal is False else None
    return principal if real is None else real


def _is_rounded(wanted: Expression, item: Expression, places: Sequence[Environment]) -> bool:
    """Whether a decimal answer may be meant for the value: no further off than one unit of its last digit."""
    digits = decimals(item)
    if digits is None:
        return False
    if len(places) > 1 or _magnitude_is_hidden(item):
        return True
    off = abs(number(wanted, {}, "principal") - number(item, {}, "principal"))
    return bool(off.evalf(DIGITS) <= sympy.Rational(1, 10**digits))


def _magnitude_is_hidden(item: Expression) -> bool:
    """Whether a decimal is part of something larger, so that its last digit says little about the whole."""
    return not isinstance(item, Number) and not (
        isinstance(item, Apply) and item.name == "negate" and isinstance(item.arguments[0], Number)
    )


# A solution of an equation


def _of_root(statement: Root, reading: Reading) -> Opinion:
    parameters = letters(statement.left, statement.right) - {statement.unknown}
    for item in reading.items:
        if not letters(item) <= parameters or (parameters and not letters(item)):
            return "no opinion"
    fits = [_solves(statement, item, sorted(parameters)) for item in reading.items]
    if False in fits:
        return "wrong"
    complete = all(fits) and not statement.narrowed and not parameters and _are_all(statement, reading.items)
    return "right" if complete else "no opinion"


def _solves(statement: Root, item: Expression, parameters: Sequence[str]) -> bool | None:
    places = points(parameters)
    results = [_solves_at(statement, item, place) for place in places]
    if any(result is not False for result in results):
        return True if all(results) else None
    return None if decimals(item) is not None and _may_be_rounded(statement, item, places) else False


def _solves_at(statement: Root, item: Expression, point: Environment) -> bool | None:
    """A side that has no value is not equal to the other: such an answer solves nothing."""
    results: list[bool | None] = []
    for roots in _BOTH:
        try:
            value = number(item, point, roots)
        except UndefinedValue:
            return None
        try:
            results.append(is_zero(_residual(statement, value, point, roots)))
        except UndefinedValue:
            results.append(False)
    real, principal = results
    if real:
        return True
    return False if real is False and principal is False else None


def _residual(statement: Root, value: Any, point: Environment, roots: Roots) -> Any:
    environment = {**point, statement.unknown: value}
    return number(statement.left, environment, roots) - number(statement.right, environment, roots)


def _may_be_rounded(statement: Root, item: Expression, places: Sequence[Environment]) -> bool:
    """Whether the equation's sides come as near as one unit of the answer's last digit can bring them."""
    if len(places) > 1 or _magnitude_is_hidden(item):
        return True
    value, unit = number(item, {}, "principal"), sympy.Rational(1, 10 ** (decimals(item) or 0))
    try:
        here, below, above = (
            _residual(statement, value + step, {}, "principal").evalf(DIGITS) for step in (0, -unit, unit)
        )
    except UndefinedValue:
        return True
    return bool(abs(here) <= max(abs(above - here), abs(below - here)))


def _are_all(statement: Root, items: Sequence[Expression]) -> bool:
    """Whether these are all solutions: as many different ones as the equation's polynomial has roots."""
    polynomial = _polynomial(statement.left, statement.right, statement.unknown)
    if polynomial is None:
        return False
    values = [number(item, {}, "real") for item in items]
    if any(is_zero(a - b) is not False for a, b in itertools.combinations(values, 2)):
        return False
    return len(values) == int(polynomial.sqf_part().degree())


def _polynomial(left: Expression, right: Expression, unknown: str) -> Any:
    """The polynomial whose roots are the equation's solutions (and perhaps more); None where there is none."""
    try:
        difference = sympy.together(symbolic(left) - symbolic(right))
        numerator = sympy.fraction(sympy.cancel(difference))[0]
        polynomial = sympy.Poly(numerator, sympy.Symbol(unknown))
    except (sympy.PolynomialError, UndefinedValue):
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
        polynomial = _polynomial(*statement.equations[0], names[0])
        roots = [] if polynomial is None else polynomial.sqf_part().nroots(n=DIGITS + 20, maxsteps=200)
        environments = [{names[0]: root} for root in roots]
    if not environments:
        return "no opinion"
    fits = [fit for environment in environments for fit in _fits(statement.asked, item, environment)]
    if fits and all(fits):
        return "right"
    return "wrong" if fits and all(fit is False for fit in fits) and decimals(item) is None else "no opinion"


def _fits(asked: Expression, item: Expression, environment: Environment) -> Iterator[bool | None]:
    for roots in _BOTH:
        try:
            yield is_zero(number(asked, environment, roots) - number(item, {}, roots), sympy.Float("1e-35"))
        except UndefinedValue:
            yield None


def _linear_solution(statement: Consequence, names: Sequence[str]) -> list[Environment] | None:
    """The only solution of linear equations; none where there are more; None where they are not linear."""
    symbols = [sympy.Symbol(name) for name in names]
    differences = [symbolic(left) - symbolic(right) for left, right in statement.equations]
    try:
        if any(sympy.Poly(difference, *symbols).total_degree() > 1 for difference in differences):
            return None
    except sympy.PolynomialError:
        return None
    solutions = list(sympy.linsolve(differences, *symbols))
    if len(solutions) != 1 or any(value.free_symbols for value in solutions[0]):
        return []
    return [dict(zip(names, solutions[0], strict=True))]
