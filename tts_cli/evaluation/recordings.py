"""From a search that ran to its recording, and from a recording to the search: the same votes and records, no model."""

from __future__ import annotations

from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.record import Problem, RecordError
from tts_cli.evaluation.conditions import SearchJob, covers, job_of
from tts_cli.evaluation.store import Store
from tts_cli.models.backends.recording import (
    NotRecorded,
    RecordedPolicy,
    RecordedPRM,
    SearchRecording,
    Steps,
    StepScore,
)
from tts_cli.protocols import ModelFacts
from tts_cli.search.context import Search
from tts_cli.search.driver import Driver
from tts_cli.solving.session import Session
from tts_cli.strategy.plan import Plan


def record_search(search: Search, error: RecordError | None) -> SearchRecording:
    """The recording of a search that has ended, by `error` if there is one."""
    scores: dict[Steps, StepScore] = {}
    for node in search.nodes():
        steps = tuple(node.steps)
        # Equal steps of two streams are one question to the PRM, and one of them may never have been asked.
        unknown = steps not in scores or scores[steps].score is None
        if unknown and not node.cut and search.prompt_tokens.prm is not None:
            scores[steps] = StepScore(node.score, node.prm_tokens)
    return SearchRecording(search.prompt_tokens, search.draws, scores, (error.kind, error.message) if error else None)


def simulate(
    problem: Problem,
    plan: Plan,
    settings: Settings,
    policy: ModelFacts,
    prm: ModelFacts | None,
    recording: SearchRecording,
    judge: Equality,
) -> tuple[Session, Exception | None]:
    """The session as `tts solve` would have had it, ended, and the error that ended it.

    A smaller budget, another aggregation or selection only uses less of the recording, or uses it otherwise. Raises
    NotRecorded where the recording does not hold what the plan asks for.
    """
    recorded = RecordedPolicy(policy, recording)
    scored = RecordedPRM(prm, recording) if prm is not None else None
    session = Session(problem, plan, settings, recorded, scored, judge, lambda event: None, lambda: 0.0)
    (ended,) = Driver(recorded, scored).run([session])
    if isinstance(ended.error, NotRecorded):
        raise ended.error
    return session, ended.error


class Recordings:
    """The stored recordings of one problem, each unpacked once."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._jobs = sorted(store.jobs(key))
        self._unpacked: dict[SearchJob, SearchRecording] = {}

    def covering(self, plan: Plan) -> SearchRecording:
        """A recording that holds all samples of the plan. Raises NotRecorded where there is none."""
        job = next((job for job in self._jobs if covers(job, job_of(plan))), None)
        if job is None:
            raise NotRecorded(
                f"The samples of {plan.method} with N = {plan.budget} are not stored.", "Sample them first."
            )
        if job not in self._unpacked:
            self._unpacked[job] = self._store.recording(self._key, job)
        return self._unpacked[job]
