"""Runs what is missing: many problems and all kinds of searches in one decode loop, and stores their recordings.

Nothing is decided here; votes, records and figures are made from the recordings. What has been spent is counted for
each model: seconds of decoding, and the tokens that really ran.

Waves: what shares a batch changes logits in their last bits, and once in a while a sample or a near tie with them.
Small models are therefore run in waves: a fixed group of problems from start to end, stored in one transaction. A wave
depends on itself alone, so a run that was killed and resumed gives the recordings of one that was not, bit for bit;
what is lost is the wave that was in flight. With large models a wave may take an hour: there every search is stored
when it ends, the next one starts at once, and a resumed run is equal but for those last bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.fingerprint import of_problem
from tts_cli.data.record import Problem
from tts_cli.evaluation.conditions import SearchJob, covers, job_of
from tts_cli.evaluation.recordings import record_search
from tts_cli.evaluation.store import Store, StoredSearch
from tts_cli.protocols import Policy, RewardModel
from tts_cli.search.driver import Driver, EndedSearch
from tts_cli.solving.session import Session, record_error

ROWS_IN_FLIGHT = 128
"""Solutions that are under way at once, roughly: twice what a model decodes together, so that it never waits."""

ROWS_PER_WAVE = 512
WAVES_BELOW = 50_000_000  # parameters of both models


@dataclass(slots=True)
class SamplingCost:
    """Over all runs that filled one store."""

    policy_seconds: float = 0.0
    policy_tokens: int = 0
    prm_seconds: float = 0.0
    prm_tokens: int = 0
    wall_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Item:
    """One search to run."""

    problem: Problem
    job: SearchJob

    @property
    def key(self) -> str:
        return of_problem(self.problem.text)


def waves(problems: Sequence[Problem], jobs: Sequence[SearchJob], rows: int) -> list[list[Item]]:
    """All searches, problem by problem, in groups of about `rows` solutions. What is stored does not change them."""
    per_wave = max(1, -(-rows // max(1, sum(job.budget for job in jobs))))
    groups = (problems[begin : begin + per_wave] for begin in range(0, len(problems), per_wave))
    return [[Item(problem, job) for problem in group for job in jobs] for group in groups]


def missing(items: Sequence[Item], store: Store) -> list[Item]:
    """Those that no stored search covers, each once."""
    stored = {item.key: store.jobs(item.key) for item in items}
    wanted = {(item.key, item.job): item for item in items}
    return [item for (key, job), item in wanted.items() if not any(covers(have, job) for have in stored[key])]


class Collector:
    """Fills a store. `on_decode` gets how many more tokens were run, `on_ended` every search that has ended."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        prm: RewardModel | None,
        store: Store,
        judge: Equality,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        on_decode: Callable[[int], None] = lambda tokens: None,
        on_ended: Callable[[SearchJob], None] = lambda job: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._policy, self._prm, self._store, self._judge = settings, policy, prm, store, judge
        self._should_stop, self._on_decode, self._on_ended, self._clock = should_stop, on_decode, on_ended, clock
        self._live: dict[Session, int] = {}  # and the tokens that `on_decode` has had
        self._in_waves = policy.parameters + (prm.parameters if prm else 0) < WAVES_BELOW
        self._spent = SamplingCost(**(store.about("spent") or {}))

    def collect(self, problems: Sequence[Problem], jobs: Sequence[SearchJob]) -> None:
        """Run all that is missing, or until `should_stop`. Raises what a model or the store raises."""
        rows = ROWS_PER_WAVE if self._in_waves else len(problems) * sum(job.budget for job in jobs)
        for wave in waves(problems, jobs, rows):
            todo = missing(wave, self._store)
            if todo and not self._should_stop():
                self._run(todo)

    def _run(self, todo: Sequence[Item]) -> None:
        prm = self._prm if any(item.job.plan.guided for item in todo) else None
        driver = Driver(self._policy, prm)
        meter = _Meter(driver, self._clock)
        runs = driver.run(
            self._sessions(todo),
            should_stop=self._should_stop,
            on_advance=self._report_tokens,
            max_in_flight=in_flight([item.job for item in todo]),
        )
        done: list[StoredSearch] = []
        with closing(runs):
            for ended in runs:
                meter.add_to(self._spent)
                if not ended.stopped:
                    done.append(self._stored(ended))
                    if not self._in_waves or len(done) == len(todo):
                        self._store.put(done, asdict(self._spent))
                        done.clear()

    def _sessions(self, todo: Sequence[Item]) -> Iterator[Session]:
        for item in todo:
            session = Session(
                *(item.problem, item.job.plan, self._settings, self._policy, self._prm, self._judge),
                listener=lambda event: None,
                clock=self._clock,
            )
            self._live[session] = 0
            yield session

    def _report_tokens(self) -> None:
        """What the last decode ran."""
        before = sum(self._live.values())
        self._live = {session: _tokens(session) for session in self._live}
        self._on_decode(sum(self._live.values()) - before)

    def _stored(self, ended: EndedSearch[Session]) -> StoredSearch:
        session = ended.search
        del self._live[session]
        self._spent.policy_tokens += session.search.policy_usage.total
        self._spent.prm_tokens += session.search.prm_usage.total
        job = job_of(session.plan)
        self._on_ended(job)
        recording = record_search(session.search, record_error(ended.error))
        return StoredSearch(of_problem(session.problem.text), job, recording)


def _tokens(session: Session) -> int:
    return session.search.policy_usage.total + session.search.prm_usage.total


def in_flight(jobs: Sequence[SearchJob]) -> int:
    """How many searches of these sizes keep both models busy."""
    mean = sum(job.budget for job in jobs) / max(1, len(jobs))
    return max(2, round(ROWS_IN_FLIGHT / max(1.0, mean)))


class _Meter:
    """Adds the seconds that have passed since it did so last."""

    def __init__(self, driver: Driver, clock: Callable[[], float]) -> None:
        self._driver, self._clock = driver, clock
        self._before = (clock(), 0.0, 0.0)

    def add_to(self, spent: SamplingCost) -> None:
        now = (self._clock(), self._driver.seconds["policy"], self._driver.seconds["prm"])
        wall, policy, prm = (new - old for new, old in zip(now, self._before, strict=True))
        spent.wall_seconds += wall
        spent.policy_seconds += policy
        spent.prm_seconds += prm
        self._before = now
