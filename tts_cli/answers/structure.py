r"""Reads a whole answer into its shape: lists, sets, tuples, intervals, unions, relations, words, quantities.

`read` covers the whole text or gives `Unread`. Shapes are decided here, single expressions in `parse`, relations in
`relations`; comparing them is `compare`'s work. Input is text from `normalize.clean`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from itertools import pairwise, product

from tts_cli.answers.expression import INFINITY, Apply, Expression, Name, NotUnderstood, Number
from tts_cli.answers.language import NUMBER_WORDS, TURNING
from tts_cli.answers.parse import parse
from tts_cli.answers.relations import SIGNS, congruence, labelled, relation
from tts_cli.answers.shapes import (
    NOTHING,
    Based,
    Choice,
    Group,
    Listing,
    Named,
    Node,
    Proportion,
    Quantity,
    Union,
    Unread,
    Word,
)
from tts_cli.answers.units import split_unit

MAX_PARTS = 200
MAX_NESTING = 8

_OPEN, _CLOSE = "([{⦃⟨", ")]}⦄⟩"
_ALL = (Apply("negate", (INFINITY,)), INFINITY)
_BASED = re.compile(
    r"\(?\s*([0-9A-F]+)\s*\)?\s*_\s*"
    r"(?:\{\s*(\d+)\s*\}|(\d+)|(?:\{\s*)?\\text\{\s*([a-z]+|\d+)\s*\}(?:\s*\})?|\{\s*([a-z]{3,})\s*\})"
)
_IN_BASE = re.compile(r"([0-9A-F]+)\s*(?:\\text\{)?\s*\(?(?:in )?base[ -]?(\d+|[a-z]+)\)?\s*\}?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SPACED = re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_ONE_NUMBER = re.compile(r"[$€£]?\s*[-+]?[$€£]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])[^,]*")
_DECIMAL_COMMA = re.compile(r"[-+]?(?:\d+,(?:\d{2}|\d{4,})|0,\d+|\d{1,3}(?:\.\d{3})+,\d+)(?:\s*[€%])?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{4}[/.]\d{1,2}[/.]\d{1,2}")
_MONTH = re.compile(
    r"(?:\\text\{)?.*\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?.*",
    re.IGNORECASE,
)
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_WORDS = re.compile(r"(?:\\text\{[^{}]*\}|[^\W\d_]|[0-9' .,!?()-])+")
_CHOICE = re.compile(
    r"(?:\\text\{\s*)?(?:(?:the )?(?:option|choice|answer)\s+)?"
    r"(?:\(\s*([A-Ja-j])\s*\)|([A-J])\s*[).]|([A-E])\s*:)(?:\s*\}|\s|$)[\s:.]*(.*)",
    re.DOTALL,
)
_OTHER_CHOICE = re.compile(r"(?<![\w\\(])\(?[A-J]\s*[).:]\s")
_CHOICE_WORD = re.compile(r"(?:option|choice)\s+([a-j])")
_LETTERS = re.compile(r"[A-Za-z]{2,4}")
_ARTICLE = re.compile(r"(?:an?|the) (?=\w)")
_BUILDER = re.compile(r"\s*([A-Za-z])(?:\s*∈\s*[ℝRℤ])?\s*[|:](.*)")
_NAMED = re.compile(r"\\(angle|overrightarrow|triangle)\s*\{?\s*([A-Z]{2,3})\s*\}?")  # whose letters have an order
_NO_SOLUTION = frozenset(
    f"{words}{s}" for words in ("no solution", "no real solution", "empty set", "no value") for s in ("", "s")
)
_ALL_REALS = frozenset(["all real numbers", "all reals", "every real number", "the set of all real numbers"])
_COUNTS = re.compile(r"(?:\d[\d.,/]*\s+[A-Za-z' -]+?(?:\s*,\s*|\s+)){1,5}\d[\d.,/]*\s+[A-Za-z' -]+")
_COUNT = re.compile(r"\d[\d.,/]*\s+[A-Za-z' -]+?(?=\s*,?\s+\d|$)")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::\d\d)?")


def read(text: str, nesting: int = 0) -> Node:
    """The shape of a cleaned answer."""
    text = text.strip()
    if nesting > MAX_NESTING or not text.isprintable() or not text:
        return Unread(text)
    if text.isdigit() and text.isascii() and len(text) < 100:
        return Quantity(text, Number(Fraction(int(text))))
    for reader in (_first, _union, _listing, _relation, _bracketed, _plain):
        if (node := reader(text, nesting)) is not None:
            return node
    return quantity(text) or _words(text) or Unread(text)


def other_readings(text: str, node: Node) -> Iterator[Node]:
    """Further readings of a whole answer, each as good as the first one in some place of the world."""
    if isinstance(node, Quantity) and "," in text and " " not in text and text[0] not in "$€£":
        yield read(text.replace(",", ", "))  # "100,200,300": one number to some and three to others
    elif _DECIMAL_COMMA.fullmatch(text):
        yield read(text.replace(".", "").replace(",", "."))  # 1,22: no thousands, so a decimal comma or a list


def split_at(text: str, separators: str) -> list[str]:
    """The pieces of `text` between separators that stand outside all brackets."""
    cuts = [at for at, char in _outside(text) if char in separators]
    return [text[before + 1 : cut] for before, cut in pairwise([-1, *cuts, len(text)])]


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """The characters outside all brackets and matrices, closing ones among them, with their places."""
    depth, in_matrix = 0, 0
    for at, char in enumerate(text):
        if char == "\\":
            in_matrix += text.startswith("\\begin", at) - text.startswith("\\end", at)
        depth += (char in _OPEN) - (char in _CLOSE)
        if depth == 0 and not in_matrix:
            yield at, char


def quantity(text: str) -> Quantity | None:
    """One expression and what it counts."""
    counted = split_unit(text)
    for value, unit, noun in ((counted.value, counted.unit, counted.noun), (text, None, None)):
        value = value.strip()
        bare = value.replace(" ", "") if _SPACED.fullmatch(value) else value
        try:
            parsed = parse(bare)
        except NotUnderstood:
            continue
        return Quantity(bare, parsed.expression, parsed.doubts, unit, noun)
    return None


def _first(text: str, nesting: int) -> Node | None:
    """What must not be split: dates, choices with their text, numbers in a base, counted lists."""
    if _DATE.fullmatch(text):
        return Word(text)
    if any(char.isdigit() for char in text) and _MONTH.fullmatch(text) and _WORDS.fullmatch(text):
        return Word(" ".join(_TEXT.sub(r" \1 ", text).lower().replace(",", " ").split()))
    if choice := _CHOICE.fullmatch(text):
        letter, rest = next(group for group in choice.groups()[:3] if group), choice.group(4).strip().removesuffix("}")
        if _OTHER_CHOICE.search(rest) or (letter.islower() and rest):
            return None
        return Choice(letter.lower(), read(rest, nesting + 1) if rest else None)
    if based := _BASED.fullmatch(text) or _IN_BASE.fullmatch(text):
        name = next(group for group in based.groups()[1:] if group)
        base = int(name[:4]) if name.isdigit() else NUMBER_WORDS.get(name, 0)
        return Based(based.group(1).lstrip("0") or "0", base)
    if _COUNTS.fullmatch(text) and not TURNING & set(text.lower().split()):
        counts = [quantity(count.group()) for count in _COUNT.finditer(text)]
        if len(counts) > 1 and all(count and (count.unit or count.noun) for count in counts):
            return _joined([count for count in counts if count], "")
    return None


def _union(text: str, nesting: int) -> Node | None:
    if "∖" in text:
        return _without(text, nesting)
    parts = split_at(text, "∪") if "∪" in text else [text]
    bounds = [len(split_at(part, "=<>≤≥")) > 1 for part in parts]
    if len(parts) == 1 or (any(bounds) and not all(bounds)):
        return None
    nodes = [read(part, nesting + 1) for part in parts[:MAX_PARTS]]
    sets = [node for node in nodes if isinstance(node, Listing) and node.braces]
    if len(sets) == len(nodes):
        return Listing(tuple(item for node in sets for item in node.items), braces=True)
    if any(not isinstance(node, Group | Listing) for node in nodes):
        return Unread(text)
    return Union(tuple(nodes))


def _without(text: str, nesting: int) -> Node:
    r"""ℝ ∖ {1, 2}: the intervals between these numbers."""
    whole, _, excluded = (part.strip() for part in text.partition("∖"))
    taken = read(excluded, nesting + 1)
    if whole.replace(" ", "") not in ("ℝ", "(-∞,∞)") or not isinstance(taken, Listing):
        return Unread(text)
    numbers = [item for item in taken.items if isinstance(item, Quantity)]
    known = {_constant(number.expression): number for number in numbers}
    if len(numbers) != len(taken.items) or None in known:
        return Unread(text)
    ends = [_ALL[0], *(known[value].expression for value in sorted(v for v in known if v is not None)), _ALL[1]]
    return Union(tuple(_open(low, high) for low, high in pairwise(ends)))


def _constant(expression: Expression) -> Fraction | None:
    """Of a plain number, with or without a sign."""
    match expression:
        case Number(value):
            return value
        case Apply("negate", (Number(value),)):
            return -value
        case Apply("divide", (Number(a), Number(b))) if b:
            return a / b
        case Apply("negate", (Apply("divide", (Number(a), Number(b))),)) if b:
            return -a / b
    return None


def _open(low: Expression, high: Expression) -> Group:
    return Group("(", ")", (Quantity("", low), Quantity("", high)))


def _listing(text: str, nesting: int) -> Node | None:
    if not any(char in text for char in ";＆,±∓"):
        return None
    joiners = "".join(sorted({char for _, char in _outside(text) if char in ";＆"}))
    parts = [part for part in split_at(text, ";＆") if part.strip()]
    if len(parts) == 1:
        text = parts[0].strip()
        if _ONE_NUMBER.fullmatch(text):
            return None
    parts = [piece for part in parts for piece in _at_commas(part.strip()) if piece.strip()]
    if len(parts) > MAX_PARTS:
        return Unread(text)
    items = [read(piece, nesting + 1) for part in parts for piece in _signs(part.strip())]
    return None if len(items) < 2 else _joined(items, joiners)


def _at_commas(text: str) -> list[str]:
    """Pieces between commas, but "1,000, 2,000" has two."""
    if _ONE_NUMBER.fullmatch(text):
        return [text]
    spaced = text.split(", ")
    numbers = [bool(_THOUSANDS.fullmatch(piece)) for piece in spaced]
    if any(numbers) and all(known or "," not in piece for known, piece in zip(numbers, spaced, strict=True)):
        return spaced
    return split_at(text, ",")


def _joined(items: Sequence[Node], joiners: str) -> Node:
    """A listing; "x = 1, 2" and "x = 1, x = 2" list the values of x, "x = 1, y = 2" stay two named values.
    Bounds of one variable are a union where "or" joins them, and one interval where "and" does."""
    items = list(items)
    named = [item for item in items if isinstance(item, Named)]
    if named and len({item.name for item in named}) == 1 and (len(named) == len(items) or items[0] is named[0] and len(named) == 1):
        values = [item.value if isinstance(item, Named) else item for item in items]
        flat = [part for value in values for part in (value.items if _is_list(value) else (value,))]
        return Named(named[0].name, Listing(tuple(flat)))
    flat = [part for item in items for part in (item.items if _is_list(item) else (item,))]
    if len(flat) == len(items) and all(map(_is_range, flat)):
        met = _intersection(flat) if joiners != ";" else None
        if joiners == "＆":
            return met if met is not None else Listing(tuple(flat))
        if joiners == ";" or met is NOTHING:
            return Union(tuple(flat))
    return Listing(tuple(flat))


def _is_list(node: Node) -> bool:
    return isinstance(node, Listing) and not node.braces


def _is_range(node: Node) -> bool:
    """Whether this is an interval with an infinite end."""
    return isinstance(node, Group) and len(node.items) == 2 and any(is_infinite(item) for item in node.items)


def _intersection(ranges: Sequence[Node]) -> Node | None:
    """Of one lower and one upper bound: NOTHING where they do not meet; None where that is not known."""
    groups = [node for node in ranges if isinstance(node, Group)]
    lower = [group for group in groups if is_infinite(group.items[1]) and not is_infinite(group.items[0])]
    upper = [group for group in groups if is_infinite(group.items[0]) and not is_infinite(group.items[1])]
    if len(groups) != 2 or len(lower) != 1 or len(upper) != 1 or groups[0].variable != groups[1].variable:
        return None
    low, high = lower[0].items[0], upper[0].items[1]
    ends = [_constant(end.expression) if isinstance(end, Quantity) else None for end in (low, high)]
    if ends[0] is None or ends[1] is None:
        return None
    if ends[0] > ends[1] or (ends[0] == ends[1] and (lower[0].opening, upper[0].closing) != ("[", "]")):
        return NOTHING
    return Group(lower[0].opening, upper[0].closing, (low, high), groups[0].variable)


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
    def inner(part: str) -> Node:
        return read(part, nesting + 1)

    if not any(char in text for char in SIGNS):
        return congruence(text, inner) if "\\mod" in text else labelled(text, inner) or _proportion(text)
    signs = [char for _, char in _outside(text) if char in SIGNS]
    if not signs:
        return None
    parts = [part.strip() for part in split_at(text, SIGNS)]
    return relation(text, parts, signs, inner)


def _proportion(text: str) -> Node | None:
    pieces = split_at(text, ":")
    parts = [quantity(piece.strip()) for piece in pieces if piece.strip()]
    if not 2 <= len(parts) <= 5 or len(parts) != len(pieces) or None in parts:
        return None
    time = _TIME.match(text)
    may_be_time = bool(time and int(time[1]) <= 24 and int(time[2]) < 60)
    return Proportion(tuple(part for part in parts if part), may_be_time)


def _bracketed(text: str, nesting: int) -> Node | None:
    if text[0] not in _OPEN or text[-1] not in _CLOSE:
        return None
    if next((at for at, _ in _outside(text)), -1) != len(text) - 1:
        return None
    inner = text[1:-1].strip()
    if text[0] == "⦃":
        builder = _BUILDER.fullmatch(inner)
        if builder and any(char in builder.group(2) for char in SIGNS):
            return read(builder.group(2), nesting + 1)
        return _set(inner, nesting) if "|" not in inner else Unread(text)
    items = [part.strip() for part in split_at(inner, ",;")]
    if len(items) < 2 or len(items) > MAX_PARTS or text[0] == "{":
        return read(inner, nesting + 1) if inner and (text[0] in "{(" or inner.startswith("\\begin")) else None
    nodes = tuple(read(item, nesting + 1) for item in items)
    if any(isinstance(node, Unread) for node in nodes):
        return Unread(text)
    opening, closing = text[0].replace("⟨", "("), text[-1].replace("⟩", ")")
    if len(nodes) == 2:  # infinity is never included
        opening = "(" if is_infinite(nodes[0]) else opening
        closing = ")" if is_infinite(nodes[1]) else closing
    return Group(opening, closing, nodes)


def _set(inner: str, nesting: int) -> Listing:
    node = read(inner, nesting + 1) if inner else NOTHING
    items = node.items if isinstance(node, Listing) and (not node.braces or not inner) else (node,)
    return Listing(items, braces=True)


def is_infinite(node: Node) -> bool:
    return isinstance(node, Quantity) and node.expression in _ALL


def _plain(text: str, nesting: int) -> Node | None:
    """Sets of numbers, nothing, a choice, words."""
    if text in ("ℝ", "\\text{R}"):
        return Group("(", ")", (Quantity("", _ALL[0]), Quantity("", _ALL[1])))
    if text in ("∅", "ℤ", "ℕ", "ℚ", "ℂ"):
        return NOTHING if text == "∅" else Word(text)
    unwrapped = _TEXT.fullmatch(text)
    if unwrapped and ("," in unwrapped.group(1) or "=" in unwrapped.group(1)) and nesting < MAX_NESTING:
        return read(unwrapped.group(1), nesting + 1)
    words = " ".join(_TEXT.sub(r" \1 ", text).strip(" .()").lower().replace("-", " ").split())
    if words in _NO_SOLUTION:
        return NOTHING
    if words in _ALL_REALS:
        return read("ℝ")
    if named := _NAMED.fullmatch(text):
        return Word(f"{named.group(1)} {named.group(2)}")
    if mark := _CHOICE_WORD.fullmatch(words):
        return Choice(mark.group(1))
    if unwrapped and re.fullmatch(r"\s*[A-Ja-j]\s*", unwrapped.group(1)):
        return Choice(unwrapped.group(1).strip().lower())
    if unwrapped and nesting < MAX_NESTING:
        return read(unwrapped.group(1), nesting + 1)
    if _LETTERS.fullmatch(text) and text not in ("pi", "inf"):
        shouted = text.isupper() and text.lower() not in ("yes", "no")
        return Word(text if shouted else text.lower(), reduce(_times, map(Name, text)))
    return None


def _times(a: Expression, b: Expression) -> Expression:
    return Apply("multiply", (a, b))


def _words(text: str) -> Word | None:
    """Words, perhaps with numbers among them (Room 5), of whatever language."""
    if not _WORDS.fullmatch(text):
        return None
    words = " ".join(_TEXT.sub(r" \1 ", text).strip(" .()").casefold().replace("-", " ").split())
    if not re.match(r"[^\W\d_]{2}|[^\W\d_] ", words):
        return None
    return Word(_ARTICLE.sub("", words))


def without_variable(group: Group) -> Group:
    return replace(group, variable=None)
