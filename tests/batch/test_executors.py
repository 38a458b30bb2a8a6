"""Workers side by side: every problem solved once, several at a time, and what a stop or a failure leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.cli import scripted
from tts_cli.batch.executors import PER_WORKER, Processes
from tts_cli.data.record import Problem, Record
from tts_cli.errors import ModelError


@dataclass
class Desk:
    """A worker that notes what it was asked; `gate` holds it up, `fails_at` is a problem that breaks it.

    `opens`: gates of others, that wait until this one has a problem, because threads start when they like.
    """

    gate: threading.Event = field(default_factory=threading.Event)
    opens: list[threading.Event] = field(default_factory=list)
    fails_at: str = ""
    asked: list[str] = field(default_factory=list)
    stopped: bool = False

    def solve(self, problem: Problem) -> Record | None:
        self.asked.append(problem.id)
        for gate in self.opens:
            gate.set()
        assert self.gate.wait(30)
        if problem.id == self.fails_at:
            raise ModelError("the model broke")
        return None if self.stopped else scripted.record(id=problem.id)

    def stop(self) -> None:
        self.stopped = True
        self.gate.set()


def desks(count: int) -> list[Desk]:
    workers = [Desk() for _ in range(count)]
    for worker in workers:
        worker.gate.set()
    return workers


def problems(count: int) -> list[Problem]:
    return [Problem(str(number), f"problem {number}") for number in range(count)]


def ids(records: Iterator[Record]) -> list[int]:
    return sorted(int(record.id) for record in records)


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("worker")] == []


@pytest.mark.parametrize("count", [1, 3])
def test_every_problem_is_solved_once_and_the_workers_can_go_on(count: int) -> None:
    workers = desks(count)
    for _ in range(2):
        assert ids(Processes(workers).records(problems(10))) == list(range(10))
    assert sorted(id for worker in workers for id in worker.asked) == sorted(2 * [str(n) for n in range(10)])
    assert not any(worker.stopped for worker in workers)


def test_problems_are_read_as_workers_get_free() -> None:
    read: list[str] = []

    def source() -> Iterator[Problem]:
        for problem in problems(50):
            read.append(problem.id)
            yield problem

    records = Processes(desks(2)).records(source())
    next(records)
    assert len(read) <= 2 * PER_WORKER
    records.close()


def test_no_problem_for_now_is_not_the_end() -> None:
    gaps = [problem for pair in zip(problems(5), [None] * 5, strict=True) for problem in pair]
    assert ids(Processes(desks(1)).records(iter(gaps))) == [0, 1, 2, 3, 4]


def test_a_long_problem_holds_up_its_own_worker_only() -> None:
    quick = Desk()
    slow = Desk(opens=[quick.gate])
    records = Processes([slow, quick]).records(problems(20))
    first = [int(next(records).id) for _ in range(19)]
    slow.gate.set()
    assert sorted([*first, *ids(records)]) == list(range(20))
    assert len(slow.asked) == 1


def test_a_stop_yields_what_is_there_and_ends_what_is_under_way() -> None:
    quick = Desk()
    slow = Desk(opens=[quick.gate])
    seen: list[str] = []
    for record in Processes([slow, quick]).records(problems(50), should_stop=lambda: len(seen) >= 3):
        seen.append(record.id)
    assert 3 <= len(seen) <= len(quick.asked) < 50
    assert slow.stopped and not set(slow.asked) & set(seen)


def test_a_worker_that_fails_ends_the_run() -> None:
    workers = desks(2)
    for worker in workers:
        worker.fails_at = "3"
    with pytest.raises(ModelError, match="the model broke"):
        list(Processes(workers).records(problems(50)))
    assert all(worker.stopped for worker in workers)


def test_somebody_may_look_in_while_a_problem_takes_long() -> None:
    slow = Desk()
    checkpoints: list[int] = []

    def checkpoint() -> None:
        checkpoints.append(1)
        if len(checkpoints) == 3:
            slow.gate.set()

    assert ids(Processes([slow]).records(problems(1), on_decode=checkpoint)) == [0]
    assert len(checkpoints) >= 3
