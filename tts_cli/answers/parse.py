r"""Reads one expression, in LaTeX or as typed on a keyboard, into exact arithmetic.

Covers numbers (decimals, repeating decimals, mixed numbers, factorials), letters with subscripts, + - * / ^,
implicit products, \frac, \sqrt[n], \binom, brackets, absolute values; functions become opaque terms.
Everything else (integrals, sums, relations, words) raises NotUnderstood.
The text must have gone through `normalize.clean`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import comb, factorial

from tts_cli.answers import algebra
from tts_cli.answers.algebra import Ratio, TooBig
from tts_cli.answers.cursor import CLOSERS, INTEGER, MIXED, Cursor, NotUnderstood

MAX_LENGTH = 600
MAX_DEPTH = 40
_MAX_FACTORIAL = 500
_MAX_DIGITS = 1_000

_FUNCTION_NAMES = """
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth log ln lg exp max min gcd lcm deg det dim arg Re Im
"""
_GREEK_NAMES = """
    alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi varphi chi psi
    omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell hbar
"""
_TYPED_NAMES = "sqrt cbrt pi infinity inf theta alpha beta gamma phi binom abs"
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_GREEK = frozenset(_GREEK_NAMES.split())
_PLAIN_NAMES = _FUNCTIONS | set(_TYPED_NAMES.split())
_NUMBER = re.compile(r"\d+\.\d+e[+-]?\d{1,4}(?!\d)|(?:\d+(?:\.\d*)?|\.\d+)(?:(?:E[+-]?|e)\d{1,4}(?!\d))?")
_REPEATING = re.compile(r"(\d*)\.(\d*)\\(?:overline|bar)\s*\{\s*(\d+)\s*\}")
_NAME = re.compile(r"[A-Za-z]+")
_COMMAND_OR_WORD = re.compile(r"\\?([A-Za-z]+)")
_ROUNDED_END = re.compile(r"\s*\\r(?:floor|ceil)(?![A-Za-z])")
_SUBSCRIPT = re.compile(r"\s*_\s*(\{[^{}]*\}|[A-Za-z0-9])")
_EXPONENT_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def parse_expression(text: str) -> Ratio:
    """The exact value of an expression. Raises NotUnderstood, TooBig, algebra.Undefined."""
    if len(text) > MAX_LENGTH:
        raise TooBig
    parser = _Parser(text)
    value = parser.sum()
    if parser.peek():
        raise parser.fail()
    return value


class _Parser(Cursor):
    """Recursive descent over characters: one method per level of precedence, from loose to tight."""

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooBig

    def sum(self) -> Ratio:
        self.deeper()
        total = self.product()
        while (sign := self.peek()) in ("+", "-") and sign:
            self.at += 1
            term = self.product()
            total = total + term if sign == "+" else total - term
        self.depth -= 1
        return total

    def product(self) -> Ratio:
        total = self.signed()
        while True:
            if self.take("*"):
                total = total * self.signed()
            elif self.take("/"):
                total = total / self.signed()
            elif self.starts_factor():
                total = total * self.raised()
            else:
                return total

    def starts_factor(self) -> bool:
        char = self.peek()
        if _ROUNDED_END.match(self.text, self.at):
            return False
        return bool(char) and (char.isalnum() or char in "([{\\.∞")

    def signed(self) -> Ratio:
        negative = False
        while (sign := self.peek()) in ("+", "-") and sign:
            self.at += 1
            negative ^= sign == "-"
        value = self.raised()
        return -value if negative else value

    def raised(self) -> Ratio:
        """A factor with what follows it: factorials, primes of derivatives, one exponent."""
        base = self.primary()
        while self.peek() == "!":
            self.at += 1
            base = _factorial(base)
        if self.take("^"):
            base = algebra.power(base, self.exponent())
            if self.peek() in ("^", "!") and self.peek():
                raise self.fail()
        return base

    def exponent(self) -> Ratio:
        self.peek()
        number = self.match(_EXPONENT_NUMBER)  # typed on a keyboard, x^10 means x^{10}
        if number:
            return algebra.number(Fraction(_short(number.group())))
        negative = self.take("-")
        value = self.argument()
        return -value if negative else value

    def primary(self) -> Ratio:
        char = self.peek()
        if char.isdigit() or char == ".":
            return self.number()
        if char == "\\":
            return self.command()
        if char in CLOSERS and char:
            self.at += 1
            value = self.sum()
            self.expect(CLOSERS[char])
            return value
        if char == "|":
            self.at += 1
            value = self.sum()
            self.expect("|")
            return _absolute(value)
        if char == "∞":
            self.at += 1
            return algebra.atom("∞")
        return self.name()

    def number(self) -> Ratio:
        if repeating := self.match(_REPEATING):
            whole, fixed, period = repeating.groups()
            _short(whole + fixed + period)
            shift = 10 ** len(fixed)
            value = Fraction(int((whole + fixed) or "0"), shift)
            return algebra.number(value + Fraction(int(period), shift * (10 ** len(period) - 1)))
        found = self.match(_NUMBER)
        if not found:
            raise self.fail()
        value = Fraction(_short(found.group()))
        mixed = MIXED.match(self.text, self.at) if found.group().isdigit() else None
        if mixed:
            top, bottom = (int(_short(part)) for part in mixed.groups() if part)
            if 0 < top < bottom:
                self.at = mixed.end()
                value += Fraction(top, bottom)
        return algebra.number(value)

    def argument(self) -> Ratio:
        """What a command takes: a group in braces, or one digit, letter or command."""
        char = self.peek()
        if char.isdigit():
            self.at += 1
            return algebra.number(int(char))
        if char == "\\":
            return self.command()
        if char in ("{", "("):
            return self.primary()
        if char.isalpha() and char.isascii():
            self.at += 1
            return algebra.atom(char)
        raise self.fail()

    def command(self) -> Ratio:
        self.expect("\\")
        found = self.match(_NAME)
        if not found:
            raise self.fail()
        self.deeper()
        value = self.named(found.group())
        self.depth -= 1
        return value

    def name(self) -> Ratio:
        """Letters without a backslash: a known name, or a product of variables."""
        found = _NAME.match(self.text, self.at)
        if not found:
            raise self.fail()
        word = found.group()
        if word in _PLAIN_NAMES:
            self.at = found.end()
            return self.named(word)
        if len(word) > 3:
            raise NotUnderstood(word)
        self.at += 1
        return self.variable(word[0])

    def named(self, name: str) -> Ratio:
        if name == "frac":
            return self.argument() / self.argument()
        if name in ("sqrt", "cbrt"):
            return self.root(3 if name == "cbrt" else 2)
        if name == "binom":
            return _binomial(self.argument(), self.argument())
        if name == "abs":
            return _absolute(self.argument())
        if name in ("infinity", "inf"):
            return algebra.atom("∞")
        if name == "pi":
            return algebra.atom("pi")
        if name in _FUNCTIONS:
            return self.function(name)
        if name in ("lfloor", "lceil"):
            return self.rounded(name)
        if name in _GREEK:
            return self.variable("\\" + name)
        raise NotUnderstood(name)

    def variable(self, name: str) -> Ratio:
        if subscript := self.match(_SUBSCRIPT):
            name += "_" + subscript.group(1).strip("{} ")
        while self.text[self.at : self.at + 1] == "'":
            self.at += 1
            name += "'"
        return algebra.atom(name)

    def root(self, degree: int) -> Ratio:
        if self.take("["):
            index = self.sum().rational
            self.expect("]")
            if index is None or index == 0:
                raise self.fail()
            return algebra.power(self.argument(), algebra.number(1 / index))
        self.peek()
        number = self.match(INTEGER)  # √12, typed as a sign; nobody means \sqrt1 times 2
        radicand = algebra.number(int(_short(number.group()))) if number else self.argument()
        return algebra.power(radicand, algebra.number(Fraction(1, degree)))

    def function(self, name: str) -> Ratio:
        base = self.argument() if self.take("_") else None
        raised = self.exponent() if self.take("^") else None
        if self.peek() in ("(", "{", "["):
            argument = self.primary()
        else:
            argument = self.raised()
            while self.starts_factor() and not self.at_function():
                argument = argument * self.raised()
        if name == "exp":
            return algebra.power(algebra.atom("e"), argument)
        value = algebra.opaque(name, argument, *([base] if base else []))
        if raised is None:
            return value
        return algebra.opaque(f"inverse-{name}", argument) if raised.rational == -1 else algebra.power(value, raised)

    def at_function(self) -> bool:
        found = _COMMAND_OR_WORD.match(self.text, self.at)
        return bool(found and found.group(1) in _FUNCTIONS)

    def rounded(self, name: str) -> Ratio:
        value = self.sum()
        if not self.match(_ROUNDED_END):
            raise self.fail()
        known = value.rational
        if known is None:
            return algebra.opaque(name, value)
        return algebra.number(known // 1 if name == "lfloor" else -(-known // 1))


def _short(digits: str) -> str:
    """Python refuses to read integers of thousands of digits; so do we, and earlier."""
    if len(digits) > _MAX_DIGITS or ("e" in digits.lower() and abs(int(re.split("[eE]", digits)[1])) > _MAX_DIGITS):
        raise TooBig
    return digits


def _factorial(base: Ratio) -> Ratio:
    n = base.rational
    if n is None:
        return algebra.opaque("factorial", base)
    if n.denominator != 1 or n < 0:
        raise NotUnderstood("factorial")
    if n > _MAX_FACTORIAL:
        raise TooBig
    return algebra.number(factorial(n.numerator))


def _binomial(top: Ratio, bottom: Ratio) -> Ratio:
    n, k = top.rational, bottom.rational
    if n is None or k is None or n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
        return algebra.opaque("binom", top, bottom)
    if n > _MAX_FACTORIAL:
        raise TooBig
    return algebra.number(comb(n.numerator, k.numerator))


def _absolute(value: Ratio) -> Ratio:
    known = value.rational
    return algebra.opaque("abs", value) if known is None else algebra.number(abs(known))
