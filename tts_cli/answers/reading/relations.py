r"""Reads relations: names with their values, equations, bounds, congruences.

`x = 5`, `AB = 5` and `f(x) = 2x` are values with a name; `x^2 = 2y` is an equation; `-2x < 6` is an interval of x. A
side that is not read whole makes the relation `Unread`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from tts_cli.answers import algebra
from tts_cli.answers.evaluate import scalar
from tts_cli.answers.reading.expression import (
    FUNCTIONS,
    INFINITY,
    Expression,
    NotUnderstood,
    Number,
    letters,
    operations,
)
from tts_cli.answers.reading.language import TURNING
from tts_cli.answers.reading.parse import parse
from tts_cli.answers.reading.sets import MINUS_INFINITY
from tts_cli.answers.reading.shapes import (
    Congruence,
    Equation,
    Group,
    Inequality,
    Listing,
    Named,
    Node,
    Quantity,
    Union,
    Unread,
)

Read = Callable[[str], Node]

SIGNS = "=<>≤≥≠≈∈≡"
_FLIPPED = {">": "<", "≥": "≤", "<": ">", "≤": "≥"}
_SUBSCRIPT = r"(?:\s*_\s*(?:\{[^{}]*\}|\w))?"
_LABEL = re.compile(
    r"\s*(?:"
    rf"\\?[A-Za-z]+{_SUBSCRIPT}'*(?:\s*\^\s*\{{?\s*-\s*1\s*\}}?)?\s*(?:[(\[](?:[^()]|\([^()]*\))*[)\]])?"
    # x, x_1, area, f(x), f^{-1}(x), P(A \cup B)
    r"|\(\s*[A-Za-z](?:\s*,\s*[A-Za-z])*\s*\)"  # (x, y)
    r"|[A-Za-z](?:(?:\s*[+*:-]\s*|\s*)[A-Za-z]){1,3}"  # m + n, xy, A:B
    rf"|[A-Z]+{_SUBSCRIPT}\s*:\s*[A-Z]+{_SUBSCRIPT}|\\frac\s*\{{\s*[A-Z]{{2,3}}\s*\}}\s*\{{\s*[A-Z]{{2,3}}\s*\}}"
    r"|\|\s*(?![xyt]\s*\|)[A-Za-z]+\s*\||(?:m\s*)?\\(?:angle|triangle|measuredangle)\s*\{?\s*[A-Z]+\s*\}?"
    rf"|\\(?:bar|hat|tilde|overline|dot|ddot|widehat|overrightarrow)\s*\{{?\s*[A-Za-z]{{1,3}}\s*\}}?{_SUBSCRIPT}"
    r"|\\frac\s*\{\s*d(?:\^\s*\{?\d\}?)?\s*[A-Za-z]?\s*\}\s*\{\s*d\s*[A-Za-z](?:\^\s*\{?\d\}?)?\s*\}"
    r"|\\frac\s*\{\s*\\partial[^{}]*\}\s*\{\s*\\partial[^{}]*\}|d[A-Za-z]\s*/\s*d[A-Za-z]"
    r"|\(\s*[A-Za-z]\s*\\circ\s*[A-Za-z]\s*\)\s*\([^()]*\)"
    r"|(?:\\text\{[^{}]*\}(?:\([^()]*\))?|[A-Za-z][A-Za-z']*(?: [A-Za-z][A-Za-z']*){0,5})"
    r"|\\(?:lim|int|iint|oint|sum|prod|max|min|sup|inf|det|deg|dim)(?![A-Za-z]).*"  # of which only the value is read
    r")\s*"
)
_VARIABLE = re.compile(r"\s*(?:\\(?:alpha|beta|gamma|theta|phi|lambda|mu|omega)|[A-Za-z])(?:_\w|_\{\w+\})?\s*")
_GENERIC_WORDS = "answer result value solution total sum final the so thus therefore hence is are answers solutions ans"
_GENERIC = frozenset(_GENERIC_WORDS.split())
_COLON_LABEL = re.compile(r"([A-Za-z][A-Za-z' ]{0,40}|\\text\{[^{}]*\})\s*:\s*(?=\S)(.*)", re.DOTALL)
_BRACED = re.compile(r"(?<![_^\w}])\{\s*([A-Za-z]{1,2})\s*\}")
_OF_EQUATIONS = FUNCTIONS - {"det", "deg", "dim", "gcd", "lcm", "max", "min", "arg", "Re", "Im"}
"""Functions of which `f(x) = value` is an equation for x, and no name with its value."""
_CALL = re.compile(r"([A-Za-z\\]+)\s*[(\[]")


def relation(text: str, parts: Sequence[str], signs: Sequence[str], read: Read) -> Node:
    """`parts`: the sides between `signs`, all outside brackets; `read`: reads a side that is a whole answer."""
    kinds = set(signs)
    if "≈" in kinds:
        return _approximation(text, read)
    if "≡" in kinds or "\\mod" in text:
        return congruence(text, read)
    if kinds == {"∈"} and len(parts) == 2:
        return _member(text, parts, read)
    if kinds == {"="}:
        return _equation(text, parts, read)
    if kinds <= {"<", ">", "≤", "≥"} or kinds == {"≠"}:
        return _bounds(text, parts, signs)
    return Unread(text)


def labelled(text: str, read: Read) -> Node | None:
    """A value behind a name and a colon; None without one."""
    found = _COLON_LABEL.fullmatch(text)
    if not found or (name := label(found.group(1))) is None:
        return None
    return _named(name, read(found.group(2).strip()), None)


def label(text: str) -> str | None:
    """The name that a side consists of, folded; "" for a word such as "answer" that names nothing; None for others."""
    text = _BRACED.sub(r"\1", text)
    if not _LABEL.fullmatch(text):
        return None
    called = _CALL.match(text.strip())
    if called and called.group(1).lstrip("\\") in _OF_EQUATIONS:
        return None
    words = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text).split()
    if not words:
        return None
    if len(words) > 1 or len(words[0]) > 3:
        words = [word.lower() for word in words] if words[0][0].isalpha() and "(" not in text else words
        words = words[1:] if words[0] == "the" else words
        if set(words) <= _GENERIC:
            return ""
        if TURNING & set(words) or (len(words) == 1 and words[0].lstrip("\\") in FUNCTIONS):
            return None
        if all(word.isalpha() and len(word) > 1 for word in words):
            return " ".join(words)
    return "".join(words)


def same_name(a: str, b: str) -> bool:
    """Whether two names may be of one thing: equal ones, or y and f(x)."""
    return a == b or ("y" in (a, b) and any(re.fullmatch(r"[fgh]\(\w\)", name) for name in (a, b)))


def _approximation(text: str, read: Read) -> Node:
    """What stands before the ≈ is exact, unless it is a name."""
    exact, _, rest = (part.strip() for part in text.partition("≈"))
    name = label(exact) if exact else ""
    if name is None or (exact and exact.strip("\\ ") == "pi"):
        return read(exact)
    return _named(name, read(rest.split("≈")[0].strip()), None)


def congruence(text: str, read: Read) -> Node:
    r"""x ≡ 3 \mod 7, or 3 \mod 7."""
    value, _, modulus = text.partition("\\mod")
    name, sign, residue = value.rpartition("≡")
    if not sign:
        name, sign, residue = value.rpartition("=")
    try:
        parsed = parse(residue.strip()).expression, parse(modulus.strip()).expression
    except NotUnderstood:
        return Unread(text)
    known = label(name) if name.strip() else None
    return Unread(text) if name.strip() and known is None else Congruence(known, *parsed)


def _member(text: str, parts: Sequence[str], read: Read) -> Node:
    if not _VARIABLE.fullmatch(parts[0]) and not _LABEL.fullmatch(parts[0]):
        return Unread(text)
    value, name = read(parts[1]), "".join(parts[0].split())
    if isinstance(value, Group) and len(value.items) == 2:
        return replace(value, variable=name)
    if isinstance(value, Union):
        return replace(value, variable=name)
    return value if isinstance(value, Listing) else Unread(text)


def _equation(text: str, parts: Sequence[str], read: Read) -> Node:
    """The last side is the value if the sides before it name it or compute it ("x = 2 + 3 = 5")."""
    if not parts[0]:
        return read(parts[1]) if len(parts) == 2 else Unread(text)
    left, right = parts[0], parts[-1]
    name = label(left)
    if name is not None and not _mentions(right, left) and all(_is_side(side) for side in parts[1:-1]):
        numbers = [side for part in parts[1:] if (side := _expression(part)) is not None and not letters(side)]
        return Unread(text) if _contradict(numbers) else _named(name, read(right), _sides(left, right))
    expressions = [_expression(part) for part in parts]
    read_sides = [side for side in expressions if side is not None]
    if len(read_sides) != len(parts):
        value = read(right)  # units behind the sides: 2 m + 3 m is nothing, but 5 apples = 5 is
        return Unread(text) if letters(*read_sides) or not isinstance(value, Quantity) else _checked(text, parts, value)
    if not letters(*read_sides):
        value = read(right)
        return value if _all_equal(read_sides) else Equation(*read_sides) if len(parts) == 2 else Unread(text)
    if len(parts) == 2 and _VARIABLE.fullmatch(right) and not _mentions(left, right):
        return _named(label(right) or "", read(left), _sides(right, left))
    return Equation(*read_sides) if len(read_sides) == 2 else Unread(text)


def _checked(text: str, parts: Sequence[str], value: Quantity) -> Node:
    """A computation whose result has a unit: "3 * 5 = 15 cm"."""
    sides = [_expression(part) for part in parts[:-1]]
    known = [side for side in sides if side is not None]
    return value if len(known) == len(sides) and _all_equal([*known, value.expression]) else Unread(text)


def _named(name: str, value: Node, sides: tuple[Expression, Expression] | None) -> Node:
    if not name or isinstance(value, Unread | Named):
        return value
    return Named(name, value, sides)


def _is_side(text: str) -> bool:
    return label(text) is not None or _expression(text) is not None


def _sides(left: str, right: str) -> tuple[Expression, Expression] | None:
    first, second = _expression(left), _expression(right)
    return (first, second) if first is not None and second is not None else None


def _expression(text: str) -> Expression | None:
    try:
        return parse(text).expression
    except NotUnderstood:
        return None


def _all_equal(sides: Sequence[Expression]) -> bool:
    """Whether these sides are a computation, as far as is known: 2 + 3 = 5, but neither 2 = 3 nor 1 = 1."""
    if len(set(sides)) < len(sides) or any(operation.startswith("call") for operation in operations(*sides)):
        return False
    try:
        values = [scalar(side) for side in sides]
        return all(algebra.equal(values[0], value) is not False for value in values[1:])
    except (NotUnderstood, algebra.TooBig, algebra.Undefined):
        return False


def _contradict(sides: Sequence[Expression]) -> bool:
    """Whether two of these sides certainly differ: x = 5 = 6."""
    try:
        values = [scalar(side) for side in sides]
        return any(algebra.equal(values[0], value) is False for value in values[1:])
    except (NotUnderstood, algebra.TooBig, algebra.Undefined):
        return False


def _mentions(text: str, name: str) -> bool:
    variable = re.sub(r"\(.*", "", name).strip()
    return 1 <= len(variable) <= 2 and bool(re.search(rf"(?<![A-Za-z\\]){re.escape(variable)}(?![A-Za-z])", text))


# Bounds


def _bounds(text: str, parts: Sequence[str], signs: Sequence[str]) -> Node:
    """Bounds on one variable are an interval; any other relation is kept with its smaller side on the left."""
    sides = [_side_of_bound(part) for part in parts]
    known = tuple(side for side in sides if side is not None)
    if len(known) != len(sides):
        return Unread(text)
    solved = [_solved(known[at], sign, known[at + 1]) for at, sign in enumerate(signs)]
    variables = {bound[0] for bound in solved if bound}
    if len(variables) == 1 and None not in solved and len(solved) <= 2:
        interval = _interval([bound for bound in solved if bound])
        if interval is not None:
            return interval
    flips = {sign in ">≥" for sign in signs}
    if len(flips) > 1:
        return Unread(text)
    if flips == {True}:
        return Inequality("".join(_FLIPPED[sign] for sign in reversed(signs)), known[::-1])
    return Inequality("".join(signs), known)


def _side_of_bound(text: str) -> Expression | None:
    stripped = text.strip()
    if stripped in ("∞", "+∞"):
        return INFINITY
    return MINUS_INFINITY if stripped.replace(" ", "") == "-∞" else _expression(text)


def _solved(left: Expression, sign: str, right: Expression) -> tuple[str, str, Expression] | None:
    """(variable, sign, bound) of an inequality that is linear in its only variable."""
    names = letters(left, right)
    if len(names) != 1:
        return None
    (name,) = names
    for side, other, direction in ((left, right, sign), (right, left, _FLIPPED.get(sign, sign))):
        if getattr(side, "name", None) == name and not letters(other):
            return name, direction, other
    try:
        difference = scalar(left) - scalar(right)
    except (NotUnderstood, algebra.TooBig, algebra.Undefined):
        return None
    slope, constant = difference.num.get(((name, Fraction(1)),)), difference.num.get(algebra.ONE, Fraction(0))
    if not slope or len(difference.num) > 2 or (len(difference.num) == 2 and not constant) or len(difference.den) > 1:
        return None
    return name, sign if slope > 0 else _FLIPPED.get(sign, sign), Number(-constant / slope)


def _interval(bounds: Sequence[tuple[str, str, Expression]]) -> Node | None:
    """From one bound, or a lower and an upper one, of one variable."""
    name = bounds[0][0]
    low: Expression = MINUS_INFINITY
    high: Expression = INFINITY
    opening, closing = "(", ")"
    for _, sign, bound in bounds:
        if sign == "≠":
            return Union((_ends("(", low, bound, ")", name), _ends("(", bound, high, ")", name)), name)
        if (low if sign in ">≥" else high) not in (MINUS_INFINITY, INFINITY):
            return None
        if sign in ">≥":
            low, opening = bound, "[" if sign == "≥" and bound != MINUS_INFINITY else "("
        else:
            high, closing = bound, "]" if sign == "≤" and bound != INFINITY else ")"
    return _ends(opening, low, high, closing, name)


def _ends(opening: str, low: Expression, high: Expression, closing: str, name: str) -> Group:
    return Group(opening, closing, (Quantity("", low), Quantity("", high)), name)
