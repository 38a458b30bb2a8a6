r"""Reads one expression, in LaTeX or as typed on a keyboard, into a tree: all of it, or not at all.

Covers numbers (decimals, repeating decimals, mixed numbers), letters with subscripts and accents, + - * / ÷ ^ !,
implicit products, \frac, \sqrt[n], \binom, brackets, absolute values, rounding, logarithms, trigonometric and other
named functions, and matrices. Everything else (integrals, sums, limits, relations, words) raises NotUnderstood, and so
does what has two readings: `1/2x`, `3/4 ÷ 1/2`, `2 3`, `\sin x/2`, `2^3^2`.

Some conventions are safe enough for comparing two answers, but not for calling an answer wrong: that `\log` has base
10, `2\frac{1}{3}` is a sum, `x^10` in LaTeX means `x^{10}`. These leave a mark in `Parsed.doubts`.
The text must have gone through `normalize.clean`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from tts_cli.answers.reading import expression as tree
from tts_cli.answers.reading.expression import INFINITY, PI, TWO, Apply, E, Expression, Name, NotUnderstood, Number
from tts_cli.answers.reading.language import TURNING
from tts_cli.answers.reading.numerals import INTEGER, NumeralReader

MAX_LENGTH = 600

_OF_SEVERAL = frozenset(["gcd", "lcm", "max", "min"])
_CONSTANTS = {"pi": PI, "infinity": INFINITY, "inf": INFINITY}
_ACCENTS = frozenset(["bar", "hat", "tilde", "overline", "dot", "overrightarrow", "widehat"])
_CALLED = frozenset("fgFG")  # letters that before a bracket name a function
_MAY_BE_CALLED = frozenset("defghijlopqt") | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

_NAME = re.compile(r"[A-Za-z]+")
_COMMAND_OR_WORD = re.compile(r"\\?([A-Za-z]+)")
_SUBSCRIPT = re.compile(r"\s*_\s*(\{[^{}]*\}|[A-Za-z0-9])")
_EXPONENT = re.compile(r"\d+(?:\.\d+)?")
_ACCENTED = re.compile(r"\s*(?:\{\s*([A-Za-z]{1,3})\s*\}|([A-Za-z])(?![A-Za-z]))")
_MATRIX = re.compile(r"begin\s*\{\s*([pbBvV]?|small)(?:matrix|array)\s*\}\s*(?:\{[lcr|]*\})?")
_MATRIX_END = re.compile(r"\\end\s*\{[a-zA-Z]+\}")
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """`doubts`: the conventions that the reading rests on, by name; none where there is one reading only."""

    expression: Expression
    doubts: frozenset[str]


def parse(text: str, *, mixed_is_product: bool = False) -> Parsed:
    r"""The tree of the whole text. Raises NotUnderstood.

    `mixed_is_product`: take the other reading of `2\frac{1}{3}`.

    >>> parse("x + 1").expression
    Apply(name='add', arguments=(Name(name='x'), Number(value=Fraction(1, 1), decimals=None)))
    """
    if len(text) > MAX_LENGTH:
        raise NotUnderstood(text[:50])
    parser = _Parser(text, mixed_is_product)
    value = parser.sum()
    if parser.peek():
        raise parser.fail()
    return Parsed(value, frozenset(parser.doubts))


class _Parser(NumeralReader):
    """Recursive descent over characters: one method per level of precedence, from loose to tight."""

    def __init__(self, text: str, mixed_is_product: bool) -> None:
        super().__init__(text, mixed_is_product)
        self.bars = 0  # open absolute values in the innermost bracket

    # Operators

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
        """Factors. After a slash an implicit product is ambiguous (1/2x), and so is ÷ beside either."""
        total, signs = self.signed(), set[str]()
        while True:
            if (sign := self.peek()) and sign in "*/÷":
                self.at += 1
                signs.add(sign)
                operand = self.signed()
                total = Apply("multiply" if sign == "*" else "divide", (total, operand))
            elif self.starts_factor():
                total = Apply("multiply", (total, self.implicit_factor(divided=bool(signs & {"/", "÷"}))))
                signs.add("")
            else:
                break
        if "÷" in signs and signs & {"/", ""}:
            raise self.fail()
        return total

    def starts_factor(self) -> bool:
        char = self.peek()
        if char == "|":
            return not self.bars
        if self.text.startswith(("\\rfloor", "\\rceil", "\\end"), self.at):
            return False
        return bool(char) and (char.isalnum() or char in "([{\\.∞")

    def implicit_factor(self, divided: bool) -> Expression:
        """What is multiplied without a sign; a number only after a bracket, as in (1+2)3.
        Of 1/2x nobody knows what is divided; in 1/2 x the space says it well enough for comparing."""
        before = self.text[self.at - 1]
        if self.text[self.at] in "0123456789." and before not in ")]}|!":
            factor = self.raised() if before == " " else None
            if not isinstance(factor, Apply) or factor.name != "power":  # but 2^6 3^5 is a product
                raise self.fail()
            return factor
        if divided:
            if before != " " or not self.text[self.at].isalpha():
                raise self.fail()
            self.doubts.add("1/2 x")
        return self.raised()

    def signed(self) -> Expression:
        if self.take("-"):
            return Apply("negate", (self.signed(),))
        return self.signed() if self.take("+") else self.raised()

    def raised(self) -> Expression:
        """A factor with a factorial sign or an exponent after it."""
        base = self.primary()
        if self.take("!"):
            if (following := self.peek()) and following in "!^":
                raise self.fail()
            return Apply("factorial", (base,))
        if self.take("^"):
            base = Apply("power", (base, self.exponent()))
            if (following := self.peek()) and following in "!^":
                raise self.fail()
        return base

    def exponent(self) -> Expression:
        if self.take("-"):
            return Apply("negate", (self.exponent(),))
        if self.peek() in ("{", "("):
            return self.primary()
        found = self.match(_EXPONENT)  # typed on a keyboard, x^10 means x^{10}
        if not found:
            return self.argument()
        if len(found.group()) > 1:
            self.doubts.add("x^10")
        return self.numeral(found.group())

    def primary(self) -> Expression:
        char = self.peek()
        if "0" <= char <= "9" or char == ".":
            return self.number()
        if char == "\\":
            return self.command()
        if char == "|":
            return self.absolute()
        if char == "∞":
            self.at += 1
            return INFINITY
        if char in _CLOSERS:
            self.at += 1
            outer, self.bars = self.bars, 0
            value = self.sum()
            self.bars = outer
            self.expect(_CLOSERS[char])
            return value
        return self.name()

    def absolute(self) -> Expression:
        if self.bars:  # |a|b|c|: which bars belong together?
            raise self.fail()
        self.expect("|")
        self.bars = 1
        value = self.sum()
        self.bars = 0
        self.expect("|")
        return Apply("abs", (value,))

    # Names and commands

    def argument(self) -> Expression:
        """What a command takes: a group in braces, or one digit, letter or command."""
        char = self.peek()
        if "0" <= char <= "9":
            self.at += 1
            return Number(Fraction(int(char)))
        if char == "\\":
            return self.command()
        if char in ("{", "("):
            if char == "(":
                self.doubts.add("\\frac(")
            return self.primary()
        if char.isalpha() and char.isascii():
            self.at += 1
            return self.letter(char)
        raise self.fail()

    def name(self) -> Expression:
        """Letters without a backslash: a known name, the name of a line or angle (AB), or a product of variables."""
        found = _NAME.match(self.text, self.at)
        word = found.group() if found else ""
        if found and word in tree.TYPED_NAMES:
            self.at = found.end()
            if word not in ("sqrt", "abs", "gcd", "lcm"):
                self.doubts.add("typed name")
            return self.named(word)
        if not found or len(word) > 3 or (len(word) > 1 and word.lower() in TURNING):
            raise self.fail()
        if len(word) > 1:
            self.doubts.add("letters in a row")
        if len(word) > 1 and word.isupper():
            self.at = found.end()
            return self.variable(word)
        if len(word) == 1 and (index := INTEGER.match(self.text, found.end())):  # x1: neither 2x nor x^2, but a name
            self.doubts.add("subscript")
            self.at = index.end()
            return self.letter(f"{word}_{index.group()}")
        self.at += 1
        return self.variable(word[0])

    def variable(self, name: str) -> Expression:
        if subscript := self.match(_SUBSCRIPT):
            self.doubts.add("subscript")
            name += "_" + subscript.group(1).strip("{} ").replace(" ", "")
        while self.text[self.at : self.at + 1] == "'":
            self.doubts.add("prime")
            self.at += 1
            name += "'"
        if self.text[self.at : self.at + 1] in ("(", "["):
            if name.rstrip("'") in _CALLED:
                self.doubts.add("call")
                return Apply(f"call {name}", self.arguments())
            if name in _MAY_BE_CALLED or not self.holds_a_sum():
                self.doubts.add("call")
        return self.letter(name)

    def letter(self, name: str) -> Expression:
        if name in ("e", "E", "O"):
            self.doubts.add("e")
        return Name(name)

    def holds_a_sum(self) -> bool:
        """Whether the bracket that comes holds more than one term: x(x + 1) is no call, x(y) may be one."""
        inside = self.text[self.at + 1 :].partition(")")[0].strip()
        return any(sign in inside[1:] for sign in "+-")

    def arguments(self) -> tuple[Expression, ...]:
        self.expect("(")
        found = [self.sum()]
        while self.take(","):
            found.append(self.sum())
        self.expect(")")
        return tuple(found)

    def command(self) -> Expression:
        self.expect("\\")
        if opening := self.match(_MATRIX):
            return self.matrix("determinant" if opening.group(1) in ("v", "V") else "matrix")
        found = self.match(_NAME)
        if not found:
            raise self.fail()
        self.deeper()
        value = self.named(found.group())
        self.depth -= 1
        return value

    def named(self, name: str) -> Expression:
        if name == "frac":
            return Apply("divide", (self.argument(), self.argument()))
        if name in ("binom", "binomial"):
            pair = self.arguments() if self.peek() == "(" else (self.argument(), self.argument())
            if len(pair) != 2:
                raise self.fail()
            return Apply("binomial", pair)
        if name in ("sqrt", "cbrt"):
            return self.root(TWO if name == "sqrt" else Number(Fraction(3)))
        if name in ("abs", "Abs"):
            return Apply("abs", (self.primary(),))
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in ("lfloor", "lceil"):
            return self.rounded(name[1:])
        if name in ("asin", "acos", "atan"):
            name = f"arc{name[1:]}"
        if name in tree.FUNCTIONS:
            return self.function(name)
        if name in _ACCENTS and (accented := self.match(_ACCENTED)):
            self.doubts.add("accent")
            return self.variable(f"\\{name}{{{accented.group(1) or accented.group(2)}}}")
        if name in tree.GREEK:
            self.doubts.add("greek")
            return self.variable("\\" + name)
        raise self.fail()

    def matrix(self, kind: str) -> Expression:
        r"""Cells between & and ⏎, up to \end; `matrix-N`: N cells a row."""
        self.deeper()
        rows: list[list[Expression]] = [[]]
        while True:
            rows[-1].append(self.sum())
            if self.take("⏎"):
                self.peek()
                if not self.text.startswith("\\end", self.at):
                    rows.append([])
                    continue
            elif self.take("&"):
                continue
            if not self.match(_MATRIX_END) or len({len(row) for row in rows}) > 1:
                raise self.fail()
            break
        self.depth -= 1
        self.doubts.add(kind)
        return Apply(f"{kind}-{len(rows[0])}", tuple(cell for row in rows for cell in row))

    def root(self, degree: Expression) -> Expression:
        if self.take("["):
            degree = self.sum()
            self.expect("]")
        self.peek()
        if digits := self.match(INTEGER):  # √12, typed as a sign; nobody means \sqrt1 times 2
            if len(digits.group()) > 1:
                self.doubts.add("\\sqrt12")
            return Apply("root", (degree, self.numeral(digits.group())))
        return Apply("root", (degree, self.argument()))

    def rounded(self, name: str) -> Expression:
        value = self.sum()
        closing = self.match(re.compile(rf"\s*\\r{name}(?![A-Za-z])"))
        if not closing:
            raise self.fail()
        return Apply(name, (value,))

    # Functions

    def function(self, name: str) -> Expression:
        base = self.argument() if self.take("_") else None
        if base is not None and name != "log":
            raise self.fail()
        exponent = self.exponent() if self.take("^") else None
        if name in _OF_SEVERAL:
            if exponent is not None:
                raise self.fail()
            return Apply(name, self.arguments())
        argument = self.operand(angle=name in tree.TRIGONOMETRIC)
        if exponent == Apply("negate", (Number(Fraction(1)),)):
            if name not in tree.TRIGONOMETRIC:
                raise self.fail()
            self.doubts.add("inverse")
            return Apply(f"arc{name}", (argument,))
        value = self.applied(name, base, argument)
        return value if exponent is None else Apply("power", (value, exponent))

    def applied(self, name: str, base: Expression | None, argument: Expression) -> Expression:
        if name == "exp":
            return Apply("power", (E, argument))
        if name == "ln":
            return Apply("log", (E, argument))
        if name in ("log", "lg"):
            if base is None:
                self.doubts.add("log without base")
            return Apply("log", (base or Number(Fraction(10)), argument))
        if name not in tree.TRIGONOMETRIC:
            self.doubts.add("function")
        elif tree.is_plain_number(argument):
            self.doubts.add("degrees or radians")
        return Apply(name, (argument,))

    def operand(self, angle: bool) -> Expression:
        """What a function is applied to: a bracket, or factors up to the next sign or function.
        A bracket after such factors, or a slash, might belong to them or not."""
        if self.peek() in ("(", "{", "["):
            value = self.degrees(self.primary(), angle)
            if self.peek() in ("^", "!"):
                self.doubts.add("f(x)^2")
            return value
        value = self.degrees(self.raised(), angle)
        while self.starts_factor() and not self.at_function():
            if self.peek() in "([{|":
                raise self.fail()
            value = self.degrees(Apply("multiply", (value, self.implicit_factor(divided=False))), angle)
        if self.peek() in ("/", "÷"):
            raise self.fail()
        return value

    def degrees(self, value: Expression, angle: bool) -> Expression:
        return Apply("degrees", (value,)) if angle and self.take("°") else value

    def at_function(self) -> bool:
        found = _COMMAND_OR_WORD.match(self.text, self.at)
        return bool(found and found.group(1) in tree.FUNCTIONS)
