"""Runs what is missing: many problems and all kinds of searches at once over one decode loop, each stored at its end.

Nothing is decided here; votes, records and figures are made from the tapes. What has been spent is counted for both
models apart: seconds of decoding, and the tokens that really ran.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

from tts_cli.evaluation.store import Store, problem_key
from tts_cli.evaluation.tape import recorded
from tts_cli.evaluation.units import Unit, covers
from tts_cli.models.protocols import Policy, RewardModel
from tts_cli.search import GUIDED
from tts_cli.search.driver import Driver
from tts_cli.strategy.attempt import Attempt, Problem, record_error
from tts_cli.strategy.settings import SolveSettings

ROWS_IN_FLIGHT = 128
"""Solutions that are under way at once, roughly: twice what a model decodes together, so that it never waits."""


@dataclass(slots=True)
class Spent:
    """Over all runs that filled one store."""

    policy_seconds: float = 0.0
    policy_tokens: int = 0
    prm_seconds: float = 0.0
    prm_tokens: int = 0
    wall_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Todo:
    problem: Problem
    unit: Unit


def missing(problems: Iterable[Problem], units: Sequence[Unit], store: Store) -> list[Todo]:
    """What must still be run, problem by problem."""
    todo: list[Todo] = []
    for problem in problems:
        stored = store.units(problem_key(problem.id, problem.text))
        todo += [Todo(problem, unit) for unit in units if not any(covers(have, unit) for have in stored)]
    return todo


def collect(
    todo: Sequence[Todo],
    settings: SolveSettings,
    policy: Policy,
    prm: RewardModel | None,
    store: Store,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_advance: Callable[[], None] = lambda: None,
    on_stored: Callable[[Unit], None] = lambda unit: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Run all of `todo`, or until `should_stop`; what is under way then is dropped. Raises what a model raises."""

    def attempts() -> Iterator[Attempt]:
        for item in todo:
            yield Attempt(item.problem, item.unit.plan, settings, policy, prm, lambda event: None, clock)

    spent = Spent(**(store.about("spent") or {}))
    driver = Driver(policy, prm if any(item.unit.method in GUIDED for item in todo) else None)
    meter = _Meter(driver, clock)
    runs = driver.run(
        attempts(), should_stop=should_stop, on_advance=on_advance, max_in_flight=in_flight([i.unit for i in todo])
    )
    with closing(runs):
        for ended in runs:
            attempt = ended.search
            meter.add_to(spent)
            ledger = attempt.search.ledger
            spent.policy_tokens += ledger.policy_prompt_tokens + ledger.policy_tokens
            spent.prm_tokens += ledger.prm_tokens
            if not ended.stopped:
                unit = Unit(attempt.plan.method, attempt.plan.budget, attempt.plan.beam_width)
                tape = recorded(attempt.search, record_error(ended.error))
                key = problem_key(attempt.problem.id, attempt.problem.text)
                store.put(
                    key, unit, tape, asdict(spent), failed=tape.error is not None and tape.error.kind == "internal"
                )
                on_stored(unit)


def in_flight(units: Sequence[Unit]) -> int:
    """How many searches of these sizes keep both models busy."""
    mean = sum(unit.budget for unit in units) / max(1, len(units))
    return max(2, round(ROWS_IN_FLIGHT / max(1.0, mean)))


class _Meter:
    """What has passed since it was last read."""

    def __init__(self, driver: Driver, clock: Callable[[], float]) -> None:
        self._driver, self._clock = driver, clock
        self._seen = (clock(), 0.0, 0.0)

    def add_to(self, spent: Spent) -> None:
        now = (self._clock(), self._driver.seconds["policy"], self._driver.seconds["prm"])
        wall, policy, prm = (new - old for new, old in zip(now, self._seen, strict=True))
        spent.wall_seconds += wall
        spent.policy_seconds += policy
        spent.prm_seconds += prm
        self._seen = now
