r"""Reads a candidate answer strictly, for the verifier: every value that it may state, or nothing at all.

"1,234" is one number or two, `2\frac{1}{3}` a sum or a product: each is a reading, and an answer is wrong only if all
of its readings are. Answers with a unit, in words, in another base, intervals, points and approximations are not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts_cli.answers.cursor import NotUnderstood
from tts_cli.answers.exact import prepare
from tts_cli.answers.structure import Leaf, Listing, Node, Relation
from tts_cli.verification.expression import Expression, Mixed, parse

MAX_ITEMS = 8
_MIXED: tuple[Mixed, ...] = ("sum", "product")
_NOT_READ = re.compile(
    r"≈|\\approx|\\sim|~|∈|\\in(?![a-z])|\\text|\\mbox|\.\.\.|…|\\l?dots|(?<![\\A-Za-z])[A-Za-z]{4,}"
)
_LABELS = re.compile(r"([^=;,]*)=")


@dataclass(frozen=True, slots=True)
class Reading:
    """The values that an answer states; several for several solutions. `percent`: with a percent sign."""

    items: tuple[Expression, ...]
    percent: bool = False


def readings(answer: str, label: str | None = None) -> list[Reading]:
    """All readings; none where one of them is not understood. `label`: the only one allowed before a `=`."""
    if _NOT_READ.search(answer):
        return []
    prepared = prepare(answer)
    if any(name.strip() != label for name in _LABELS.findall(prepared.text)):
        return []
    try:
        return list(dict.fromkeys(_reading(shape, mixed, answer) for shape in prepared.shapes for mixed in _MIXED))
    except NotUnderstood:
        return []


def _reading(shape: Node, mixed: Mixed, answer: str) -> Reading:
    leaves = list(_leaves(shape))
    units = {leaf.unit for leaf in leaves}
    if not 1 <= len(leaves) <= MAX_ITEMS or units not in ({None}, {"%"}):
        raise NotUnderstood(answer)
    latex = "\\" in answer
    return Reading(tuple(parse(leaf.text, latex=latex, mixed=mixed) for leaf in leaves), units == {"%"})


def _leaves(shape: Node) -> list[Leaf]:
    match shape:
        case Leaf():
            return [shape]
        case Listing():
            return [leaf for item in shape.items for leaf in _leaves(item)]
        case Relation(op="=", value=Leaf() | Listing() as value):
            return _leaves(value)
    raise NotUnderstood(str(shape))
