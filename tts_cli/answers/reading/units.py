r"""Units of measure, money and what a number counts: takes them off the end (or front) of one value.

A unit of known size has a key ("km", "m/s", "in2", "$", "°F"); two different ones never agree, and none is converted.
Whatever else a number may count is a noun, recognised by its place and not by a list: any words behind the number,
unless one of them turns its meaning. Input is text from `normalize.clean`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tts_cli.answers.reading.expression import GREEK, TYPED_NAMES
from tts_cli.answers.reading.language import TURNING

MAX_WORDS = 6

_SYMBOLS = """
    m meter metre|g gram gramme|s sec second|L l liter litre|Hz hertz|N newton|J joule|W watt|Pa pascal|V volt
    |A amp ampere|Ω ohm|mol mole|K kelvin|B byte|bit|eV electronvolt|cal calorie|t ton tonne|F farad|C coulomb
    |in inch|ft foot feet|yd yard|mi mile|lb lbs|pound|oz ounce|gal gallon|qt quart|pt pint|min minute|h hr hour
    |day|week|month|year yr|decade|century centurie|° degree deg|rad radian|% percent pct percentage|‰ permille|acre
    |ha hectare
    |$ dollar usd US$|€ euro eur|£ gbp|¥ yen jpy|₹ rupee inr|CNY yuan rmb|¢ cent|₽ ruble|₩ won|peso|franc|knot
    |forenoon|afternoon|atm|bar|dB decibel|rpm|lx lux|T tesla|Wb weber|au|ly
"""
_OTHER_NAMES = {
    "米": "m", "厘米": "cm", "公里": "km", "千米": "km", "克": "g", "千克": "kg", "公斤": "kg", "秒": "s",
    "分钟": "min", "小时": "h", "天": "day", "元": "CNY", "mph": "mi/h", "kph": "km/h", "kmh": "km/h", "kmph": "km/h",
    "°C": "°C", "°F": "°F", "celsius": "°C", "fahrenheit": "°F", "cc": "cm3", "fps": "ft/s", "cs": "¢",
}  # fmt: skip
_CLASSIFIERS = frozenset("个只本人次种件块条辆名张页")  # what Chinese counts with
_PREFIX_SYMBOLS = {"n": "n", "µ": "µ", "μ": "µ", "u": "µ", "m": "m", "c": "c", "d": "d", "k": "k", "M": "M", "G": "G",
                   "T": "T"}  # fmt: skip
_PREFIX_WORDS = {"nano": "n", "micro": "µ", "milli": "m", "centi": "c", "deci": "d", "kilo": "k", "mega": "M",
                 "giga": "G", "tera": "T"}  # fmt: skip
_COMPATIBLE = frozenset(map(frozenset, [("°", "°C"), ("°", "°F"), ("pound", "lb"), ("pound", "£")]))
_PREFIXED = frozenset(
    ["m", "g", "s", "L", "Hz", "N", "J", "W", "Pa", "V", "A", "Ω", "mol", "B", "bit", "eV", "cal", "t"]
)
_TYPED_ALONE = frozenset("msghLlNJWV")  # single letters that are units behind a number and a space: 5 m
_IN_TEXT_ONLY = frozenset(["au", "ly", "cs"])


@dataclass(frozen=True, slots=True)
class Counted:
    """A value and what it is a value of. `unit`: key of a known unit; `noun`: other words; both None without."""

    value: str
    unit: str | None = None
    noun: str | None = None


def may_be_same(a: str | None, b: str | None) -> bool:
    """Whether two units do not contradict each other: equal ones, none and any, and names of two (77° and 77°C)."""
    return a == b or a is None or b is None or frozenset((a, b)) in _COMPATIBLE


def _table() -> dict[str, str]:
    table = dict(_OTHER_NAMES)
    for entry in " ".join(_SYMBOLS.split()).split("|"):
        key, *words = entry.split()
        for name in (key, *words):
            table[name] = key
            if key in _PREFIXED and len(name) > 2 and name.islower():
                table |= {prefix + name: short + key for prefix, short in _PREFIX_WORDS.items()}
        if key in _PREFIXED:
            table |= {prefix + key: short + key for prefix, short in _PREFIX_SYMBOLS.items() if prefix + key != "Ts"}
    table |= {"ml": "mL", "min": "min", "ft": "ft", "cd": "cd", "nt": "nt"}
    return table


_KEYS = _table()
_POWER = {"square": "2", "sq": "2", "cubic": "3", "cu": "3", "squared": "2", "cubed": "3"}
_WORD = r"[^\W\d_]++(?:['-][^\W\d_]++)*+\.?+"  # possessive: letters make words in one way only
_IN_TEXT = r"\\text\{(?:[^{}0-9]|\^\s*(?:\{\s*-?\d\s*\}|-?\d))*\}"
_PIECE = re.compile(rf"({_IN_TEXT})|({_WORD}|°[CF]?|[%‰$€£¥¢₹])|\^\s*\{{?\s*(-?\d)\s*\}}?|([*/])|\s+|[().]")
_TAIL = re.compile(
    rf"\s*+(?:(?:{_IN_TEXT}|{_WORD}|°[CF]?+|[%‰$€£¥¢₹])\s*+(?:\^\s*+\{{?+\s*+-?\d\s*+\}}?+\s*+)?+[*/]?+\s*+)++\.?$"
)
_CURRENCY = re.compile(r"([-+]?)\s*(?:US|C|A)?([$€£¥₹₽₩])\s*(?=[-\d.\\({])(.*)", re.DOTALL)
_CODE = re.compile(r"(?:USD|EUR|GBP|Rs\.?)\s*(?=\d)")
_ABOUT = re.compile(r"(?:about|approximately|exactly|only|roughly)\s+(?=[\d$€£\\-])", re.I)
_OHM = re.compile(r"(?<=[\dkMm])\s*\\Omega\s*$")
_TRIGONOMETRIC = re.compile(r"(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_SHORT_WORDS = frozenset(["a", "an", "the", "of", "per", "in", "all", "two", "new", "old", "own", "day"])
_PI = re.compile(r"\s*\\?pi(?![A-Za-z])")
_SHORT_NOUN = re.compile(
    r"[bcdfghjklmnpqrstvwxyz]?[bcdfghjklmnprstvw][aeiou][bcdfghjklmnprstvwxyz]s?|eggs?|ants?|inn|[aeiou][bcdfgklmnprst]e|[bdfhlnprstw][aeiou]{2}|[a-z]{2}s"
)


def split_unit(text: str) -> Counted:
    r"""The value of a text and what it counts; the text itself where no unit stands beside it.

    >>> split_unit(r"15 \text{ cm}^2"), split_unit("5 red balls")
    (Counted(value='15', unit='cm2', noun=None), Counted(value='5', unit=None, noun='red balls'))
    """
    text = _OHM.sub("Ω", _ABOUT.sub("", text, count=1))
    text = _CODE.sub(lambda code: {"U": "$", "E": "€", "G": "£", "R": "₹"}[code[0][0]], text, count=1)
    if money := _CURRENCY.fullmatch(text):
        inner = split_unit(money.group(3))
        unit = inner.unit if inner.unit and inner.unit != money.group(2) else None
        return Counted(money.group(1) + inner.value, f"{money.group(2)} {unit}" if unit else money.group(2))
    at = _start_of_tail(text)
    if at is None:
        return Counted(text)
    value, tail = text[:at].rstrip(), text[at:]
    if not value or value[-1] in "_^{([=+-*/,;" or (tail.startswith("°") and _TRIGONOMETRIC.search(value)):
        return Counted(text)
    return _read_tail(value, tail.strip(), text)


def _start_of_tail(text: str) -> int | None:
    r"""Where the words behind a value begin: after its last digit or bracket, or at a \text{...}."""
    if text.isdigit() or len(text) > 400:
        return None
    start = text.find("\\text{")
    if start > 0 and _TAIL.fullmatch(text, start):
        return start
    for at in range(len(text) - 1, -1, -1):
        if text[at] in "0123456789)]}!|" and not _inside_power(text, at):
            start = pi.end() if (pi := _PI.match(text, at + 1)) else at + 1
            return start if start < len(text) and _TAIL.fullmatch(text, start) else None
    sign = re.search(r"\s*[%°‰€£¢]\s*$", text)  # x°, \pi\%
    return sign.start() if sign else None


def _inside_power(text: str, at: int) -> bool:
    """Whether this digit or brace is the power of a unit: the 2 of cm^2, the } of cm^{2}."""
    before = re.search(
        r"(?:[A-Za-z]{2,}|\}|(?<![A-Za-z\\])[a-zA-Z])\s*\^\s*\{?\s*-?\d?\s*$", text[: at + (text[at] != "}")]
    )
    if text[at] == "}":
        return bool(re.search(r"\\text\{[^{}0-9]*$", text[:at])) or bool(before)
    return bool(before) and text[at].isdigit()


def _read_tail(value: str, tail: str, text: str) -> Counted:
    """What the words behind a value are: a unit, a noun, or part of an expression after all."""
    in_text = "\\text" in tail
    words = [
        word
        for piece in _PIECE.finditer(tail)
        for word in re.findall(_WORD, (piece.group(1) or piece.group(2) or "").removeprefix("\\text"))
    ]
    unit = _unit_key(tail)
    if unit is not None:
        alone = len(tail) == 1 and tail.isalpha() and tail.isascii()
        if alone and not (tail in _TYPED_ALONE and text[len(value) :].startswith(" ")):
            return Counted(text)
        return Counted(value, unit)
    if not words or len(words) > MAX_WORDS:
        return Counted(text)
    folded = [word.lower().rstrip(".") for word in words]
    if ("more" in folded and folded[-1] == "more") or TURNING & set(folded):
        return Counted(text)
    noun = " ".join(folded)
    if all(word in _CLASSIFIERS for word in folded):
        return Counted(value, None, noun)
    if not all("a" <= char <= "ɏ" or char in " '-" for char in noun):  # other scripts: nothing is known of their words
        return Counted(text)
    if any(word in TYPED_NAMES or word in GREEK for word in folded):
        return Counted(text)
    if in_text or (text[len(value) :].startswith((" ", ".")) and not any(sign in tail for sign in "^*/")):
        return Counted(value, None, noun) if all(map(_is_word, folded)) else Counted(text)
    return Counted(text)


def _is_word(word: str) -> bool:
    """Whether letters behind a number are a word and no product of variables: 5 cats, 5 xy."""
    return len(word) > 3 or word in _SHORT_WORDS or word in _KEYS or bool(_SHORT_NOUN.fullmatch(word))


@lru_cache(maxsize=1_024)
def _unit_key(tail: str) -> str | None:
    """The key of a unit as written ("square inches" -> "in2", "km per hour" -> "km/h"); None for other words."""
    parts: list[list[str]] = []  # [key, power, sign]
    power, sign = "", ""
    for piece in _tokens(tail):
        if piece in ("per", "/", "a", "an", "each") and parts:
            sign = "/"
        elif piece in ("*", "of", "the") or (piece == "in" and parts):
            continue
        elif piece in _POWER:
            if piece.endswith("ed"):
                if not parts:
                    return None
                parts[-1][1] = _POWER[piece]
            else:
                power = _POWER[piece]
        elif piece[0] == "^":
            if not parts:
                return None
            digit = piece[1:]
            if digit.startswith("-"):
                parts[-1][2], digit = "/", digit[1:]
            parts[-1][1] = "" if digit == "1" else digit
        elif (key := _known(piece)) is not None:
            if parts and parts[-1][0] == "°" and key in ("°C", "°F"):
                parts[-1][0] = key
            else:
                parts.append([key, power, sign])
            power, sign = "", ""
        else:
            return None
    if not parts or power or sign:
        return None
    upper = sorted(key + power for key, power, sign in parts if not sign)
    lower = sorted(key + power for key, power, sign in parts if sign)
    return "*".join(upper) + "".join("/" + key for key in lower)


def _tokens(tail: str) -> list[str]:
    found: list[str] = []
    for piece in _PIECE.finditer(tail):
        text, word, power, operator = piece.groups()
        if text is not None:
            pieces = re.findall(r"\^\s*\{?\s*-?\d|[^\W\d_]+|°[CF]?|[%‰$€£¥¢₹/*]", text.removeprefix("\\text"))
            found.extend(re.sub(r"[{\s]", "", piece) for piece in pieces)
        elif word:
            found.append(word.rstrip("."))
        elif power:
            found.append("^" + power)
        elif operator:
            found.append(operator)
    return found


def _known(word: str) -> str | None:
    """The key of one unit's name, singular or plural; symbols are case-sensitive, words are not."""
    if word in _KEYS:
        return _KEYS[word]
    lower = word.lower()
    if len(lower) <= 2 and lower not in ("km", "cm", "mm", "kg", "hr", "ft", "in", "lb", "oz", "mg", "ml"):
        return None
    for ending in ("", "s", "es"):
        stem = lower.removesuffix(ending)
        if (
            len(lower) - len(stem) == len(ending)
            and stem in _KEYS
            and (len(stem) > 2 or stem in ("km", "cm", "mm", "kg", "hr", "ft", "in", "lb", "oz", "mg", "ml", "yr"))
        ):
            return _KEYS[stem]
    return None
