r"""The tree of one expression, as `parse` reads it: numbers, names, and operations applied to them.

Nothing is worked out here. `evaluate` does so exactly, `symbolic` with SymPy in the worker process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


class NotUnderstood(Exception):
    """The text is not an expression, or has more than one reading."""


@dataclass(frozen=True, slots=True)
class Number:
    """`decimals`: digits after the point as it was written; None without a point."""

    value: Fraction
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Name:
    r"""A variable such as "x", "\alpha", "a_1" or "AB"; "pi", "i", "e" and "∞" are the constants."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation: add, negate, multiply, divide, power, root (degree, radicand), log (base, value), degrees,
    factorial, binomial, abs, floor, ceil, matrix-N and determinant-N (cells of rows of N), or a function's name."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Number | Name | Apply

TRIGONOMETRIC = frozenset(["sin", "cos", "tan", "cot", "sec", "csc"])
_FUNCTION_NAMES = """
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth sech csch log ln lg exp max min gcd lcm deg det dim
    arg Re Im
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_GREEK_NAMES = """
    alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi varphi chi psi
    omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell hbar
"""
GREEK = frozenset(_GREEK_NAMES.split())
_TYPED = "sqrt cbrt pi infinity inf theta alpha beta gamma phi binom binomial abs Abs asin acos atan"
TYPED_NAMES = FUNCTIONS | set(_TYPED.split())
"""Names that need no backslash."""

CONSTANTS = frozenset(["pi", "i", "e", "∞"])
PI, E, IMAGINARY, INFINITY = Name("pi"), Name("e"), Name("i"), Name("∞")
TWO = Number(Fraction(2))
ENOUGH_DIGITS = 12
"""Correct significant digits with which a decimal number stands for a value, and not for a rounded one."""


def nodes(*expressions: Expression) -> Iterator[Expression]:
    """All parts of the expressions, and the expressions themselves."""
    for expression in expressions:
        yield expression
        if isinstance(expression, Apply):
            yield from nodes(*expression.arguments)


def letters(*expressions: Expression) -> set[str]:
    """The variables in them, without the constants."""
    return {node.name for node in nodes(*expressions) if isinstance(node, Name)} - CONSTANTS


def operations(*expressions: Expression) -> set[str]:
    """The names of the operations in them."""
    return {node.name for node in nodes(*expressions) if isinstance(node, Apply)}


def is_plain_number(expression: Expression) -> bool:
    """Whether this is neither an angle in degrees nor a multiple of π nor anything with a variable."""
    return "degrees" not in operations(expression) and not letters(expression) and PI not in set(nodes(expression))


def decimals(expression: Expression) -> int | None:
    """Digits after the point of the least exact decimal number in an expression; None without one."""
    if isinstance(expression, Number):
        return expression.decimals
    parts = map(decimals, expression.arguments) if isinstance(expression, Apply) else ()
    return min((part for part in parts if part is not None), default=None)


def significant_digits(expression: Expression) -> int:
    """How many a decimal number is written with; 0 for any other expression."""
    if isinstance(expression, Apply) and expression.name == "negate":
        expression = expression.arguments[0]
    if not isinstance(expression, Number) or not expression.decimals:
        return 0
    return len(str(int(expression.value * 10**expression.decimals)))


def to_json(expression: Expression) -> list[Any]:
    """The tree as lists of strings, for the worker process."""
    match expression:
        case Number(value, decimals):
            return ["number", str(value), decimals]
        case Name(name):
            return ["name", name]
        case Apply(name, arguments):
            return ["apply", name, *map(to_json, arguments)]


def from_json(tree: list[Any]) -> Expression:
    """The expression that `to_json` wrote."""
    kind, name, *rest = tree
    if kind == "number":
        return Number(Fraction(name), rest[0])
    return Name(name) if kind == "name" else Apply(name, tuple(map(from_json, rest)))
