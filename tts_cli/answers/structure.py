r"""Splits an answer into its parts: lists, sets, tuples, intervals, unions, matrices, relations, words.

What cannot be split further is a Leaf, an expression for `parse.py` (or, failing that, for math-verify).
Only shapes are decided here; comparing them is `exact.py`'s work. Input is text from `normalize.clean`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

from tts_cli.answers.normalize import split_unit

MAX_PARTS = 200
MAX_NESTING = 8


@dataclass(frozen=True)
class Leaf:
    """One expression; `unit` as in `normalize.split_unit`."""

    text: str
    unit: str | None = None


@dataclass(frozen=True)
class Word:
    """An answer in words, folded to lower case."""

    text: str


@dataclass(frozen=True)
class Based:
    """A number written in a base: 52_8."""

    digits: str
    base: int


@dataclass(frozen=True)
class Group:
    """Ordered items in brackets: a point, a tuple, a vector or an interval."""

    opening: str
    closing: str
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Listing:
    """Items whose order does not matter; in a set (`braces`) repetitions do not count either."""

    items: tuple[Node, ...]
    braces: bool = False


@dataclass(frozen=True)
class Union:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Matrix:
    """Rows of cells; `kind`: "v" or "V" for a determinant, "" for a matrix."""

    rows: tuple[tuple[Node, ...], ...]
    kind: str = ""


@dataclass(frozen=True)
class Relation:
    """`left op right`, op one of = < ≤ ≠; `value` is the answer that it states ("x = 5" states 5)."""

    op: str
    left: str
    right: str
    value: Node | None = None


EMPTY = Listing((), braces=True)
Node = Leaf | Word | Based | Group | Listing | Union | Matrix | Relation

_OPEN, _CLOSE = "([{⦃⟨", ")]}⦄⟩"
_MATRIX = re.compile(
    r"\\begin\s*\{\s*([pbvVB]?|small)(?:matrix|array)\s*\}\s*(?:\{[lcr|]*\})?(.*)\\end\s*\{[^{}]*\}", re.DOTALL
)
_BASED = re.compile(
    r"\(?\s*([0-9A-F]+)\s*\)?\s*_\s*"
    r"(?:\{\s*(\d+)\s*\}|(\d+)|(?:\{\s*)?\\text\{\s*([a-z]+)\s*\}(?:\s*\})?|\{\s*([a-z]{3,})\s*\})"
)
_IN_BASE = re.compile(r"([0-9A-F]+)\s*(?:\\text\{)?\s*\(?(?:in )?base[ -]?(\d+|[a-z]+)\)?\s*\}?")
_COUNTING = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
"""
_NUMBER_WORDS = {word: number for number, word in enumerate(_COUNTING.split())}
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SPACED = re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_ONE_NUMBER = re.compile(r"[$€£]?\s*[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])[^,]*")
_WORDS = re.compile(r"(?:\\text\{[^{}0-9]*\}|[A-Za-z' -])+\.?")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_CHOICE = re.compile(r"(?:\\text\{\s*)?\(\s*([A-J])\s*\)(?:\s*\}|\s|$)[\s:.]*([\w\\$-].*)?", re.DOTALL)
_ARTICLE = re.compile(r"(?:an?|the) (?=\w)")
_CHOICE_MARK = re.compile(r"(?:(?:option|choice)\s+)?([a-j])[).:]?")
_LABEL = re.compile(
    r"\s*(?:"
    r"\\?[A-Za-z]+(?:\s*_\s*(?:\{[^{}]*\}|\w))?'*(?:\s*\^\s*\{?\s*-\s*1\}?)?\s*(?:\(\s*[^()]*\s*\))?"
    # x, x_1, area, f(x), f^{-1}(x)
    r"|\(\s*[A-Za-z](?:\s*,\s*[A-Za-z])*\s*\)"  # (x, y)
    r"|[A-Za-z](?:(?:\s*[+*-]\s*|\s*)[A-Za-z])+"  # m + n, xy
    r"|\|\s*[A-Za-z]+\s*\||(?:m\s*)?\\(?:angle|overline|triangle|measuredangle)\s*\{?\s*[A-Z]+\s*\}?"
    r"|\\text\{[^{}]*\}"
    r")\s*"
)
_VARIABLE = re.compile(r"\s*(?:\\(?:alpha|beta|theta|phi|lambda|mu)|[A-Za-z])(?:_\w|_\{\w+\})?\s*")
_BUILDER = re.compile(r"\s*[A-Za-z](?:\s*∈\s*ℝ)?\s*[|:](.*)")
_NAMED = re.compile(r"\\(angle|overrightarrow)\s*\{?\s*([A-Z]{2,3})\s*\}?")  # whose letters have an order
_NOTHING = frozenset(f"{words}{s}" for words in ("no solution", "no real solution", "empty set") for s in ("", "s"))
_RELATIONS = "=<>≤≥≠≈∈"
_SIGNED_INFINITY = re.compile(r"[+-]?\s*(?:∞|\\?infinity|inf)")


def read(text: str, nesting: int = 0) -> Node:
    """The shape of a cleaned answer."""
    text = text.strip()
    if nesting > MAX_NESTING:
        return Leaf(text)
    matrix = _MATRIX.fullmatch(text)
    if matrix and "\\begin" not in matrix.group(2):
        rows = [row for row in matrix.group(2).split("⏎") if row.strip()]
        cells = tuple(tuple(read(cell, nesting + 1) for cell in row.split("&")) for row in rows[:MAX_PARTS])
        return Matrix(cells, matrix.group(1) if matrix.group(1) in ("v", "V") else "")
    for split in (_union, _listing, _relation, _bracketed, _plain):
        if (node := split(text, nesting)) is not None:
            return node
    return _leaf(text)


def chosen_value(text: str) -> str:
    """What follows the letter of a multiple choice: "(C) 12" -> "12"; "" without it."""
    choice = _CHOICE.fullmatch(text)
    return (choice.group(2) or "").strip() if choice else ""


def split_at(text: str, separators: str) -> list[str]:
    """The pieces of `text` between separators that stand outside all brackets."""
    cuts = [at for at, char in _outside(text) if char in separators]
    return [text[before + 1 : cut] for before, cut in pairwise([-1, *cuts, len(text)])]


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """The characters outside all brackets, closing ones among them, with their places."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char in _OPEN) - (char in _CLOSE)
        if depth == 0:
            yield at, char


def _union(text: str, nesting: int) -> Node | None:
    parts = split_at(text, "∪")
    bounds = [len(split_at(part, "=<>≤≥")) > 1 for part in parts]
    if len(parts) == 1 or (any(bounds) and not all(bounds)):
        return None
    return Union(tuple(read(part, nesting + 1) for part in parts[:MAX_PARTS]))


def _listing(text: str, nesting: int) -> Node | None:
    parts = [part for part in split_at(text, ";") if part.strip()]
    if len(parts) == 1:
        text = parts[0].strip()
        if _ONE_NUMBER.fullmatch(text):
            return None
        parts = [part for part in _at_commas(text) if part.strip()]
    if len(parts) > MAX_PARTS:
        return None
    items = [read(piece, nesting + 1) for part in parts for piece in _signs(part.strip())]
    return None if len(items) < 2 else _joined(items)


def _at_commas(text: str) -> list[str]:
    """Pieces between commas, but "1,000, 2,000" has two."""
    spaced = text.split(", ")
    numbers = [bool(_THOUSANDS.fullmatch(piece)) for piece in spaced]
    if any(numbers) and all(known or "," not in piece for known, piece in zip(numbers, spaced, strict=True)):
        return spaced
    return split_at(text, ",")


def _joined(items: list[Node]) -> Node:
    """A listing; "x = 1, 2" and "x = 1, x = 2" list the values of x, "x = 1, y = 2" stays two relations."""
    stating = [item for item in items if isinstance(item, Relation)]
    if stating and all(item.value is not None for item in stating):
        labels = {item.left for item in stating}
        unlabelled = len(items) - len(stating)
        if len(labels) == 1 and (unlabelled == 0 or (isinstance(items[0], Relation) and len(stating) == 1)):
            items = [item.value if isinstance(item, Relation) and item.value else item for item in items]
    flat: list[Node] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Listing) and not item.braces else (item,))
    pairs = [item.items for item in flat if isinstance(item, Group) and len(item.items) == 2]
    are_ranges = len(pairs) == len(flat) and any(is_infinity(part) for pair in pairs for part in pair)
    return Union(tuple(flat)) if are_ranges else Listing(tuple(flat))


def _signs(text: str) -> list[str]:
    """Both readings of "1 ± x"; with several signs all that are independent (at most three)."""
    count = text.count("±")
    if (not count and "∓" not in text) or text.startswith("⦃"):  # a set expands its own items
        return [text]
    if count > 3 or "∓" in text:
        return [text.replace("±", up).replace("∓", down) for up, down in (("+", "-"), ("-", "+"))]
    pieces = text.split("±")
    return [
        pieces[0] + "".join(sign + piece for sign, piece in zip(signs, pieces[1:], strict=True))
        for signs in product("+-", repeat=count)
    ]


def _relation(text: str, nesting: int) -> Node | None:
    if not any(char in text for char in _RELATIONS):
        return None
    parts = [part.strip() for part in split_at(text, _RELATIONS)]
    ops = [char for _, char in _outside(text) if char in _RELATIONS]
    if not ops:
        return None
    if "≈" in ops:
        return read(parts[0] or parts[1], nesting + 1)
    if ops == ["∈"]:
        return read(parts[1], nesting + 1)
    if set(ops) == {"="}:
        return _equation(parts, nesting)
    return _inequality(parts, ops)


def _equation(parts: list[str], nesting: int) -> Node:
    """The last side is the value if the sides before it name it or compute it ("x = 2 + 3 = 5")."""
    if not parts[0] and len(parts) == 2:
        return read(parts[1], nesting + 1)
    left, right = parts[0], parts[-1]
    named = bool(_LABEL.fullmatch(left)) and not _mentions(right, left)
    computed = not re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", left))
    value = read(right, nesting + 1) if named or len(parts) > 2 else None
    if computed and value is None and not re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", right)):
        value = read(right, nesting + 1)
    elif value is None and _VARIABLE.fullmatch(right) and not _mentions(left, right):
        left, right, value = right, left, read(left, nesting + 1)
    return Relation("=", left.strip(), right, value)


def _mentions(text: str, label: str) -> bool:
    variable = re.sub(r"\(.*", "", label).strip()
    return 1 <= len(variable) <= 2 and bool(re.search(rf"(?<![A-Za-z\\]){re.escape(variable)}(?![A-Za-z])", text))


def _inequality(parts: list[str], ops: list[str]) -> Node:
    """Bounds on one variable are an interval; any other relation is kept with its smaller side on the left."""
    flipped = {">": "<", "≥": "≤"}
    if all(op in flipped for op in ops):
        parts, ops = parts[::-1], [flipped[op] for op in ops[::-1]]
    strict = {"<": True, "≤": False}
    if ops == ["≠"] and _VARIABLE.fullmatch(parts[0]) and not _VARIABLE.fullmatch(parts[1]):
        return Union((interval("-∞", parts[1], True, True), interval(parts[1], "∞", True, True)))
    if len(parts) == 3 and all(op in strict for op in ops) and _VARIABLE.fullmatch(parts[1]):
        return interval(parts[0], parts[2], strict[ops[0]], strict[ops[1]])
    if len(parts) == 2 and ops[0] in strict:
        if _VARIABLE.fullmatch(parts[0]) and not _VARIABLE.fullmatch(parts[1]):
            return interval("-∞", parts[1], True, strict[ops[0]])
        if _VARIABLE.fullmatch(parts[1]) and not _VARIABLE.fullmatch(parts[0]):
            return interval(parts[0], "∞", strict[ops[0]], True)
    return Relation("".join(ops), parts[0], "\n".join(parts[1:]))


def interval(low: str, high: str, low_open: bool, high_open: bool) -> Group:
    return Group("(" if low_open else "[", ")" if high_open else "]", (_leaf(low), _leaf(high)))


def _bracketed(text: str, nesting: int) -> Node | None:
    closed_at = next((at for at, _ in _outside(text)), -1)
    if len(text) < 2 or text[0] not in _OPEN or text[-1] not in _CLOSE or closed_at != len(text) - 1:
        return None
    inner = text[1:-1].strip()
    if text[0] == "⦃":
        builder = _BUILDER.fullmatch(inner)
        if builder and any(char in builder.group(1) for char in _RELATIONS):
            return read(builder.group(1), nesting + 1)
        return _set(inner, nesting) if "|" not in inner else None
    items = [part.strip() for part in split_at(inner, ",;")]
    if len(items) < 2 or len(items) > MAX_PARTS:
        return read(inner, nesting + 1) if inner and (text[0] in "{(" or _MATRIX.fullmatch(inner)) else None
    if text[0] == "{":
        return read(inner, nesting + 1)
    nodes = tuple(read(item, nesting + 1) for item in items)
    opening, closing = text[0].replace("⟨", "("), text[-1].replace("⟩", ")")
    if len(nodes) == 2:  # infinity is never included
        opening = "(" if is_infinity(nodes[0]) else opening
        closing = ")" if is_infinity(nodes[1]) else closing
    return Group(opening, closing, nodes)


def _set(inner: str, nesting: int) -> Listing:
    node = read(inner, nesting + 1) if inner else EMPTY
    items = node.items if isinstance(node, Listing) and (not node.braces or not inner) else (node,)
    return Listing(items, braces=True)


def is_infinity(node: Node) -> bool:
    return isinstance(node, Leaf) and bool(_SIGNED_INFINITY.fullmatch(node.text))


def _plain(text: str, nesting: int) -> Node | None:
    """Number in a base, the reals, a multiple choice, words."""
    if text in ("ℝ", "\\text{R}"):
        return interval("-∞", "∞", True, True)
    based = _BASED.fullmatch(text) or _IN_BASE.fullmatch(text)
    if based:
        name = next(group for group in based.groups()[1:] if group)
        base = int(name[:4]) if name.isdigit() else _NUMBER_WORDS.get(name, 0)
        return Based(based.group(1).lstrip("0") or "0", base)
    if choice := _CHOICE.fullmatch(text):
        return Word(choice.group(1).lower())
    unwrapped = _TEXT.fullmatch(text)
    if unwrapped and "," in unwrapped.group(1) and nesting < MAX_NESTING:
        return read(unwrapped.group(1), nesting + 1)
    words = " ".join(_TEXT.sub(r" \1 ", text).strip(" .()").lower().replace("-", " ").split())
    if words in _NUMBER_WORDS:
        return Leaf(str(_NUMBER_WORDS[words]))
    if text == "∅" or words in _NOTHING:
        return EMPTY
    if named := _NAMED.fullmatch(text):
        return Word(f"{named.group(1)} {named.group(2)}")
    if _WORDS.fullmatch(text) and (_TEXT.search(text) or re.search(r"[A-Za-z]{4,}", text)):
        mark = _CHOICE_MARK.fullmatch(words)
        return Word(mark.group(1) if mark else _ARTICLE.sub("", words))
    if unwrapped and nesting < MAX_NESTING:
        return read(unwrapped.group(1), nesting + 1)
    return None


def _leaf(text: str) -> Leaf:
    value, unit = split_unit(text)
    value = value.strip()
    bare = re.sub("[, ]", "", value) if _THOUSANDS.fullmatch(value) or _SPACED.fullmatch(value) else value
    return Leaf(bare, unit)
