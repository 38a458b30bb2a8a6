"""What an answer can be: a quantity, words, a list, an interval, a relation.

`Unread` is the text of which something was not understood: it equals nothing but itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from tts_cli.answers.reading.expression import Expression


@dataclass(frozen=True, slots=True)
class Unread:
    text: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """One expression, read whole. `unit`, `noun`: as in `units.Counted`; `doubts`: as in `parse.Parsed`."""

    text: str
    expression: Expression
    doubts: frozenset[str] = frozenset()
    unit: str | None = None
    noun: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """An answer in words, folded to lower case. `product`: what its letters are where they are variables."""

    text: str
    product: Expression | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter of a multiple choice, and what stood behind it."""

    letter: str
    value: Node | None = None


@dataclass(frozen=True, slots=True)
class Based:
    """A number written in a base: 52_8."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Proportion:
    """a : b, or a time of day where it may be one: 6:30 is nothing but 6:30."""

    parts: tuple[Quantity, ...]
    may_be_time: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Ordered items in brackets: a point, a tuple, a vector or an interval (then perhaps of a `variable`)."""

    opening: str
    closing: str
    items: tuple[Node, ...]
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Items whose order does not matter; in a set (`braces`) repetitions do not count either."""

    items: tuple[Node, ...]
    braces: bool = False


@dataclass(frozen=True, slots=True)
class Union:
    """Sets joined by ∪, or bounds joined by "or" (then perhaps of a `variable`)."""

    parts: tuple[Node, ...]
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A value with its name: x = 5, AB = 5, f(x) = 2x. `sides`: both sides, where both are expressions."""

    name: str
    value: Node
    sides: tuple[Expression, Expression] | None = None


@dataclass(frozen=True, slots=True)
class Equation:
    """Two expressions, neither of which is a name."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Inequality:
    """Sides from small to large with < or ≤ (or ≠) between them, where they bound no single variable."""

    signs: str
    sides: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Congruence:
    """residue modulo modulus; `name`: what is congruent to it."""

    name: str | None
    residue: Expression
    modulus: Expression


Node = (
    Unread | Quantity | Word | Choice | Based | Proportion | Group | Listing | Union | Named | Equation | Inequality
    | Congruence
)  # fmt: skip
NOTHING = Listing((), braces=True)
