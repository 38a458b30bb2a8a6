"""Stations: every problem alone, several at once, and what a stop or a failure leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.search.scripted import ScriptedPolicy, ScriptedPrm
from tests.strategy.test_solve import lines
from tts_cli.models.protocols import Job, SampledStep
from tts_cli.strategy.attempt import Problem
from tts_cli.strategy.settings import SolveSettings
from tts_cli.strategy.stations import AT_ONCE, Station, how_many_stations, solve_apart

SETTINGS = SolveSettings(method="majority", budget=2)


def stations(count: int, policy: type[ScriptedPolicy] = ScriptedPolicy) -> list[Station]:
    return [Station(policy(script=lines("7", "7")), None) for _ in range(count)]


def problems(count: int) -> list[Problem]:
    return [Problem(str(number), f"problem {number}") for number in range(count)]


def ids(solutions: Iterator[Any]) -> list[str]:
    return sorted(solved.record.id for solved in solutions)


@pytest.mark.parametrize("count", [1, 3])
def test_every_problem_is_solved_once_and_alone(count: int) -> None:
    places = stations(count)
    assert ids(solve_apart(problems(10), SETTINGS, places)) == [str(number) for number in range(10)]
    policies = [place.policy for place in places]
    assert sum(len(policy.asked) for policy in policies) == 20  # type: ignore[attr-defined]
    assert all(policy.held == [] for policy in policies)  # type: ignore[attr-defined]
    assert {size for policy in policies for size in policy.batches} == {2}, "no two problems in a batch"  # type: ignore[attr-defined]


def test_problems_are_read_as_stations_get_free() -> None:
    read: list[int] = []

    def source() -> Iterator[Problem]:
        for number, problem in enumerate(problems(50)):
            read.append(number)
            yield problem

    runs = solve_apart(source(), SETTINGS, stations(2))
    next(runs)
    assert len(read) <= 2 * AT_ONCE + 2 * AT_ONCE  # those handed out, and those in place of the ones that are done
    runs.close()
    assert threading.active_count() == 1 or not [t for t in threading.enumerate() if t.name.startswith("station")]


def test_no_problem_for_now_is_not_the_end() -> None:
    gaps = [problem for pair in zip(problems(5), [None] * 5, strict=True) for problem in pair]
    assert ids(solve_apart(iter(gaps), SETTINGS, stations(1))) == ["0", "1", "2", "3", "4"]


def test_a_bad_problem_ends_nothing_but_itself() -> None:
    found = {s.record.id: s.record for s in solve_apart([Problem("a", " "), *problems(2)], SETTINGS, stations(2))}
    assert (found["a"].finish, found["0"].answer, found["1"].answer) == ("error", "7", "7")


def test_after_a_stop_what_is_finished_comes_and_the_rest_is_marked_as_stopped() -> None:
    seen: list[bool] = []
    for solved in solve_apart(problems(50), SETTINGS, stations(2), should_stop=lambda: len(seen) >= 3):
        seen.append(solved.stopped)
    assert 3 <= len(seen) < 50
    assert not any(seen[:3])


class Failing(ScriptedPolicy):
    def advance(self) -> None:
        raise OSError("the model broke")


def test_a_model_that_fails_ends_the_run() -> None:
    with pytest.raises(OSError, match="the model broke"):
        list(solve_apart(problems(5), SETTINGS, stations(2, Failing)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("station")]


class Stuck(ScriptedPolicy):
    """Its first problem takes until it is let go."""

    def sample(self, *arguments: Any) -> Job[SampledStep]:
        assert go.wait(30)
        return super().sample(*arguments)


go = threading.Event()


def test_a_long_problem_holds_up_its_own_station_only() -> None:
    go.clear()
    places = [*stations(1, Stuck), *stations(1)]
    solved = solve_apart(problems(20), SETTINGS, places)
    first = [next(solved).record.id for _ in range(17)]
    go.set()
    assert sorted([*first, *ids(solved)]) == sorted(str(number) for number in range(20))


@pytest.mark.parametrize(("threads", "count"), [(1, 1), (2, 2), (64, 4)])
def test_there_are_as_many_stations_as_cores_within_reason(threads: int, count: int) -> None:
    assert how_many_stations(threads) == count


def test_a_prm_is_a_stations_own() -> None:
    def prm() -> ScriptedPrm:
        return ScriptedPrm("prm", scores={r"\boxed{7}": 0.5})

    places = [Station(ScriptedPolicy(script=lines("7", "7")), prm()) for _ in range(2)]
    settings = SolveSettings(method="best-of-n", budget=2)
    assert all(s.record.votes[0].weight == 1.0 for s in solve_apart(problems(6), settings, places))
