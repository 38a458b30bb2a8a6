"""Arithmetic expressions as text: parse, evaluate exactly, print, compare up to order.

Covers integers, `x`, + - * / and parentheses, with products written `3x` or `3(x+2)`. No powers, no decimals.
An expression is a nested tuple: ("n", 12), ("x",), ("neg", e) or (op, left, right).
"""

from __future__ import annotations

import re
from fractions import Fraction

Expression = tuple  # ("n", int) | ("x",) | ("neg", e) | ("+" | "-" | "*" | "/", left, right)

_TOKEN = re.compile(r"\s*(\d+|[x+\-*/()])")
_MAX_LENGTH = 300
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


class NotAnExpression(ValueError):
    """The text is not an expression of this small language."""


def parse(text: str) -> Expression:
    """Raises NotAnExpression."""
    tokens = _tokens(text)
    expression, rest = _sum(tokens, 0)
    if rest != len(tokens):
        raise NotAnExpression(text)
    return expression


def _tokens(text: str) -> list[str]:
    if len(text) > _MAX_LENGTH:
        raise NotAnExpression("too long")
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotAnExpression(text)
        tokens.append(match.group(1))
        at = match.end()
    return tokens


def _sum(tokens: list[str], at: int) -> tuple[Expression, int]:
    left, at = _product(tokens, at)
    while at < len(tokens) and tokens[at] in "+-":
        right, after = _product(tokens, at + 1)
        left, at = (tokens[at], left, right), after
    return left, at


def _product(tokens: list[str], at: int) -> tuple[Expression, int]:
    left, at = _signed(tokens, at)
    while at < len(tokens):
        if tokens[at] in "*/":
            right, after = _signed(tokens, at + 1)
            left, at = (tokens[at], left, right), after
        elif tokens[at] in "x(":  # 3x, 3(x+2)
            right, at = _atom(tokens, at)
            left = ("*", left, right)
        else:
            break
    return left, at


def _signed(tokens: list[str], at: int) -> tuple[Expression, int]:
    if at < len(tokens) and tokens[at] == "-":
        inner, at = _atom(tokens, at + 1)
        return ("neg", inner), at
    return _atom(tokens, at)


def _atom(tokens: list[str], at: int) -> tuple[Expression, int]:
    if at >= len(tokens):
        raise NotAnExpression("ends too early")
    token = tokens[at]
    if token.isdigit():
        return ("n", int(token)), at + 1
    if token == "x":
        return ("x",), at + 1
    if token == "(":
        inner, at = _sum(tokens, at + 1)
        if at < len(tokens) and tokens[at] == ")":
            return inner, at + 1
    raise NotAnExpression("".join(tokens))


def evaluate(expression: Expression, x: Fraction | None = None) -> Fraction:
    """The exact value. Raises NotAnExpression on a division by zero or an x without a value."""
    kind = expression[0]
    if kind == "n":
        return Fraction(expression[1])
    if kind == "x":
        if x is None:
            raise NotAnExpression("x has no value")
        return x
    if kind == "neg":
        return -evaluate(expression[1], x)
    return apply(kind, evaluate(expression[1], x), evaluate(expression[2], x))


def apply(op: str, left: Fraction, right: Fraction) -> Fraction:
    if op == "+":
        return left + right
    if op == "-":
        return left - right
    if op == "*":
        return left * right
    if right == 0:
        raise NotAnExpression("division by zero")
    return left / right


def number(value: int) -> Expression:
    return ("n", value) if value >= 0 else ("neg", ("n", -value))


def show(expression: Expression, spaces: bool = False) -> str:
    """The text that `parse` reads back to the same value; negative numbers inside get parentheses."""
    return _show(expression, " " if spaces else "", first=True)


def _show(expression: Expression, gap: str, first: bool) -> str:
    kind = expression[0]
    if kind == "n":
        return str(expression[1])
    if kind == "x":
        return "x"
    if kind == "neg":
        text = "-" + _show(expression[1], gap, first=False)
        return text if first else f"({text})"
    left = _operand(expression[1], kind, gap, right=False, first=first)
    return f"{left}{gap}{kind}{gap}{_operand(expression[2], kind, gap, right=True, first=False)}"


def _operand(inner: Expression, op: str, gap: str, *, right: bool, first: bool) -> str:
    rank = _PRECEDENCE.get(inner[0])
    tight = rank is not None and (rank < _PRECEDENCE[op] or (right and rank == _PRECEDENCE[op] and op != "+"))
    tight = tight or (rank is not None and right and rank == _PRECEDENCE[op])
    return f"({_show(inner, gap, first=True)})" if tight else _show(inner, gap, first)


def canonical(expression: Expression) -> str:
    """Equal for two expressions that differ only in the order of sums and products."""
    kind = expression[0]
    if kind in "+*":
        return f"({kind.join(sorted(canonical(part) for part in _flat(expression, kind)))})"
    if kind in "-/":
        return f"({canonical(expression[1])}{kind}{canonical(expression[2])})"
    return f"(-{canonical(expression[1])})" if kind == "neg" else str(expression[-1])


def _flat(expression: Expression, op: str) -> list[Expression]:
    if expression[0] != op:
        return [expression]
    return _flat(expression[1], op) + _flat(expression[2], op)


def contains_x(expression: Expression) -> bool:
    return expression[0] == "x" or any(contains_x(part) for part in expression[1:] if isinstance(part, tuple))
