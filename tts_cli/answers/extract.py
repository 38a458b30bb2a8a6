r"""Finds the final answer in the text of a solution, and says how it was found.

First a box (boxes.py), then a sentence that marks its answer, then a sentence that concludes, then the last number
(sentences.py). Thought (`<think>…</think>`) is skipped, code in fences too unless it holds a box. A solution whose
parts (a), (b) … each have an answer has all of them. Every pass is linear and nothing recurses, so hostile text costs
no more than its length. Deciding whether two answers are the same is not done here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from tts_cli.answers.finding.boxes import answer_groups, read_boxes, without_boxes
from tts_cli.answers.finding.layout import one_line
from tts_cli.answers.finding.sentences import concluded_answer, last_number, marked_answer, plain, sentence_answer

How = Literal["box", "mark", "sentence", "last number"]
"""How an answer was found, the most trustworthy first."""

_SAYS_SOMETHING = re.compile(r"[^\W_]|\\[A-Za-z]|[∞∅½¼¾]")
_TAIL = 4_000  # an answer in words is looked for at the end of the text only

_THOUGHT = re.compile(
    r"(?P<open><(?:think|thinking|thought|reasoning)>|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>(?:analysis|commentary))"
    r"|(?:</(?:think|thinking|thought|reasoning)>|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final(?:<\|message\|>)?)",
    re.IGNORECASE,
)
_TURN_END = re.compile(r"<\|(?:im_end|im_start|endoftext|end_of_text|eot_id|end|user)\|>|</s>")
_FENCE = re.compile(r"^[ \t]{0,8}(?:```|~~~)[`~]{0,9}[ \t]*([\w+#-]{0,20})[^\n]{0,40}$", re.MULTILINE)
_TEXT_LANGUAGES = {"", "text", "txt", "plaintext", "plain", "markdown", "md", "latex", "tex", "math", "output", "boxed"}
_PART = re.compile(
    r"(?:(?P<line>^[ \t>#*_-]{0,8}(?:for\s)?)|(?<=[.!?:;,]\s)|(?<=\band\s)|(?<=\bfor\s)|(?<=\bto\s)|(?<=[$)\]}]\s))"
    r"(?:\*\*)?(?P<part>part\s)?(?:[(（](?P<in>[a-h]|[1-9]|i{1,3}|iv)[)）]|(?P<half>[a-h]|[1-9])\)"
    r"|(?P<dot>(?:(?<=part\s)[a-h1-9](?=[.:*\s])|[a-h1-9](?=\.\s))))",
    re.MULTILINE | re.IGNORECASE,
)
_FINAL = re.compile(r"\bfinal answer\b[*:\s]{0,4}\S", re.IGNORECASE)
_ROMAN = ["i", "ii", "iii", "iv"]
_ITEMS = re.compile(r"\s*(?:[,;]|\band\b|\\text\s?\{\s*and\s*\})\s*")


@dataclass(frozen=True, slots=True)
class Extracted:
    """An answer, on one line and without `$` around it, and how it was found."""

    text: str
    how: How


def find_answer(text: str) -> Extracted | None:
    r"""The final answer of a solution; None where there is none.

    >>> find_answer(r"3 + 4 = 7, so \boxed{7}")
    Extracted(text='7', how='box')
    >>> find_answer("So the final price is $50 after a 20% discount.")
    Extracted(text='$50', how='sentence')
    """
    text = _first_turn(_without_thought(text))
    return _of_parts(text) or _of_one(text)


def extract(text: str) -> str | None:
    """The text of the final answer; None where there is none."""
    found = find_answer(text)
    return found.text if found else None


def stated(text: str) -> str:
    """The answer that a text marks as its answer (a box, "####", "the answer is"), or that a sentence consists of ("The
    area is $25$."); else the text itself.

    A short answer is never reduced to a part of itself: what `find_answer` reads from a sentence with more in it, or as
    the last number, does not count here.
    """
    found = find_answer(text)
    if found and found.how in ("box", "mark"):
        return found.text
    return sentence_answer(text) or text


def _without_thought(text: str) -> str:
    """What is outside `<think>…</think>`. A closing tag alone ends a thought that the prompt opened."""
    said: list[str] = []
    at: int | None = 0
    for tag in _THOUGHT.finditer(text):
        if tag.group("open"):
            if at is not None:
                said.append(text[at : tag.start()])
            at = None
        else:
            if at is not None:
                said.clear()
            at = tag.end()
    return "".join(said) + (text[at:] if at is not None else "")


def _first_turn(text: str) -> str:
    """The text up to the token that ends its turn, where a raw completion goes on after it."""
    end = _TURN_END.search(text, len(text) - len(text.lstrip()) + 1)
    return text[: end.start()] if end else text


def _of_one(text: str) -> Extracted | None:
    """The answer of a solution, or of one of its parts."""
    boxes = read_boxes(text)
    if groups := answer_groups(text, boxes):
        after = text[boxes[-1].end :]  # a sentence that says what is final has the last word
        final = marked_answer(plain(_end_of(after))) if _FINAL.search(after) else None
        return Extracted(final or groups[-1], "mark" if final else "box")
    prose, quoted = (plain(_end_of(part)) for part in _split_fences(without_boxes(text, boxes)))
    ways: tuple[tuple[How, Callable[[str], str | None], str], ...] = (
        ("mark", marked_answer, prose),
        ("sentence", concluded_answer, prose),
        ("mark", marked_answer, quoted),
        ("last number", last_number, prose),
    )
    for how, read, where in ways:
        if (answer := read(where)) and _SAYS_SOMETHING.search(answer):
            return Extracted(answer, how)
    return None


def _end_of(text: str) -> str:
    """The last part of a long text, from the start of a line if one is near: no formula is cut in two."""
    tail = text[-_TAIL:]
    return tail[tail.find("\n", 0, _TAIL // 4) + 1 :] if len(text) > _TAIL else tail


def _split_fences(text: str) -> tuple[str, str]:
    """The text outside code fences, and what fences quote that is no code. A fence with one line of text is prose."""
    prose, quoted = [""], [""]
    at, opened = 0, None
    for fence in _FENCE.finditer(text):
        if opened is None:
            prose.append(text[at : fence.start()])
            opened = fence
        else:
            content = text[at : fence.start()].strip()
            if opened.group(1).lower() in _TEXT_LANGUAGES:
                (quoted if "\n" in content else prose).append(f"{content}\n")
            opened = None
        at = fence.end()
    if opened is None:
        prose.append(text[at:])
    elif opened.group(1).lower() in _TEXT_LANGUAGES:
        quoted.append(text[at:])
    return "".join(prose), "".join(quoted)


def _of_parts(text: str) -> Extracted | None:
    """The answers of all parts in order, where each part has one; None where the text has no parts."""
    labels = _part_labels(text)
    if not labels:
        return None
    ends = [label.start() for label in labels[1:]] + [len(text)]
    sections = [text[label.end() : end] for label, end in zip(labels, ends, strict=True)]
    found = [answer for section in sections if (answer := _of_one(section))]
    if len(found) < len(sections) or not _all_answer(labels, sections, found):
        return None
    if _repeats_all(sections[-1], found):
        return found[-1]
    how: How = max((answer.how for answer in found), key=get_args(How).index)
    return Extracted(one_line(", ".join(answer.text for answer in found)), how)


def _part_labels(text: str) -> list[re.Match[str]]:
    """The labels (a), (b) … of the last such series of at least two, in order; numbers where there are no letters."""
    current: dict[str, list[re.Match[str]]] = {"letter": [], "number": [], "roman": []}
    complete: dict[str, list[re.Match[str]]] = {}
    for label in _PART.finditer(text):
        name = label.group("in") or label.group("half") or label.group("dot")
        if name.isupper() and not label.group("part"):
            continue  # the letter of a choice
        kind, index = _kind_and_index(name.lower())
        if index == 0 and label.group("line") is not None:
            current[kind] = [label]
        elif index == len(current[kind]) - 1 and label.group("line") is not None:
            current[kind][-1] = label  # the one before was a mention in the text
        elif index == len(current[kind]):
            current[kind].append(label)
        if len(current[kind]) > 1:
            complete[kind] = current[kind]
    return next((complete[kind] for kind in current if kind in complete), [])


def _kind_and_index(name: str) -> tuple[str, int]:
    if name.isdigit():
        return "number", int(name) - 1
    return ("roman", _ROMAN.index(name)) if name in _ROMAN else ("letter", ord(name) - ord("a"))


def _all_answer(labels: list[re.Match[str]], sections: list[str], found: list[Extracted]) -> bool:
    """Whether labels are those of parts that each have an answer, and no list of steps."""
    hows = {answer.how for answer in found}
    if any(label.group("dot") and not label.group("part") for label in labels):  # "1." counts steps as a rule
        return hows == {"box"} and all(answer_groups(s.split("\n")[0], read_boxes(s.split("\n")[0])) for s in sections)
    of_letters = not any(label.group().strip(" *()>#").isdigit() for label in labels)
    return hows <= {"box", "mark"} or (hows == {"sentence"} and of_letters)


def _repeats_all(last_section: str, found: list[Extracted]) -> bool:
    """Whether the last part goes on to state the answers of all parts together."""
    last = found[-1]
    items = {item.replace(" ", "") for item in _ITEMS.split(last.text)}
    several = last.how != "box" or len(answer_groups(last_section, read_boxes(last_section))) > 1
    return several and len(items) > 1 and items >= {answer.text.replace(" ", "") for answer in found[:-1]}
