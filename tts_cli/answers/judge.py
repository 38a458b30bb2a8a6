r"""Judge: are two answers the same? Exact arithmetic at once; math-verify in a warm worker process for the rest.

The worker starts at the first pair that needs it, works under a time and a memory limit, and is killed and
replaced when it exceeds one. Pairs that are plainly hostile (`9^{9^{9^9}}`, deep nesting, very long text) never
reach it. Whatever goes wrong, the verdict is "not equal": only identical text is equal without proof.
The same worker checks answers against their problem (`check`); there, whatever goes wrong is "no opinion".
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections import Counter, OrderedDict
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

from tts_cli.answers.exact import Answer, AnswerComparison, prepare
from tts_cli.answers.normalize import latex
from tts_cli.errors import TtsError
from tts_cli.verification.opinions import OPINIONS, Opinion, is_checkable

TIME_LIMIT = 3.0
MEMORY_LIMIT = 1 << 30
_START_LIMIT = 120.0  # seconds to import math-verify, on a machine that is busy
_CACHE = 4_096
_MAX_HARD_TEXT = 800
_MAX_NESTING = 20
_STRIKES = 2  # a text in this many pairs that ran out of time is not tried again

_MAX_TOWER = 2  # exponents inside exponents
_PASSED_OVER = re.compile(  # by math-verify: an operator without its operand, and words that turn the meaning
    r"[-+*/^_=(\[{<>≤≥\\]\s*$|\\(?:neg|lnot)(?![A-Za-z])|\\text\{[^{}]*\b(?:not|or|than|least|most)\b"
)
_HOSTILE = re.compile(r"\^\s*[{(]?\s*-?\d{4,}|\d{4,}\s*!|!\s*!|\)\s*!\s*\)\s*!|\d{100,}")  # giant exponents, factorials


Key = TypeVar("Key")
Value = TypeVar("Value")


class Judge:
    """Decides equality of answers; reusable, not thread-safe, to be closed (or used in `with`).

    `time_limit`: seconds of wall clock for one pair; `memory_limit`: bytes of address space of the worker.
    """

    def __init__(self, *, time_limit: float = TIME_LIMIT, memory_limit: int = MEMORY_LIMIT) -> None:
        self.time_limit = time_limit
        self._memory_limit = memory_limit
        self._worker: _Worker | None = None
        self._verdicts: OrderedDict[tuple[str, str], bool] = OrderedDict()
        self._opinions: OrderedDict[tuple[str, str], Opinion] = OrderedDict()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._comparison = AnswerComparison(self._hard)
        self._timeouts: Counter[str] = Counter()

    def equal(self, a: str, b: str) -> bool:
        """Whether `a` and `b` state the same answer. Symmetric; True for identical text. Raises TtsError
        if math-verify is needed and cannot be started."""
        if a == b:
            return True
        self._comparison.deadline = time.monotonic() + self.time_limit
        return self._comparison.answers(self._prepared(a), self._prepared(b))

    def check(self, problem: str, answer: str) -> Opinion:
        """Whether `answer` fits `problem`, where both are understood beyond doubt. Raises TtsError as `equal`."""
        pair = (problem, answer)
        known = self._opinions.get(pair)
        if known is not None:
            return known
        if any(is_hostile(" ".join(text.split())) for text in pair) or self._timeouts[problem] >= _STRIKES:
            return "no opinion"
        if not is_checkable(problem):
            return "no opinion"
        self._comparison.deadline = time.monotonic() + self.time_limit
        reply = self._reply({"problem": problem, "answer": answer})
        if reply is None or reply.get("error") == "MemoryError":
            self._timeouts[problem] += 1
        return _remember(self._opinions, pair, _opinion(reply))

    def close(self) -> None:
        """Ends the worker, if there is one."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepared(self, text: str) -> Answer:
        answer = self._answers.get(text)
        if answer is None:
            answer = _remember(self._answers, text, prepare(text))
            if len(self._comparison.values) > _CACHE:
                self._comparison.values.clear()
        return answer

    def _hard(self, a: str, b: str) -> bool:
        """math-verify's verdict on two cleaned expressions; False where it has none in time."""
        pair = (a, b) if a <= b else (b, a)
        known = self._verdicts.get(pair)
        if known is not None:
            return known
        if any(_PASSED_OVER.search(text) or is_hostile(text) or self._timeouts[text] >= _STRIKES for text in pair):
            return False
        if time.monotonic() >= self._comparison.deadline:  # other parts of this answer have used its time up
            return False
        return _remember(self._verdicts, pair, self._asked(pair))

    def _asked(self, pair: tuple[str, str]) -> bool:
        request = {"a": latex(pair[0]), "b": latex(pair[1])}
        reply = self._reply(request)
        if reply is None and time.monotonic() < self._comparison.deadline:
            reply = self._reply(request)  # it did not run out of time: the worker was killed from outside
        if reply is None or reply.get("error") == "MemoryError":
            self._timeouts.update(pair)
            self._comparison.deadline = 0.0
        return bool(reply and reply["equal"])

    def _reply(self, request: dict[str, str]) -> dict[str, object] | None:
        """The worker's reply; without one (or one that ran out of memory) the worker is ended."""
        if self._worker is None:
            start = time.monotonic()
            self._worker = _Worker(self._memory_limit, alarm=self.time_limit + 1)
            self._comparison.deadline += time.monotonic() - start  # loading SymPy is not the pair's fault
        try:
            reply = self._worker.ask(request, self._comparison.deadline)
        except BaseException:  # Ctrl-C while waiting: the reply to come must not be taken for the next one
            self.close()
            raise
        if reply is None or reply.get("error") == "MemoryError":
            self.close()
        return reply


def is_hostile(text: str) -> bool:
    """Whether a text is too long, too deep or too tall to be worth a try."""
    if len(text) > _MAX_HARD_TEXT or not text.isprintable() or _HOSTILE.search(text):
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


def _opinion(reply: dict[str, object] | None) -> Opinion:
    said = reply["opinion"] if reply else None
    return next((opinion for opinion in OPINIONS if opinion == said), "no opinion")


def _remember(cache: OrderedDict[Key, Value], key: Key, value: Value) -> Value:
    cache[key] = value
    if len(cache) > _CACHE:
        cache.popitem(last=False)
    return value


class _Worker:
    """One worker process and the thread that reads its replies (pipes cannot be waited for everywhere)."""

    def __init__(self, memory_limit: int, alarm: float) -> None:
        root = str(Path(__file__).resolve().parents[2])
        # -P keeps the current directory off sys.path: a file sympy.py lying there must not be run.
        command = [sys.executable, "-P", "-m", "tts_cli.answers.worker", str(memory_limit), str(alarm)]
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C in the terminal goes to the parent alone
            )
        except OSError as error:
            raise _not_started(str(error)) from error
        self._replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(target=_read, args=(self._process.stdout, self._replies), daemon=True).start()
        if self._reply(time.monotonic() + _START_LIMIT) is None:
            self.kill()
            raise _not_started("the process ended while it was loading")

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: dict[str, str], deadline: float) -> dict[str, object] | None:
        """The worker's reply; None when it came too late or the worker died."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            return None
        return self._reply(deadline)

    def _reply(self, deadline: float) -> dict[str, object] | None:
        try:
            line = self._replies.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None
        reply: dict[str, object] | None = json.loads(line) if line else None
        return reply

    def kill(self) -> None:
        """Ends the process at once and reaps it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            _close(pipe)


def _not_started(why: str) -> TtsError:
    return TtsError(
        f"The answer checker (math-verify) could not be started: {why}.",
        "Install the package again; `python -c 'import math_verify'` shows what is missing.",
    )


def _close(pipe: IO[str] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:  # what was left unwritten has no reader any more
        return


def _read(pipe: IO[str], replies: queue.SimpleQueue[str | None]) -> None:
    try:
        for line in pipe:
            replies.put(line)
    except ValueError:  # closed by kill()
        pass
    replies.put(None)
