"""A PRM that runs on llama.cpp and is read by a token pair: its tree grows step by step beside the policy's.

A step's tokens are run once in its life: the prefix stays in the engine, and the same step asked for again
after the same prefix gets the first one's score. Value and classifier heads are not covered.
"""

from __future__ import annotations

from functools import partial
from math import exp

from tts_cli.engine import Branch, Engine, Evaluated
from tts_cli.models.backends.prefixes import BranchPrefix
from tts_cli.models.entry import ModelEntry
from tts_cli.models.prm.formats import PrmFormat
from tts_cli.models.prm.layout import compile_format
from tts_cli.models.relay import Relay, Task
from tts_cli.protocols import Job, Prefix, ScoredStep, Usage

Scoring = Task[Evaluated, ScoredStep]


class PrmPrefix(BranchPrefix):
    """A problem and the steps so far, as the PRM has seen them, and the steps scored after it."""

    __slots__ = ("steps",)

    def __init__(self, branch: Branch, parent: PrmPrefix | None, users: int = 1) -> None:
        super().__init__(branch, parent, users)
        self.steps: dict[str, Scoring | ScoredStep] = {}


class LlamaPRM:
    """`protocols.RewardModel` on an engine. Raises ModelError where the model does not fit the format."""

    def __init__(self, engine: Engine, entry: ModelEntry, format: PrmFormat) -> None:
        self.name = entry.name
        self.parameters = engine.parameters
        self.entry = entry
        self.family = entry.family
        self.engine = engine
        self._relay = Relay()
        self._layout = compile_format(format, engine.vocab, engine.metadata.get("tokenizer.chat_template"))

    @property
    def busy(self) -> bool:
        """True while a step is being scored."""
        return self.engine.busy or bool(self._relay)

    def start(self, problem: str, usage: Usage) -> PrmPrefix:
        """The handle of a problem before its first step. Raises PromptTooLong."""
        tokens = self._layout.prompt_tokens(self.engine.vocab, problem)
        return PrmPrefix(self.engine.root(tokens, usage), None)

    def score(self, prefix: Prefix, step: str) -> Job[ScoredStep]:
        """Score `step` as the next one after `prefix`; run once, however often it is asked for.

        The job fails with PromptTooLong where the context has no room for the step.
        """
        assert isinstance(prefix, PrmPrefix)
        step = step.strip()
        if not step:
            raise ValueError("an empty step has no score")
        known = prefix.steps.get(step)
        if isinstance(known, ScoredStep) and _is_held(known):
            return _again(known)
        if not (isinstance(known, Task) and known.alive):
            known = prefix.steps[step] = self._run(prefix, step)
        return known.join()

    def _run(self, prefix: PrmPrefix, step: str) -> Scoring:
        tokens = self._layout.step_tokens(self.engine.vocab, step, first=prefix.parent is None)
        inner = self.engine.evaluate(prefix.branch, tokens, [len(tokens) - 1])
        prefix.users += 1
        return self._relay.add(Task(inner, partial(self._scored, prefix, step), partial(prefix.drop, self.engine)))

    def _scored(self, prefix: PrmPrefix, step: str, evaluated: Evaluated) -> ScoredStep:
        """Softmax over the two tokens' logits at the read-out; remembered for who asks again."""
        task = prefix.steps[step]
        assert isinstance(task, Task)
        good, bad = (float(evaluated.logits[0, token]) for token in (self._layout.good, self._layout.bad))
        child = PrmPrefix(evaluated.branch, prefix, users=len(task.waiting))
        scored = prefix.steps[step] = ScoredStep(_softmax(good, bad), child)
        return scored

    def advance(self) -> None:
        """One decode for all steps under way; ends those that are complete."""
        if self.engine.busy:
            self.engine.advance()
        self._relay.settle()

    def release(self, prefix: Prefix) -> None:
        """Let go of a prefix; its branch is freed when nobody else holds it, or anything after it."""
        assert isinstance(prefix, PrmPrefix)
        prefix.drop(self.engine)

    def cancel(self, job: Job[ScoredStep]) -> None:
        """Stop working on a job; it is never resolved. Others who wait for the same step still get it."""
        task = self._relay.leave(job)
        if task is not None:
            self.engine.cancel(task.inner)

    def close(self) -> None:
        """Free the model."""
        self.engine.close()


def _is_held(known: ScoredStep) -> bool:
    assert isinstance(known.prefix, PrmPrefix)
    return known.prefix.users > 0


def _again(known: ScoredStep) -> Job[ScoredStep]:
    assert isinstance(known.prefix, PrmPrefix)
    known.prefix.users += 1
    job: Job[ScoredStep] = Job()
    job.resolve(known)
    return job


def _softmax(good: float, bad: float) -> float:
    """The probability of `good` among two logits."""
    if good >= bad:
        return 1 / (1 + exp(bad - good))
    return exp(good - bad) / (1 + exp(good - bad))
