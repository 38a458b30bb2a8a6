"""Decides whether two answers are equal, without leaving the process where exact arithmetic can.

Shapes are compared first, then expressions: 0.5 is 1/2, 0.333 is not 1/3. A pair of expressions that were read whole
and that exact arithmetic cannot decide is handed to `hard`, which the caller supplies.

What people leave out is accepted: a unit, the `x =` before a value, the brackets of a list. A percentage equals both
its number and its value (50% is 50 and is 0.5). Two different known units never agree, nor do two different names.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from tts_cli.answers import algebra
from tts_cli.answers.algebra import Ratio, TooBig, Undefined
from tts_cli.answers.evaluate import MatrixValue, Value, evaluate
from tts_cli.answers.reading.expression import (
    ENOUGH_DIGITS,
    Apply,
    Expression,
    NotUnderstood,
    Number,
    significant_digits,
)
from tts_cli.answers.reading.normalize import clean
from tts_cli.answers.reading.relations import same_name
from tts_cli.answers.reading.shapes import (
    Choice,
    Congruence,
    Equation,
    Group,
    Inequality,
    Listing,
    Named,
    Node,
    Proportion,
    Quantity,
    Union,
    Unread,
    Word,
)
from tts_cli.answers.reading.structure import other_readings, read
from tts_cli.answers.reading.units import may_be_same

Hard = Callable[[Expression, Expression], bool]
"""Decides a pair of expressions that exact arithmetic cannot."""

MAX_TEXT = 10_000
_SPACE = re.compile(r"(?<!\d) +| +(?!\d)")  # between two digits a space may mean something: "1 4/5"
_HUNDRED = Number(Fraction(100))


@dataclass(frozen=True)
class Answer:
    """An answer made ready for comparison: its cleaned text without spaces, and its possible shapes."""

    text: str
    shapes: tuple[Node, ...]


def prepare(raw: str) -> Answer:
    """Reads an answer once. One longer than MAX_TEXT has no shape and equals only the same text."""
    raw = raw.strip()
    text = clean(raw) if len(raw) <= MAX_TEXT else ""
    if not text:
        return Answer(raw, ())
    first = read(text)
    return Answer(_squeezed(text), (first, *other_readings(text, first)))


@dataclass
class AnswerComparison:
    """Compares prepared answers; `values` remembers expressions that were evaluated (bounded by its owner).
    After `deadline` (time.monotonic) nothing more is compared: what is left counts as different."""

    hard: Hard
    deadline: float = math.inf
    values: dict[Expression, Value | None] = field(default_factory=dict)

    def answers(self, a: Answer, b: Answer) -> bool:
        if a.text == b.text:
            return True
        return any(self.nodes(x, y) for x in a.shapes for y in b.shapes)

    def nodes(self, a: Node, b: Node) -> bool:
        if isinstance(a, Unread) or isinstance(b, Unread):
            return isinstance(a, Unread) and isinstance(b, Unread) and _squeezed(a.text) == _squeezed(b.text)
        if a == b:
            return True
        if time.monotonic() >= self.deadline:
            return False
        if type(a) is type(b):
            return self._alike(a, b)
        return self._across(a, b) or self._across(b, a)

    def _across(self, a: Node, b: Node) -> bool:
        """Comparison of different shapes, `a` the more particular one."""
        match a, b:
            case Named(), Equation():
                return a.sides is not None and self._same_equation(a.sides, (b.left, b.right))
            case Named(), _:
                return self.nodes(a.value, b)
            case Word(text, product), Quantity():
                return (product is not None and self.expressions(product, b.expression)) or text == b.text.lower()
            case Choice(letter, value), Word(text) | Quantity(text=text):
                return letter == text.lower().strip("() ") or (value is not None and self.nodes(value, b))
            case Choice(_, value), _:
                return value is not None and self.nodes(value, b)
            case Listing(), _:
                return self._listing_with_other(a, b)
            case Quantity(), Group():
                return self._is_vector(self.value(a.expression), b.items)
            case Proportion(parts, may_be_time), Quantity() if len(parts) == 2 and not may_be_time:
                return self.expressions(_divided(parts), b.expression) and not b.unit
        return False

    def _is_vector(self, vector: Value | None, items: Sequence[Node]) -> bool:
        """Whether a matrix of one row or column has these cells."""
        if not isinstance(vector, MatrixValue) or 1 not in (len(vector.rows), len(vector.rows[0])):
            return False
        cells = [cell for row in vector.rows for cell in row]
        values = [self.value(item.expression) if isinstance(item, Quantity) else None for item in items]
        return len(cells) == len(values) and all(
            isinstance(value, Ratio) and algebra.equal(cell, value) is True
            for cell, value in zip(cells, values, strict=True)
        )

    def _alike(self, a: Node, b: Node) -> bool:
        match a, b:
            case Quantity(), Quantity():
                return self.quantities(a, b)
            case Word(), Word():
                return a.text == b.text or (_is_product(a.text) and sorted(a.text) == sorted(b.text))
            case Choice(), Choice():
                return a.letter == b.letter and not self._certainly_differ(a.value, b.value)
            case Proportion(), Proportion():
                return self._proportions(a, b)
            case Group(), Group():
                return self._groups(a, b)
            case Listing(), Listing():
                return self._listings(a, b)
            case Union(), Union():
                same_variable = not a.variable or not b.variable or a.variable == b.variable
                return same_variable and self._unordered(a.parts, b.parts, repeats=False)
            case Named(), Named():
                if same_name(a.name, b.name) and self.nodes(a.value, b.value):
                    return True
                return a.sides is not None and b.sides is not None and self._same_equation(a.sides, b.sides)
            case Equation(), Equation():
                return self._same_equation((a.left, a.right), (b.left, b.right))
            case Inequality(), Inequality():
                return a.signs == b.signs and (self._same_sides(a.sides, b.sides) or self._same_bound(a, b))
            case Congruence(), Congruence():
                return self._congruences(a, b)
        return False

    # Expressions

    def quantities(self, a: Quantity, b: Quantity) -> bool:
        if not may_be_same(a.unit, b.unit):
            return False
        if self.expressions(a.expression, b.expression) and not ("‰" in (a.unit, b.unit) and a.unit != b.unit):
            return True
        for first, second in ((a, b), (b, a)):
            share = {"%": _HUNDRED, "‰": Number(Fraction(1000))}.get(first.unit or "")
            if share and second.unit is None:
                return self.expressions(Apply("divide", (first.expression, share)), second.expression)
        return False

    def expressions(self, a: Expression, b: Expression) -> bool:
        if a == b:
            return True
        decided = self._decided(a, b)
        if decided is False and (_is_in_full(a, self.value(b)) or _is_in_full(b, self.value(a))):
            return self.hard(a, b)
        return self.hard(a, b) if decided is None else decided

    def _decided(self, a: Expression, b: Expression) -> bool | None:
        """What exact arithmetic says; None where it does not know."""
        first, second = self.value(a), self.value(b)
        if first is None or second is None:
            return False
        try:
            if isinstance(first, Ratio) and isinstance(second, Ratio):
                return algebra.equal(first, second)
            if isinstance(first, MatrixValue) and isinstance(second, MatrixValue):
                pairs = (zip(*rows, strict=True) for rows in zip(first.rows, second.rows, strict=True))
                same_size = len(first.rows) == len(second.rows) and len(first.rows[0]) == len(second.rows[0])
                return same_size and all(algebra.equal(x, y) is True for row in pairs for x, y in row)
        except (TooBig, Undefined):
            return False  # there is a value, but it is not worked out: no proof
        return False

    def value(self, expression: Expression) -> Value | None:
        """The exact value; None where there is none, or none worth the time."""
        if expression not in self.values:
            try:
                self.values[expression] = evaluate(expression)
            except (NotUnderstood, TooBig, Undefined, RecursionError):
                self.values[expression] = None
        return self.values[expression]

    def _certainly_differ(self, a: Node | None, b: Node | None) -> bool:
        if not isinstance(a, Quantity) or not isinstance(b, Quantity):
            return False
        return not self.quantities(a, b)

    def _same_sides(self, a: Sequence[Expression], b: Sequence[Expression]) -> bool:
        return len(a) == len(b) and all(self.expressions(x, y) for x, y in zip(a, b, strict=True))

    # Shapes

    def _proportions(self, a: Proportion, b: Proportion) -> bool:
        if len(a.parts) != len(b.parts):
            return False
        if all(self.quantities(x, y) for x, y in zip(a.parts, b.parts, strict=True)):
            return True
        if a.may_be_time and b.may_be_time:
            return False
        neighbours = zip(pairwise(a.parts), pairwise(b.parts), strict=True)  # a : b = c : d where ad = bc
        return all(self.expressions(_product(x, w), _product(y, z)) for (x, y), (z, w) in neighbours)

    def _groups(self, a: Group, b: Group) -> bool:
        if a.variable and b.variable and a.variable != b.variable:
            return False
        # Brackets distinguish intervals; around three or more items they are a matter of taste.
        same_brackets = len(a.items) != 2 or (a.opening, a.closing) == (b.opening, b.closing)
        return same_brackets and self._ordered(a.items, b.items)

    def _listings(self, a: Listing, b: Listing) -> bool:
        names_a, names_b = _names(a), _names(b)
        if names_a and names_b:
            named_b = dict(zip(names_b, b.items, strict=True))
            return set(names_a) == set(named_b) and all(
                self.nodes(item, named_b[name]) for name, item in zip(names_a, a.items, strict=True)
            )
        if names_a or names_b:  # "x = 2, y = 3" is 2, 3 and not 3, 2
            return self._ordered(a.items, b.items)
        return self._unordered(a.items, b.items, repeats=not (a.braces and b.braces))

    def _listing_with_other(self, listing: Listing, other: Node) -> bool:
        if len(listing.items) == 1 and not isinstance(other, Union | Group):
            return self.nodes(listing.items[0], other)
        if isinstance(other, Group) and not listing.braces and (other.opening, other.closing) == ("(", ")"):
            return self._ordered(listing.items, other.items) and bool(other.variable is None)
        return False

    def _ordered(self, a: Sequence[Node], b: Sequence[Node]) -> bool:
        return len(a) == len(b) and all(self.nodes(x, y) for x, y in zip(a, b, strict=True))

    def _unordered(self, a: tuple[Node, ...], b: tuple[Node, ...], *, repeats: bool) -> bool:
        """Each item of `a` has its own partner in `b`; in sets (`repeats` False) partners may be shared."""
        if not repeats:
            return all(any(self.nodes(x, y) for y in b) for x in a) and all(any(self.nodes(x, y) for x in a) for y in b)
        if len(a) != len(b):
            return False
        left = list(b)
        for x in a:
            partner = next((at for at, y in enumerate(left) if self.nodes(x, y)), None)
            if partner is None:
                return False
            del left[partner]
        return True

    def _same_equation(self, a: tuple[Expression, Expression], b: tuple[Expression, Expression]) -> bool:
        """Whether one equation is a multiple of the other."""
        if self._same_sides(a, b):
            return True
        values = [self.value(side) for side in (*a, *b)]
        if any(isinstance(value, MatrixValue) or value is None for value in values):
            return False
        left_a, right_a, left_b, right_b = (value for value in values if isinstance(value, Ratio))
        try:
            return algebra.proportional(left_a - right_a, left_b - right_b) is True
        except (TooBig, Undefined):
            return False

    def _same_bound(self, a: Inequality, b: Inequality) -> bool:
        """Whether both say the same of one difference, up to a positive factor (for ≠: any factor)."""
        values = [self.value(side) for side in (*a.sides, *b.sides)]
        known = [value for value in values if isinstance(value, Ratio)]
        if len(a.sides) != 2 or len(known) != 4:
            return False
        try:
            first, second = known[0] - known[1], known[2] - known[3]
            if algebra.proportional(first, second) is not True:
                return False
            return a.signs == "≠" or first.num[min(first.num)] * second.num[min(second.num)] > 0
        except (TooBig, Undefined):
            return False

    def _congruences(self, a: Congruence, b: Congruence) -> bool:
        if (a.name and b.name and a.name != b.name) or not self.expressions(a.modulus, b.modulus):
            return False
        if self.expressions(a.residue, b.residue):
            return True
        values = [self.value(x) for x in (a.residue, b.residue, a.modulus)]
        x, y, modulus = (value.rational if isinstance(value, Ratio) else None for value in values)
        return x is not None and y is not None and bool(modulus) and ((x - y) / (modulus or 1)).denominator == 1


def _squeezed(text: str) -> str:
    return _SPACE.sub("", text)


def _names(listing: Listing) -> list[str]:
    """The names of the items where each has one of its own: x and y of "x = 2, y = 3", or what they count."""
    names = [
        item.name if isinstance(item, Named) else (item.noun or item.unit) if isinstance(item, Quantity) else None
        for item in listing.items
    ]
    known = [name for name in names if name]
    return known if len(known) == len(names) == len(set(known)) and len(known) > 1 else []


def _is_product(text: str) -> bool:
    """Whether letters are a product of variables by custom, and no word: xy, but not no."""
    return set(text) <= set("wxyz") or (
        len(text) == 2 and not set(text) & set("aeiouAEIOU") and text not in ("by", "my")
    )


def _is_in_full(decimal: Expression, other: Value | None) -> bool:
    """Whether a decimal number has enough digits to stand for an irrational value."""
    if significant_digits(decimal) < ENOUGH_DIGITS or not isinstance(other, Ratio):
        return False
    known = other.rational
    return known is None


def _divided(parts: Sequence[Quantity]) -> Expression:
    return Apply("divide", (parts[0].expression, parts[1].expression))


def _product(a: Quantity, b: Quantity) -> Expression:
    return Apply("multiply", (a.expression, b.expression))
