"""Runs a search again from its tape: the same methods, votes and records as `tts solve`, and no model.

A smaller budget, another aggregation or selection only asks for less of the tape, or uses it otherwise. Cost is counted
as the search would have cost alone, with room enough: the prompt once, its own draws once, each distinct step through
the PRM once. What a full context makes llama.cpp run again is not in it: a figure must not depend on what else ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.record import Problem
from tts_cli.errors import PromptTooLong, TtsError
from tts_cli.models.backends.recording import SearchRecording, Steps
from tts_cli.protocols import Job, ModelFacts, Prefix, SampledStep, SampleKey, Sampling, ScoredStep, Usage
from tts_cli.search.driver import Driver
from tts_cli.solving.session import Session
from tts_cli.strategy.plan import Plan


class NotRecorded(TtsError):
    """The search asks for a sample that was never drawn: the tape belongs to other settings."""


class _StoredError(TtsError):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(eq=False, slots=True)
class _Steps:
    """A prefix: the steps so far. `length` is not asked for again."""

    steps: Steps
    usage: Usage
    length: int = 0


class _RecordedModel:
    """What both stand-ins share: every job is done at once, so neither ever has work."""

    busy = False

    def __init__(self, facts: ModelFacts, recording: SearchRecording) -> None:
        self.name, self.parameters = facts.name, facts.parameters
        self.recording = recording
        self._seen: set[Steps] = set()

    def advance(self) -> NoReturn:
        raise RuntimeError("a tape has nothing to decode")

    def release(self, prefix: Prefix) -> None:
        """Nothing is held."""

    def cancel(self, job: Job[Any]) -> None:
        """Nothing is under way."""


class RecordedPolicy(_RecordedModel):
    """`protocols.Policy` from a tape."""

    def start(self, problem: str, usage: Usage) -> Prefix:
        """Raises the error with which the search ended."""
        if self.recording.error is not None:
            raise _StoredError(self.recording.error.kind, self.recording.error.message)
        usage.evaluated += self.recording.prompt.policy
        return _Steps((), usage)

    def sample(self, prefix: Prefix, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        """The draw of this path. Raises NotRecorded."""
        assert isinstance(prefix, _Steps)
        draw = self.recording.draws.get(key.path)
        if draw is None:
            raise NotRecorded(f"The sample {key.path} of problem {key.problem} is not stored.", "Use another --out.")
        if prefix.steps and prefix.steps not in self._seen:  # its last token runs when somebody goes on from it
            self._seen.add(prefix.steps)
            prefix.usage.sampled += 1
        prefix.usage.sampled += max(0, draw.tokens - 1)
        job: Job[SampledStep] = Job()
        after = _Steps((*prefix.steps, draw.text), prefix.usage)
        job.resolve(SampledStep(draw.text, draw.tokens, draw.finish, after, draw.logprob))
        return job


class RecordedPRM(_RecordedModel):
    """`protocols.RewardModel` from a tape."""

    def start(self, problem: str, usage: Usage) -> Prefix:
        return _Steps((), usage)

    def score(self, prefix: Prefix, step: str, *, final: bool = False) -> Job[ScoredStep]:
        """The score of this step after these. Raises NotRecorded; the job fails where the PRM had no room."""
        assert isinstance(prefix, _Steps)
        steps = (*prefix.steps, step)
        stored = self.recording.scores.get(steps)
        if stored is None:
            raise NotRecorded(f"The score of the step {step[:80]!r} is not stored.", "Use another --out.")
        job: Job[ScoredStep] = Job()
        if stored.score is None:
            job.fail(PromptTooLong("the PRM's context had no room for this step"))
            return job
        if steps not in self._seen:
            prompt = 0 if self._seen else self.recording.prompt.prm
            prefix.usage.evaluated += stored.tokens + (prompt or 0)
            self._seen.add(steps)
        job.resolve(ScoredStep(stored.score, _Steps(steps, prefix.usage)))
        return job


def simulate(
    problem: Problem,
    plan: Plan,
    settings: Settings,
    policy: ModelFacts,
    prm: ModelFacts | None,
    recording: SearchRecording,
    judge: Equality,
) -> tuple[Session, Exception | None]:
    """The attempt as `tts solve` would have made it, ended, with the error that ended it. Raises NotRecorded."""
    writer = RecordedPolicy(policy, recording)
    reader = RecordedPRM(prm, recording) if prm is not None else None
    session = Session(problem, plan, settings, writer, reader, judge, lambda event: None, lambda: 0.0)
    (ended,) = Driver(writer, reader).run([session])
    if isinstance(ended.error, NotRecorded):
        raise ended.error
    return session, ended.error
