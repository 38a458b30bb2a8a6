"""Solves many problems over small models: each problem alone at a station, which is a policy and a PRM of its own.

What shares a batch changes logits in their last bits, and once in a while a sample with them. For a model of a few
million weights there is little to gain from sharing: a station's decodes are as fast alone, the stations run side
by side on the cores, and a problem's record depends on nothing but the problem and the settings. So it is the same
whatever else is in the file, after a kill, in another order, with more cores. Large models share one decode loop
(`solve_many`): there each decode reads gigabytes of weights, whether for one row or for many.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tts_cli.answers import Judge
from tts_cli.answers.vote import Equality
from tts_cli.models.protocols import Policy, RewardModel
from tts_cli.search.events import Event
from tts_cli.strategy.attempt import Problem
from tts_cli.strategy.settings import SolveSettings
from tts_cli.strategy.solve import Solved, solve_many
from tts_cli.strategy.static import Known

AT_ONCE = 2  # problems handed out for each station
_TICK = 0.05  # seconds between looks at the source, at `should_stop`, and calls of `on_advance`
_MOST_STATIONS = 4  # the searches' own Python runs on one core at a time: more stations would wait for it


@dataclass(frozen=True, slots=True)
class Station:
    """Two models that no other station uses."""

    policy: Policy
    prm: RewardModel | None


def how_many_stations(threads: int) -> int:
    """How many pay, with so many threads in all."""
    return max(1, min(threads, _MOST_STATIONS))


def solve_apart(
    problems: Iterable[Problem | None],
    settings: SolveSettings,
    stations: Sequence[Station],
    *,
    known: Known | None = None,
    listener: Callable[[str, Event], None] = lambda id, event: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_advance: Callable[[], None] = lambda: None,
) -> Generator[Solved, None, None]:
    """As `solve_many`, but every problem alone. `listener` is called in the stations' threads."""
    with Judge() as judge:
        office = _Office(_Shared(judge), settings, known, listener, should_stop)
        office.open(stations)
        try:
            yield from office.run(iter(problems), on_advance)
        finally:
            office.close()


class _Shared:
    """A judge that several threads may ask."""

    def __init__(self, judge: Equality) -> None:
        self._judge, self._lock = judge, threading.Lock()

    def equal(self, a: str, b: str) -> bool:
        with self._lock:
            return self._judge.equal(a, b)


class _Office:
    """Hands problems out to the stations' threads and takes their results in. All but `_work` runs in one thread."""

    def __init__(
        self,
        judge: Equality,
        settings: SolveSettings,
        known: Known | None,
        listener: Callable[[str, Event], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._judge, self._settings, self._known, self._listener = judge, settings, known, listener
        self._asked_to_stop, self._closed = should_stop, False
        self._inbox: queue.SimpleQueue[Problem | None] = queue.SimpleQueue()  # None: go home
        self._outbox: queue.SimpleQueue[Solved | Exception] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._under_way = 0  # handed out, no result yet

    def open(self, stations: Sequence[Station]) -> None:
        for number, station in enumerate(stations):
            thread = threading.Thread(target=self._work, args=(station,), name=f"station {number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End all threads; each ends before its next decode."""
        self._closed = True
        for _ in self._threads:
            self._inbox.put(None)
        while self._threads:
            self._threads.pop().join()

    def run(self, problems: Iterator[Problem | None], on_advance: Callable[[], None]) -> Iterator[Solved]:
        """Results as they come; after a stop those that are complete by then, and the others as stopped."""
        while not self._stopping():
            self._hand_out(problems)
            if not self._under_way:
                return
            yield from self._results(_TICK)
            on_advance()
        self.close()
        yield from self._results(0)

    def _hand_out(self, problems: Iterator[Problem | None]) -> None:
        """One problem for each station, and one more that it can go on with at once."""
        while self._under_way < AT_ONCE * len(self._threads):
            problem = next(problems, None)
            if problem is None:
                return
            self._under_way += 1
            self._inbox.put(problem)

    def _results(self, patience: float) -> Iterator[Solved]:
        """Those that are there, after a wait of `patience` seconds for a first one. Raises what a model raised."""
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

    def _stopping(self) -> bool:
        return self._closed or self._asked_to_stop()

    def _work(self, station: Station) -> None:
        try:
            for solved in solve_many(
                iter(self._inbox.get, None),
                self._settings,
                station.policy,
                station.prm,
                known=self._known,
                listener=self._listener,
                should_stop=self._stopping,
                judge=self._judge,
                max_in_flight=1,
            ):
                self._outbox.put(solved)
        except Exception as error:
            self._outbox.put(error)
