r"""Works an expression's tree out in exact arithmetic: a quotient of polynomials (`algebra`), or a matrix of them.

Functions become opaque terms, equal only to themselves: their identities are the worker's business (`symbolic`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import comb, factorial

from tts_cli.answers import algebra
from tts_cli.answers.algebra import Ratio, TooBig
from tts_cli.answers.reading.expression import Apply, Expression, Name, NotUnderstood, Number

_MAX_FACTORIAL = 500


@dataclass(frozen=True)
class MatrixValue:
    """Rows of equal length."""

    rows: tuple[tuple[Ratio, ...], ...]


Value = Ratio | MatrixValue


def evaluate(expression: Expression) -> Value:
    """The exact value. Raises NotUnderstood (no such operation here), TooBig, algebra.Undefined."""
    match expression:
        case Number(value):
            return algebra.number(value)
        case Name("∞"):
            raise NotUnderstood("∞")  # it has no arithmetic; alone it is compared as what it is
        case Name(name):
            return algebra.atom(name)
        case Apply(name, arguments) if name.startswith("matrix-"):
            cells, width = [scalar(argument) for argument in arguments], int(name.removeprefix("matrix-"))
            return MatrixValue(tuple(tuple(cells[at : at + width]) for at in range(0, len(cells), width)))
        case Apply("degrees", (angle,)):
            return scalar(angle) * algebra.atom("pi") / algebra.number(180)
        case Apply(name, arguments):
            values = [evaluate(argument) for argument in arguments]
            if any(isinstance(value, MatrixValue) for value in values):
                return _of_matrices(name, values)
            return _of_scalars(name, [value for value in values if isinstance(value, Ratio)])


def scalar(expression: Expression) -> Ratio:
    """The exact value of what is no matrix. Raises as `evaluate`."""
    value = evaluate(expression)
    if isinstance(value, MatrixValue):
        raise NotUnderstood("matrix")
    return value


def _of_scalars(name: str, values: list[Ratio]) -> Ratio:
    operation = _OPERATIONS.get(name)
    return operation(*values) if operation else algebra.opaque(name, *values)


def _of_matrices(name: str, values: list[Value]) -> Value:
    """Sums of matrices of one size, and multiples."""
    match name, values:
        case "negate", [MatrixValue(rows)]:
            return MatrixValue(tuple(tuple(-cell for cell in row) for row in rows))
        case "add", [MatrixValue(a), MatrixValue(b)] if len(a) == len(b) and len(a[0]) == len(b[0]):
            return MatrixValue(
                tuple(tuple(x + y for x, y in zip(*rows, strict=True)) for rows in zip(a, b, strict=True))
            )
        case "multiply", [Ratio() as factor, MatrixValue(rows)] | [MatrixValue(rows), Ratio() as factor]:
            return MatrixValue(tuple(tuple(factor * cell for cell in row) for row in rows))
        case "divide", [MatrixValue(rows), Ratio() as divisor]:
            return MatrixValue(tuple(tuple(cell / divisor for cell in row) for row in rows))
    raise NotUnderstood(name)


def _factorial(base: Ratio) -> Ratio:
    n = base.rational
    if n is None:
        return algebra.opaque("factorial", base)
    if n.denominator != 1 or n < 0:
        raise NotUnderstood("factorial")
    if n > _MAX_FACTORIAL:
        raise TooBig
    return algebra.number(factorial(n.numerator))


def _binomial(top: Ratio, bottom: Ratio) -> Ratio:
    n, k = top.rational, bottom.rational
    if n is None or k is None or n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
        return algebra.opaque("binomial", top, bottom)
    if n > _MAX_FACTORIAL:
        raise TooBig
    return algebra.number(comb(n.numerator, k.numerator))


def _absolute(value: Ratio) -> Ratio:
    known = value.rational
    return algebra.opaque("abs", value) if known is None else algebra.number(abs(known))


def _rounded(name: str) -> Callable[[Ratio], Ratio]:
    def of(value: Ratio) -> Ratio:
        known = value.rational
        if known is None:
            return algebra.opaque(name, value)
        return algebra.number(known // 1 if name == "floor" else -(-known // 1))

    return of


def _root(degree: Ratio, radicand: Ratio) -> Ratio:
    n = degree.rational
    if not n:
        raise NotUnderstood("root")
    return algebra.power(radicand, algebra.number(Fraction(1) / n))


_OPERATIONS: dict[str, Callable[..., Ratio]] = {
    "add": lambda a, b: a + b,
    "negate": lambda a: -a,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": algebra.power,
    "root": _root,
    "factorial": _factorial,
    "binomial": _binomial,
    "abs": _absolute,
    "floor": _rounded("floor"),
    "ceil": _rounded("ceil"),
}
