r"""Where a step of a maths solution ends, and where the turn does, decided on the bytes as they come.

A step ends at the separator. A box, `\boxed{...}`, ends neither the step nor the solution: a second part may follow, or
the rest of the sentence. So a solution goes on after its box until the model ends its turn, and is cut where it does
not: so many tokens after the last box with something new (REST_OF_TURN), or at the head of a new problem. It has
answered, so it is finished then too, and what was begun after its last box is left out. A box counts when it holds
something: "put the answer in \boxed{}" is no answer.

The end of generation and the other limits are the engine's business; what an answer looks like is known here and not
there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tts_cli.protocols import Finish

REST_OF_TURN, REST_OF_PARTS = 64, 256
"""Most tokens after a box without a further one: to end a sentence and correct oneself, or as many as a long part (b)
takes where the problem has parts. A model that ends its turn, as chat models do, needs none of them; one that never
does, as base models, spends them once a solution. A box that says again what an earlier one said is no further one, or
a model that repeats itself would never come to an end."""

_SECOND_PART = re.compile(r"(?:^|\s)\(?(?:b|ii)[).:]+\s|\(2\)|^\s*2[.)]\s", re.IGNORECASE | re.MULTILINE)
_BOX = re.compile(rb"\\boxed\s*\{")
_LONGEST_OPENING = 16  # bytes kept for a `\boxed {` of which only the beginning has come
_BRACES = {ord("{"): 1, ord("}"): -1}
_BLANK = b" \t\r\n\v\f"
# How a base model begins an invented next problem, or the next turn of a chat: "Question:", "## Problem 2:".
_NEW_PROBLEM = re.compile(
    rb"(?:^|\n)[ \t#*>]*(?:problem|question|exercise|instruction|human|user|q)\b[ \t]*\(?(\w{0,3})[.)]*[ \t*]*:", re.I
)
_DELIMITER = re.compile(r"\\\\|\\\$|\\[()\[\]]|\$\$?|\\(?:begin|end)\{(\w+\*?)\}")
_CLOSING = {r"\(": r"\)", r"\[": r"\]", "$": "$", "$$": "$$"}
_DOLLAR = re.compile(r"[^\n]*?(?<!\s)\$(?!\d)")  # one that may close a formula: others are money
_SENTENCE = re.compile(r"[^\n]*?(?:[.!?](?=[\s*_]|$)[*_]*|。|(?=\n))")


@dataclass(frozen=True, slots=True)
class Turn:
    """How far the solution of a problem has come: what stands in its `boxes`, tokens since one of them was new."""

    problem: str = ""
    boxes: frozenset[bytes] = frozenset()
    rest: int = 0

    @property
    def answered(self) -> bool:
        return bool(self.boxes)


class StepEnd:
    """Called with all bytes of one step after every token; looks only at what is new.
    Blank text in front is skipped, so that a step never consists of separators. `turn`: up to the token before."""

    def __init__(self, separator: str, turn: Turn) -> None:
        self.turn = turn
        self._most = REST_OF_PARTS if _SECOND_PART.search(turn.problem) else REST_OF_TURN
        self._separator = separator.encode()
        self._seen = 0
        self._start: int | None = None  # of the first byte that is not blank
        self._boxes = _Boxes()

    def __call__(self, text: bytes) -> Finish | None:
        new, self._seen = self._seen, len(text)
        if self.turn.answered:
            self.turn = Turn(self.turn.problem, self.turn.boxes, self.turn.rest + 1)
        if self._start is None:
            rest = text[new:].lstrip(_BLANK)
            if not rest:
                return None
            self._start = len(text) - len(rest)
        if boxes := self._boxes.closed(text) - self.turn.boxes:
            self.turn = Turn(self.turn.problem, self.turn.boxes | boxes)
        if self.turn.answered and b":" in text[new:] and self._begins_a_problem(text):
            return Finish.ANSWERED
        first = max(self._start + 1, new - len(self._separator) + 1)
        if self._separator in text[first:]:
            return Finish.STEP
        return Finish.ANSWERED if self.turn.rest >= self._most else None

    def result(self, text: bytes, finish: Finish) -> tuple[str, Finish]:
        """The step's text and how it ended, as searches see them. Cut after an answer, a solution is finished; the text
        then goes as far as the sentence with this step's last box, and is empty where it has none."""
        if not self.turn.answered or finish in (Finish.STEP, Finish.EOS):
            return step_text(text, self._separator.decode()), finish
        end = self._boxes.end
        before, after = (part.decode("utf-8", "replace") for part in (text[:end], text[end:]))
        return (before + after[: _rest_of_sentence(before, after)]).strip(), Finish.ANSWERED

    def _begins_a_problem(self, text: bytes) -> bool:
        """Whether the model has turned to another problem; "Question 2:" is none where the problem has a part 2."""
        head = _NEW_PROBLEM.search(text, self._boxes.end)
        if head is None:
            return False
        label = head[1].decode("utf-8", "replace")
        return not (label and re.search(rf"(?:^|\s)\(?{re.escape(label)}[).:]", self.turn.problem, re.IGNORECASE))


class _Boxes:
    """Follows `\\boxed{...}` through a text that grows. `end`: where the last one that holds something ends, else 0."""

    def __init__(self) -> None:
        self.end = 0
        self._at = 0  # everything before is done with
        self._content = 0  # where the content of the open box begins
        self._depth = 0  # of braces; 0: no box is open

    def closed(self, text: bytes) -> set[bytes]:
        """What stands in the boxes that have been closed since the last call."""
        found = set()
        while self._depth > 0 or self._open(text):
            self._count_braces(text)
            if self._depth > 0:
                break
            if content := text[self._content : self._at - 1].strip(_BLANK):
                found.add(content)
                self.end = self._at
        return found

    def _open(self, text: bytes) -> bool:
        opening = _BOX.search(text, self._at)
        if opening is None:
            self._at = max(self._at, len(text) - _LONGEST_OPENING)
            return False
        self._at = self._content = opening.end()
        self._depth = 1
        return True

    def _count_braces(self, text: bytes) -> None:
        while self._at < len(text) and self._depth > 0:
            if text[self._at - 1 : self._at] != b"\\":
                self._depth += _BRACES.get(text[self._at], 0)
            self._at += 1


def _rest_of_sentence(before: str, after: str) -> int:
    """How much of `after` completes the formula and the sentence or line that `before` ends in."""
    closing = ""
    for delimiter in _DELIMITER.finditer(before):
        if closing:
            closing = "" if delimiter[0] == closing else closing
        else:
            closing = rf"\end{{{delimiter[1]}}}" if delimiter[1] else _CLOSING.get(delimiter[0], "")
    found = (_DOLLAR if closing == "$" else re.compile(f".*?{re.escape(closing)}", re.DOTALL)).match(after)
    end = found.end() if found else 0
    sentence = _SENTENCE.match(after, end)
    return sentence.end() if sentence else end


def step_text(text: bytes, separator: str) -> str:
    """A step's text as searches see it: what is not UTF-8 replaced, no separator, no outer blanks."""
    return text.decode("utf-8", "replace").removesuffix(separator).strip()
