"""Runs what is missing: many problems and all kinds of searches in one decode loop, and stores their recordings.

Nothing is decided here; votes, records and figures are made from the recordings. What has been spent is counted for
each model: seconds of decoding, and the tokens that really ran.

Waves: what shares a batch changes logits in their last bits, and once in a while a sample or a near tie with them.
Small models are therefore run in waves: a fixed group of problems from start to end, stored in one transaction. A wave
depends on itself alone, so a run that was killed and resumed gives the recordings of one that was not, bit for bit;
what is lost is the wave that was in flight. With large models a wave may take an hour: there every search is stored
when it ends, the next one starts at once, and a resumed run is equal but for those last bits.

What has been drawn is not drawn again: where nothing but scores is missing (best-of-n after majority), the PRM reads
the stored samples.
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
from tts_cli.errors import log_unexpected
from tts_cli.evaluation.conditions import SearchJob, covers, draws, job_of
from tts_cli.evaluation.recordings import record_search
from tts_cli.evaluation.store import Store, StoredSearch
from tts_cli.models.backends.recording import RecordedPolicy
from tts_cli.protocols import Policy, RewardModel, facts_of
from tts_cli.search.driver import Driver, EndedSearch
from tts_cli.solving.session import Session, record_error

ROWS_IN_FLIGHT = 128
"""Solutions that are under way at once, roughly: twice what a model decodes together, so that it never waits."""

ROWS_PER_WAVE = 512
WAVES_BELOW = 50_000_000  # parameters of both models


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


@dataclass
class Collector:
    """Fills a store. `on_decode` gets how many more tokens were run, `on_ended` every search that has ended."""

    settings: Settings
    policy: Policy
    prm: RewardModel | None
    store: Store
    judge: Equality
    should_stop: Callable[[], bool] = lambda: False
    on_decode: Callable[[int], None] = lambda tokens: None
    on_ended: Callable[[SearchJob], None] = lambda job: None
    clock: Callable[[], float] = time.monotonic

    def collect(self, problems: Sequence[Problem], jobs: Sequence[SearchJob]) -> None:
        """Run all that is missing, or until `should_stop`. Raises what a model or the store raises."""
        in_waves = self.policy.parameters + (self.prm.parameters if self.prm else 0) < WAVES_BELOW
        rows = ROWS_PER_WAVE if in_waves else len(problems) * sum(job.budget for job in jobs)
        for wave in waves(problems, jobs, rows):
            todo = missing(wave, self.store)
            if todo and not self.should_stop():
                self._run(todo, store_at=len(todo) if in_waves else 1)

    def _run(self, todo: Sequence[Item], store_at: int) -> None:
        """All of them at once, stored whenever so many have ended."""
        driver = Driver(self.policy, self.prm if any(item.job.plan.guided for item in todo) else None)
        before, spent, began = self.store.spent, self.store.spent, self.clock()
        live: dict[Session, int] = {}  # and the tokens that `on_decode` has had
        runs = driver.run(
            self._sessions(todo, live),
            should_stop=self.should_stop,
            on_advance=lambda: self._report(live),
            max_in_flight=in_flight([item.job for item in todo]),
        )
        done: list[StoredSearch] = []
        with closing(runs):
            for ended in (one for one in runs if not one.stopped):
                policy_tokens, prm_tokens = _tokens(ended.search)
                spent.policy_tokens += policy_tokens
                spent.prm_tokens += prm_tokens
                spent.policy_seconds = before.policy_seconds + driver.seconds["policy"]
                spent.prm_seconds = before.prm_seconds + driver.seconds["prm"]
                spent.wall_seconds = before.wall_seconds + self.clock() - began
                done.append(self._recorded(ended, live))
                if len(done) == store_at:
                    self.store.put(done, asdict(spent))
                    done.clear()

    def _sessions(self, todo: Sequence[Item], live: dict[Session, int]) -> Iterator[Session]:
        for item in todo:
            policy = self._drawn(item) or self.policy
            session = Session(
                *(item.problem, item.job.plan, self.settings, policy, self.prm, self.judge),
                lambda event: None,
                self.clock,
                for_recording=True,
            )
            live[session] = 0
            yield session

    def _drawn(self, item: Item) -> RecordedPolicy | None:
        """The stored draws of a search that lacks scores alone."""
        for job in sorted(self.store.jobs(item.key)):
            if draws(job, item.job):
                return RecordedPolicy(facts_of(self.policy), self.store.recording(item.key, job))
        return None

    def _report(self, live: dict[Session, int]) -> None:
        """The tokens of the last decode."""
        reported = sum(live.values())
        live.update({session: sum(_tokens(session)) for session in live})
        self.on_decode(sum(live.values()) - reported)

    def _recorded(self, ended: EndedSearch[Session], live: dict[Session, int]) -> StoredSearch:
        session, job = ended.search, job_of(ended.search.plan)
        del live[session]
        self.on_ended(job)
        log_unexpected(ended.error)
        recording = record_search(session.search, record_error(ended.error))
        return StoredSearch(of_problem(session.problem.text), job, recording)


def _tokens(session: Session) -> tuple[int, int]:
    """What was run for it: of the policy, of the PRM."""
    policy = 0 if isinstance(session.policy, RecordedPolicy) else session.search.policy_usage.total
    return policy, session.search.prm_usage.total


def in_flight(jobs: Sequence[SearchJob]) -> int:
    """How many searches of these sizes keep both models busy."""
    mean = sum(job.budget for job in jobs) / max(1, len(jobs))
    return max(2, round(ROWS_IN_FLIGHT / max(1.0, mean)))
