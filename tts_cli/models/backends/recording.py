"""The back end that plays a recorded search: all draws and scores of one search, and models that answer from them.

    a search that ran ── SearchRecording ── pack / unpack (bytes) ── RecordedPolicy + RecordedPRM ── the search again

Draws are named by the path of their random stream and scores by the texts of all steps up to the one that was scored,
because that is what the two models were asked. What was decided with them is not recorded: it is worked out anew, so a
smaller budget or another vote can be had from the same recording.

Cost is counted as the search would have cost alone, with room enough: the prompt once, its own draws once, each
distinct step through the PRM once. What a full context makes llama.cpp run again is not in it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tts_cli.errors import PromptTooLong, TtsError
from tts_cli.protocols import (
    Draw,
    Finish,
    Job,
    ModelFacts,
    Prefix,
    PromptTokens,
    SampledStep,
    SampleKey,
    Sampling,
    ScoredStep,
    Usage,
)

Path = tuple[int, ...]
Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepScore:
    """The PRM's score of a step, None where its context had no room; and the tokens of the step alone."""

    score: float | None
    tokens: int


@dataclass(frozen=True, slots=True)
class SearchRecording:
    """One search. `error`: kind and message of the error that ended it."""

    prompt: PromptTokens
    draws: Mapping[Path, Draw]
    scores: Mapping[Steps, StepScore]
    error: tuple[str, str] | None = None


def pack(recording: SearchRecording) -> bytes:
    """The recording as compressed JSON; `unpack` is its inverse."""
    content = {
        "prompt": [recording.prompt.policy, recording.prompt.prm],
        "draws": [
            [path, draw.text, draw.tokens, draw.finish.value, draw.logprob, draw.answered]
            for path, draw in recording.draws.items()
        ],
        "scores": _tree(recording.scores),
        "error": recording.error,
    }
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode())


def unpack(packed: bytes) -> SearchRecording:
    """Raises ValueError, TypeError, KeyError or zlib.error for bytes that are no recording."""
    content: dict[str, Any] = json.loads(zlib.decompress(packed))
    kind_and_message = content["error"]
    return SearchRecording(
        prompt=PromptTokens(*content["prompt"]),
        draws={
            tuple(path): Draw(text, tokens, Finish(how), logprob, *answered)  # which older recordings do not have
            for path, text, tokens, how, logprob, *answered in content["draws"]
        },
        scores=_paths(content["scores"]),
        error=(kind_and_message[0], kind_and_message[1]) if kind_and_message else None,
    )


def _tree(scores: Mapping[Steps, StepScore]) -> list[list[Any]]:
    """[index of the step before or -1, text, score, tokens]: no text twice, parents first."""
    index: dict[Steps, int] = {(): -1}
    rows: list[list[Any]] = []
    for steps in sorted(scores, key=len):
        index[steps] = len(rows)
        rows.append([index[steps[:-1]], steps[-1], scores[steps].score, scores[steps].tokens])
    return rows


def _paths(rows: Iterable[list[Any]]) -> dict[Steps, StepScore]:
    paths: list[Steps] = []
    scores: dict[Steps, StepScore] = {}
    for before, text, score, tokens in rows:
        steps = (*paths[before], text) if before >= 0 else (text,)
        paths.append(steps)
        scores[steps] = StepScore(score, tokens)
    return scores


class NotRecorded(TtsError):
    """The search asks for a sample or a score that is not in the recording: it belongs to other settings."""


class _RecordedError(TtsError):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(eq=False, slots=True)
class _Steps:
    """A prefix: the steps so far. `length`: of a prompt; that of steps plays no part."""

    steps: Steps
    usage: Usage
    length: int = 0


class _RecordedModel:
    """What both models share: every job is done at once, so neither ever has work."""

    busy = False

    def __init__(self, facts: ModelFacts, recording: SearchRecording) -> None:
        self.name, self.parameters = facts.name, facts.parameters
        self.recording = recording
        self._run: set[Steps] = set()  # whose cost has been counted

    def advance(self) -> NoReturn:
        raise RuntimeError("a recording has nothing to decode")

    def release(self, prefix: Prefix) -> None:
        """Nothing is held."""

    def cancel(self, job: Job[Any]) -> None:
        """Nothing is under way."""


class RecordedPolicy(_RecordedModel):
    """A `protocols.Policy` that draws what was recorded."""

    def start(self, problem: str, usage: Usage) -> Prefix:
        """Raises the error that ended the recorded search."""
        if self.recording.error is not None:
            raise _RecordedError(*self.recording.error)
        usage.evaluated += self.recording.prompt.policy
        return _Steps((), usage, self.recording.prompt.policy)

    def sample(self, prefix: Prefix, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        """The draw of this path. Raises NotRecorded."""
        assert isinstance(prefix, _Steps)
        draw = self.recording.draws.get(key.path)
        if draw is None:
            raise NotRecorded(f"The sample {key.path} of problem {key.problem} is not stored.", "Use another --out.")
        if prefix.steps and prefix.steps not in self._run:  # its last token runs once another step follows it
            self._run.add(prefix.steps)
            prefix.usage.sampled += 1
        prefix.usage.sampled += max(0, draw.tokens - 1)
        job: Job[SampledStep] = Job()
        after = _Steps((*prefix.steps, draw.text), prefix.usage)
        job.resolve(SampledStep(draw.text, draw.tokens, draw.finish, after, draw.logprob, draw.answered))
        return job


class RecordedPRM(_RecordedModel):
    """A `protocols.RewardModel` that scores as was recorded."""

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
        if steps not in self._run:
            prompt = 0 if self._run else self.recording.prompt.prm
            prefix.usage.evaluated += stored.tokens + (prompt or 0)
            self._run.add(steps)
        job.resolve(ScoredStep(stored.score, _Steps(steps, prefix.usage)))
        return job
