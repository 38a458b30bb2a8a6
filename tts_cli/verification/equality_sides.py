r"""Finds what stands on both sides of each `=` of a step, as far as it is arithmetic that was read whole: `equalities`.

A side is the longest run of numbers, operators and brackets next to the sign, with units between them. Words beside it
may belong to the arithmetic ("half of 20 + 5", "= 3 times 4", "2 hours 30 minutes"), and then there is no side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tts_cli.answers.reading.language import TURNING
from tts_cli.verification.equality_tokens import Token, is_unit

MAX_SIDE = 60  # tokens
MAX_PAIRS = 60
_MAX_DEPTH = 20
_MAX_DIGITS = 30
_MAX_UNITS = 5  # words

_ARITHMETIC = frozenset(
    """
    half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh eighth eighths ninth
    tenth tenths hundredth hundredths thousandth thousandths twice thrice double doubled doubles doubling triple tripled
    triples quadruple times time's plus minus less more fewer than subtract subtracting subtracted add added divide
    dividing divided multiply multiplying multiplied multiplies by over difference quotient remainder remain r square
    squared squaring cube cubed root percent percentage percents dozen dozens hundred hundreds thousand thousands million
    millions billion billions pair pairs couple per of from to ratio log ln sin cos tan mod modulo choose factorial
    average mean median power base and or
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    first second last
    """.split()
)
"""Words that beside a number may change it."""
_OPERATING = frozenset(
    "times plus minus divided multiplied over and or to percent squared cubed remainder less".split()
)
_BEFORE = frozenset(
    """
    half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh eighth eighths ninth
    tenth tenths hundredth thousandth twice thrice double doubled doubles doubling triple tripled triples quadruple
    times plus minus less more fewer than percent percents dozen dozens hundred thousand million billion squared cubed
    root ratio log ln sin cos tan mod modulo choose remainder difference quotient
    """.split()
)
"""Words that may change what stands anywhere behind them in their clause."""
_RIGHT_BEFORE = frozenset(
    """
    by over per of from and base average mean median
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    """.split()
)
"""Words that do so where they stand right before it."""
_JOINING = frozenset(
    """
    is are was were be has have had so then thus makes make made equals equal get gets got we he she they you because
    hence therefore now find spends spent pays paid costs cost earns earned sold sells or
    """.split()
)
"""Words after which a new statement begins."""
_LABELLED = frozenset(
    "step case day part problem question week year month room level figure example option way".split()
)
"""Words whose number is a name: Day 1 = 5 + 3."""
_SUMS = frozenset("total sum cost price profit amount number length value distance product speed rate".split())
"""What may be "of" an expression without changing it."""
_ABOUT = frozenset(["about", "approximately", "roughly"])
_LEADING = _ABOUT | {"only", "exactly", "a", "total", "of"}
_WORDS = re.compile(r"[^\W\d_]+")


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


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides of a sign. `about`: it is ≈."""

    left: Side
    right: Side
    about: bool


_CLOSED_FIRST = re.compile(r"[^$]*[^\s$\\]\$(?=[\s.,;:)]|$)")
_OPENINGS = (("\\[", "\\]"), ("\\(", "\\)"), ("\\begin", "\\end"))


def pairs(step: str, tokens: Sequence[Token]) -> Iterator[Pair]:
    """Both sides of each sign, where both were read whole; the first MAX_PAIRS."""
    signs = [at for at, token in enumerate(tokens) if token.kind in ("=", "≈")]
    cut = _is_cut(step)
    for at in signs[:MAX_PAIRS]:
        try:
            right, about = _right_of(step, tokens, at)
            left = _left_of(step, tokens, at)
            if cut and (left.start == tokens[0].start or _ends_text(tokens, right)):
                raise Unreadable  # a formula that began or goes on in another step
        except Unreadable:
            continue
        yield Pair(left, right, about or tokens[at].kind == "≈")


def _is_cut(step: str) -> bool:
    """Whether a formula of LaTeX began before the step, or ends behind it."""
    if "\\" not in step:
        return False
    if step.count("$") % 2 == 1 or _CLOSED_FIRST.match(step):
        return True
    return any(step.count(opening) != step.count(closing) for opening, closing in _OPENINGS)


def _ends_text(tokens: Sequence[Token], side: Side) -> bool:
    return all(token.kind == "end" for token in tokens if token.start >= side.end)


def _right_of(step: str, tokens: Sequence[Token], sign: int) -> tuple[Side, bool]:
    """The side, and whether "about" stands before it."""
    begin = sign + 1
    while tokens[begin].kind == "word" and tokens[begin].text in _LEADING:
        begin += 1
    walk = _Walk(step, tokens, begin)
    walk.expression()
    side = walk.side(begin)
    _check_behind(tokens, walk, side)
    return side, any(token.text in _ABOUT for token in tokens[sign + 1 : begin])


def _check_behind(tokens: Sequence[Token], walk: _Walk, side: Side) -> None:
    """Raises Unreadable where what follows the right side may belong to it."""
    at = walk.at
    token = tokens[at]
    words = walk.trailing
    if token.kind in ("unread", "%", "postfix", "command", "open", "operator"):
        raise Unreadable
    if token.kind == "word" and token.text.lower() in (_OPERATING if words else _ARITHMETIC):
        raise Unreadable
    if token.text == "\n" and (tokens[at + 1].kind == "operator" or (not side.bare and at + 2 == len(tokens))):
        raise Unreadable  # the next line goes on
    if token.kind == "number" and (not words or words[-1].lower() not in _JOINING | {"in", "for"}):
        raise Unreadable
    if token.text == "," and tokens[at + 1].kind == "number" and not _new_equality(tokens, at + 1):
        raise Unreadable


def _new_equality(tokens: Sequence[Token], at: int) -> bool:
    """Whether a clause that begins with a number holds an equality: 3 + 4 = 7, 7 + 2 = 9."""
    for token in tokens[at : at + MAX_SIDE]:
        if token.kind in ("=", "≈", "end"):
            return token.kind != "end"
    return False


def _left_of(step: str, tokens: Sequence[Token], sign: int) -> Side:
    end = sign
    while end and tokens[end - 1].text == "\n":  # a line that begins with = goes on with the one before
        end -= 1
    begin = end
    while begin and tokens[begin - 1].kind not in ("end", "=", "≈", "<"):
        begin -= 1
    if end - begin > MAX_SIDE:
        raise Unreadable
    for start in range(begin, end):
        if tokens[start].kind in ("number", "open", "command") or (
            start == begin and tokens[start].kind == "operator" and not step[tokens[start].end].isspace()
        ):
            walk = _Walk(step, tokens, start)
            try:
                walk.expression()
            except Unreadable:
                continue
            if walk.at == end:
                side = walk.side(start)
                _check_before(step, tokens, begin, start, side)
                return side
    raise Unreadable


def _check_before(step: str, tokens: Sequence[Token], begin: int, start: int, side: Side) -> None:
    """Raises Unreadable where the words before the left side may belong to it."""
    if side.bare and side.words:
        raise Unreadable  # 8 boxes = 5 * 8
    if start == begin:
        if tokens[begin].text == "+" or (begin > 1 and not _may_end(tokens[begin - 2 : begin], tokens[begin].text)):
            raise Unreadable
        return
    at = start - 1
    if tokens[at].kind == "open" and (at == begin or tokens[at - 1].kind == "word"):
        return
    if tokens[at].kind != "word" or side.bare:
        raise Unreadable
    words: list[str] = []
    while at >= begin and tokens[at].kind == "word":
        words = [word.lower().removesuffix("'s") for word in _WORDS.findall(tokens[at].text)] + words
        at -= 1
    counted = at >= begin and tokens[at].kind in ("number", "close", "unread")
    if counted and (len(words) == 1 and is_unit(words[0]) or tokens[start].kind == "open" or not words):
        raise Unreadable  # 2 hours 30 minutes; 90 degrees (6 - 2)
    joined = max((i for i, word in enumerate(words) if word in _JOINING), default=-1)
    words = words[joined + 1 :]
    if len(words) > 1 and words[-1] == "of" and words[-2] in _SUMS:
        words = words[:-2]
    last = words[-1] if words else ""
    adds_to = last == "to" and any(word.startswith("add") for word in words)
    if adds_to or last in _RIGHT_BEFORE or last.removesuffix("s") in _LABELLED or _BEFORE & set(words):
        raise Unreadable


def _may_end(before: Sequence[Token], first: str) -> bool:
    """Whether something may begin behind these two tokens: no formula goes on here, nor a number: + .5, 14, 400."""
    if before[0].kind in ("operator", "<"):
        return False
    return before[1].text != "," or before[0].kind != "number" or len(first) != 3


class _Walk:
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
        words = [word.lower() for word in _WORDS.findall(token.text)]
        if words in (["a"], ["per"], ["each"]):
            return bool(self.trailing) or words == ["each"]
        return not (_ARITHMETIC | TURNING) & set(words)

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
        return len(self.pieces) > 2 and self.pieces[-2] == "/" or "\\frac" in self.pieces[-7:-5]


def _begins_operand(token: Token) -> bool:
    return token.kind in ("number", "open", "command") or (token.kind == "operator" and token.text in "+-")


def measures(words: Sequence[str]) -> frozenset[str]:
    """The words that name units of known size."""
    return frozenset(word.lower().removesuffix("s") for text in words for word in _WORDS.findall(text) if is_unit(word))
