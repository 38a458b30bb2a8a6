r"""LaTeX in a text as MathML, which browsers draw, for pages.

`formatted` gives HTML: what stands between `$…$`, `$$…$$`, `\(…\)`, `\[…\]` or in a `\boxed{…}` becomes MathML. All
other text, and what cannot be converted, is written as a terminal would show it, and escaped. Text from a model is
data: formulas are bounded in length and nesting, and of what the converter makes only known elements are taken over,
without links, styles and classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape, unescape
from typing import TYPE_CHECKING

from tts_cli.cli.view.text import safe_text, to_unicode

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST, DEEPEST = 500, 30
"""Characters of a formula, and braces within braces."""

_DELIMITED = re.compile(
    r"(?<!\\)\$\$(?P<block>[^$]+)\$\$|\\\[(?P<bracket>.{1,500}?)\\\]|\\\((?P<inline>.{1,500}?)\\\)"
    r"|(?<!\\)\$(?!\s)(?P<dollar>[^$\n]*[^\s$\\])\$(?!\d)|(?P<boxed>\\boxed ?(?=\{))",
    re.DOTALL,
)
_WORDS = re.compile(r"\\(?:text|mathrm|mathbf|textbf|textit|mbox|operatorname|begin|end) ?\{[^{}]*\}|\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_ELEMENT = re.compile(
    r"math|mrow|mi|mn|mo|mtext|mspace|mfrac|msqrt|mroot|msup|msub|msubsup|munder|mover|munderover|mtable|mtr|mtd"
    r"|menclose|mstyle|mpadded|mphantom"
)
_ATTRIBUTES = {
    "display": re.compile(r"inline|block"),
    "displaystyle": re.compile(r"true|false"),
    "stretchy": re.compile(r"true|false"),
    "fence": re.compile(r"true|false"),
    "accent": re.compile(r"true|false"),
    "linethickness": re.compile(r"0|0pt"),
    "notation": re.compile(r"[a-z ]{1,30}"),
    "mathvariant": re.compile(r"[a-z-]{1,30}"),
    "columnalign": re.compile(r"[a-z ]{1,60}"),
    "width": re.compile(r"-?[012]?(\.\d{1,4})?em"),
}


def formatted(text: str) -> str:
    """A text as HTML, its own lines kept."""
    return "".join(_pieces(safe_text(text).strip("\n")))


def formula(text: str) -> str:
    """An answer as HTML: it is a formula as a whole, unless it has words or marks where formulas are."""
    text = safe_text(text).strip()
    if not any(mark in text for mark in "\\^_") or _DELIMITED.search(text):
        return formatted(text)
    return _mathml(text, block=False) or _plain(text)


def _pieces(text: str) -> Iterator[str]:
    at = 0
    while (found := _DELIMITED.search(text, at)) is not None:
        end, latex = found.end(), found[found.lastgroup or 0]
        if found["boxed"]:
            end = _closing(text, end)
            latex = text[found.start() : end]
        drawn = _mathml(latex, block=bool(found["block"] or found["bracket"]))
        yield _plain(text[at : found.start()])
        yield drawn or _plain(text[found.start() : end])
        at = end
    yield _plain(text[at:])


def _closing(text: str, opening: int) -> int:
    """Behind the brace that closes the one at `opening`; where none does, or too late, behind that one."""
    depth = 0
    for place in range(opening, min(len(text), opening + LONGEST)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
        if depth > DEEPEST:
            break
    return opening + 1


def _plain(text: str) -> str:
    return escape(to_unicode(text))


@lru_cache(maxsize=4096)  # answers and steps come again and again
def _mathml(latex: str, *, block: bool) -> str | None:
    """The <math> element; None for what is no formula, too large, or not understood by the converter."""
    if len(latex) > LONGEST or _depth(latex) > DEEPEST or _WORD.search(_WORDS.sub(" ", latex)):
        return None
    from latex2mathml.converter import convert_to_element

    try:
        return "".join(_written(convert_to_element(latex, display="block" if block else "inline")))
    except Exception:  # whatever the converter raises for what it does not understand: the text stays as it is
        return None


def _depth(latex: str) -> int:
    depth = deepest = 0
    for char in latex:
        depth += {"{": 1, "}": -1}.get(char, 0)
        deepest = max(deepest, depth)
    return deepest


def _written(element: Element) -> Iterator[str]:
    """The element as HTML. Raises ValueError for what must not be in a page, or was not converted."""
    text = unescape(element.text or "")  # the converter writes characters as references, and escapes nothing
    if not _ELEMENT.fullmatch(element.tag) or "\\" in text or "linebreak" in element.attrib:
        raise ValueError(element.tag)
    known = {name: str(value) for name, value in element.attrib.items() if name in _ATTRIBUTES}
    kept = [f' {name}="{value}"' for name, value in known.items() if _ATTRIBUTES[name].fullmatch(value)]
    yield f"<{element.tag}{''.join(kept)}>{escape(text)}"
    for child in element:
        yield from _written(child)
    yield f"</{element.tag}>"
