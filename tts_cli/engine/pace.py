"""How many threads decode while other programs want the cores too.

The threads of a decode wait for each other hundreds of times. Where another program holds one of their cores, each of
these waits may take a whole time slice: two threads may then be several times slower than one. So `Pace` looks a few
times a second at what others use, and only while the cores are contended does it choose by measurement: the number of
threads with the fewest seconds per row is used, and those next to it are tried again now and then. While the cores are
free all threads work and nothing is tried.

The number of threads must not change what is computed: where it would (`adapts` is False), it stays as it is, and only
`others` and `contended` are kept up to date.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

_EVERY = 0.25  # seconds between two readings; CPU times advance in steps of 0.01
_NEW = 0.7  # weight of a new reading: a load that ended is forgotten within two
_CONTENDED, _FREE = 0.3, 0.15  # cores too few: above the first contention begins, below the second it ends
_RECOUNT = 0.5  # cores that others must take or leave until the free ones are counted again
_ENOUGH = 2  # decodes that a number of threads is judged by
_SPACING = 20  # decodes between two trials, at least
_LONGEST_SPACING = 1000
_LOSS = 0.02  # of the time may be lost in trials of what was slow
_WEIGHT, _TRIAL_WEIGHT = 0.2, 0.5  # of a new measurement in its average; trials are rare, so each has to say more


@dataclass(frozen=True, slots=True)
class CoreTimes:
    """CPU seconds that were used so far on the `cores` this process may run on: by everyone, and by this process."""

    everyone: float
    own: float
    cores: int


def core_times() -> CoreTimes | None:
    """Right now; None where the system does not say. What a hypervisor took away counts as used by someone."""
    import psutil

    try:
        times = psutil.cpu_times(percpu=True)
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(times))
    except (OSError, RuntimeError, psutil.Error):
        return None
    # Where some CPUs are switched off, positions in the list are no CPU numbers.
    ours = [times[cpu] for cpu in allowed] if max(allowed, default=0) < len(times) else times
    kinds = ("user", "nice", "system", "irq", "softirq", "steal")  # a virtual machine's guests are in `user` already
    everyone = sum(getattr(each, kind, 0.0) for each in ours for kind in kinds)
    return CoreTimes(everyone, time.process_time(), len(ours)) if ours else None


class CoreMeter:
    """How many cores other programs use: `others`, None as long as (or where) it is not known; of `cores` in all."""

    def __init__(
        self, read: Callable[[], CoreTimes | None] = core_times, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.others: float | None = None
        self.cores = 0
        self._clock = clock
        self._read: Callable[[], CoreTimes | None] | None = read
        self._before: tuple[float, CoreTimes] | None = None

    def look(self) -> bool:
        """Read if the last reading is old enough. True when `others` may have changed."""
        if self._read is None:
            return False
        now = self._clock()
        if self._before is not None and now - self._before[0] < _EVERY:
            return False
        found = self._read()
        if found is None:
            self._read = self.others = None  # it will not say later either
            return True
        if self._before is not None:
            self._add(now - self._before[0], self._before[1], found)
        self._before = now, found
        self.cores = found.cores
        return True

    def _add(self, seconds: float, before: CoreTimes, after: CoreTimes) -> None:
        used = (after.everyone - before.everyone) - (after.own - before.own)
        rate = min(max(used / seconds, 0.0), float(after.cores))  # CPUs may come and go, and with them their times
        self.others = rate if self.others is None else self.others + _NEW * (rate - self.others)


def is_contended(threads: int, others: float, cores: int, before: bool = False) -> bool:
    """Whether threads and other programs (in cores) want more cores than there are; `before`: whether they did so.

    >>> is_contended(2, 0.2, cores=2), is_contended(2, 0.2, cores=2, before=True), is_contended(2, 1.0, cores=4)
    (False, True, False)
    """
    return threads + others - cores > (_FREE if before else _CONTENDED)


class Pace:
    """The number of threads for each decode of one model that has `threads`; one thread costs no reading at all.

    Ask `threads_for` before a decode, and give the time that it took to `observe`. `adapts`: whether the number may
    change. `read` and `clock` (in seconds) are there for tests.
    """

    def __init__(
        self,
        threads: int,
        adapts: bool,
        *,
        read: Callable[[], CoreTimes | None] = core_times,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.threads, self.adapts = threads, adapts
        self.contended = False
        """Whether other programs want cores that the threads need: then decodes are slower than this machine can."""
        self._meter = CoreMeter(read, clock)
        self._free, self._counted = threads, inf  # cores that others leave, and what they used when those were counted
        self._trials: dict[int, _Trials] = {}  # by the magnitude of the number of rows

    @property
    def others(self) -> float | None:
        """Cores that other programs use, lately; None where that is not known."""
        return self._meter.others

    def threads_for(self, rows: int) -> int:
        """How many threads should decode this many rows now."""
        if self.threads <= 1:
            return self.threads
        if self._meter.look():
            self._judge()
        if not (self.adapts and self.contended):
            return self.threads
        return self._trials_of(rows).choose(self._free)

    def observe(self, rows: int, threads: int, seconds: float) -> None:
        """A decode of `rows` by `threads` took that long. Only what happens under contention is kept."""
        possible = 0 < threads <= self.threads and rows > 0 and seconds > 0
        if possible and self.adapts and self.contended:
            self._trials_of(rows).add(threads, seconds / rows)

    def _judge(self) -> None:
        others = self._meter.others or 0.0
        self.contended = is_contended(self.threads, others, self._meter.cores, self.contended)
        if not self.contended:
            self._trials.clear()

        elif abs(others - self._counted) > _RECOUNT:
            self._counted = others
            self._free = int(self._meter.cores - others + _CONTENDED)

    def _trials_of(self, rows: int) -> _Trials:
        magnitude = rows.bit_length()  # 1, 2-3, 4-7, 8-15, and so on
        return self._trials.setdefault(magnitude, _Trials(self.threads))


class _Trials:
    """What different numbers of threads have taken for a row, and which comes next.

    Candidates are all threads, halves down to 1, and as many as there are free cores. Of the halves only the next ones
    to the best are tried: on a machine with many cores one thread would take too long even once.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._halves = {threads >> shift for shift in range(threads.bit_length())}
        self._seconds: dict[int, float] = {}  # of a row, by threads: a moving average
        self._seen: Counter[int] = Counter()
        self._wait = _SPACING  # decodes until the next trial
        self._last = 0  # what was tried last

    def add(self, threads: int, seconds: float) -> None:
        weight = _WEIGHT if threads == self._best() else _TRIAL_WEIGHT
        before = self._seconds.get(threads, seconds)
        self._seconds[threads] = before + weight * (seconds - before)
        self._seen[threads] += 1

    def choose(self, free: int) -> int:
        best = self._best()
        near = self._near(best, min(max(free, 1), self._threads))
        unknown = [threads for threads in (best, *near) if self._seen[threads] < _ENOUGH]
        if unknown:
            return unknown[0]
        self._wait -= 1
        if self._wait > 0:
            return best
        self._last = near[(near.index(self._last) + 1) % len(near) if self._last in near else 0]  # in turn
        loss = self._seconds[self._last] / self._seconds[best] - 1
        self._wait = int(min(max(_SPACING, loss / _LOSS), _LONGEST_SPACING))
        return self._last

    def _best(self) -> int:
        return min(self._seconds, key=self._seconds.__getitem__, default=self._threads)

    def _near(self, best: int, free: int) -> list[int]:
        """What to try beside the best number."""
        smaller = max((half for half in self._halves if half < best), default=best)
        larger = min((half for half in self._halves if half > best), default=best)
        return [threads for threads in dict.fromkeys((free, smaller, larger)) if threads != best]
