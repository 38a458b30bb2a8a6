"""What a search may ask of a model: two small protocols, and the values that pass between them.

Whoever writes a back end (llama.cpp in this process, a server, a script in a test) implements `Policy` or
`RewardModel`:

1. A search calls `start` once for its problem, then `sample` or `score` as often as it likes. Each returns a `Job` at
   once, and works on nothing yet.
2. The driver calls `advance` while the back end is `busy`: some work for all jobs under way. Jobs that are complete are
   resolved (or fail) before it returns, in an order that depends on the requests alone, so that runs repeat.
3. Every `Prefix` that a search is given (by `start`, in a `SampledStep`, in a `ScoredStep`) it hands back once, with
   `release`. A job that it no longer needs it hands back with `cancel`; that one is never resolved.

Nothing here knows about batches or KV cells.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

S = TypeVar("S")
T = TypeVar("T")


class Finish(StrEnum):
    """How a sampled step ended."""

    STEP = "step"  # at the step separator: the solution goes on
    ANSWERED = "boxed"  # cut after its answer: finished (in traces and recordings "boxed", as maths answers are)
    EOS = "eos"  # at the end-of-generation token: the solution is finished
    LENGTH = "length"  # cut by a token limit: never passed off as finished
    CONTEXT = "context"  # cut because the context has no more room

    @property
    def finished(self) -> bool:
        return self in (Finish.ANSWERED, Finish.EOS)

    @property
    def cut(self) -> bool:
        return self in (Finish.LENGTH, Finish.CONTEXT)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn; temperature 0 is greedy. `max_step_tokens` cuts one step."""

    temperature: float = 0.7
    top_p: float = 1.0
    max_step_tokens: int = 256


@dataclass(frozen=True, slots=True)
class SampleKey:
    """Names one sample's random stream: it depends on nothing that shares its batch.

    `problem` is the problem's text and not its id, so that a row's samples do not depend on where it stands. `path`
    holds the child index at every depth, from the root to the step that is sampled.
    """

    seed: int
    problem: str
    path: tuple[int, ...]


@dataclass(slots=True)
class Usage:
    """Tokens that really ran through one model for one problem.

    `evaluated`: given ones (a prompt, the steps that a PRM scores) and prefixes that were run again. `sampled`: tokens
    that the model drew and that were run after that (the last one of a solution seldom is).
    """

    evaluated: int = 0
    sampled: int = 0

    @property
    def total(self) -> int:
        """All tokens that ran."""
        return self.evaluated + self.sampled


class Prefix(Protocol):
    """A back end's handle on a problem's prompt and the steps after it; opaque to a search but for its length."""

    @property
    def length(self) -> int:
        """Tokens from the beginning of the prompt to here."""
        ...


@dataclass(frozen=True, slots=True)
class SampledStep:
    """One step as the policy wrote it: stripped text, number of sampled tokens, how it ended, handle for the next step.

    `logprob`: natural logarithm of the probability of all its tokens together, by the policy at temperature 1.
    `answered`: the solution's answer stands in this step or before it. Where such a step ended at the separator, only
    the rest of the turn follows: perhaps a second part of the answer, mostly nothing.
    """

    text: str
    tokens: int
    finish: Finish
    prefix: Prefix
    logprob: float
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Draw:
    """One sample as it was drawn, before equal ones were merged; the text is empty where nothing came.

    What a recording keeps of a `SampledStep`: all but the prefix, which belongs to a loaded model.
    """

    text: str
    tokens: int
    finish: Finish
    logprob: float
    answered: bool = False


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """Length of the problem's prompt for each model; None where there is no PRM."""

    policy: int
    prm: int | None = None


@dataclass(frozen=True, slots=True)
class ScoredStep:
    """One step's PRM score in [0, 1], and the handle from which its next step is scored."""

    score: float
    prefix: Prefix


class Job(Generic[T]):
    """A request under way. `await job` waits for its result; a back end calls `resolve` or `fail`, once.

    A back end that waits for another one derives its jobs with `then`:

    >>> tokens: Job[list[int]] = Job()
    >>> count = tokens.then(len)
    >>> tokens.resolve([65, 66])
    >>> count.result()
    2
    """

    __slots__ = ("_derived", "_result", "_source", "done", "error")

    def __init__(self) -> None:
        self.done = False
        self.error: Exception | None = None
        self._result: T | None = None
        self._derived: dict[Job[Any], tuple[Callable[[T], Any], Callable[[], None]]] = {}
        self._source: Job[Any] | None = None

    def resolve(self, result: T) -> None:
        self._result, self.done = result, True
        self._settle()

    def fail(self, error: Exception) -> None:
        self.error, self.done = error, True
        self._settle()

    def result(self) -> T:
        """Raises the error that the job failed with; RuntimeError where it has not ended."""
        if self.error is not None:
            raise self.error
        if not self.done:
            raise RuntimeError("the job has not ended")
        return self._result  # type: ignore[return-value]

    def then(self, read: Callable[[T], S], on_failure: Callable[[], None] = lambda: None) -> Job[S]:
        """A job that resolves with `read(result)` as soon as this one resolves, and fails as soon as it fails.

        `on_failure` is called where there will be no result: this job fails, or the derived one is abandoned.
        """
        job: Job[S] = Job()
        self._derived[job], job._source = (read, on_failure), self
        if self.done:
            self._settle()
        return job

    def _settle(self) -> None:
        """End the derived jobs, in the order in which they were derived."""
        while self._derived:
            job = next(iter(self._derived))
            read, on_failure = self._derived.pop(job)
            job._source = None  # what this job's result holds (logits, say) must not live as long as the derived one
            if self.error is None:
                job.resolve(read(self.result()))
            else:
                on_failure()
                job.fail(self.error)

    @property
    def origin(self) -> Job[Any]:
        """The job that this one is derived from in the end; itself where it is derived from none."""
        job: Job[Any] = self
        while job._source is not None:
            job = job._source
        return job

    def abandon(self) -> Job[Any] | None:
        """Never resolve this job, nor those that it derives from once nobody else waits for them.

        Returns the job at the source of them all where nobody waits for that one any more: its work can stop.
        """
        source = self._source
        if source is None:
            return None if self.done else self
        _, on_failure = source._derived.pop(self)
        self._source = None
        on_failure()
        return None if source._derived else source.abandon()

    def __await__(self) -> Generator[Job[T], None, T]:
        while not self.done:
            yield self
        return self.result()


class Backend(Protocol):
    """What both kinds of model share: a name, a size, and one turn of work at a time."""

    name: str
    parameters: int

    @property
    def busy(self) -> bool:
        """True while a job waits or runs."""
        ...

    def advance(self) -> None:
        """One decode for all jobs under way; ends (resolves or fails) those that are complete."""
        ...

    def release(self, prefix: Prefix) -> None:
        """The search will not go on from here: free what only this prefix holds."""
        ...

    def cancel(self, job: Job[Any]) -> None:
        """Stop working on a job; it is never resolved. A job that has ended is left alone."""
        ...


@runtime_checkable
class Interruptible(Protocol):
    """What a back end may offer beside: to break off an `advance` that takes long."""

    def interrupt(self) -> None:
        """Called from any thread: the `advance` under way, or else the next one, ends soon and has changed nothing."""
        ...


@dataclass(frozen=True, slots=True)
class PartialStep:
    """A step that is being written: its text so far, where whole characters have come, and its tokens so far."""

    text: str
    tokens: int


@runtime_checkable
class Streaming(Protocol):
    """What a policy may offer beside: to read a step while it is being written, for displays. It changes nothing."""

    def partial_step(self, job: Job[SampledStep]) -> PartialStep | None:
        """What `job` has written so far; None where it is not under way."""
        ...


@dataclass(frozen=True, slots=True)
class Contention:
    """Other programs use so many of this machine's `cores` that a model is slowed down: `others`, in cores."""

    others: float
    cores: int


@runtime_checkable
class Contended(Protocol):
    """What a back end may offer beside: whether it is slow because it has to share the machine."""

    def contention(self) -> Contention | None:
        """As it was lately; None where nothing slows it down."""
        ...


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What must be known of a model to plan for it, or to count its cost: it need not be loaded."""

    name: str
    parameters: int
    family: str | None = None


def facts_of(model: Backend) -> ModelFacts:
    """Of a loaded one. A back end may have a `family`, as the registry names it."""
    return ModelFacts(model.name, model.parameters, getattr(model, "family", None))


class Policy(Backend, Protocol):
    """Writes solutions step by step."""

    def start(self, problem: str, usage: Usage) -> Prefix:
        """The handle of a problem's prompt. Raises PromptTooLong."""
        ...

    def sample(self, prefix: Prefix, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        """Sample one step after `prefix`, which stays valid for further samples."""
        ...


class RewardModel(Backend, Protocol):
    """Scores steps. The same step after the same prefix is run once, however often it is asked for."""

    def start(self, problem: str, usage: Usage) -> Prefix:
        """The handle of a problem before its first step. Raises PromptTooLong."""
        ...

    def score(self, prefix: Prefix, step: str, *, final: bool = False) -> Job[ScoredStep]:
        """Score `step` (not empty) as the next step after `prefix`. The job fails with PromptTooLong for want of room.

        `final`: no step will follow. Such a step is run once in the problem's life, also where its prefix has been
        released since; one that steps may follow is then run again, as its successors need it.
        """
        ...
