r"""Reads a candidate answer strictly, for the verifier: every value that it may state, or nothing at all.

"1,234" is one number or two, `2\frac{1}{3}` a sum or a product: each is a reading, and an answer is wrong only if all
of its readings are. Answers with a unit, in words, in another base, intervals, points and approximations are not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts_cli.answers.compare import prepare
from tts_cli.answers.reading.expression import Expression, NotUnderstood
from tts_cli.answers.reading.shapes import Listing, Named, Node, Quantity
from tts_cli.verification.strict import read_expression

MAX_ITEMS = 8
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
        return list(
            dict.fromkeys(_reading(shape, product, answer) for shape in prepared.shapes for product in (False, True))
        )
    except NotUnderstood:
        return []


def _reading(shape: Node, mixed_is_product: bool, answer: str) -> Reading:
    quantities = list(_quantities(shape))
    units = {quantity.unit or quantity.noun for quantity in quantities}
    if not 1 <= len(quantities) <= MAX_ITEMS or units not in ({None}, {"%"}):
        raise NotUnderstood(answer)
    latex = "\\" in answer
    items = (read_expression(q.text, latex=latex, mixed_is_product=mixed_is_product) for q in quantities)
    return Reading(tuple(items), units == {"%"})


def _quantities(shape: Node) -> list[Quantity]:
    match shape:
        case Quantity():
            return [shape]
        case Listing():
            return [quantity for item in shape.items for quantity in _quantities(item)]
        case Named(value=Quantity() | Listing() as value):
            return _quantities(value)
    raise NotUnderstood(str(shape))
