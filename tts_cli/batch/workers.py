"""Solves many problems over small models: each problem alone at a station, and several stations side by side.

What shares a batch changes logits in their last bits, and once in a while a sample with them. For a model of a few
million weights there is little to gain from sharing: a station's decodes are as fast alone, the stations use all
cores, and a problem's record depends on nothing but the problem and the settings. So it is the same whatever else is
in the file, after a kill, in another order, with more cores. Large models share one decode loop (`solve_many`):
there each decode reads gigabytes of weights, whether for one row or for many.

What a station is made of (models in this process, or a process of its own) is not decided here.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Protocol

from tts_cli.data.record import Problem, Record

AT_ONCE = 2  # problems handed out for each station, so that it need not wait for its next one
_TICK = 0.05  # seconds between looks at the source, at `should_stop`, and calls of `on_advance`


class Worker(Protocol):
    """Solves one problem at a time, asked by one thread."""

    def solve(self, problem: Problem) -> Record | None:
        """Its record; None after `stop`. Raises what ends a run."""
        ...

    def stop(self) -> None:
        """From another thread: end the problem under way soon, and solve no further one."""
        ...


def solve_apart(
    problems: Iterable[Problem | None],
    workers: Sequence[Worker],
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_advance: Callable[[], None] = lambda: None,
) -> Generator[Record, None, None]:
    """Yield each problem's record as it is solved; `problems` is read lazily, and None means: none for now.

    After `should_stop` the records that are there by then are yielded. `on_advance` is called some times a second.
    The stations can be used again, unless they were stopped. Raises what a station raised.
    """
    office = WorkerPool(workers, should_stop)
    try:
        yield from office.run(iter(problems), on_advance)
    finally:
        office.close()


class WorkerPool:
    """Hands problems out to the stations' threads and takes their records in. All but `_work` runs in one thread."""

    def __init__(self, workers: Sequence[Worker], should_stop: Callable[[], bool]) -> None:
        self._stations, self._should_stop = workers, should_stop
        self._inbox: queue.SimpleQueue[Problem | None] = queue.SimpleQueue()  # None: go home
        self._outbox: queue.SimpleQueue[Record | Exception] = queue.SimpleQueue()
        self._under_way = 0  # handed out, no record yet
        self._threads = [
            threading.Thread(target=self._work, args=(worker,), name=f"station {number}", daemon=True)
            for number, worker in enumerate(workers)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End all threads, and the work under way with them."""
        if self._under_way:
            for worker in self._stations:
                worker.stop()
        for _ in self._threads:
            self._inbox.put(None)
        while self._threads:
            self._threads.pop().join()

    def run(self, problems: Iterator[Problem | None], on_advance: Callable[[], None]) -> Iterator[Record]:
        """Records as they come."""
        while not self._should_stop():
            self._hand_out(problems)
            if not self._under_way:
                return
            yield from self._records(_TICK)
            on_advance()
        self.close()
        yield from self._records(0)

    def _hand_out(self, problems: Iterator[Problem | None]) -> None:
        while self._under_way < AT_ONCE * len(self._threads):
            problem = next(problems, None)
            if problem is None:
                return
            self._under_way += 1
            self._inbox.put(problem)

    def _records(self, patience: float) -> Iterator[Record]:
        """Those that are there, after a wait of `patience` seconds for a first one."""
        while True:
            try:
                item = self._outbox.get(timeout=patience)
            except queue.Empty:
                return
            if isinstance(item, Exception):
                raise item
            patience = 0
            self._under_way -= 1
            yield item

    def _work(self, worker: Worker) -> None:
        try:
            for problem in iter(self._inbox.get, None):
                record = worker.solve(problem)
                if record is None:
                    return
                self._outbox.put(record)
        except Exception as error:
            self._outbox.put(error)
