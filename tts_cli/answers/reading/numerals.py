r"""A place in a text, and how numbers are read there: 1,234.5, 2.5e-4, 0.\overline{3}, 0.(3), 2\frac{1}{3}, 1 4/5.

The grammar of expressions, in `parse`, is built on it.
"""

from __future__ import annotations

import re
from fractions import Fraction

from tts_cli.answers.reading.expression import Apply, Expression, NotUnderstood, Number

MAX_DEPTH = 40
MAX_DIGITS = 1_000

INTEGER = re.compile(r"\d+")
_NUMBER = re.compile(
    r"\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+\.\d+e[+-]?\d{1,4}(?!\d)|(?:\d+(?:\.\d*)?|\.\d+)"
    r"(?:(?:E[+-]?|e)\d{1,4}(?!\d))?",
    re.ASCII,
)
_REPEATING = re.compile(r"(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\s*\{\s*(\d+)\s*\}|\((\d+)\))", re.ASCII)
_MIXED = re.compile(
    r"\s*\\frac\s*(?:\{\s*(\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))|\s+(\d+)\s*/\s*(\d+)(?![\d.])", re.ASCII
)
"""The fraction of a mixed number, after its whole part."""


class NumeralReader:
    """Where a recursive descent is: at which character, how deep, and on which conventions its reading rests."""

    def __init__(self, text: str, mixed_is_product: bool) -> None:
        self.text = text
        self.mixed_is_product = mixed_is_product
        self.at = 0
        self.depth = 0
        self.doubts: set[str] = set()

    def fail(self) -> NotUnderstood:
        return NotUnderstood(self.text[:50])

    def peek(self) -> str:
        """The next character that is not a space; "" at the end."""
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, char: str) -> bool:
        if self.peek() != char:
            return False
        self.at += 1
        return True

    def expect(self, char: str) -> None:
        if not self.take(char):
            raise self.fail()

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return found

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail()

    def number(self) -> Expression:
        if repeating := self.match(_REPEATING):
            return self.repeating(*repeating.groups(default=""))
        found = self.match(_NUMBER)
        if not found or self.text[self.at : self.at + 1] in ("_", "."):
            raise self.fail()
        value = self.numeral(found.group())
        mixed = _MIXED.match(self.text, self.at) if found.group().isdigit() else None
        if not mixed:
            return value
        top, bottom = (self.integer(part) for part in mixed.groups() if part)
        if not 0 < top < bottom:  # 3\frac{5}{2} is a product, and 3 5/2 is nothing
            if mixed.group(5):
                raise self.fail()
            return value
        self.at = mixed.end()
        self.doubts.add("mixed number")
        operation = "multiply" if self.mixed_is_product else "add"
        return Apply(operation, (value, Number(Fraction(top, bottom))))

    def numeral(self, digits: str) -> Number:
        digits = digits.replace(",", "").lower()
        mantissa, _, exponent = digits.partition("e")
        if len(digits) > MAX_DIGITS or abs(int(exponent or 0)) > MAX_DIGITS:
            raise self.fail()
        decimals = len(mantissa.partition(".")[2])
        return Number(Fraction(digits), decimals or None)

    def integer(self, digits: str) -> int:
        if len(digits) > MAX_DIGITS:  # Python refuses to read integers of thousands of digits
            raise self.fail()
        return int(digits)

    def repeating(self, whole: str, fixed: str, overlined: str, bracketed: str) -> Expression:
        period = overlined or bracketed
        if bracketed and not whole:  # .(3)
            raise self.fail()
        shift = 10 ** len(fixed)
        value = Fraction(self.integer(whole + fixed or "0"), shift)
        return Number(value + Fraction(self.integer(period), shift * (10 ** len(period) - 1)))
