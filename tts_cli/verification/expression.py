r"""Reads an expression or an equation strictly, for the verifier: what has two meanings raises NotUnderstood.

`answers.parse` reads what a person most likely meant, which is right for comparing answers. Here a wrong reading would
drop right answers, so `1/2x`, `f(x)`, `\log x`, `2^10` in LaTeX, `\sin 30` and words are no expressions at all.
Input is text from `normalize.clean`. Nothing is worked out here: `symbolic.py` does that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tts_cli.answers.cursor import CLOSERS, INTEGER, MIXED, Cursor, NotUnderstood

MAX_LENGTH = 300
MAX_DEPTH = 20
MAX_DIGITS = 60

Mixed = Literal["sum", "product"]


@dataclass(frozen=True, slots=True)
class Number:
    """`decimals`: digits after the point as it was written; None without a point."""

    value: Fraction
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A variable; "pi", "i" and "exp(1)" are the constants."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation: add, multiply, divide, power, root (degree, radicand), negate, and the names of functions."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Number | Letter | Apply
PI = Letter("pi")

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+")
_NAME = re.compile(r"\\([A-Za-z]+)[ ]*")
_WORD = re.compile(r"[A-Za-z]+")
_PLAIN_FUNCTION = re.compile(r"(sqrt|gcd|lcm|abs)(?=\()")
_TRIGONOMETRIC = frozenset(["sin", "cos", "tan", "cot", "sec", "csc"])
_NEVER_FUNCTIONS = frozenset("abckmnrsuvwxyz")  # a letter before a bracket: these are factors


def parse(text: str, *, latex: bool, mixed: Mixed | None = None) -> Expression:
    r"""The expression. `latex`: `x^10` is then ambiguous. `mixed`: what `2\frac{1}{3}` is; None: not understood."""
    if len(text) > MAX_LENGTH:
        raise NotUnderstood(text)
    parser = _StrictParser(text.strip(), latex, mixed)
    value = parser.sum()
    if parser.peek():
        raise NotUnderstood(text)
    return value


def parse_equation(text: str, *, latex: bool) -> tuple[Expression, Expression]:
    """Both sides of the only `=`."""
    sides = text.split("=")
    if len(sides) != 2:
        raise NotUnderstood(text)
    return parse(sides[0], latex=latex), parse(sides[1], latex=latex)


def letters(*expressions: Expression) -> set[str]:
    """The variables in them, without the constants."""
    return {node.name for node in _nodes(*expressions) if isinstance(node, Letter)} - {"pi", "i", "exp(1)"}


def operations(*expressions: Expression) -> set[str]:
    return {node.name for node in _nodes(*expressions) if isinstance(node, Apply)}


def mentions_i(*expressions: Expression) -> bool:
    return Letter("i") in set(_nodes(*expressions))


def _nodes(*expressions: Expression) -> Iterator[Expression]:
    for expression in expressions:
        yield expression
        if isinstance(expression, Apply):
            yield from _nodes(*expression.arguments)


class _StrictParser(Cursor):
    """Recursive descent over characters: one method per level of precedence, from loose to tight."""

    def __init__(self, text: str, latex: bool, mixed: Mixed | None) -> None:
        super().__init__(text)
        self.latex, self.mixed = latex, mixed
        self.bars = 0

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail()

    def sum(self) -> Expression:
        self.deeper()
        total = self.product()
        while (sign := self.peek()) and sign in "+-":
            self.at += 1
            term = self.product()
            total = Apply("add", (total, term if sign == "+" else Apply("negate", (term,))))
        self.depth -= 1
        return total

    def product(self) -> Expression:
        total, divided = self.signed(), False
        while True:
            if self.take("*"):
                total, divided = Apply("multiply", (total, self.signed())), False
            elif self.take("/"):
                total, divided = Apply("divide", (total, self.signed())), True
            elif self.starts_factor():
                if divided:  # 1/2x: half of x to some, one over 2x to others
                    raise self.fail()
                total = Apply("multiply", (total, self.implicit_factor()))
            else:
                return total

    def starts_factor(self) -> bool:
        char = self.peek()
        if char == "|":
            return not self.bars
        if self.text.startswith(("\\rfloor", "\\rceil"), self.at):
            return False
        return bool(char) and (char.isalnum() or char in "([{\\.")

    def implicit_factor(self) -> Expression:
        """What is multiplied without a sign; a number only after a bracket, as in (1+2)3."""
        if self.text[self.at] in "0123456789." and self.text[self.at - 1] not in ")]}":
            raise self.fail()
        return self.raised()

    def signed(self) -> Expression:
        if self.take("-"):
            return Apply("negate", (self.signed(),))
        return self.signed() if self.take("+") else self.raised()

    def raised(self) -> Expression:
        """A factor with a factorial sign or an exponent after it."""
        base = self.primary()
        if self.take("!"):
            if self.peek() in ("!", "^"):
                raise self.fail()
            return Apply("factorial", (base,))
        if self.take("^"):
            base = Apply("power", (base, self.exponent()))
            if self.peek() in ("^", "!"):
                raise self.fail()
        return base

    def exponent(self) -> Expression:
        if self.peek() in ("{", "("):
            return self.primary()
        if self.take("-"):
            return Apply("negate", (self.exponent(),))
        found = self.match(INTEGER)
        if not found:
            return self.argument()
        if (self.latex and len(found.group()) > 1) or len(found.group()) > MAX_DIGITS:
            raise self.fail()
        return Number(Fraction(found.group()))

    def primary(self) -> Expression:
        char = self.peek()
        if char.isdigit() or char == ".":
            return self.number()
        if char == "\\":
            return self.command()
        if char == "|":
            return self.absolute()
        if char in CLOSERS:
            self.at += 1
            outer, self.bars = self.bars, 0
            value = self.sum()
            self.bars = outer
            self.expect(CLOSERS[char])
            return value
        return self.name()

    def absolute(self) -> Expression:
        if self.bars:
            raise self.fail()
        self.expect("|")
        self.bars = 1
        value = self.sum()
        self.bars = 0
        self.expect("|")
        return Apply("abs", (value,))

    def number(self) -> Expression:
        found = self.match(_NUMBER)
        if not found or len(found.group()) > MAX_DIGITS or self.peek() == "_":
            raise self.fail()
        whole, _, decimals = found.group().replace(",", "").partition(".")
        value = Number(Fraction(found.group().replace(",", "")), len(decimals) if decimals else None)
        mixed = MIXED.match(self.text, self.at) if whole and not decimals else None
        if not mixed:
            return value
        top, bottom = (int(part) for part in mixed.groups() if part)
        if self.mixed is None or bottom == 0:
            raise self.fail()
        self.at = mixed.end()
        return Apply("add" if self.mixed == "sum" else "multiply", (value, Number(Fraction(top, bottom))))

    def argument(self) -> Expression:
        """What a command takes: a group in braces, or one digit, letter or command."""
        char = self.peek()
        if char.isdigit():
            self.at += 1
            return Number(Fraction(char))
        if char == "\\":
            return self.command()
        if char == "{":
            return self.primary()
        if char.isalpha() and char.isascii() and char not in "eE":
            self.at += 1
            return Letter(char)
        raise self.fail()

    def name(self) -> Expression:
        """A letter. Letters in a row are a product in LaTeX only; elsewhere they are a word."""
        if called := self.match(_PLAIN_FUNCTION):
            return self.plain_function(called.group(1))
        found = _WORD.match(self.text, self.at)
        if not found or (len(found.group()) > 1 and not self.latex) or len(found.group()) > 3:
            raise self.fail()
        letter = self.text[self.at]
        self.at += 1
        if letter in "eEO" or self.peek() in ("_", "'"):
            raise self.fail()
        if self.peek() in ("(", "[") and self.may_be_called(letter):
            raise self.fail()
        return Letter(letter)

    def may_be_called(self, letter: str) -> bool:
        """Whether `letter(` could begin f(x): in x(x + 1) it does not."""
        inside = self.text[self.at + 1 :].partition(")")[0].strip()
        return letter not in _NEVER_FUNCTIONS or not any(sign in inside[1:] for sign in "+-")

    def plain_function(self, name: str) -> Expression:
        self.expect("(")
        arguments = [self.sum()]
        while self.take(","):
            arguments.append(self.sum())
        self.expect(")")
        if (len(arguments) > 1) != (name in ("gcd", "lcm")):
            raise self.fail()
        return Apply("root", (Number(Fraction(2)), *arguments)) if name == "sqrt" else Apply(name, tuple(arguments))

    def command(self) -> Expression:
        found = self.match(_NAME)
        if not found:
            raise self.fail()
        self.deeper()
        value = self.named(found.group(1))
        self.depth -= 1
        return value

    def named(self, name: str) -> Expression:
        if name == "frac":
            return Apply("divide", (self.argument(), self.argument()))
        if name == "binom":
            return Apply("binomial", (self.argument(), self.argument()))
        if name == "sqrt":
            return self.root()
        if name == "pi":
            return PI
        if name in ("lfloor", "lceil"):
            return self.rounded(name[1:])
        if name in ("log", "ln"):
            return self.logarithm(name)
        if name in _TRIGONOMETRIC:
            return self.trigonometric(name)
        raise self.fail()

    def root(self) -> Expression:
        degree: Expression = Number(Fraction(2))
        if self.take("["):
            degree = self.sum()
            self.expect("]")
        return Apply("root", (degree, self.argument()))

    def rounded(self, name: str) -> Expression:
        value = self.sum()
        closing = self.match(_NAME)
        if not closing or closing.group(1) != "r" + name:
            raise self.fail()
        return Apply(name, (value,))

    def logarithm(self, name: str) -> Expression:
        r"""\ln, or \log with its base: without one it is 10 to some and e to others."""
        if name == "ln":
            return Apply("log", (Letter("exp(1)"), self.operand()))
        self.expect("_")
        base = self.argument()
        return Apply("log", (base, self.operand()))

    def trigonometric(self, name: str) -> Expression:
        """Of an angle whose unit is certain: in degrees, or with pi or a letter in it."""
        exponent = self.exponent() if self.take("^") else None
        if isinstance(exponent, Apply):  # sin^{-1}
            raise self.fail()
        angle = self.operand()
        if "degrees" not in operations(angle) and not letters(angle) and PI not in set(_nodes(angle)):
            raise self.fail()
        value = Apply(name, (angle,))
        return value if exponent is None else Apply("power", (value, exponent))

    def operand(self) -> Expression:
        """What a function is applied to: a bracket, or factors up to the next sign, bracket or function."""
        if self.peek() in ("(", "{", "["):
            value = self.degrees(self.primary())
            if self.peek() == "^":
                raise self.fail()
            return value
        value = self.degrees(self.raised())
        while self.starts_factor() and not self.at_function():
            if self.peek() in "([{|":
                raise self.fail()
            value = self.degrees(Apply("multiply", (value, self.implicit_factor())))
        if self.peek() == "/":  # sin x/2
            raise self.fail()
        return value

    def degrees(self, value: Expression) -> Expression:
        return Apply("degrees", (value,)) if self.take("°") else value

    def at_function(self) -> bool:
        found = _NAME.match(self.text, self.at)
        return bool(found and found.group(1) in _TRIGONOMETRIC | {"log", "ln"})
