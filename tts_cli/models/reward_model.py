"""A PRM that runs on llama.cpp and is read by a token pair: its tree grows step by step beside the policy's.

A step's tokens are run once in its life: the prefix stays in the engine, and the same step asked for again
after the same prefix gets the first one's score. Value and classifier heads are not covered.
"""

from __future__ import annotations

from functools import partial
from math import exp

from tts_cli.engine import Branch, Engine, Evaluated
from tts_cli.models.entry import ModelEntry
from tts_cli.models.formats import PrmFormat
from tts_cli.models.prm_layout import compile_format
from tts_cli.models.protocols import Job, Ledger, Prefix, ScoredStep
from tts_cli.models.relay import Relay, Task

Scoring = Task[Evaluated, ScoredStep]


class PrmPrefix:
    """A problem and the steps so far, as the PRM has seen them, and the steps scored after it."""

    __slots__ = ("branch", "first", "holders", "steps")

    def __init__(self, branch: Branch, *, first: bool, holders: int = 1) -> None:
        self.branch = branch
        self.first = first  # no step yet
        self.holders = holders  # how often it was handed out and not released since
        self.steps: dict[str, Scoring | ScoredStep] = {}


class LlamaPRM:
    """`protocols.RewardModel` on an engine. Raises ModelError where the model does not fit the format."""

    def __init__(self, engine: Engine, entry: ModelEntry, format: PrmFormat) -> None:
        self.name = entry.name
        self.parameters = engine.parameters
        self.entry = entry
        self.engine = engine
        self._relay = Relay()
        template = engine.metadata.get("tokenizer.chat_template")
        self.layout = compile_format(format, engine.vocab, template)

    @property
    def busy(self) -> bool:
        return self.engine.busy or bool(self._relay)

    def start(self, problem: str, ledger: Ledger) -> PrmPrefix:
        """The handle of a problem before its first step. Raises PromptTooLong."""
        tokens = self.layout.prompt_tokens(self.engine.vocab, problem)
        return PrmPrefix(self.engine.root(tokens, ledger), first=True)

    def score(self, prefix: Prefix, step: str) -> Job[ScoredStep]:
        """Score `step` as the next one after `prefix`; run once, however often it is asked for."""
        assert isinstance(prefix, PrmPrefix)
        step = step.strip()
        if not step:
            raise ValueError("an empty step has no score")
        known = prefix.steps.get(step)
        if isinstance(known, Task) and known.alive:
            return known.join()
        if isinstance(known, ScoredStep) and _is_held(known):
            return _again(known)
        task = prefix.steps[step] = self._run(prefix, step)
        return task.join()

    def _run(self, prefix: PrmPrefix, step: str) -> Scoring:
        tokens = self.layout.step_tokens(self.engine.vocab, step, first=prefix.first)
        inner = self.engine.evaluate(prefix.branch, tokens, [len(tokens) - 1])
        return self._relay.add(Task(inner, partial(self._scored, prefix, step)))

    def _scored(self, prefix: PrmPrefix, step: str, evaluated: Evaluated) -> ScoredStep:
        """Softmax over the two tokens' logits at the read-out; remembered for who asks again."""
        task = prefix.steps[step]
        assert isinstance(task, Task)
        margin = float(evaluated.logits[0, self.layout.good]) - float(evaluated.logits[0, self.layout.bad])
        child = PrmPrefix(evaluated.branch, first=False, holders=len(task.waiting))
        scored = prefix.steps[step] = ScoredStep(_sigmoid(margin), child)
        return scored

    def advance(self) -> None:
        """One decode for all steps under way; ends those that are complete."""
        if self.engine.busy:
            self.engine.advance()
        self._relay.settle()

    def release(self, prefix: Prefix) -> None:
        """Free what only this prefix holds, once everybody who was given it has released it."""
        assert isinstance(prefix, PrmPrefix)
        prefix.holders -= 1
        if prefix.holders == 0:
            self.engine.release(prefix.branch)

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
    return known.prefix.holders > 0


def _again(known: ScoredStep) -> Job[ScoredStep]:
    assert isinstance(known.prefix, PrmPrefix)
    known.prefix.holders += 1
    job: Job[ScoredStep] = Job()
    job.resolve(known)
    return job


def _sigmoid(margin: float) -> float:
    if margin >= 0:
        return 1 / (1 + exp(-margin))
    return exp(margin) / (1 + exp(margin))
