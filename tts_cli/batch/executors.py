"""Where the problems of a batch are solved: all in one decode loop, or each alone by one of several workers.

What shares a batch changes logits in their last bits, and once in a while a sample with them. For a model of a few
million weights there is little to gain from sharing: a worker's decodes are as fast alone, the workers use all cores,
and a problem's record depends on nothing but the problem and the settings. So it is the same whatever else is in the
file, after a kill, in another order, with more cores. Large models share one decode loop: there each decode reads
gigabytes of weights, whether for one row or for many.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from tts_cli.batch.worker import LocalWorker, ProcessWorker, Worker
from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record
from tts_cli.solver import Solver

if TYPE_CHECKING:
    from tts_cli.models.load import ModelPair

SMALL_FILE = 64 << 20  # bytes of a model that solves a problem as fast alone
MOST_WORKERS = 4  # each is a process with its own models, some 250 MiB
PER_WORKER = 2  # problems handed out for each worker, so that it need not wait for its next one
_TICK = 0.05  # seconds between checks of the source and of `should_stop`, and calls of `on_decode`

Problems = Iterable[Problem | None]
"""None means: none for now."""
Records = Generator[Record, None, None]
ShouldStop = Callable[[], bool]
OnDecode = Callable[[], None]


def never() -> bool:
    return False


def nothing() -> None: ...


class Executor(Protocol):
    """Solves problems, several at a time."""

    @property
    def at_once(self) -> int:
        """How many it has under way at most."""
        ...

    def records(self, problems: Problems, *, should_stop: ShouldStop = never, on_decode: OnDecode = nothing) -> Records:
        """Yield each problem's record as it is solved; `problems` is read lazily.
        After `should_stop` the records that are there by then are yielded, and what is under way is dropped.
        `on_decode` is called several times a second. Raises what ends the run: TtsError."""
        ...


def open_executor(
    settings: Settings,
    models: ModelPair,
    stack: ExitStack,
    at_most: int | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Executor:
    """What suits these models; `stack` closes it. `at_most`: problems under way (the default: what the models hold).
    `on_note`: see Solver.
    Raises TtsError where they cannot be loaded."""
    from tts_cli.models.registry import locate

    loaded = [entry for entry in (models.policy, models.prm) if entry is not None]
    if all(locate(entry).stat().st_size <= SMALL_FILE for entry in loaded):
        return Processes(open_workers(settings, stack, at_most, models))
    return InProcess(stack.enter_context(Solver(settings, models=models, on_note=on_note)), at_most)


def open_workers(
    settings: Settings, stack: ExitStack, at_most: int | None, models: ModelPair | None = None
) -> list[Worker]:
    """As many as there are threads for, at most `at_most`; `stack` closes them. Raises TtsError."""
    from tts_cli.engine.library import physical_cores

    count = min(settings.threads or physical_cores(), at_most or MOST_WORKERS, MOST_WORKERS)
    alone = settings.model_copy(update={"threads": 1})
    if count == 1:
        return [LocalWorker(alone, stack, models)]
    return [ProcessWorker(alone, stack) for _ in range(count)]


class InProcess:
    """All problems under way share one decode loop: for large models."""

    def __init__(self, solver: Solver, at_most: int | None = None) -> None:
        self._solver = solver
        self.at_once = at_most or solver.capacity

    def records(self, problems: Problems, *, should_stop: ShouldStop = never, on_decode: OnDecode = nothing) -> Records:
        """See Executor."""
        return self._solver.solve_many(
            problems, ordered=False, in_flight=self.at_once, should_stop=should_stop, on_decode=on_decode
        )


class Processes:
    """Each problem is solved alone by one of the workers: for small models."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = workers
        self.at_once = PER_WORKER * len(workers)

    def records(self, problems: Problems, *, should_stop: ShouldStop = never, on_decode: OnDecode = nothing) -> Records:
        """See Executor. The workers can be used again, unless they were stopped."""
        source = iter(problems)
        free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            free.put(worker)
        under_way: list[Future[Record | None]] = []
        with ThreadPoolExecutor(len(self._workers), "worker") as threads:
            try:
                while not should_stop():
                    # 1. Hand out problems as far as there are any and there is room.
                    while len(under_way) < self.at_once and (problem := next(source, None)) is not None:
                        under_way.append(threads.submit(_solve, free, problem))
                    if not under_way:
                        return
                    # 2. Hand on what is solved by now.
                    wait(under_way, _TICK, FIRST_COMPLETED)
                    for done in [future for future in under_way if future.done()]:
                        record = done.result()
                        under_way.remove(done)
                        if record is not None:
                            yield record
                    on_decode()
            finally:
                # 3. After a stop, a failure, or when the caller wants no more: end what is under way.
                if under_way:
                    for worker in self._workers:
                        worker.stop()
                threads.shutdown(cancel_futures=True)
        # 4. What was solved in the meantime.
        for done in under_way:
            if not done.cancelled() and (record := done.result()) is not None:
                yield record


def _solve(free: SimpleQueue[Worker], problem: Problem) -> Record | None:
    """In a thread of the pool, which has as many threads as there are workers: one is always free."""
    worker = free.get()
    try:
        return worker.solve(problem)
    finally:
        free.put(worker)
