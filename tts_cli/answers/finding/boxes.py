r"""The boxes of a solution, and those that stand together as one answer: `\boxed{3} and \boxed{5}` is `3 and 5`.

Covers `\boxed`, `\fbox` and `\framebox`, with braces or without. A box in a later sentence replaces an earlier one; a
placeholder (`\boxed{answer}`) is no box. Not covered: answers in words (sentences.py). Linear, no recursion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tts_cli.answers.finding.layout import one_line

MAX_ANSWER = 10_000
"""Longest box, in characters, that is taken for an answer."""

_COMMAND = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s{0,9}(?:\[[^\]\n]{0,20}\]){0,2}")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BARE = re.compile(r"\\[A-Za-z]+[ ]?|\\[^A-Za-z\s]|[.,](?=\d)|[^\s$\\{}.,;:]|[ ](?=[-+*/=^\d])")
_MOST_BARE = 80

_WRAPPING = re.compile(
    r"\\(?:text|mathrm|mathbf|textbf|textit|quad|qquad)(?![A-Za-z])|\\[ ,;:!_]|[\s{}$_*\[\]<>()~\"'.…:]+"
)
_PLACEHOLDER = re.compile(
    r"(?:\?*|\\[lc]?dots|\\(?:square|Box|cdots?|ldots|underline|hspace)|"
    r"(?:insert|put|write|place)?(?:your|the|my|a|final|numeric(?:al)?|correct|actual|exact)*"
    r"(?:answers?|results?|solution|number|value)(?:goes)?(?:here)?|x{2,}|(?:最终)?答案)?",
    re.IGNORECASE,
)
_JOINED = r"(?:\\text\s?\{\s*(?:and|or|und|oder|et|ou|y|e|o)\s*\}|(?:and|or|und|oder|et|ou|y|e|o)\b|[和或及与、])"
_JOINT = re.compile(
    rf"(?:[\s$,;.&*]|\\[()\[\] ,;:!\\]|\\q?quad(?![A-Za-z])|\\cup(?![A-Za-z])|{_JOINED}|\([a-h]\))*+", re.IGNORECASE
)
_JOINING_WORD = re.compile(rf"(?<![A-Za-z\\])(?:{_JOINED}|\\cup(?![A-Za-z]))", re.IGNORECASE)
_LABEL = re.compile(
    r"(?<![A-Za-z\\])(?:\\[a-z]+\s[A-Z]{1,4}|\\?[A-Za-z]{1,20}(?:_\{?\w{1,5}\}?|'{1,2}|\([A-Za-z]\))?)\s?(?:=|\\approx)\s*$"
)
_UNIT_WORDS = r"(?: [A-Za-z²³]{2,20}(?![A-Za-z])){0,3}"
_SAME_SENTENCE = re.compile(
    rf"[\s$,*]*(?:\\[()\]\[])*{_UNIT_WORDS}[\s$,*]*{_JOINED}\s(?!.*\b(?:so|thus|hence|therefore|then|not|but|wait"
    r"|actually|which|answer|total|sum|final|finally|result|product|gives?|giving)\b)"
    r"[^.?!\n=\\]{0,50}(?:=|\bis\b|\bare\b|:)[\s$*]*(?:\\[(\[])?\s*",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    r"(?P<minus>-)?(?:(?P<whole>\d{1,9})(?=\\))?(?:\\[dt]?frac\{(?P<top>\d{1,9})\}\{(?P<bottom>\d{1,9})\})", re.ASCII
)
_DECIMAL = re.compile(r"-?\d{1,12}(?:\.\d{1,12}|/[1-9]\d{0,8})?", re.ASCII)
_OR = {"or", "oder", "ou", "o", "或"}
_MOST_BETWEEN = 100
_OPEN_FORMULA = re.compile(r"(?:\$\$?|\\[(\[])\s?$")
_CLOSED_FORMULA = re.compile(r"\s?(?:\$\$?|\\[)\]])")
_LAYOUT = re.compile(r"\\left|\\right|\\text\s?\{[^{}]*\}|\\[,;:! ]|\s|\$|^[A-Za-z]=")


@dataclass(frozen=True, slots=True)
class Box:
    """`text[start:end]` is the box; `content` is empty for a placeholder, None for a box that never closes."""

    start: int
    end: int
    content: str | None


def read_boxes(text: str) -> list[Box]:
    """The innermost boxes, in order."""
    commands = list(_COMMAND.finditer(text))
    if not commands:
        return []
    partner = _brace_pairs(text)
    ends = [_end(text, command.end(), partner) for command in commands]
    inner_starts = [*(command.start() for command in commands[1:]), len(text)]
    return [
        _box(text, command, end)
        for command, end, inner in zip(commands, ends, inner_starts, strict=True)
        if end is None or end <= inner
    ]


def answer_groups(text: str, boxes: Sequence[Box]) -> list[str]:
    """One answer for each group of boxes that stand together, in order; placeholders and open boxes are passed over."""
    filled = [box for box in boxes if box.content]
    groups: list[list[Box]] = []
    for box in filled:
        if groups and _stand_together(text[groups[-1][-1].end : box.start]):
            groups[-1].append(box)
        else:
            groups.append([box])
    return [_joined(text, group) for group in groups]


def without_boxes(text: str, boxes: Sequence[Box]) -> str:
    """The text up to a box that never closes, placeholders left out."""
    kept, at = [], 0
    for box in boxes:
        kept.append(_OPEN_FORMULA.sub("", text[at : box.start]))
        if box.content is None:
            return "".join(kept)
        closing = _CLOSED_FORMULA.match(text, box.end)
        at = closing.end() if closing else box.end
    return "".join(kept) + text[at:]


def _box(text: str, command: re.Match[str], end: int | None) -> Box:
    if end is None:
        return Box(command.start(), len(text), None)
    start = command.end()
    content = "" if end - start > MAX_ANSWER else text[start:end]
    if content.startswith("{") and _brace_pairs(content).get(0) == len(content) - 1:
        content = content[1:-1]
    content = one_line(content)
    return Box(command.start(), end, "" if _is_placeholder(content) else content)


def _brace_pairs(text: str) -> dict[int, int]:
    """Index of each `{` -> index of its `}`; escaped braces and stray ones are passed over."""
    pairs: dict[int, int] = {}
    open_at: list[int] = []
    for found in _BRACE.finditer(text):
        if found.group() == "{":
            open_at.append(found.start())
        elif found.group() == "}" and open_at:
            pairs[open_at.pop()] = found.start()
    return pairs


def _end(text: str, start: int, partner: dict[int, int]) -> int | None:
    r"""Where the content that begins here ends: at its brace, or that of `\boxed 5` and `\boxed\frac{1}{2}`."""
    if text.startswith("{", start):
        return partner[start] + 1 if start in partner else None
    at = start
    while at < len(text) and at - start < _MOST_BARE:
        if text[at] == "{" and at in partner:
            at = partner[at] + 1
        elif found := _BARE.match(text, at):
            at = found.end()
        else:
            break
    return at


def _is_placeholder(content: str) -> bool:
    return len(content) < 60 and _PLACEHOLDER.fullmatch(_WRAPPING.sub("", content)) is not None


def _stand_together(between: str) -> bool:
    if len(between) > _MOST_BETWEEN:
        return False
    if _JOINT.fullmatch(between) or _SAME_SENTENCE.fullmatch(between):
        return True
    label = _label_at_end(between)
    return (
        bool(label)
        and _JOINT.fullmatch(between[: -len(label)]) is not None
        and between[: -len(label)].strip(" $") != ""
    )


def _label_at_end(text: str) -> str:
    r"""`x=` in `$ and $x=`; empty without one. Words that join are no part of it."""
    found = _LABEL.search(text[-40:].rpartition("$")[2].rpartition("\\(")[2])
    label = found.group() if found else ""
    joint = re.match(rf"{_JOINED}\s+(?=[A-Za-z\\])", label, re.IGNORECASE)
    return label[joint.end() :] if joint else label


def _joined(text: str, group: Sequence[Box]) -> str:
    """The group's contents with what joins them; labels stay if each has one; of equal values the last one."""
    labels = [_label_at_end(text[max(0, box.start - 40) : box.start]) if len(group) > 1 else "" for box in group]
    contents = [
        f"{one_line(label)} {box.content}" if all(labels) else box.content or ""
        for box, label in zip(group, labels, strict=True)
    ]
    last = {_value_of(content): number for number, content in enumerate(contents)}
    kept = sorted(last.values())
    joints = ["", *(_joint(text[group[number - 1].end : group[number].start]) for number in kept[1:])]
    return one_line("".join(joint + contents[number] for joint, number in zip(joints, kept, strict=True)))


def _value_of(content: str) -> Fraction | str:
    """A plain number's value, else the text without its layout: what is repeated is one answer. No judgement beyond."""
    bare = _LAYOUT.sub("", content)
    if (number := _FRACTION.fullmatch(bare)) and int(number.group("bottom")):
        value = int(number.group("whole") or 0) + Fraction(int(number.group("top")), int(number.group("bottom")))
        return -value if number.group("minus") else value
    if _DECIMAL.fullmatch(bare):
        return Fraction(bare)
    return bare or content


def _joint(between: str) -> str:
    found = _JOINING_WORD.search(between)
    word = found.group() if found else ""
    if not word or word == "、":
        return ", "
    if word.startswith("\\"):
        return f" {one_line(word)} "
    return " or " if word.lower() in _OR else " and "
