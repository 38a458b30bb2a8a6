"""How many threads decode while other programs come and go: on made-up machines, whose clock only work moves."""

from __future__ import annotations

import os

import psutil
import pytest

from tts_cli.engine import pace
from tts_cli.engine.pace import CoreTimes, Pace

Speeds = dict[int, float]  # rows per second, by threads


class Machine:
    """Cores, what others use of them, and how fast each number of threads decodes then."""

    def __init__(self, cores: int, free: Speeds, busy: Speeds | None = None) -> None:
        self.cores, self.speeds = cores, {False: free, True: busy or free}
        self.others = 0.0
        self.now = self.everyone = self.own = 0.0
        self.reads = 0
        self.fails = False

    def read(self) -> CoreTimes | None:
        self.reads += 1
        return None if self.fails else CoreTimes(self.everyone, self.own, self.cores)

    def work(self, threads: int, rows: int) -> float:
        seconds = rows / self.speeds[self.others > 0][threads]
        self.pass_by(seconds, threads)
        return seconds

    def pass_by(self, seconds: float, threads: int = 0) -> None:
        self.now += seconds
        self.own += threads * seconds
        self.everyone += (threads + self.others) * seconds

    def pace(self, threads: int, adapts: bool = True) -> Pace:
        return Pace(threads, adapts, read=self.read, clock=lambda: self.now)

    def decode(self, pace: Pace, decodes: int, rows: int = 1) -> list[int]:
        """The numbers of threads that were used."""
        used = []
        for _ in range(decodes):
            threads = pace.threads_for(rows)
            pace.observe(rows, threads, self.work(threads, rows))
            used.append(threads)
        return used


def two_cores() -> Machine:
    return Machine(2, free={2: 44, 1: 30}, busy={2: 4.4, 1: 20})


def test_all_threads_work_while_the_cores_are_free() -> None:
    machine = two_cores()
    pace = machine.pace(2)
    assert machine.decode(pace, 200) == [2] * 200
    assert pace.others == pytest.approx(0, abs=1e-6) and not pace.contended


def test_a_load_that_comes_and_goes() -> None:
    machine = two_cores()
    pace = machine.pace(2)
    machine.decode(pace, 100)
    machine.others = 1.5
    used = machine.decode(pace, 400)
    assert pace.contended and pace.others == pytest.approx(1.5, abs=0.01)
    first = used.index(1)
    assert first < 30
    trials = [at for at, threads in enumerate(used) if threads == 2 and at > first + 1]
    assert 1 <= len(trials) <= 4, "what is 4.5 times slower is tried again, but rarely"
    machine.others = 0.0
    used = machine.decode(pace, 200)
    assert used[25:] == [2] * 175 and not pace.contended, "at once when it ended"
    machine.others, machine.speeds[True] = 1.5, {2: 30, 1: 20}
    assert machine.decode(pace, 60)[30:].count(2) >= 28, "what was measured before counts no longer"


def test_a_number_of_threads_that_became_faster_is_found() -> None:
    machine = two_cores()
    pace = machine.pace(2)
    machine.others = 1.0
    assert machine.decode(pace, 200)[-1] == 1
    machine.speeds[True] = {2: 30, 1: 20}
    assert machine.decode(pace, 1500)[-1] == 2


def test_trials_of_what_is_as_fast_cost_little() -> None:
    machine = Machine(2, free={2: 40, 1: 20}, busy={2: 20, 1: 19})
    pace = machine.pace(2)
    machine.others = 1.0
    machine.decode(pace, 100)
    used = machine.decode(pace, 400)
    assert used.count(1) == 400 // 20


def test_each_width_has_its_own_number() -> None:
    """A wide decode waits for its threads less often for each row."""
    pace = Pace(2, True, read=(machine := two_cores()).read, clock=lambda: machine.now)
    machine.others = 1.0
    machine.decode(pace, 60)
    machine.speeds[True] = wide = {2: 54, 1: 42}
    assert machine.decode(pace, 60, rows=16).count(2) > 50
    machine.speeds[True] = {2: 4.4, 1: 20}
    assert machine.decode(pace, 60).count(1) > 55
    machine.speeds[True] = wide
    assert machine.decode(pace, 60, rows=20).count(2) > 55, "the same magnitude as 16 rows"


def test_one_thread_reads_nothing() -> None:
    machine = Machine(1, free={1: 30}, busy={1: 15})
    pace = machine.pace(1)
    machine.others = 1.0
    assert machine.decode(pace, 100) == [1] * 100
    assert machine.reads == 0 and pace.others is None and not pace.contended


def test_two_threads_on_one_core() -> None:
    """As asked for with --threads: too many even alone, so this is a contest like any other."""
    machine = Machine(1, free={2: 5, 1: 30})
    assert machine.decode(machine.pace(2), 100)[-1] == 1


def speed_of(threads: int, free: float) -> float:
    """Threads that find no core of their own hold up all others."""
    return float(threads) if threads <= free else free / 4


@pytest.mark.parametrize("others", [1, 20, 62])
def test_64_cores(others: int) -> None:
    """Those that are left are taken, and one thread is not tried: it would take as long as many decodes."""
    machine = Machine(64, {n: n for n in range(1, 65)}, {n: speed_of(n, 64 - others) for n in range(1, 65)})
    pace = machine.pace(64)
    assert set(machine.decode(pace, 60)) == {64}
    machine.others = others
    used = machine.decode(pace, 600)
    assert used[-40:].count(64 - others) >= 36
    assert 1 not in used or others == 62  # then it is a neighbour of the best


def test_few_threads_leave_other_programs_their_cores() -> None:
    machine = Machine(64, free={8: 80})
    pace = machine.pace(8)
    machine.others = 55
    assert machine.decode(pace, 200) == [8] * 200 and not pace.contended


def test_efficiency_cores_are_there_for_others() -> None:
    """4 performance cores, whose number the threads have, and 4 others, on which the system puts the rest."""
    machine = Machine(8, free={4: 40, 2: 22, 1: 12})
    pace = machine.pace(4)
    machine.others = 3.5
    assert machine.decode(pace, 100) == [4] * 100 and not pace.contended
    machine.others = 5
    machine.speeds[True] = {4: 10, 3: 28, 2: 22, 1: 12}
    assert machine.decode(pace, 300)[-1] == 3


def test_where_logits_would_change_the_number_stays() -> None:
    machine = two_cores()
    pace = machine.pace(2, adapts=False)
    machine.others = 1.5
    assert machine.decode(pace, 200) == [2] * 200
    assert pace.contended, "but it is known why it is slow"


def test_small_changes_of_the_load_do_not_switch() -> None:
    machine = two_cores()
    pace = machine.pace(2)
    machine.others = 0.25
    machine.decode(pace, 100)
    assert not pace.contended
    machine.others = 0.5
    machine.decode(pace, 100)
    assert pace.contended
    machine.others = 0.25
    machine.decode(pace, 400)
    assert pace.contended
    machine.others = 0.1
    machine.decode(pace, 400)
    assert not pace.contended


def test_it_is_read_a_few_times_a_second() -> None:
    machine = Machine(2, free={2: 1000, 1: 600})
    machine.decode(machine.pace(2), 10_000)
    assert 30 <= machine.reads <= 41


def test_a_clock_that_stands_still() -> None:
    machine = two_cores()
    pace = Pace(2, True, read=machine.read, clock=lambda: 0.0)
    machine.others = 1.5
    assert machine.decode(pace, 100) == [2] * 100
    assert machine.reads == 1 and pace.others is None


def test_decodes_that_take_no_time_are_no_measurements() -> None:
    machine = two_cores()
    pace = machine.pace(2)
    machine.others = 1.5
    machine.decode(pace, 60)
    for _ in range(100):
        pace.observe(1, 2, 0.0)
        pace.observe(0, 2, 1.0)
        pace.observe(1, 3, 1e-6)
    assert machine.decode(pace, 10) == [1] * 10


def test_a_reader_that_fails_is_not_asked_again() -> None:
    machine = two_cores()
    pace = machine.pace(2)
    machine.others = 1.5
    machine.decode(pace, 60)
    assert pace.contended
    reads = machine.reads
    machine.fails = True
    used = machine.decode(pace, 200)
    assert used[-100:] == [2] * 100
    assert machine.reads == reads + 1 and pace.others is None and not pace.contended


def test_cores_that_come_and_go_make_no_impossible_load() -> None:
    machine = two_cores()
    pace = machine.pace(2)
    machine.decode(pace, 50)
    machine.everyone += 1e6
    machine.decode(pace, 12)
    assert pace.others is not None and 0 < pace.others <= 2
    machine.everyone = 0.0
    machine.decode(pace, 300)
    assert pace.others == pytest.approx(0, abs=0.01)


# --- the reader ---


def test_this_machine_says_what_its_cores_did() -> None:
    before = pace.core_times()
    while os.times().user == os.times().user and pace.core_times() == before:
        pass
    after = pace.core_times()
    assert before is not None and after is not None
    assert after.own > before.own and after.everyone >= before.everyone
    assert 1 <= after.cores <= (os.cpu_count() or 1)


def cpu(**times: float) -> object:
    return type("scputimes", (), {"user": 0.0, "system": 0.0, "idle": 1000.0, **times})


def test_only_cores_that_this_process_may_use_count(monkeypatch: pytest.MonkeyPatch) -> None:
    times = [cpu(user=1), cpu(user=2, system=4, steal=8, iowait=500, guest=2), cpu(user=16)]
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: times)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1}, raising=False)
    found = pace.core_times()
    assert found is not None and (found.everyone, found.cores) == (14, 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 3}, raising=False)  # CPU 2 is switched off
    found = pace.core_times()
    assert found is not None and (found.everyone, found.cores) == (31, 3)
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS, Windows
    found = pace.core_times()
    assert found is not None and found.cores == 3


@pytest.mark.parametrize("failure", [FileNotFoundError("/proc/stat"), RuntimeError("denied"), psutil.AccessDenied()])
def test_a_system_that_does_not_say(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def fail(percpu: bool) -> None:
        raise failure

    monkeypatch.setattr(psutil, "cpu_times", fail)
    assert pace.core_times() is None
