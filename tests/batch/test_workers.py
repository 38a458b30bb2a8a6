"""Stations: every problem solved once, several at a time, and what a stop or a failure leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.cli import scripted
from tts_cli.batch.workers import AT_ONCE, solve_apart
from tts_cli.data.record import Problem, Record
from tts_cli.errors import ModelError


@dataclass
class Desk:
    """A station that notes what it was asked; `gate` holds it up, `fails_at` is a problem that breaks it.

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
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("station")] == []


@pytest.mark.parametrize("count", [1, 3])
def test_every_problem_is_solved_once_and_the_stations_can_go_on(count: int) -> None:
    workers = desks(count)
    for _ in range(2):
        assert ids(solve_apart(problems(10), workers)) == list(range(10))
    assert sorted(id for worker in workers for id in worker.asked) == sorted(2 * [str(n) for n in range(10)])
    assert not any(worker.stopped for worker in workers)


def test_problems_are_read_as_stations_get_free() -> None:
    read: list[str] = []

    def source() -> Iterator[Problem]:
        for problem in problems(50):
            read.append(problem.id)
            yield problem

    records = solve_apart(source(), desks(2))
    next(records)
    assert len(read) <= 2 * AT_ONCE
    records.close()


def test_no_problem_for_now_is_not_the_end() -> None:
    gaps = [problem for pair in zip(problems(5), [None] * 5, strict=True) for problem in pair]
    assert ids(solve_apart(iter(gaps), desks(1))) == [0, 1, 2, 3, 4]


def test_a_long_problem_holds_up_its_own_station_only() -> None:
    quick = Desk()
    slow = Desk(opens=[quick.gate])
    records = solve_apart(problems(20), [slow, quick])
    first = [int(next(records).id) for _ in range(19)]
    slow.gate.set()
    assert sorted([*first, *ids(records)]) == list(range(20))
    assert len(slow.asked) == 1


def test_a_stop_yields_what_is_there_and_ends_what_is_under_way() -> None:
    quick = Desk()
    slow = Desk(opens=[quick.gate])
    seen: list[str] = []
    for record in solve_apart(problems(50), [slow, quick], should_stop=lambda: len(seen) >= 3):
        seen.append(record.id)
    assert 3 <= len(seen) <= len(quick.asked) < 50
    assert slow.stopped and not set(slow.asked) & set(seen)


def test_a_station_that_fails_ends_the_run() -> None:
    workers = desks(2)
    for worker in workers:
        worker.fails_at = "3"
    with pytest.raises(ModelError, match="the model broke"):
        list(solve_apart(problems(50), workers))
    assert all(worker.stopped for worker in workers)


def test_somebody_may_look_in_while_a_problem_takes_long() -> None:
    slow = Desk()
    checkpoints: list[int] = []

    def checkpoint() -> None:
        checkpoints.append(1)
        if len(checkpoints) == 3:
            slow.gate.set()

    assert ids(solve_apart(problems(1), [slow], on_advance=checkpoint)) == [0]
    assert len(checkpoints) >= 3
