"""Decides whether two answers are equal without leaving the process.

Shapes are compared first, then expressions by exact arithmetic: 0.5 is 1/2, 0.333 is not 1/3. A pair of
expressions that exact arithmetic cannot decide is handed to `hard`, which the caller supplies.

What people leave out is accepted: a unit, the `x =` before a value, the brackets of a list. A percentage equals both
its number and its value (50% is 50 and is 0.5). Two different known units never agree.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tts_cli.answers import algebra, structure
from tts_cli.answers.algebra import Ratio, TooBig, Undefined
from tts_cli.answers.cursor import NotUnderstood
from tts_cli.answers.normalize import clean
from tts_cli.answers.parse import parse_expression
from tts_cli.answers.structure import Based, Group, Leaf, Listing, Matrix, Node, Relation, Union, Word

Hard = Callable[[str, str], bool]
"""Decides a pair of cleaned expressions that exact arithmetic cannot."""

MAX_TEXT = 10_000
_SPACE = re.compile(r"(?<!\d) +| +(?!\d)")  # between two digits a space may mean something: "1 4/5"


@dataclass(frozen=True)
class Answer:
    """An answer made ready for comparison: its text as it was, cleaned, and its possible shapes."""

    raw: str
    text: str
    shapes: tuple[Node, ...]


def prepare(raw: str) -> Answer:
    """Reads an answer once. One longer than MAX_TEXT has no shape and equals only the same text."""
    raw = raw.strip()
    if len(raw) > MAX_TEXT:
        return Answer(raw, raw, ())
    text = clean(raw)
    shapes = [structure.read(text)] if text else []
    # "100,200,300" without a space is one number to some and three to others.
    if isinstance(shapes and shapes[0], Leaf) and "," in text and " " not in text and text[0] not in "$€£":
        shapes.append(structure.read(text.replace(",", ", ")))
    if value := structure.chosen_value(text):
        shapes.append(structure.read(value))
    return Answer(raw, text, tuple(shapes))


@dataclass
class AnswerComparison:
    """Compares prepared answers; `values` remembers expressions that were read (bounded by its owner).
    After `deadline` (time.monotonic) nothing more is compared: what is left counts as different."""

    hard: Hard
    deadline: float = math.inf
    values: dict[str, Ratio | None] = field(default_factory=dict)

    def answers(self, a: Answer, b: Answer) -> bool:
        if a.text == b.text or _squeezed(a.text) == _squeezed(b.text):
            return True
        if any(self.nodes(x, y) for x in a.shapes for y in b.shapes):
            return True
        return self._differently_spelt(a, b) and self.hard(a.text, b.text)

    def _differently_spelt(self, a: Answer, b: Answer) -> bool:
        """Whether one is an expression that could not be read, and so might be the other's shape."""
        if not a.shapes or not b.shapes or type(a.shapes[0]) is type(b.shapes[0]):
            return False
        shapes = (a.shapes[0], b.shapes[0])
        try:
            unread = any(isinstance(shape, Leaf) and self.value(shape.text) is None for shape in shapes)
        except (TooBig, Undefined):
            return False
        return unread and not any(isinstance(shape, Word | Based) for shape in shapes)

    def nodes(self, a: Node, b: Node) -> bool:
        if a == b:
            return True
        if time.monotonic() >= self.deadline:
            return False
        for first, second in ((a, b), (b, a)):
            if (decided := self._across(first, second)) is not None:
                return decided
        return self._alike(a, b)

    def _across(self, a: Node, b: Node) -> bool | None:
        """Comparison of different shapes, `a` the more particular one; None: not decided by this rule."""
        if isinstance(a, Relation) and not isinstance(b, Relation):
            return a.value is not None and self.nodes(a.value, b)
        if isinstance(a, Word) and not isinstance(b, Word):
            return isinstance(b, Leaf) and a.text == b.text.lower().strip("() ")
        if isinstance(a, Listing) and not isinstance(b, Listing):
            return self._listing_with_other(a, b)
        if isinstance(a, Matrix) and isinstance(b, Group):
            flat = [cell for row in a.rows for cell in row]
            return 1 in (len(a.rows), len(a.rows[0])) and not a.kind and self._ordered(flat, b.items)
        return None

    def _alike(self, a: Node, b: Node) -> bool:
        match a, b:
            case Leaf(), Leaf():
                return self.leaves(a, b)
            case Group(), Group():
                # Brackets distinguish intervals; around three or more items they are a matter of taste.
                same_brackets = len(a.items) != 2 or (a.opening, a.closing) == (b.opening, b.closing)
                return same_brackets and self._ordered(a.items, b.items)
            case Listing(), Listing():
                if _names_its_items(a) != _names_its_items(b):  # "x = 2, y = 3" is 2, 3 and not 3, 2
                    return self._ordered(a.items, b.items)
                return self._unordered(a.items, b.items, repeats=not (a.braces and b.braces))
            case Union(), Union():
                return self._unordered(a.parts, b.parts, repeats=False)
            case Matrix(), Matrix():
                return a.kind == b.kind and len(a.rows) == len(b.rows) and all(map(self._ordered, a.rows, b.rows))
            case Relation(), Relation():
                return self._relations(a, b)
        return False

    def _listing_with_other(self, listing: Listing, other: Node) -> bool:
        if len(listing.items) == 1:
            return self.nodes(listing.items[0], other)
        if isinstance(other, Group) and not listing.braces and (other.opening, other.closing) == ("(", ")"):
            stated = [i.value if isinstance(i, Relation) and i.value is not None else i for i in listing.items]
            return self._ordered(stated, other.items)
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

    def _relations(self, a: Relation, b: Relation) -> bool:
        if a.op != b.op:
            return False
        if a.left == b.left and self.leaves(Leaf(a.right), Leaf(b.right)):
            return True
        # Labels may differ ("y" and "f(x)" both name a function), but not single letters, which are variables.
        if a.value is not None and b.value is not None and (a.left == b.left or len(a.left) > 1 or len(b.left) > 1):
            return self.nodes(a.value, b.value)
        if a.op not in "=≠":
            return self._ordered(*([Leaf(r.left), *map(Leaf, r.right.split("\n"))] for r in (a, b)))
        return self._same_equation(a, b)

    def _same_equation(self, a: Relation, b: Relation) -> bool:
        """Whether one equation is a multiple of the other."""
        try:
            sides = [self.value(text) for text in (a.left, a.right, b.left, b.right)]
            if None not in sides:
                left_a, right_a, left_b, right_b = (side for side in sides if side is not None)
                return algebra.proportional(left_a - right_a, left_b - right_b) is True
        except (TooBig, Undefined):
            return False
        return self.hard(f"{a.left} = {a.right}", f"{b.left} = {b.right}")

    def leaves(self, a: Leaf, b: Leaf) -> bool:
        if a.unit and b.unit and a.unit != b.unit:
            return False
        if self.expressions(a.text, b.text):
            return True
        if (a.unit == "%") == (b.unit == "%"):
            return False
        percent, other = (a, b) if a.unit == "%" else (b, a)
        return self.expressions(f"({percent.text})/100", other.text)

    def expressions(self, a: str, b: str) -> bool:
        if _squeezed(a) == _squeezed(b):
            return True
        if not a or not b:
            return False
        try:
            first, second = self.value(a), self.value(b)
            decided = None if first is None or second is None else algebra.equal(first, second)
        except (TooBig, Undefined):
            return False
        return self.hard(a, b) if decided is None else decided

    def value(self, text: str) -> Ratio | None:
        """The exact value; None where the text was not understood. Raises TooBig, Undefined."""
        if text not in self.values:
            try:
                self.values[text] = parse_expression(text)
            except NotUnderstood:
                self.values[text] = None
        return self.values[text]


def _squeezed(text: str) -> str:
    return _SPACE.sub("", text)


def _names_its_items(listing: Listing) -> bool:
    """Whether the items are values of different variables."""
    return len({item.left for item in listing.items if isinstance(item, Relation)}) > 1
