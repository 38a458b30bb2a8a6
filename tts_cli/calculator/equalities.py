r"""The calculator: finds an equality of numbers in a step that is provably false, by exact arithmetic.

It has an opinion only where both sides were read whole and every reading of them disagrees: a false alarm would kill a
right solution, which is worse than a slip that is not seen. No opinion, therefore, of anything with a variable, of
other units on the other side, of values that may have been rounded, and of equations that are being tested.
Pure and cheap: no SymPy, no other process; a step without a sign and a digit costs one search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from tts_cli.answers.algebra import TooBig, Undefined
from tts_cli.answers.false_equality import FalseEquality
from tts_cli.answers.reading.expression import NotUnderstood
from tts_cli.calculator.sides import Pair, measures, pairs
from tts_cli.calculator.tokens import tokens
from tts_cli.calculator.values import Margin, reading, readings, shown
from tts_cli.calculator.walk import Side

MAX_STEP = 20_000
_MAX_MARKS = 50
_MAX_ROOTS = 6  # sides with a root in a step: their factors are looked for


_WORTH = re.compile(r"[=≈≃≅]|\\approx|\\simeq|\\cong")
_MARK = re.compile(r"<<([^<>\n]*)>>")
"""A calculator's mark in GSM8K's solutions, <<20*3=60>>: the same once more, without words."""
_TABLE = re.compile(r"\\begin\s*\{(?:array|tabular|cases|[pbvBV]?matrix|asy)")
_OTHER_ARITHMETIC = re.compile(
    r"\b(?:mod|modulo|modular|base|binary|remainder|borrow\w*|carry\w*"
    r"|(?:units|ones|tens|last|final|first|two) digits?|(?:o')?clock)\b|\d\s*[ap]\.?m\b"
    r"|[≡]|\\(?:n?equiv|pmod|bmod|mod)\b",
    re.IGNORECASE,
)
_TESTED = re.compile(
    r"\b(?:contradict\w*|suppos\w+|assum\w+|incorrect\w*|false|wrong|invalid|impossible|mistake\w*|absurd|wait|oops"
    r"|untrue|fails?|cannot|not|\w+n't|no solutions?|equations? becomes?)\b|[≠≟]|\\(?:ne|neq)\b",
    re.IGNORECASE,
)
"""Near such words an equality may stand in order to be refuted."""
_NEAR = 120  # characters
_ASSUMED = re.compile(
    r"\b(?:if|suppose|assum\w+|check\w*|verif\w*|plug\w*|substitut\w*|test\w*|try\w*|tries|guess\w*|equations?|solv\w+"
    r"|satisf\w+|would|should|wants?|needs?|must|let|when|whether|conditions?|holds?|become\w*|try|set|equal to)\b",
    re.IGNORECASE,
)
"""Such a step may state an equation that is to hold, and not that it does."""
_RESULT = re.compile(r"[-+ ]*(?:[0-9.]+%?|[0-9]+ / [0-9]+|\\frac (?:\{ [0-9]+ \} ?){2})")
"""What a side that was worked out looks like: a number or a fraction."""
_PRODUCT = re.compile(r"[0-9.]+ \* [0-9.]+")
_HYPHENS = re.compile(r"[0-9]+(?: - [0-9]+){2,}")
_NUMBER = re.compile(r"[0-9.]+")


@lru_cache(maxsize=4_096)
def false_equality(step: str) -> FalseEquality | None:
    """The first equality of the step that is provably false; None: all are right, or there is no opinion.

    >>> false_equality("In all 20 + 80 + 160 = 360 pages.")
    FalseEquality(text='20 + 80 + 160 = 360', left='20 + 80 + 160', right='360', value='260')
    """
    return next(_false(step), None)


def false_equalities(step: str) -> list[FalseEquality]:
    """All of them, in the order of the step."""
    return list(_false(step))


def _false(step: str) -> Iterator[FalseEquality]:
    if not _WORTH.search(step) or len(step) > MAX_STEP or _TABLE.search(step):
        return
    found = dict.fromkeys(equality for part in _parts(step) for equality in _false_of(part))
    yield from found


def _parts(step: str) -> list[str]:
    """The step, and each calculator's mark in it by itself."""
    if "<<" not in step:
        return [step]
    return [_MARK.sub("", step), *_MARK.findall(step)[:_MAX_MARKS]]


def _false_of(text: str) -> Iterator[FalseEquality]:
    roots = 0
    for pair in pairs(text, tokens(text)):
        if pair.left.bare and pair.right.bare:
            continue
        roots += sum("sqrt" in side.text for side in (pair.left, pair.right))
        if roots > _MAX_ROOTS:
            return
        try:
            value = _refuting_value(pair, text)
        except (NotUnderstood, TooBig, Undefined):
            continue
        if value is not None:
            yield FalseEquality(*_as_written(pair, text), value)


def _as_written(pair: Pair, text: str) -> tuple[str, str, str]:
    """The equality, its left and its right side; with a currency sign where others in it have theirs."""
    left, right = (_slice(side, text) for side in (pair.left, pair.right))
    start, end = pair.left.start, pair.right.end
    if "$" in text[start:end] and text[start - 1 : start] == "$":
        start -= 1
    return " ".join(text[start:end].split()), left, right


def _slice(side: Side, text: str) -> str:
    return " ".join(text[side.start : side.end].split())


def _refuting_value(pair: Pair, text: str) -> str | None:
    """The value of the side that can be worked out, where it is not the other's in any reading."""
    latex = "\\" in text or "$" in text
    left, right = reading(pair.left.text, latex), reading(pair.right.text, latex)
    if left.value == right.value or _may_mean_another(pair, text):
        return None
    margin = Margin.of(text, pair.about, bool(measures(pair.left.words + pair.right.words)))
    lefts, rights = readings(pair.left.text, latex), readings(pair.right.text, latex)
    if any(margin.allows(a, b) for a in lefts for b in rights) or _goes_on(pair, left.value, latex):
        return None
    if right.value == 1 and pair.left.words:  # 7 days / 1 week = 1
        return None
    return shown((left if pair.right.bare or not pair.left.bare else right).value)


def _may_mean_another(pair: Pair, text: str) -> bool:
    """Whether the equality need not be a claim of this arithmetic: it is tested, converts units, defines a sign."""
    near = text[max(pair.left.start - _NEAR, 0) : pair.right.end + _NEAR]
    if _TESTED.search(near) or _OTHER_ARITHMETIC.search(text) or _other_units(pair, text):
        return True
    if pair.right.bare or _RESULT.fullmatch(pair.right.text):
        return False
    left, right = set(pair.left.words), set(pair.right.words)
    defined = _PRODUCT.fullmatch(pair.left.text) and len(_NUMBER.findall(pair.right.text)) > 2  # 3 * 2 = 3^2 + 2^2
    hyphens = _HYPHENS.fullmatch(pair.left.text) and _HYPHENS.fullmatch(pair.right.text)  # 6-8-10 = 3-4-5
    return bool(defined or hyphens or (left and right and left != right) or _ASSUMED.search(text))


def _other_units(pair: Pair, text: str) -> bool:
    """Whether the sides measure in different units (3 feet = 36 inches), or a sum does."""
    left, right = measures(pair.left.words), measures(pair.right.words)
    if "cent" in left | right and "$" in text[max(pair.left.start - 1, 0) : pair.right.end]:
        return True
    sides = ((left, pair.left.text), (right, pair.right.text))
    mixed = any(len(units) > 1 and ("+" in side or "-" in side) for units, side in sides)
    return mixed or bool(left and right - left)


def _goes_on(pair: Pair, value: Fraction, latex: bool) -> bool:
    """Whether the right side begins with the left one's value and goes on working: 2 * 3 = 6 + 4 = 10."""
    pieces, depth = pair.right.text.split(), 0
    for at, piece in enumerate(pieces):
        depth += (piece in "([{") - (piece in ")]}")
        ends = at and depth == 0 and piece in "+-*/÷" and pieces[at - 1] not in "+-*/÷"
        if ends and reading(" ".join(pieces[:at]), latex).value == value:
            return True
    return False
