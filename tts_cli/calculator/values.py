r"""What the sides of an equality come to, in every reading, and how far apart two values may be: `equalities`.

Exact arithmetic (`answers.evaluate`) on what the reader of expressions makes of a side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tts_cli.answers.algebra import Undefined
from tts_cli.answers.evaluate import scalar
from tts_cli.answers.reading.expression import Apply, Expression, NotUnderstood, Number, nodes
from tts_cli.answers.reading.normalize import clean
from tts_cli.answers.reading.parse import Parsed, parse

_MAX_SHOWN = 40  # characters of a value
_FACTORS = frozenset(
    map(Fraction, (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 25, 28, 30, 31, 32, 36, 50, 52, 60, 64, 100, 120, 128,
                   144, 168, 180, 360, 365, 1000, 1440, 1728, 1760, 2000, 3600, 5280, 10_000, 86_400, 1_000_000))
)  # fmt: skip
"""Between units of one kind."""
_PERCENT = re.compile(r"(\S+)%")
_PLAIN = re.compile(r"(?:- )?[0-9]+(?: [-+*/] [0-9]+)*")
_POINT_OF_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}(?!\d))")
_LONE_PERCENT = re.compile(r"[-+ ]*[0-9]+(?:\.([0-9]+))?%")


@dataclass(frozen=True, slots=True)
class SideValue:
    """One reading of a side. `slack`: by how much its value may be off because numbers in it were rounded;
    `decimals`: digits after the point, where it is one number (0: an integer)."""

    value: Fraction
    slack: Fraction = Fraction(0)
    decimals: int | None = None


def reading(text: str, latex: bool) -> SideValue:
    """The usual reading of a side, without slack. Raises NotUnderstood, TooBig, Undefined."""
    if _PLAIN.fullmatch(text):
        return SideValue(_plain_value(text))
    return SideValue(_value(_parsed(_PERCENT.sub(r"( \1 / 100 )", text), latex).expression))


def _plain_value(text: str) -> Fraction:
    """What the reader and `scalar` make of integers with signs between them, several times as fast: most sides."""
    total: int | Fraction = 0
    for term in text.replace("- ", "+ -").removeprefix("+ ").split("+ "):
        first, *rest = term.split()
        product: int | Fraction = int(first)
        for sign, digits in zip(rest[::2], rest[1::2], strict=True):
            if sign == "/" and not int(digits):
                raise Undefined
            product = product * int(digits) if sign == "*" else Fraction(product, int(digits))
        total += product
    return Fraction(total)


def readings(text: str, latex: bool) -> list[SideValue]:
    """All readings of a side. Raises NotUnderstood, TooBig, Undefined."""
    texts = [_PERCENT.sub(r"( \1 / 100 )", text)]
    if "%" in text:
        texts.append(text.replace("%", ""))
    for plain in list(texts):
        loose = re.sub(r"/ (\d\S*) \* (\d\S*+)(?! /)", r"/ ( \1 * \2 )", plain)  # a/b*c as a/(bc), but 2/3*5/4
        texts += [loose] if loose != plain else []
    if _POINT_OF_THOUSANDS.search(text):  # 1.500, as some write 1,500
        texts.append(_POINT_OF_THOUSANDS.sub("", texts[0]))
    if text.endswith("!"):  # 7!, or 7 and a full stop
        texts.append(text.removesuffix("!").rstrip())
    found = [one for plain in texts for one in _read(plain, latex)]
    if lone := _LONE_PERCENT.fullmatch(text):
        found[0] = SideValue(found[0].value, decimals=2 + len(lone[1] or ""))
    in_turn = _in_turn(texts[0])
    return found if in_turn is None else [*found, SideValue(in_turn)]


def _parsed(text: str, latex: bool) -> Parsed:
    cleaned = clean(text) if "\\" in text or not text.isascii() else text
    parsed = parse(cleaned)
    if parsed.doubts - {"mixed number"} - (set() if latex else {"x^10"}):
        raise NotUnderstood(text)
    return parsed


def _read(text: str, latex: bool) -> Iterator[SideValue]:
    """Also with a mixed number as a product."""
    if _PLAIN.fullmatch(text):
        yield SideValue(_plain_value(text), decimals=0 if text.removeprefix("- ").isdigit() else None)
        return
    parsed = _parsed(text, latex)
    yield _worked_out(parsed.expression)
    if "mixed number" in parsed.doubts:
        yield _worked_out(parse(clean(text), mixed_is_product=True).expression)


def _worked_out(expression: Expression) -> SideValue:
    value = _value(expression)
    inner = expression
    while isinstance(inner, Apply) and inner.name == "negate":
        inner = inner.arguments[0]
    if isinstance(inner, Number):
        return SideValue(value, decimals=inner.decimals or 0)
    slack = Fraction(0)
    for number in dict.fromkeys(nodes(expression)):
        if isinstance(number, Number) and number.decimals and number.decimals > 1:
            moved = Number(number.value + Fraction(1, 2 * 10**number.decimals), number.decimals)
            slack += abs(_value(_replaced(expression, number, moved)) - value)
    return SideValue(value, slack)


def _value(expression: Expression) -> Fraction:
    value = scalar(expression).rational
    if value is None:
        raise NotUnderstood("irrational")
    return value


def _replaced(expression: Expression, old: Number, new: Number) -> Expression:
    if isinstance(expression, Apply):
        return Apply(expression.name, tuple(_replaced(part, old, new) for part in expression.arguments))
    return new if expression == old else expression


def _in_turn(text: str) -> Fraction | None:
    """The value from left to right without precedence, as on a simple calculator: 3 + 4 * 2 = 14."""
    pieces = text.split()
    if len(pieces) % 2 == 0 or len(pieces) < 5 or not set(pieces[1::2]) <= set("+-*/"):
        return None
    if not all(re.fullmatch(r"\d+(?:\.\d+)?", piece) for piece in pieces[::2]):
        return None
    value, *rest = map(Fraction, pieces[::2])
    for sign, number in zip(pieces[1::2], rest, strict=True):
        if sign == "/" and not number:
            return None
        value = {"+": value.__add__, "-": value.__sub__, "*": value.__mul__, "/": value.__truediv__}[sign](number)
    return value


@dataclass(frozen=True, slots=True)
class Margin:
    """What a step leaves open of a value. `about`: it says ≈; `units`: it converts; `factors`: by which percent signs
    and number words may scale it."""

    about: bool
    units: bool
    factors: tuple[int, ...]

    @classmethod
    def of(cls, text: str, about: bool, units: bool) -> Margin:
        percent = "%" in text or "percent" in text
        words = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 10**9, "cents": 100, "dozen": 12}
        scales = tuple(factor for word, factor in words.items() if word in text)
        return cls(about, units, (*scales, 100) if percent else scales)

    def allows(self, left: SideValue, right: SideValue) -> bool:
        """Whether both may be the same value."""
        difference = abs(left.value - right.value)
        if difference <= left.slack + right.slack + max(_rounding(left, right.value), _rounding(right, left.value)):
            return True
        if self.about and difference <= max(_place(left), _place(right), abs(left.value) / 50):
            return True
        if not left.value or not right.value:
            return False
        ratio = max(left.value / right.value, right.value / left.value)
        if any(abs(ratio / factor - 1) < Fraction(1, 50) for factor in self.factors):
            return True
        return self.units and ratio in _FACTORS


def _rounding(written: SideValue, exact: Fraction) -> Fraction:
    """By how much a number that was written down may be off: less than one of its last digit, nothing where the exact
    value needs no more digits."""
    if written.decimals is None:
        return Fraction(0)
    unit = Fraction(1, 10**written.decimals)
    return Fraction(0) if (exact / unit).denominator == 1 else unit


def _place(reading: SideValue) -> Fraction:
    """The value of the last digit of a written number that is not a zero behind others: 10 for 350, 1/10 for 0.5."""
    if reading.decimals is None or not reading.value:
        return Fraction(0)
    place = Fraction(1, 10**reading.decimals)
    while (reading.value / (place * 10)).denominator == 1:
        place *= 10
    return place


def shown(value: Fraction) -> str | None:
    """Exactly, as a fraction or a decimal, whichever is shorter; None where it is too long to show."""
    fraction = str(value)
    if len(fraction) > _MAX_SHOWN:
        return None
    decimals = next((n for n in range(1, 16) if (value * 10**n).denominator == 1), None)
    if value.denominator == 1 or decimals is None:
        return fraction
    decimal = f"{'-' if value < 0 else ''}{int(abs(value))}.{int(abs(value) % 1 * 10**decimals):0{decimals}}"
    return decimal if len(decimal) <= len(fraction) else fraction
