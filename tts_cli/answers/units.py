r"""Separates a value from the unit written after (or the currency sign before) it.

A unit is a trailing `\text{...}`, a trailing run of known unit words, a degree or percent sign, or a currency sign.
Single letters are units only inside `\text{...}`: after a number they may as well be variables.
"""

from __future__ import annotations

import re

_ALIASES = {
    "mm": "millimeter millimetre", "cm": "centimeter centimetre", "m": "meter metre", "km": "kilometer kilometre",
    "in": "inch inche", "ft": "foot feet", "yd": "yard", "mi": "mile", "g": "gram", "kg": "kilogram", "mg": "milligram",
    "lb": "pound", "oz": "ounce", "s": "sec second", "min": "minute", "h": "hr hour", "day": "", "week": "",
    "month": "", "year": "yr", "°": "degree deg", "rad": "radian", "%": "percent", "$": "dollar usd", "€": "euro",
    "£": "", "¢": "cent", "l": "liter litre", "ml": "milliliter millilitre", "gal": "gallon", "mph": "",
    "forenoon": "", "afternoon": "",  # what `normalize` makes of a.m. and p.m.
}  # fmt: skip
_KEYS = {word: key for key, words in _ALIASES.items() for word in (key, *words.split())}
_RATES = {"mi/h": "mph"}
_LOOSE_WORDS = """
    unit people person student way apple orange ball book marble coin point item piece time problem question
    child children boy girl car ticket page number digit term side integer solution hour per each total more
    square cubic sq cu bag box cookie cup bottle worker team game player card pencil pen stamp tree flower
    egg candy cake slice word line dog cat bird fish chair table seat row hand triangle region path
    combination arrangement possibility outcome value factor divisor multiple prime zero root dozen pair toy
    shirt sticker crayon shell muffin letter sheet kid friend day of in the
"""
_LOOSE = frozenset(_LOOSE_WORDS.split())
_TURNING = frozenset(["not", "or", "than", "least", "most"])  # with these it is no unit
_POWER = r"(?:\s*\^\s*\{?\s*([23])\s*\}?)?"
_TEXT_UNIT = re.compile(r"(.*[^\s\\])\s*\\text\{\s*([^{}]*?)\s*\}" + _POWER)
_WORD_UNIT = re.compile(r"(.*[\d})!])\s*([A-Za-z][A-Za-z./ ]*?)" + _POWER)
_SIGN_UNIT = re.compile(r"(.*\S)\s*(°|%|€|£|¢)\s*[CF]?")
_TRIGONOMETRIC = re.compile(r"(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_MONEY = re.compile(r"(-?)\s*([$€£])\s*(?=[-\d.\\({])(.*)")
_PREFIX = re.compile(r"(?:about|approximately|exactly|only)\s+(?=[\d$\\-])", re.I)


def split_unit(text: str) -> tuple[str, str | None]:
    """(value, unit): unit is None without one, "" for one without a known size ("apples"), else its symbol.

    Areas and volumes carry their power: ("15", "cm2").
    """
    text = _PREFIX.sub("", text, count=1)
    money = _MONEY.fullmatch(text)
    if money:
        return money.group(1) + _strip_words(money.group(3)), money.group(2)
    found = _TEXT_UNIT.fullmatch(text)
    if found and _may_be_unit(found.group(2)) and found.group(1)[-1] not in "_^{([=+-*/,;":
        return found.group(1), unit_key(found.group(2), found.group(3))
    found = _SIGN_UNIT.fullmatch(text)
    if found and not (found.group(2) == "°" and _TRIGONOMETRIC.search(text)):
        return found.group(1), found.group(2)
    return _split_words(text)


def _may_be_unit(words: str) -> bool:
    return not any(char.isdigit() for char in words) and not _TURNING & set(words.lower().split())


def _strip_words(text: str) -> str:
    return _split_words(text)[0]


def _split_words(text: str) -> tuple[str, str | None]:
    if len(text) > 120 or (not text[-1:].isalpha() and text[-1:] not in "23}."):
        return text, None
    found = _WORD_UNIT.fullmatch(text)
    if not found or not all(_is_unit_word(word) for word in re.findall(r"[A-Za-z]+", found.group(2))):
        return text, None
    return found.group(1), unit_key(found.group(2), found.group(3))


def _is_unit_word(word: str) -> bool:
    singular = _singular(word)
    return singular in _LOOSE or (singular in _KEYS and len(word) > 1)


def unit_key(words: str, power: str | None) -> str:
    """The symbol of a unit written in words ("square inches" -> "in2"); "" where it has none."""
    names = [_singular(word) for word in re.findall(r"[A-Za-z°%$¢]+", words)]
    raised = {"square": "2", "sq": "2", "cubic": "3", "cu": "3"}
    if names and names[0] in raised:
        power, names = raised[names[0]], names[1:]
    if len(names) == 2 and names[1] in ("squared", "cubed"):
        power, names = {"squared": "2", "cubed": "3"}[names[1]], names[:1]
    sizes = [_KEYS.get(name) for name in names if name != "per"]
    if len(sizes) == 2 and all(sizes):
        return _RATES.get(f"{sizes[0]}/{sizes[1]}", f"{sizes[0]}/{sizes[1]}")
    if len(names) != 1 or names[0] not in _KEYS:
        return ""
    return _KEYS[names[0]] + (power or "")


def _singular(word: str) -> str:
    word = word.lower()
    if word in _KEYS or word in _LOOSE:
        return word
    for ending, stem in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and (word.removesuffix(ending) + stem) in (_KEYS.keys() | _LOOSE):
            return word.removesuffix(ending) + stem
    return word
