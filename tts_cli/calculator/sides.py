r"""Finds what stands on both sides of each `=` of a step, as far as it is arithmetic that was read whole: `equalities`.

A side is the longest run of numbers, operators and brackets next to the sign, with units between them. Words beside it
may belong to the arithmetic ("half of 20 + 5", "= 3 times 4", "2 hours 30 minutes"), and then there is no side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tts_cli.calculator.tokens import WORDS, Token, is_unit
from tts_cli.calculator.walk import Side, Unreadable, Walk
from tts_cli.calculator.words import (
    ABOUT,
    ARITHMETIC,
    BETWEEN,
    JOINING,
    LABELLED,
    LEADING,
    OPERATING,
    RIGHT_BEFORE,
    SCALING,
    SUMS,
)

MAX_SIDE = 60  # tokens
MAX_PAIRS = 60


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides of a sign. `about`: it is ≈."""

    left: Side
    right: Side
    about: bool


_DOLLAR = re.compile(r"(?<!\\)\$")
_MONEY = re.compile(r"(?<![^\s(])\$\d[\d,.]*(?=[\s.,;:?!)]|$)")
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
    odd = len(_DOLLAR.findall(step)) % 2 == 1 and not _MONEY.search(step)
    if odd or _CLOSED_FIRST.match(step):
        return True
    return any(step.count(opening) != step.count(closing) for opening, closing in _OPENINGS)


def _ends_text(tokens: Sequence[Token], side: Side) -> bool:
    return all(token.kind == "end" for token in tokens if token.start >= side.end)


def _right_of(step: str, tokens: Sequence[Token], sign: int) -> tuple[Side, bool]:
    """The side, and whether "about" stands before it."""
    begin = sign + 1
    while tokens[begin].kind == "word" and tokens[begin].text in LEADING:
        begin += 1
    walk = Walk(step, tokens, begin)
    walk.expression()
    side = walk.side(begin)
    _check_behind(tokens, walk, side)
    return side, any(token.text in ABOUT for token in tokens[sign + 1 : begin])


def _check_behind(tokens: Sequence[Token], walk: Walk, side: Side) -> None:
    """Raises Unreadable where what follows the right side may belong to it."""
    at = walk.at
    token = tokens[at]
    words = walk.trailing
    if token.kind in ("unread", "%", "postfix", "command", "open", "operator") or token.text == "?":
        raise Unreadable
    if token.kind == "word" and _changes(token.text.lower(), tokens[at + 1], bool(words)):
        raise Unreadable
    if token.text == "\n" and (tokens[at + 1].kind == "operator" or (not side.bare and at + 2 == len(tokens))):
        raise Unreadable  # the next line goes on
    if token.kind == "number" and (not words or words[-1].lower() not in JOINING | {"in", "for"}):
        raise Unreadable
    if token.text == "," and tokens[at + 1].kind == "number" and not _new_equality(tokens, at + 1):
        raise Unreadable


def _changes(word: str, following: Token, has_unit: bool) -> bool:
    """Whether a word behind the right side, or behind its unit, may change it: 3 times 4, but not 3 times a day."""
    if word not in (OPERATING if has_unit else ARITHMETIC):
        return False
    if following.kind != "word":
        return True
    if word == "times":
        return following.text.lower() not in ("a", "as", "per", "each", "every", "more")
    if word in ("more", "fewer", "less"):
        return following.text.lower() in ("than", "a")
    return word not in BETWEEN or following.text.lower() in ARITHMETIC | {"a"}  # 5 and a half


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
            walk = Walk(step, tokens, start)
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
        words = [word.lower().removesuffix("'s") for word in WORDS.findall(tokens[at].text)] + words
        at -= 1
    counted = at >= begin and tokens[at].kind in ("number", "close", "unread")
    if counted and ((len(words) == 1 and is_unit(words[0])) or tokens[start].kind == "open" or not words):
        raise Unreadable  # 2 hours 30 minutes; 90 degrees (6 - 2)
    if words and words[-1] == "of" and SUMS & set(words[-4:-1]):
        words = words[:-1]
    joined = max((i for i, word in enumerate(words) if word in JOINING), default=-1)
    words = words[joined + 1 :]
    last = words[-1] if words else ""
    adds_to = last == "to" and any(word.startswith("add") for word in words)
    if adds_to or last in RIGHT_BEFORE or last.removesuffix("s") in LABELLED or SCALING & set(words):
        raise Unreadable


def _may_end(before: Sequence[Token], first: str) -> bool:
    """Whether something may begin behind these two tokens: no formula goes on here, nor a number: + .5, 14, 400."""
    if before[0].kind in ("operator", "<"):
        return False
    return before[1].text != "," or before[0].kind != "number" or len(first) != 3


def measures(words: Sequence[str]) -> frozenset[str]:
    """The words that name units of known size."""
    return frozenset(word.lower().removesuffix("s") for text in words for word in WORDS.findall(text) if is_unit(word))
