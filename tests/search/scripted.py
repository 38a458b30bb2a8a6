"""A policy and a PRM whose steps and scores a test writes down, and that take several advances a step.

A script maps a stream's path to a step: "text" goes on, "text." ends (EOS), "text~" is cut by its limit, "text!" holds
the answer and goes on.
A step has one token a word and takes one advance a token; an unexpected request is a KeyError.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tts_cli.answers.false_equality import FalseEquality, Refute, never
from tts_cli.protocols import Finish, Job, SampledStep, SampleKey, Sampling, ScoredStep, Usage
from tts_cli.search.context import Limits, Search, Solution
from tts_cli.search.driver import Driver
from tts_cli.search.events import EVENTS, Event
from tts_cli.search.revival import revive
from tts_cli.search.tree import Node

Run = Callable[[Search, int, int], Awaitable[None]]
FINISHES = {".": Finish.EOS, "~": Finish.LENGTH, "!": Finish.STEP}


def wandering(number: int, start: str = "We begin with") -> str:
    """A solution that states no answer: the number is only the last one in it."""
    return f"{start} {number}" + ". And so it goes on" * 6 + "."


@dataclass(eq=False)
class Prefix:
    steps: tuple[str, ...]
    usage: Usage
    released: bool = False

    @property
    def length(self) -> int:
        return sum(len(step.split()) for step in self.steps)


@dataclass
class Backend:
    name: str = "scripted"
    parameters: int = 10
    jobs: dict[Job[Any], tuple[int, Callable[[], None]]] = field(default_factory=dict)
    prefixes: list[Prefix] = field(default_factory=list)
    cancelled: list[Job[Any]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    problem_error: Exception | None = None

    @property
    def busy(self) -> bool:
        return bool(self.jobs)

    def advance(self) -> None:
        assert self.jobs, "advanced without work"
        self.batches.append(len(self.jobs))
        for job, (left, finish) in list(self.jobs.items()):
            self.jobs[job] = (left - 1, finish)
            if left <= 1:
                del self.jobs[job]
                finish()

    def start(self, problem: str, usage: Usage) -> Prefix:
        if self.problem_error is not None:
            raise self.problem_error
        return self.prefix((), usage)

    def prefix(self, steps: tuple[str, ...], usage: Usage) -> Prefix:
        self.prefixes.append(Prefix(steps, usage))
        return self.prefixes[-1]

    def release(self, prefix: Prefix) -> None:
        assert not prefix.released, f"released twice: {prefix}"
        prefix.released = True

    def cancel(self, job: Job[Any]) -> None:
        self.jobs.pop(job, None)
        if not job.done:
            self.cancelled.append(job)

    @property
    def held(self) -> list[tuple[str, ...]]:
        return [prefix.steps for prefix in self.prefixes if not prefix.released]


@dataclass
class ScriptedPolicy(Backend):
    script: Mapping[tuple[int, ...], str] = field(default_factory=dict)
    asked: list[SampleKey] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)

    def sample(self, prefix: Prefix, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        assert not prefix.released, f"sampled after a released prefix: {prefix}"
        assert key not in self.asked, f"the same stream twice: {key}"
        self.asked.append(key)
        self.samplings.append(sampling)
        job: Job[SampledStep] = Job()
        line = self.script[key.path]
        text, finish = (line[:-1], FINISHES[line[-1]]) if line[-1:] in FINISHES else (line, Finish.STEP)
        tokens = max(1, len(text.split()))

        def end() -> None:
            prefix.usage.sampled += tokens
            after = self.prefix((*prefix.steps, text), prefix.usage)
            job.resolve(SampledStep(text, tokens, finish, after, -float(tokens), line.endswith("!")))

        self.jobs[job] = (tokens, end)
        return job


@dataclass
class ScriptedPrm(Backend):
    scores: Mapping[str, float | Exception] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def score(self, prefix: Prefix, step: str, *, final: bool = False) -> Job[ScoredStep]:
        assert not prefix.released, f"scored after a released prefix: {prefix}"
        assert step.strip(), "an empty step was scored"
        path = (*prefix.steps, step)
        self.asked.append(path)
        job: Job[ScoredStep] = Job()

        def end() -> None:
            score = self.scores[step]
            if isinstance(score, Exception):
                job.fail(score)
                return
            prefix.usage.evaluated += len(step.split())
            job.resolve(ScoredStep(score, self.prefix(path, prefix.usage)))

        self.jobs[job] = (1, end)
        return job


def from_json(row: dict[str, Any]) -> Event:
    """The inverse of `to_json`."""
    fields = dict(row)
    return EVENTS[fields.pop("event")](**fields)


class Same:
    """A judge for whom answers are the same if their texts are."""

    def equal(self, a: str, b: str) -> bool:
        return a == b

    def check(self, problem: str, answer: str) -> Any:
        return "no opinion"


def slips(step: str) -> FalseEquality | None:
    """A calculator for which a step is false that holds the word "slip"."""
    return FalseEquality("1 + 1 = 3", "1 + 1", "3", "2") if "slip" in step else None


def conclude(node: Node) -> Solution:
    """The answer is the last word; the score that of the last step."""
    return Solution(node, node.steps[-1].split()[-1], node.score)


@dataclass
class Bench:
    """One search of a method over scripted models, with all that it did."""

    script: Mapping[tuple[int, ...], str]
    scores: Mapping[str, float | Exception] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    copies: int = 1
    temperature: float = 0.7
    refute: Refute = never
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = ScriptedPolicy(script=self.script)
        self.prm = ScriptedPrm(scores=self.scores)
        self.search = Search(
            "two words",
            id="p",
            policy=self.policy,
            prm=self.prm,
            conclude=conclude,
            seed=0,
            sampling=Sampling(self.temperature, max_step_tokens=32),
            limits=self.limits,
            listener=self.events.append,
            copies=self.copies,
            refute=self.refute,
        )

    def run(self, method: Run, budget: int, beam_width: int = 4, **options: Any) -> Search:
        runs = Driver(self.policy, self.prm).run([Once(self.search, method, budget, beam_width)], **options)
        for ended in runs:
            if ended.error:
                raise ended.error
        return self.search

    def heard(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def names(self, numbers: list[int]) -> list[str]:
        texts = {node.number: node.text for node in self.search.nodes()}
        return [texts[number] for number in numbers]


@dataclass(eq=False)
class Once:
    """A search as the driver takes it."""

    search: Search
    method: Run
    budget: int
    beam_width: int = 4
    stop: Callable[[], bool] = lambda: False
    left: float | None = None

    async def main(self) -> None:
        self.search.open()
        await self.method(self.search, self.budget, self.beam_width)
        await revive(self.search, self.budget)

    def should_stop(self) -> bool:
        return self.stop()

    def seconds_left(self) -> float | None:
        return self.left

    def close(self) -> None:
        self.search.close()


def solutions(search: Search) -> list[tuple[list[str], int]]:
    """(steps, how many samples ended there), in the order in which they were registered."""
    return [(node.steps, node.ended) for node in search.solutions]
