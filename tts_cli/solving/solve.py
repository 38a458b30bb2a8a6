"""Solves problems: plan, search, vote, record. One problem, or many at once over the same models.

Reads no files and prints nothing. A limit (time, FLOPs) ends a search between two decodes, and what it has
found by then is voted on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from tts_cli import __version__
from tts_cli.answers import Aggregate, Select
from tts_cli.answers.judge import Judge
from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record
from tts_cli.data.trace import Trace
from tts_cli.protocols import Policy, RewardModel, facts_of
from tts_cli.search.driver import PRM_PATIENCE, Driver
from tts_cli.search.events import Event, to_json
from tts_cli.solving.session import Session
from tts_cli.strategy.plan import Plan, make_plan

SOLUTIONS_IN_FLIGHT = 128
"""Twice what a model decodes together, so that none of its rows is empty while the last samples of a problem end."""

CELLS_PER_SOLUTION = 256  # of the KV pool, for one under way


@dataclass(frozen=True, slots=True)
class Solved:
    """A problem's record, the steps of the chosen solution with their scores, and all events.

    `vote`: how the solutions voted, which by a profile need not be as the settings say. `stopped`: from outside
    (Ctrl-C), before its end. `error`: what the record's error was made from.
    """

    record: Record
    steps: tuple[str, ...]
    scores: tuple[float | None, ...]
    events: tuple[Event, ...]
    vote: tuple[Aggregate, Select]
    stopped: bool
    error: Exception | None

    def trace(self, settings: Mapping[str, Any]) -> Trace:
        """What `--trace` saves: the settings as the caller knows them (and the vote as it was), record and events."""
        aggregate, select = self.vote
        return Trace(
            tts=__version__,
            settings={**settings, "aggregate": aggregate, "select": select},
            record=self.record,
            events=[to_json(event) for event in self.events],
        )


def solve(
    problem: str | Problem,
    settings: Settings,
    policy: Policy,
    prm: RewardModel | None,
    *,
    listener: Callable[[Event], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
    **options: Any,
) -> Solved:
    """Solve one problem; `options` and all else as in `solve_many`. Raises whatever error ended the search."""
    begun: list[Problem] = []

    def one() -> Iterator[Problem]:
        begun.append(problem if isinstance(problem, Problem) else Problem("1", problem))
        yield from begun

    solutions = solve_many(
        one(),
        settings,
        policy,
        prm,
        listener=lambda _, event: listener(event),
        should_stop=lambda: bool(begun) and should_stop(),  # a stop before the start is a result, too
        **options,
    )
    with closing(solutions):
        solved = next(solutions)
    if solved.error is not None:
        raise solved.error
    return solved


def solve_many(
    problems: Iterable[Problem | None],
    settings: Settings,
    policy: Policy,
    prm: RewardModel | None,
    *,
    plan: Plan | None = None,
    listener: Callable[[str, Event], None] = lambda id, event: None,
    on_begin: Callable[[Session], None] = lambda session: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_advance: Callable[[], None] = lambda: None,
    judge: Equality | None = None,
    clock: Callable[[], float] = time.monotonic,
    max_in_flight: int = 16,
    prm_patience: int = PRM_PATIENCE,
) -> Generator[Solved, None, None]:
    """Yield each problem's result as it is solved, in the order in which they end.

    `problems` is read lazily: at most `max_in_flight` are under way. None stands for "none for now": those under way go
    on, and it is asked again after the next decode; with nothing under way it ends the run. An error in one problem
    gives a record with that error.

    `plan`: what to run, where it was made with a profile. `listener` gets the id of a problem and each event of it;
    `on_begin` gets each session before it runs; `on_advance` is called after each decode. After `should_stop` the
    problems under way are yielded with what they have found. `judge`: whether two answers are the same; `clock`:
    seconds from any beginning. `prm_patience`: decodes for which the PRM lets a busy policy go first.
    """
    plan = plan or make_plan(settings, facts_of(policy), facts_of(prm) if prm else None)
    live: dict[Session, None] = {}

    def sessions(equality: Equality) -> Iterator[Session | None]:
        for problem in problems:
            if problem is None:
                yield None
                continue
            session = Session(problem, plan, settings, policy, prm, equality, partial(listener, problem.id), clock)
            live[session] = None
            on_begin(session)
            yield session

    def after_decode() -> None:
        for session in live:
            session.report_spent()
        on_advance()

    driver = Driver(policy, prm if plan.guided else None, prm_patience)
    with nullcontext(judge) if judge else new_judge(verify=settings.verify) as equality:
        runs = driver.run(
            sessions(equality), should_stop=should_stop, on_advance=after_decode, max_in_flight=max_in_flight
        )
        with closing(runs):
            for ended in runs:
                session, error = ended.search, ended.error
                del live[session]
                record, selection = session.record(error, ended.stopped)
                last = selection.chosen.node if selection.chosen else None
                yield Solved(
                    record=record,
                    steps=tuple(last.steps) if last else (),
                    scores=tuple(last.scores) if last else (),
                    events=tuple(session.events),
                    vote=session.vote,
                    stopped=ended.stopped and session.limit is None,
                    error=error,
                )


def how_many(budget: int, cells: int) -> int:
    """How many problems of this budget to have under way over a KV pool of so many cells.

    >>> how_many(budget=16, cells=32768)
    8
    """
    return max(1, min(SOLUTIONS_IN_FLIGHT, cells // CELLS_PER_SOLUTION) // budget)


def new_judge(*, verify: bool) -> Judge:
    """`verify`: one that can check answers, too (a `Verifier`)."""
    if not verify:
        return Judge()
    from tts_cli.verification.judge import VerifyingJudge

    return VerifyingJudge()
