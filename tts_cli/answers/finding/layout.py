r"""How an answer is set: on one line, without `$` around it, with the digits 0 to 9. What it means is not looked at."""

from __future__ import annotations

import re
import unicodedata

FORMULA = (
    r"(?<!\\)\$\$[^$]{1,1000}\$\$|(?<!\\)\$(?!\s)(?:[^$\n\\]|\\.){1,400}(?<!\s)\$(?!\d)"
    r"|(?<![\w\\})])\$\s(?:[^$\n\\]|\\.){1,400}\s\$(?![\w\\])|\\\((?:(?!\\\)).){1,600}\\\)|\\\[(?:(?!\\\]).){1,1000}\\\]"
)
"""A formula between its delimiters; `$50 and $60` holds none. To be used with `re.DOTALL`."""

_FORMULA = re.compile(FORMULA, re.DOTALL)
_PART = re.compile(r"(?:\\(?:text|textbf|mathrm)\s?\{\s*)?\(([a-h])\)\s*(?:\}|:)?\s*")


def without_dollars(text: str) -> str:
    """Formulas without their delimiters; `$` that is money stays."""
    return _FORMULA.sub(lambda found: _content(found.group()), text)


def one_line(text: str) -> str:
    r"""The text on one line, without `$`, `\\(`, bold marks or quotes around it, and no full stop after it."""
    line = plain_digits(" ".join(text.split()))
    before = None
    while line != before and len(line) > 1:
        before = line
        line = line.removesuffix(".").removesuffix("。").strip()
        if _FORMULA.fullmatch(line) and not _FORMULA.search(line[2:-2]):
            line = _content(line).strip()
        for mark in ("**", "`", '"'):
            if line.startswith(mark) and line.endswith(mark) and len(line) > 2 * len(mark):
                line = line[len(mark) : -len(mark)].strip()
    return without_part_labels(line.removesuffix(".").strip())


def without_part_labels(line: str) -> str:
    """`7, 30` for `(a) 7, (b) 30`; a line without such labels, all in order, is returned as it is."""
    labels = [found.group(1) for found in _PART.finditer(line)]
    pieces = [piece.strip(" ,;") for piece in _PART.split(line)[::2]]
    if len(labels) < 2 or labels != list("abcdefgh"[: len(labels)]) or pieces[0] or not all(pieces[1:]):
        return line
    return _PART.sub("", line)


def plain_digits(text: str) -> str:
    """Digits of every script as 0 to 9 (Arabic-Indic, Devanagari, full-width), with their separators."""
    if text.isascii():
        return text
    digits = "".join(str(unicodedata.digit(char)) if char.isdecimal() else char for char in text)
    return digits.replace("٫", ".").replace("٬", ",").replace("٪", "%")


def _content(formula: str) -> str:
    width = 2 if formula.startswith(("$$", "\\")) else 1
    return formula[width:-width].strip()
