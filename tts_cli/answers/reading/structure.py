r"""Reads a whole answer into its shape: lists, sets, tuples, intervals, unions, relations, words, quantities.

`read` covers the whole text or gives `Unread`. Shapes are decided here, single expressions in `parse`, relations in
`relations`; comparing them is `compare`'s work. Input is text from `normalize.clean`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import reduce
from itertools import pairwise, product

from tts_cli.answers.reading.expression import Apply, Expression, Name, NotUnderstood, Number
from tts_cli.answers.reading.language import NUMBER_WORDS, TURNING
from tts_cli.answers.reading.parse import parse
from tts_cli.answers.reading.relations import SIGNS, congruence, labelled, relation
from tts_cli.answers.reading.sets import ALL_REALS, combined, is_infinite
from tts_cli.answers.reading.shapes import (
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
from tts_cli.answers.reading.units import split_unit

MAX_PARTS = 200
MAX_NESTING = 8

_OPEN, _CLOSE = "([{⦃⟨", ")]}⦄⟩"
_BASED = re.compile(
    r"\(?\s*([0-9A-F]+)\s*\)?\s*_\s*"
    r"(?:\{\s*(\d+)\s*\}|(\d+)|(?:\{\s*)?\\text\{\s*([a-z]+|\d+)\s*\}(?:\s*\})?|\{\s*([a-z]{3,})\s*\})"
)
_IN_BASE = re.compile(r"([0-9A-F]+)\s*(?:\\text\{)?\s*\(?(?:in )?base[ -]?(\d+|[a-z]+)\)?\s*\}?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SPACED = re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_ONE_NUMBER = re.compile(r"[$€£]?\s*[-+]?[$€£]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])[^,]*")
_DECIMAL_COMMA = re.compile(r"[-+]?(?:\d+,(?:\d{2}|\d{4,})|0,\d*[1-9]\d*|\d{1,3}(?:\.\d{3})+,\d+)(?:\s*[€%])?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{4}[/.]\d{1,2}[/.]\d{1,2}")
_MONTH = re.compile(
    r"(?:\\text\{)?.*\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?.*",
    re.IGNORECASE,
)
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_WORDS = re.compile(r"(?:\\text\{[^{}]*\}|[^\W\d_]|[0-9' .,!?()-])+")
_CHOICE = re.compile(
    r"(?:\\text\{\s*)?(?i:(?:the )?(?:option|choice|answer)\s+)?"
    r"(?:\(\s*([A-Ja-j])\s*\)|([A-J])\s*[).]|([A-E])\s*:)(?:\s*\}(?=[\s:.]|$)|\s|$)[\s:.]*(.*)",
    re.DOTALL,
)
_OTHER_CHOICE = re.compile(r"(?<![\w\\(])\(?[A-J]\s*[).:](?:\s|$)")
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
    for reader in (_first, _sets, _listing, _relation, _bracketed, _plain):
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
            return Listing(tuple(count for count in counts if count))
    return None


def _sets(text: str, nesting: int) -> Node | None:
    """Sets between ∪, ∩ and ∖; where they stand mixed without brackets, their order is not known."""
    signs = {char for _, char in _outside(text) if char in "∪∩∖"}
    if not signs:
        return None
    (sign, *others) = signs
    parts = split_at(text, sign)
    bounds = [len(split_at(part, "=<>≤≥")) > 1 for part in parts]
    if any(bounds) and not all(bounds):
        return None
    nodes = [read(part, nesting + 1) for part in parts[:MAX_PARTS]]
    if others or any(not isinstance(node, Group | Listing | Union) for node in nodes):
        return Unread(text)
    if (known := combined(nodes, sign)) is not None:  # type: ignore[arg-type]
        return known
    sets = [node for node in nodes if isinstance(node, Listing) and node.braces]
    if sign == "∪" and len(sets) == len(nodes):
        return Listing(tuple(item for node in sets for item in node.items), braces=True)
    return Union(tuple(nodes)) if sign == "∪" else Unread(text)


def _listing(text: str, nesting: int) -> Node | None:
    if not any(char in text for char in ";＆,±∓"):
        return None
    joiner = next((sign for sign in ";＆" if any(char == sign for _, char in _outside(text))), "")
    parts = [part.strip() for part in split_at(text, joiner or ";") if part.strip()]
    if len(parts) < 2 and _ONE_NUMBER.fullmatch("".join(parts)):
        return None
    if (points := _points(parts, nesting)) is not None:
        return points
    pieces = [piece for part in parts for piece in _at_commas(part) if piece.strip()]
    if len(pieces) > MAX_PARTS:
        return Unread(text)
    items = [read(piece, nesting + 1) for part in pieces for piece in _signs(part.strip())]
    if len(items) > 1:
        return _joined(items, joiner)
    return None if pieces == [text] else items[0] if items else Unread(text)


def _points(parts: Sequence[str], nesting: int) -> Node | None:
    """Several solutions, each of several named values: "p=5, q=2; p=7, q=2" is (5,2), (7,2)."""
    if len(parts) < 2 or not all("," in part and "=" in part for part in parts):
        return None
    solutions = [read(part, nesting + 1) for part in parts]
    named = [[i for i in s.items if isinstance(i, Named)] for s in solutions if isinstance(s, Listing)]
    names = {tuple(item.name for item in items) for items in named}
    if len(named) != len(parts) or len(names) != 1 or len(set(names.pop())) != len(named[0]) or len(named[0]) < 2:
        return None
    return Listing(tuple(Group("(", ")", tuple(item.value for item in items)) for items in named))


def _at_commas(text: str) -> list[str]:
    """Pieces between commas, but "1,000, 2,000" has two."""
    if _ONE_NUMBER.fullmatch(text):
        return [text]
    spaced = text.split(", ")
    numbers = [bool(_THOUSANDS.fullmatch(piece)) for piece in spaced]
    if any(numbers) and all(known or "," not in piece for known, piece in zip(numbers, spaced, strict=True)):
        return spaced
    return split_at(text, ",")


def _joined(items: Sequence[Node], joiner: str) -> Node:
    """A listing; "x = 1, 2" and "x = 1, x = 2" list the values of x, "x = 1, y = 2" stay two named values.
    Bounds of one variable are a union where "or" joins them, and an intersection where "and" does."""
    named = [item for item in items if isinstance(item, Named)]
    of_one = len({item.name for item in named}) == 1
    if of_one and (len(named) == len(items) or (len(named) == 1 and items[0] is named[0])):
        return Named(named[0].name, Listing(_flat(item.value if isinstance(item, Named) else item for item in items)))
    if all(map(_is_range, items)):
        met, joined = combined(items, "∩"), combined(items, "∪")
        if joiner == "＆":
            return met or Listing(tuple(items))
        if joiner == ";" or met == NOTHING:
            return joined or Union(tuple(items))
    return Listing(_flat(items))


def _flat(items: Iterable[Node]) -> tuple[Node, ...]:
    """The items, and those of lists among them."""
    return tuple(
        part for item in items for part in (item.items if isinstance(item, Listing) and not item.braces else (item,))
    )


def _is_range(node: Node) -> bool:
    """Whether this is a set of values of a variable, or an interval with an infinite end."""
    if isinstance(node, Union):
        return node.variable is not None
    return isinstance(node, Group) and (node.variable is not None or any(map(is_infinite, node.items)))


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


def _plain(text: str, nesting: int) -> Node | None:
    """Sets of numbers, nothing, a choice, words."""
    if text in ("ℝ", "\\text{R}"):
        return ALL_REALS
    if text in ("∅", "ℤ", "ℕ", "ℚ", "ℂ"):
        return NOTHING if text == "∅" else Word(text)
    unwrapped = _TEXT.fullmatch(text)
    if unwrapped and ("," in unwrapped.group(1) or "=" in unwrapped.group(1)) and nesting < MAX_NESTING:
        return read(unwrapped.group(1), nesting + 1)
    words = " ".join(_TEXT.sub(r" \1 ", text).strip(" .()").lower().replace("-", " ").split())
    if words in _NO_SOLUTION:
        return NOTHING
    if words in _ALL_REALS:
        return ALL_REALS
    if named := _NAMED.fullmatch(text):
        return Word(f"{named.group(1)} {named.group(2)}")
    if mark := _CHOICE_WORD.fullmatch(words):
        return Choice(mark.group(1))
    if unwrapped and re.fullmatch(r"\s*[A-Ja-j]\s*", unwrapped.group(1)):
        return Choice(unwrapped.group(1).strip().lower())
    if unwrapped and nesting < MAX_NESTING:
        return read(unwrapped.group(1), nesting + 1)
    if _LETTERS.fullmatch(text) and text not in ("pi", "inf"):
        letters: list[Expression] = [Name(letter) for letter in text]
        shouted = text.isupper() and text.lower() not in ("yes", "no")
        return Word(text if shouted else text.lower(), reduce(_times, letters))
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
