"""A judge that also puts answers into their problems: `--verify`.

A problem is checkable where `statement` understands it to its last word. `opinion`, in the worker process, then puts
the answer in. No SymPy in this process. Whether a problem is solved well, and problems that are stories, are not
its subject.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from functools import lru_cache
from typing import ClassVar

from tts_cli.answers.judge import MEMORY_LIMIT, TIME_LIMIT, Judge, is_exceeded, remember
from tts_cli.answers.vote import Opinion
from tts_cli.verification.statement import read

_MAX_TEXT = 800
_MAX_NESTING = 20
_MAX_TOWER = 2  # exponents inside exponents
_HOSTILE = re.compile(r"\^\s*[{(]?\s*-?\d{4,}|\d{4,}\s*!|!\s*!|\)\s*!\s*\)\s*!|\d{100,}")  # giant exponents, factorials


class VerifyingJudge(Judge):
    """Decides equality as `Judge` does, and has an opinion on answers to problems that it understands.

    >>> with VerifyingJudge() as judge:
    ...     judge.check("Solve 3x + 5 = 20 for x.", "x = 6")
    'wrong'
    """

    worker_module: ClassVar[str] = "tts_cli.verification.worker"

    def __init__(self, *, time_limit: float = TIME_LIMIT, memory_limit: int = MEMORY_LIMIT) -> None:
        super().__init__(time_limit=time_limit, memory_limit=memory_limit)
        self._opinions: OrderedDict[tuple[str, str], Opinion] = OrderedDict()

    def check(self, problem: str, answer: str) -> Opinion:
        """Whether `answer` fits `problem`, where both are understood beyond doubt. Raises TtsError as `equal`.
        Whatever goes wrong with one of them is "no opinion"."""
        pair = (problem, answer)
        if (known := self._opinions.get(pair)) is not None:
            return known
        if any(is_hostile(" ".join(text.split())) for text in pair) or self._gave_up_on(problem):
            return "no opinion"
        if not is_checkable(problem):
            return "no opinion"
        if time.monotonic() >= self._until:
            return "no opinion"
        self._comparison.deadline = time.monotonic() + self.time_limit
        reply = self._reply({"problem": problem, "answer": answer})
        if reply is None and time.monotonic() >= self._until:
            return "no opinion"
        if is_exceeded(reply):
            self._timeouts[problem] += 1
        opinion: Opinion = (reply or {}).get("opinion", "no opinion")
        return remember(self._opinions, pair, opinion)


def is_hostile(text: str) -> bool:
    """Whether a text is too long, too deep or too tall to be worth a try."""
    if len(text) > _MAX_TEXT or not text.isprintable() or _HOSTILE.search(text):
        return True
    exponents: list[bool] = []  # for every open bracket: does it hold an exponent?
    raised = False
    for char in text:
        if char == "^" and sum(exponents) >= _MAX_TOWER:
            return True
        if char in "{([":
            exponents.append(raised)
        elif char in "})]" and exponents:
            exponents.pop()
        raised = char == "^" or (raised and char == " ")
        if len(exponents) > _MAX_NESTING:
            return True
    return False


@lru_cache(maxsize=64)
def is_checkable(problem: str) -> bool:
    """Whether the verifier understands what the problem asks of its answer."""
    return read(problem) is not None
