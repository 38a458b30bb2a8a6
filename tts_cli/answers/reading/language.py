"""What the reader of answers knows of human languages: number words, and words that turn the meaning of a number.

What a number counts is any noun (5 bananas), so there is no list of nouns. Function words are a closed class and can
be listed: beside one of them a number is not read on its own (5 or more, not 5, 5 is extraneous).
"""

from __future__ import annotations

import re
from fractions import Fraction

_TURNING_WORDS = """
    not no or nor and but for all any some than least most less fewer is isn't are aren't was wasn't were be been
    being does doesn't do don't did didn't has have had if when whenever where while unless except excluding
    including because since as although though so minus plus times divided over under above below up down to from
    until between without mod modulo remainder by which that who whose this it its they them can cannot could should
    would may might must will never always ever neither either both only just squared cubed factorial half halves
    third thirds quarter fourth fourths fifth fifths sixth sixths seventh eighth eighths ninth tenth tenths
    hundredth hundredths thousandth thousandths fails fail works holds hold exists exist diverges converges rejected
    accepted extraneous invalid valid wrong incorrect correct false true impossible undefined negative positive
    nonnegative imaginary complex approximately approx about roughly nearly almost exceeds equals equal satisfies
    satisfy divides maximum minimum inclusive exclusive at we you he she i me what how why there here then thus
    hence therefore too also again o u ou oder und et y e als que más mas menos moins mehr weniger mindestens
    höchstens al au ni nicht kein pas est es ist sind sont son fois veces mal по не или и более менее больше меньше
    binary hex hexadecimal octal base fold double doubled triple twice recurring repeating repeated prime composite
    choose permute root radical power infinity infinite
"""
TURNING = frozenset(_TURNING_WORDS.split())
"""Words beside which a number is not the answer by itself."""

_ONES = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBER_WORDS = {word: n for n, word in enumerate(_ONES.split())}
NUMBER_WORDS |= {word: 10 * n for n, word in enumerate(_TENS.split(), 2)}
_SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "trillion": 1_000_000_000_000}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
          "ninth": 9, "tenth": 10, "hundredth": 100}  # fmt: skip

_NUMERAL = f"(?:{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})"
_RUN = re.compile(
    rf"(?<![A-Za-z\\-])(?:(?:a|an)[ -](?=hundred|thousand|million|billion|half))?"
    rf"(?:{_NUMERAL}|hundred|(?:{'|'.join(_SCALES)}))"
    rf"(?:(?:[ -]|,? and |, ){_NUMERAL}(?![A-Za-z])|[ -](?:hundred|{'|'.join(_SCALES)})(?![A-Za-z]))*"
    r"(?:[ -](?P<part>half|third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth|hundredth)s?|[ -]halves)?"
    r"(?![A-Za-z]|-[A-Za-z])",
    re.IGNORECASE,
)


def with_digits(text: str) -> str:
    """Number words as digits: "twenty-five apples" -> "25 apples", "three quarters" -> "3/4"."""
    return _RUN.sub(lambda run: _in_digits(run.group()) or run.group(), text) if _MAY_HAVE.search(text) else text


_MAY_HAVE = re.compile(rf"(?<![A-Za-z\\]){_NUMERAL}(?![A-Za-z])", re.IGNORECASE)


def _in_digits(run: str) -> str | None:
    """The number that these words name; None where they are several numbers or none."""
    words = re.findall(r"[a-z]+", run.lower())
    part = 2 if words[-1] == "halves" else _PARTS.get(words[-1].removesuffix("s"))
    value = _number(words[:-1] if part else words)
    if value is None:
        return None
    return str(value) if part is None else f"{Fraction(value, part)}"


def _number(words: list[str]) -> int | None:
    """Words of one number in falling order: two thousand three hundred and five."""
    total, group, last = 0, 0, 10**15
    for at, word in enumerate(words):
        if word in ("a", "an"):
            if at or len(words) == 1:
                return None
            group, last = 1, 100
        elif word == "and":
            if last not in (100, *_SCALES.values()):
                return None
        elif word == "hundred":
            if not 0 < group < 100 or (last >= 100 and words[0] not in ("a", "an")):
                return None
            group, last = group * 100, 100
        elif word in _SCALES:
            if not group or (total and _SCALES[word] >= total):
                return None
            total, group, last = total + group * _SCALES[word], 0, _SCALES[word]
        else:
            value = NUMBER_WORDS[word]
            size = 10 if value >= 20 else 1
            if (value >= 10 and last <= 10) or (value < 10 and last <= 1) or (value == 0 and len(words) > 1):
                return None
            group, last = group + value, size if value >= 20 or value < 10 else 1
    return total + group
