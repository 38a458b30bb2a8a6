r"""Judge: are two answers the same? Exact arithmetic at once; SymPy in a warm worker process for the rest.

The worker starts at the first pair that needs it, works under a time and a memory limit, and is killed and
replaced when it exceeds one. It is sent trees of expressions that were read whole, and is asked for nothing but whether
they have one value. Whatever goes wrong, the answers are "not equal": only identical text is equal without proof.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self, TypeVar

from tts_cli.answers.compare import Answer, AnswerComparison, prepare
from tts_cli.answers.extract import stated
from tts_cli.answers.reading.expression import Expression, to_json
from tts_cli.errors import TtsError, reason
from tts_cli.worker_process import WorkerProcess

TIME_LIMIT = 3.0
MEMORY_LIMIT = 1 << 30
_START_LIMIT = 120.0  # seconds to import SymPy, on a machine that is busy
_CACHE = 4_096
_STRIKES = 2  # an expression in this many pairs that ran out of time is not tried again

Key = TypeVar("Key")
Value = TypeVar("Value")


class Judge:
    r"""Decides equality of answers; reusable, not thread-safe, to be closed (or used in `with`).

    `time_limit`: seconds of wall clock for one pair; `memory_limit`: bytes of address space of the worker.

    >>> with Judge() as judge:
    ...     judge.equal(r"\frac{1}{2}", "0.5"), judge.equal("1/2", "0.333")
    (True, False)
    """

    worker_module: ClassVar[str] = "tts_cli.answers.worker"

    def __init__(self, *, time_limit: float = TIME_LIMIT, memory_limit: int = MEMORY_LIMIT) -> None:
        self.time_limit = time_limit
        self._memory_limit = memory_limit
        self._until = math.inf  # time.monotonic
        self._worker: WorkerProcess | None = None
        self._decided: OrderedDict[frozenset[Expression], bool] = OrderedDict()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._comparison = AnswerComparison(self._hard)
        self._timeouts: Counter[object] = Counter()

    def equal(self, a: str, b: str) -> bool:
        """Whether `a` and `b` state the same answer. Symmetric; True for identical text. Raises TtsError
        if SymPy is needed and cannot be started."""
        if a == b:
            return True
        self._comparison.deadline = time.monotonic() + self.time_limit
        return self._comparison.answers(self._prepared(a), self._prepared(b))

    def same(self, answer: str, reference: str) -> bool:
        """As `equal`, where each text may be a whole solution that marks its answer."""
        return self.equal(stated(answer), stated(reference))

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """In this block the worker is waited for until so many `seconds` have passed, its start included. What exact
        arithmetic does not decide is then not equal (outside of the block it is decided anew)."""
        self._until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._until = math.inf

    def close(self) -> None:
        """Ends the worker, if there is one."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepared(self, text: str) -> Answer:
        answer = self._answers.get(text)
        if answer is None:
            answer = remember(self._answers, text, prepare(text))
            if len(self._comparison.values) > _CACHE:
                self._comparison.values.clear()
        return answer

    def _hard(self, a: Expression, b: Expression) -> bool:
        """Whether SymPy finds one value in both; False where it says nothing in time."""
        pair = frozenset((a, b))
        if (known := self._decided.get(pair)) is not None:
            return known
        if self._gave_up_on(a) or self._gave_up_on(b):
            return False
        # Other parts of this answer may have used its time up.
        if time.monotonic() >= min(self._comparison.deadline, self._until):
            return False
        request = {"a": to_json(a), "b": to_json(b)}
        reply = self._reply(request)
        if reply is None and time.monotonic() < min(self._comparison.deadline, self._until):
            reply = self._reply(request)  # it did not run out of time: the worker was killed from outside
        if reply is None and time.monotonic() >= self._until:
            return False
        if is_exceeded(reply):
            self._timeouts.update(pair)
            self._comparison.deadline = 0.0
        return remember(self._decided, pair, bool(reply and reply.get("equal")))

    def _gave_up_on(self, item: object) -> bool:
        return self._timeouts[item] >= _STRIKES

    def _reply(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The worker's reply; without one (or one that ran out of memory) the worker is ended."""
        if self._worker is None:
            start = time.monotonic()
            self._worker = self._started()
            self._comparison.deadline += time.monotonic() - start  # loading SymPy is not the pair's fault
        if self._worker is None:
            return None
        try:
            self._worker.send(json.dumps(request))
            line = self._worker.receive(min(self._comparison.deadline, self._until))
        except BaseException:  # Ctrl-C while waiting: the reply to come must not be taken for the next one
            self.close()
            raise
        reply: dict[str, Any] | None = None if line is None else json.loads(line)
        if is_exceeded(reply):
            self.close()
        return reply

    def _started(self) -> WorkerProcess | None:
        """A new worker that is ready; None where it is not in time."""
        arguments = str(self._memory_limit), str(self.time_limit + 1)
        try:
            worker = WorkerProcess(self.worker_module, *arguments, silent=True)
        except OSError as error:
            raise _not_started(reason(error)) from error
        if worker.receive(min(time.monotonic() + _START_LIMIT, self._until)) is None:
            worker.kill()
            if time.monotonic() >= self._until:
                return None
            raise _not_started("the process ended while it was loading")
        return worker


def remember(cache: OrderedDict[Key, Value], key: Key, value: Value) -> Value:
    """Put it into the cache, which drops its oldest entry when it is full."""
    cache[key] = value
    if len(cache) > _CACHE:
        cache.popitem(last=False)
    return value


def is_exceeded(reply: dict[str, Any] | None) -> bool:
    """Did the request run out of time or memory?"""
    return reply is None or reply.get("error") == "MemoryError"


def _not_started(why: str) -> TtsError:
    return TtsError(
        f"The answer checker (SymPy) could not be started: {why}.",
        "Install the package again; `python -c 'import sympy'` shows what is missing.",
    )
