"""Runs many searches over shared back ends: continuous batching with plain coroutines.

    search A ── expand ──┐                  ┌── the policy's ──► one decode for all of them
    search B ── score ───┼── jobs under way ┤
    search C ── expand ──┘                  └── the PRM's ─────► one decode for all of them

A search is a tree of coroutines (`Task`): its `main`, and what `start` and `gather` run beside it. A task waits for a
job of a back end, or for another task. One round of `Driver.run`:

1. Admit searches while there are places, and run each until all of its tasks wait (`_Loop.fill`).
2. Yield the searches that have ended, if any, and go back to 1: their places are filled before the next decode.
3. End the searches that ask for it (their time is up, say), and all where the caller asks for it.
4. Let one back end advance once: the policy, or the PRM where the policy has nothing to do or has gone first for long
   enough (`Driver._next`). It is interrupted, where it can be, once there is no search left whose time is not up.
5. Resume every task whose job is done, in the order of admission and of waiting, until all wait (`_Loop.settle`).

So what shares a decode depends on requests alone, never on timing, and runs repeat. A search ends as a whole: with its
last task, at a stop, or with an exception in any of its tasks, which harms no other search. This module knows neither
what a search does nor what a back end is made of.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from tts_cli.protocols import Backend, Interruptible, Job

T = TypeVar("T")


# What a search may say


class Task(Job[T]):
    """A coroutine under way beside the one that started it; `await task` waits for its result.

    An exception that escapes from a task ends the whole search, never only the task that waits for it.
    """

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        super().__init__()
        self.coroutine = coroutine


class StartTasks:
    """What a coroutine yields to have tasks started; it goes on at once."""

    __slots__ = ("tasks",)

    def __init__(self, tasks: Sequence[Task[Any]]) -> None:
        self.tasks = tasks

    def __await__(self) -> Generator[StartTasks, None, None]:
        yield self


async def start(coroutine: Coroutine[Any, Any, T]) -> Task[T]:
    """Run `coroutine` beside the caller and return its task without waiting for it."""
    task = Task(coroutine)
    await StartTasks([task])
    return task


async def gather(*coroutines: Coroutine[Any, Any, T]) -> list[T]:
    """Run all at the same time; their results in the order given."""
    tasks = [Task(coroutine) for coroutine in coroutines]
    await StartTasks(tasks)
    return [await task for task in tasks]


# Who runs it


class Runnable(Protocol):
    """One search, as the driver sees it."""

    def main(self) -> Coroutine[Any, Any, None]:
        """The search itself."""
        ...

    def should_stop(self) -> bool:
        """Polled between decodes: True ends this search only (its deadline has passed, say)."""
        ...

    def seconds_left(self) -> float | None:
        """Until its time is up and `should_stop` says so; None without a limit of time."""
        ...

    def close(self) -> None:
        """Called once, however the search ended: cancel its jobs, release what it holds."""
        ...


R = TypeVar("R", bound=Runnable)

PRM_PATIENCE = 8
"""Decodes for which the PRM lets a busy policy go first.

Both run on the same device, one at a time, and a decode of few rows costs nearly as much as one of many: scores
that nobody waits for had better be worked out together.
"""


_SHORT = 0.01  # seconds of a decode: after one that is as short a timer would cost more than it saves


@dataclass(frozen=True, slots=True)
class EndedSearch(Generic[R]):
    """A search that is over: complete, `stopped` before its end, or with the `error` that ended it."""

    search: R
    stopped: bool = False
    error: Exception | None = None


class Driver:
    """Drives searches over one policy and, optionally, one PRM. `seconds`: what the decodes of each have taken."""

    def __init__(self, policy: Backend, prm: Backend | None = None, prm_patience: int = PRM_PATIENCE) -> None:
        self._policy, self._prm, self._patience = policy, prm, prm_patience
        self.seconds = {"policy": 0.0, "prm": 0.0}
        self._last = {"policy": math.inf, "prm": math.inf}  # seconds of the last decode of each
        self._ahead = 0  # decodes that the policy had while the PRM waited for its turn

    def run(
        self,
        searches: Iterable[R | None],
        *,
        should_stop: Callable[[], bool] = lambda: False,
        on_advance: Callable[[], None] = lambda: None,
        max_in_flight: int = 64,
    ) -> Generator[EndedSearch[R], None, None]:
        """Yield each search when it is over, in the order in which they end.

        `searches` is read lazily: at most `max_in_flight` are under way. None stands for "none for now": those
        under way go on, and it is asked again after the next decode. `should_stop` is asked before
        every decode; then all searches under way end as stopped and no further one is read.
        An exception in a search ends that one; an exception in a back end ends the run and is raised.
        """
        loop = _Loop(iter(searches), max_in_flight)
        try:
            while not should_stop() and loop.fill():  # 1.
                if loop.ended:  # 2.
                    yield from loop.take_ended()
                else:
                    self._decode(loop, should_stop, on_advance)  # 3. to 5.
            loop.stop()
            yield from loop.take_ended()
        finally:
            loop.stop()

    def _decode(self, loop: _Loop[R], should_stop: Callable[[], bool], on_advance: Callable[[], None]) -> None:
        """One decode, unless something has to stop before it."""
        loop.stop(lambda search: search.should_stop())
        if should_stop() or loop.ended:
            return
        backend = self._next()
        role, begin = "prm" if backend is self._prm else "policy", time.perf_counter()
        with self._timer(backend, loop) if self._last[role] > _SHORT else nullcontext():
            backend.advance()
        self._last[role] = time.perf_counter() - begin
        self.seconds[role] += self._last[role]
        loop.settle()  # at once: what this decode completed must not be lost to a stop
        on_advance()

    @contextmanager
    def _timer(self, backend: Backend, loop: _Loop[R]) -> Iterator[None]:
        """Interrupt the back end when the time of all searches is up: it must not take from one that has time left."""
        if not isinstance(backend, Interruptible):
            yield
            return
        times = [math.inf if (left := run.search.seconds_left()) is None else left for run in loop.live]
        timer = threading.Timer(min(max(times), threading.TIMEOUT_MAX), backend.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _next(self) -> Backend:
        """Whose turn it is: the PRM's when the policy has nothing to do, or has been ahead for long enough."""
        prm_waits = self._prm is not None and self._prm.busy
        if self._policy.busy and not (prm_waits and self._ahead >= self._patience):
            self._ahead = self._ahead + 1 if prm_waits else 0
            return self._policy
        if self._prm is None or not prm_waits:
            raise RuntimeError("the searches wait, but no back end has work")
        self._ahead = 0
        return self._prm


@dataclass(eq=False, slots=True)
class _Run(Generic[R]):
    """One search under way: its unfinished tasks, and which of them wait on what."""

    search: R
    tasks: dict[Task[Any], None] = field(default_factory=dict)
    waiting: dict[Job[Any], list[Task[Any]]] = field(default_factory=dict)


class _Loop(Generic[R]):
    """The state of one `Driver.run`."""

    def __init__(self, source: Iterator[R | None], max_in_flight: int) -> None:
        self.source = source
        self.max_in_flight = max_in_flight
        self.live: dict[_Run[R], None] = {}
        self.ready: deque[tuple[_Run[R], Task[Any]]] = deque()
        self.ended: list[EndedSearch[R]] = []

    def fill(self) -> bool:
        """Admit searches where there is room, run each until it waits; False when nothing is left to do."""
        while len(self.live) < self.max_in_flight and not self.ended:
            search = next(self.source, None)
            if search is None:
                break
            run = _Run(search)
            self.live[run] = None
            self._start(run, Task(search.main()))
            self._run_ready()
        return bool(self.live or self.ended)

    def take_ended(self) -> list[EndedSearch[R]]:
        ended, self.ended = self.ended, []
        return ended

    def stop(self, wanted: Callable[[R], bool] = lambda search: True) -> None:
        for run in list(self.live):
            if wanted(run.search):
                self._end(run, stopped=True)

    def settle(self) -> None:
        """Resume all tasks whose job has ended, in order of admission and of waiting, until all wait."""
        for run in self.live:
            for job in [job for job in run.waiting if job.done]:
                self.ready.extend((run, task) for task in run.waiting.pop(job))
        self._run_ready()

    def _run_ready(self) -> None:
        while self.ready:
            run, task = self.ready.popleft()
            if run in self.live:
                self._step(run, task)

    def _start(self, run: _Run[R], task: Task[Any]) -> None:
        run.tasks[task] = None
        self.ready.append((run, task))

    def _step(self, run: _Run[R], task: Task[Any]) -> None:
        """Run one task until it waits or ends; the search ends with its last one."""
        try:
            while True:
                request = task.coroutine.send(None)
                if isinstance(request, StartTasks):
                    for child in request.tasks:
                        self._start(run, child)
                elif not request.done:
                    run.waiting.setdefault(request, []).append(task)
                    return
        except StopIteration as stop:
            task.resolve(stop.value)
            del run.tasks[task]
            self.ready.extend((run, waiter) for waiter in run.waiting.pop(task, ()))
            if not run.tasks:
                self._end(run)
        except Exception as error:  # the boundary of a search: what goes wrong in it becomes its record
            del run.tasks[task]
            self._end(run, error=error)

    def _end(self, run: _Run[R], *, stopped: bool = False, error: Exception | None = None) -> None:
        del self.live[run]
        for task in run.tasks:
            task.coroutine.close()
        run.search.close()
        self.ended.append(EndedSearch(run.search, stopped, error))
