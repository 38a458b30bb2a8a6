r"""Sets of real numbers with rational ends: what ∪, ∩, ∖, "and" and "or" make of intervals and points.

`combined` works out an operation where every end is a rational number or infinite; a set has then one canonical shape,
whichever way it was written: `(-\infty,1)\cup(1,\infty)`, `x \ne 1` and `\mathbb{R}\setminus\{1\}` are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Literal

from tts_cli.answers.reading.expression import INFINITY, Apply, Expression, Number
from tts_cli.answers.reading.shapes import NOTHING, Group, Listing, Node, Quantity, Union

Operation = Literal["∪", "∩", "∖"]
Boundary = tuple[float | Fraction, int]
"""A place between numbers: (x, -1) just below x, (x, 1) just above it."""
Ranges = tuple[tuple[Boundary, Boundary], ...]
"""Disjoint ranges in rising order."""

MINUS_INFINITY = Apply("negate", (INFINITY,))
_LOWEST, _HIGHEST = float("-inf"), float("inf")
ALL_REALS = Group("(", ")", (Quantity("", MINUS_INFINITY), Quantity("", INFINITY)))


def combined(nodes: Sequence[Node], operation: Operation) -> Node | None:
    """The set that the operation makes of these; None where an end is not known exactly."""
    variables = {node.variable for node in nodes if isinstance(node, Group | Union)} - {None}
    sets = [_ranges(node) for node in nodes]
    known = [ranges for ranges in sets if ranges is not None]
    if len(known) != len(sets) or len(variables) > 1 or len(nodes) > 50:
        return None
    functions = {"∪": _union, "∩": _intersection, "∖": _difference}
    return _node(reduce(functions[operation], known), next(iter(variables), None))


def constant(expression: Expression) -> Fraction | None:
    """The value of a number or a fraction, with or without a sign."""
    match expression:
        case Number(value):
            return value
        case Apply("negate", (inner,)):
            negated = constant(inner)
            return None if negated is None else -negated
        case Apply("divide", (Number(top), Number(bottom))) if bottom:
            return top / bottom
    return None


def is_infinite(node: Node) -> bool:
    return isinstance(node, Quantity) and node.expression in (INFINITY, MINUS_INFINITY)


def _ranges(node: Node) -> Ranges | None:
    match node:
        case Group(opening, closing, (Quantity() as low, Quantity() as high)):
            first, last = _end(low), _end(high)
            if first is None or last is None:
                return None
            start, stop = (first, -1 if opening == "[" else 1), (last, 1 if closing == "]" else -1)
            return ((start, stop),) if start < stop else ()
        case Union(parts):
            sets = [_ranges(part) for part in parts]
            known = [ranges for ranges in sets if ranges is not None]
            no_range: Ranges = ()
            return reduce(_union, known, no_range) if len(known) == len(sets) else None
        case Listing(items, braces=True):
            points = [constant(item.expression) if isinstance(item, Quantity) else None for item in items]
            numbers = sorted({point for point in points if point is not None})
            return None if None in points else tuple(((point, -1), (point, 1)) for point in numbers)
    return None


def _end(quantity: Quantity) -> float | Fraction | None:
    if is_infinite(quantity):
        return _HIGHEST if quantity.expression == INFINITY else _LOWEST
    return None if quantity.unit or quantity.noun else constant(quantity.expression)


def _union(a: Ranges, b: Ranges) -> Ranges:
    merged: list[tuple[Boundary, Boundary]] = []
    for start, stop in sorted((*a, *b)):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return tuple(merged)


def _intersection(a: Ranges, b: Ranges) -> Ranges:
    met = ((max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b)
    return tuple(sorted((start, stop) for start, stop in met if start < stop))


def _difference(a: Ranges, b: Ranges) -> Ranges:
    edges: list[Boundary] = [(_LOWEST, -1), *(edge for part in b for edge in part), (_HIGHEST, 1)]
    gaps = tuple((start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop)
    return _intersection(a, gaps)


def _node(ranges: Ranges, variable: str | None) -> Node:
    if all(start[0] == stop[0] for start, stop in ranges):
        points = tuple(Quantity("", _expression(start[0])) for start, _ in ranges)
        return Listing(points, braces=True) if points else NOTHING
    groups = tuple(_group(start, stop, variable) for start, stop in ranges)
    return groups[0] if len(groups) == 1 else Union(groups, variable)


def _group(start: Boundary, stop: Boundary, variable: str | None) -> Group:
    opening = "[" if start[1] == -1 and start[0] != _LOWEST else "("
    closing = "]" if stop[1] == 1 and stop[0] != _HIGHEST else ")"
    return Group(opening, closing, (Quantity("", _expression(start[0])), Quantity("", _expression(stop[0]))), variable)


def _expression(end: float | Fraction) -> Expression:
    if isinstance(end, Fraction):
        return Number(end)
    return INFINITY if end > 0 else MINUS_INFINITY
