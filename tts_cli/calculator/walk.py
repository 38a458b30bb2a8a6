r"""Reads one expression of a step from token to token, with units between its numbers: `equality_sides`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_cli.answers.reading.language import TURNING
from tts_cli.calculator.tokens import WORDS, Token, is_unit
from tts_cli.calculator.words import ARITHMETIC

_MAX_DEPTH = 20
_MAX_DIGITS = 30
_MAX_UNITS = 5  # words


class Unreadable(Exception):
    """This is no arithmetic, or has more than one reading."""


@dataclass(frozen=True, slots=True)
class Side:
    """`text`: for the reader of expressions, a percent sign behind its number; `bare`: one number alone;
    `words`: the units in it; `start`, `end`: where it stands in the step."""

    text: str
    bare: bool
    words: tuple[str, ...]
    start: int
    end: int


class Walk:
    """Reads an expression from one token on, as far as it goes."""

    def __init__(self, step: str, tokens: Sequence[Token], at: int) -> None:
        self.step, self.tokens, self.at = step, tokens, at
        self.pieces: list[str] = []
        self.words: list[str] = []
        self.trailing: list[str] = []  # words behind the last operand
        self.last = at  # behind the last token of the expression, without units
        self.depth = 0

    def side(self, start: int) -> Side:
        tokens = self.tokens[start : self.last]
        text = " ".join(self.pieces)
        numbers = sum(token.kind == "number" for token in tokens)
        percents = text.count("%") if "%" in text else 0
        if percents and set("+-") & set(self.pieces) and percents < numbers:
            raise Unreadable  # 50 + 20%: of what?
        bare = numbers == 1 and not any(token.kind in ("command", "postfix") for token in tokens)
        return Side(text, bare, tuple(self.words), tokens[0].start, tokens[-1].end)

    def expression(self) -> None:
        """Operands with operators between them. Raises Unreadable."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Unreadable
        divided = False
        while True:
            self.operand()
            self.last = self.at
            of = self.skip_units()
            token, following = self.tokens[self.at], self.tokens[min(self.at + 1, len(self.tokens) - 1)]
            if of:
                self.pieces.append("*")
                continue
            if token.kind != "operator" or token.text == "^" or not _begins_operand(following):
                break
            if token.text in "/÷" and divided:
                raise Unreadable  # a/b/c
            divided = token.text in "/÷"
            self.pieces.append(token.text)
            self.at += 1
        self.depth -= 1

    def operand(self) -> None:
        """A signed factor with what is written at it: powers, !, %, and factors without a sign."""
        signed = False
        while self.tokens[self.at].kind == "operator" and self.tokens[self.at].text in ("+", "-"):
            if self.pieces and self.pieces[-1] in "+-*/÷" and self.tokens[self.at].text == "+":
                raise Unreadable  # *+
            signed = True
            self.take()
        bracket = self.tokens[self.at].kind == "open"
        self.factor()
        while True:
            token = self.tokens[self.at]
            if token.kind == "postfix" or token.text == "^":
                if signed and not bracket:
                    raise Unreadable  # -2^2
                self.power()
            elif token.kind == "%":
                if bracket or not self.pieces[-1][-1].isdigit():
                    raise Unreadable
                self.pieces[-1] += "%"
                self.at += 1
            elif token.kind == "command" or (token.kind == "open" and not self.gap()):
                self.factor()
                bracket = False
            else:
                return

    def gap(self) -> bool:
        return self.step[self.tokens[self.at - 1].end : self.tokens[self.at].start].isspace()

    def take(self) -> None:
        self.pieces.append(self.tokens[self.at].text)
        self.at += 1

    def power(self) -> None:
        if self.tokens[self.at].kind == "postfix":
            self.take()
            return
        self.take()
        if self.tokens[self.at].text == "-":
            self.take()
        self.factor()

    def factor(self) -> None:
        token = self.tokens[self.at]
        if token.kind == "number":
            self.number()
        elif token.kind == "open":
            self.bracket()
        elif token.kind == "command":
            self.command()
        else:
            raise Unreadable

    def number(self) -> None:
        """Also 2 1/2, which the reader of expressions knows."""
        text = self.tokens[self.at].text
        if len(text) > _MAX_DIGITS or (text[0] == "0" and text[1:2].isdigit()):
            raise Unreadable  # 0900: a time
        self.take()
        following = self.tokens[self.at : self.at + 3]
        if [token.kind for token in following] == ["number", "operator", "number"] and following[1].text == "/":
            self.pieces.append("".join(token.text for token in following))
            self.at += 3

    def bracket(self) -> None:
        opening = self.tokens[self.at].text
        self.take()
        self.expression()
        if self.tokens[self.at].text != {"(": ")", "[": "]", "{": "}"}[opening]:
            raise Unreadable
        self.trailing = []
        self.take()

    def command(self) -> None:
        r"""\frac{1}{2}, \frac12, \sqrt{9}, \sqrt[3]{8}, sqrt(9)."""
        name = self.tokens[self.at].text
        self.pieces.append(name if name[0] == "\\" else f"\\{name}")
        self.at += 1
        wanted = 1 if name.endswith("sqrt") else 2
        if wanted == 1 and self.tokens[self.at].text == "[":
            self.bracket()
        while wanted > 0:
            token = self.tokens[self.at]
            if token.kind == "open" and token.text in "{(":
                begin = len(self.pieces)
                self.bracket()
                self.pieces[begin], self.pieces[-1] = "{", "}"
                wanted -= 1
            elif token.kind == "number" and len(token.text) <= wanted:
                self.take()
                wanted -= len(token.text)
            else:
                raise Unreadable

    def skip_units(self) -> bool:
        """Goes over the words behind an operand: 5 red apples, 3 m/s. Whether they are the "of" of a product."""
        self.trailing = []
        token = self.tokens[self.at]
        if token.kind == "word" and token.text == "of" and self.is_part():
            self.at += 1
            if _begins_operand(self.tokens[self.at]):
                return True
            raise Unreadable
        while len(self.trailing) < _MAX_UNITS:
            token, following = self.tokens[self.at], self.tokens[min(self.at + 1, len(self.tokens) - 1)]
            if token.kind == "word" and self.may_be_unit(token):
                self.trailing.append(token.text)
                self.at += 1
            elif token.text in ("/", "-") and following.kind == "word" and not self.gap():
                self.trailing.append(following.text)
                self.at += 2
            elif self.trailing and token.text in ("^", "²", "³") and is_unit(self.trailing[-1].rstrip("}")):
                self.unit_power()
            else:
                break
        self.words += self.trailing
        return False

    def may_be_unit(self, token: Token) -> bool:
        """A noun; "per" and "a" only behind another."""
        words = [word.lower() for word in WORDS.findall(token.text)]
        if words in (["a"], ["per"], ["each"]):
            return bool(self.trailing) or words == ["each"]
        return not (ARITHMETIC | TURNING) & set(words)

    def unit_power(self) -> None:
        raised = self.tokens[self.at].text == "^"
        self.at += 1
        if raised:
            braces = self.tokens[self.at].text == "{"
            self.at += 3 if braces else 1

    def is_part(self) -> bool:
        """Whether the last operand is a fraction or a percentage, of which "of" takes a part."""
        if self.pieces[-1].endswith("%"):
            return True
        return (len(self.pieces) > 2 and self.pieces[-2] == "/") or "\\frac" in self.pieces[-7:-5]


def _begins_operand(token: Token) -> bool:
    return token.kind in ("number", "open", "command") or (token.kind == "operator" and token.text in "+-")
