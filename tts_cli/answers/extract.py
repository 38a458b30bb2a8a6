"""Finds the final answer in the text of a solution.

The last complete `\\boxed{...}` wins; without one, what the text says in words ("The answer is 42.",
"#### 42", "... = 12" at the very end). Every pass is linear and nothing recurses, so hostile text
costs no more than its length. Deciding whether two answers are the same is not done here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

How = Literal["box", "mark", "sentence", "last number"]

MAX_ANSWER = 10_000
"""Longest answer (characters) that is taken for one; a longer box is ignored."""

_TAIL = 2_000  # a spoken answer is looked for at the end of the text only
_LINE = 200  # a last line longer than this is prose

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])[ \t]*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BARE = re.compile(r"[^$\n{}]{1,80}")
_SENTENCE_END = re.compile(r"[.?](?=\s|$)|\n|\bI hope\b|,? (?:because|since|which|where)\b")
_SAID = re.compile(
    r"(?:####|\banswers?\b[*_ ]*(?:is|are|was|would be|must be|should be|:|=)|答案(?:是|为|为|:|:))"
    r"(?:[*_:\s]|\b(?:therefore|thus|then|simply|just|equal to|given by)\b)*",
    re.IGNORECASE,
)
_DELIMITED = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]|\*\*(.+?)\*\*|`(.+?)`", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?%?(?![\w])")
_ONLY_NUMBER = re.compile(r"\W{0,4}?(-?[\d.,/]*\d%?)[\W_]{0,4}")
_PROSE_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}(?![A-Za-z])")
_CONCLUDES = re.compile(r"\W{0,4}(?:so|thus|therefore|hence|finally|in total|altogether|in all|the total)\b", re.I)


@dataclass(frozen=True, slots=True)
class Extracted:
    """An answer and how it was found."""

    text: str
    how: How


def find_answer(text: str) -> Extracted | None:
    """STUB until the branch `extract` is merged."""
    found = extract(text)
    if found is None:
        return None
    if _BOX.search(text):
        return Extracted(found, "box")
    if "####" in text:
        return Extracted(found, "mark")
    return Extracted(found, "sentence" if _SAID.search(text[-_TAIL:]) else "last number")


def extract(text: str) -> str | None:
    """The final answer of a solution, on one line and without `$` around it; None where there is none."""
    if boxes := list(_BOX.finditer(text)):
        if (boxed := _last_box(text, boxes)) is not None:
            return boxed
        # Only unterminated or empty boxes: what was written before them may still state the answer.
        return _spoken(text[: boxes[0].start()][-_TAIL:])
    tail = text[-_TAIL:]
    return _spoken(tail) or _concluded(tail)


def stated(text: str) -> str:
    """The answer that a text marks as its answer (a box, "####", "the answer is"); else the text itself."""
    return extract(text) or text if _BOX.search(text) or _SAID.search(text) else text


def _last_box(text: str, boxes: list[re.Match[str]]) -> str | None:
    partner = _brace_pairs(text)
    for box in reversed(boxes):
        start = box.end()
        if start < len(text) and text[start] == "{":
            end = partner.get(start)
            content = "" if end is None or end - start > MAX_ANSWER else text[start + 1 : end]
        else:
            bare = _BARE.match(text, start)
            content = _until_sentence_end(bare.group()) if bare else ""
        answer = _tidy(content)
        if answer and not _BOX.search(answer):
            return answer
    return None


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


def _spoken(tail: str) -> str | None:
    """The answer after the last "answer is", "Answer:" or "####"."""
    for said in list(_SAID.finditer(tail))[-3:][::-1]:
        rest = tail[said.end() :].lstrip()
        delimited = _DELIMITED.match(rest)
        if delimited and "\n\n" not in delimited.group():
            answer = _tidy(next(group for group in delimited.groups() if group is not None))
        else:
            answer = _from_prose(_until_sentence_end(rest))
        if answer:
            return answer
    return None


def _from_prose(sentence: str) -> str:
    """A short answer as it stands; out of a longer sentence its last formula or number."""
    if len(_PROSE_WORD.findall(sentence)) <= 3 and len(sentence) <= 100:
        return _tidy(sentence.strip("* \n"))
    return next(_values_backwards(sentence[-_LINE:]), "")


def _values_backwards(line: str) -> Iterator[str]:
    formulas = list(_DELIMITED.finditer(line))
    yield from (_tidy(next(g for g in found.groups() if g is not None)) for found in reversed(formulas))
    yield from (number.group() for number in reversed(list(_NUMBER.finditer(line))))


def _concluded(tail: str) -> str | None:
    """The value that the last line ends with: alone on the line, after `=`, or in a concluding sentence."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    if not lines or len(lines[-1]) > _LINE:
        return None
    line = lines[-1]
    if only := _ONLY_NUMBER.fullmatch(line):
        return only.group(1)
    whole = _DELIMITED.fullmatch(line.rstrip("."))
    formula = _tidy(next(g for g in whole.groups() if g is not None)) if whole else line
    if "=" in formula:
        value = _tidy(formula.rpartition("=")[2])
        return value if value and not _PROSE_WORD.search(value) else None
    if whole:
        return formula or None
    return next(_values_backwards(line), None) if _CONCLUDES.match(line) else None


def _until_sentence_end(text: str) -> str:
    end = _SENTENCE_END.search(text)
    return text[: end.start()] if end else text


def _tidy(text: str) -> str:
    """One line, no `$` or bold marks around it, no full stop after it."""
    line = " ".join(text.split())
    if line.startswith("$") and line.endswith("$") and len(line) > 1:
        line = line.strip("$").strip()
    if line.startswith("**") and line.endswith("**") and len(line) > 4:
        line = line[2:-2].strip()
    return line.removesuffix(".").rstrip()
