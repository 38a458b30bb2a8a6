"""Policy and PRM on llama.cpp in this process: each is one engine, asked in prompts, steps and scores.

The policy asks with the model's own chat template and writes one step at a time. The engine's branch keeps the tokens
as they were sampled; a step's text is read off them and never tokenised again.

The PRM's tree grows step by step beside the policy's. A step's tokens are run once: its prefix stays in the engine, and
whoever asks for the same step after the same steps gets the same score. What a step consists of, and what of it is
read, is data of the PRM's format (`models/prm`): here a PRM is a layout and a read-out.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from tts_cli.engine import Branch, Engine, Evaluated, Generated, Sampler, allowed_cores
from tts_cli.models.prm.formats import PrmFormat, StepLayout, StepTokens
from tts_cli.models.prm.heads import head_of, published_of
from tts_cli.models.prm.likelihoods import StepLikelihood
from tts_cli.models.prm.read_outs import StepReadOut, read_out_of
from tts_cli.models.prm.solution import answer_of, layout_of
from tts_cli.models.prompts import Hole, compile_template, fill, with_bos
from tts_cli.models.registry import ModelEntry
from tts_cli.models.steps import StepEnd, Turn
from tts_cli.protocols import (
    Contention,
    Finish,
    Job,
    PartialStep,
    Prefix,
    SampledStep,
    SampleKey,
    Sampling,
    ScoredStep,
    Usage,
)

TEMPLATE_KEY, ARCHITECTURE_KEY = "tokenizer.chat_template", "general.architecture"  # GGUF strings


class BranchPrefix:
    """A prompt or a step that ends with `branch`. `users` counts who was given it, and what grows after it.
    A search lets go of a step while it still goes on from the steps after it; the branch is freed when nobody holds it
    or anything after it."""

    __slots__ = ("branch", "parent", "users")

    def __init__(self, branch: Branch, parent: BranchPrefix | None, users: int = 1) -> None:
        self.branch = branch
        self.parent = parent
        self.users = users

    @property
    def length(self) -> int:
        """Tokens from the beginning of the prompt to here."""
        return self.branch.length

    def drop(self, engine: Engine) -> None:
        """One user less; free the branch, and its ancestors, as soon as there is none."""
        prefix: BranchPrefix | None = self
        while prefix is not None:
            prefix.users -= 1
            if prefix.users > 0:
                return
            engine.release(prefix.branch)
            prefix = prefix.parent


class LlamaModel:
    """What the two have in common: one engine does the work. `entry` is what the registry says of the model."""

    def __init__(self, engine: Engine, entry: ModelEntry) -> None:
        self.engine, self.entry = engine, entry
        self.name, self.family, self.parameters = entry.name, entry.family, engine.parameters

    @property
    def busy(self) -> bool:
        """True while a job waits or runs."""
        return self.engine.busy

    def advance(self) -> None:
        """One decode for all jobs under way; ends those that are complete."""
        self.engine.advance()

    def interrupt(self) -> None:
        """From any thread: break the decode under way off."""
        self.engine.interrupt()

    def release(self, prefix: Prefix) -> None:
        """Let go of a prefix; its branch is freed when nobody else holds it, or anything after it."""
        assert isinstance(prefix, BranchPrefix)
        prefix.drop(self.engine)

    def cancel(self, job: Job[Any]) -> None:
        """Stop working on a job; it is never resolved. Others who wait for the same step still get it."""
        self.engine.cancel(job)

    def contention(self) -> Contention | None:
        """How much of this machine other programs use; None where that slows nothing down."""
        pace = self.engine.pace
        return Contention(pace.others or 0.0, allowed_cores()) if pace.contended else None

    def close(self) -> None:
        """Free the model."""
        self.engine.close()


class PolicyPrefix(BranchPrefix):
    """A problem and its steps so far, and how far they have come. `steps`: their texts, as long as the tokens that were
    sampled are those of the text (own_states.py)."""

    __slots__ = ("steps", "turn")

    def __init__(
        self, branch: Branch, parent: PolicyPrefix | None, turn: Turn, steps: tuple[str, ...] | None = None
    ) -> None:
        super().__init__(branch, parent)
        self.turn, self.steps = turn, steps


class StepListener(Protocol):
    """Who reads what a policy writes."""

    def listens(self, prefix: PolicyPrefix) -> bool:
        """Is what the model shows of the next step after `prefix` wanted?"""
        ...

    def add(self, prefix: PolicyPrefix, text: str, finish: Finish, generated: Generated) -> None:
        """A step was written that ends at `prefix`."""
        ...


class LlamaPolicy(LlamaModel):
    """`protocols.Policy` on an engine. `entry` says where steps end; `prompt` is what stands around a problem."""

    def __init__(self, engine: Engine, entry: ModelEntry, prompt: Iterable[str | Hole]) -> None:
        super().__init__(engine, entry)
        self.prompt = compile_template(engine.vocab, prompt)
        self.listener: StepListener | None = None

    def start(self, problem: str, usage: Usage) -> PolicyPrefix:
        """The handle of a problem's prompt. Raises PromptTooLong."""
        return PolicyPrefix(self.engine.root(self.prompt_tokens(problem), usage), None, Turn(problem), ())

    def prompt_tokens(self, problem: str) -> list[int]:
        """The prompt's tokens; nothing in the problem is read as a special token."""
        vocab = self.engine.vocab
        return with_bos(vocab, fill(vocab, self.prompt, {"problem": problem.strip()}))

    def sample(self, prefix: Prefix, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        """Sample one step after `prefix`, which stays valid for further samples."""
        assert isinstance(prefix, PolicyPrefix)
        end = StepEnd(self.entry.separator, prefix.turn)
        job = self.engine.generate(
            prefix.branch,
            sampler=Sampler(key, sampling),
            stop=end,
            max_tokens=sampling.max_step_tokens,
            see=self.listener is not None and self.listener.listens(prefix),
        )
        prefix.users += 1
        return job.then(partial(self._sampled, prefix, end), partial(prefix.drop, self.engine))

    def partial_step(self, job: Job[SampledStep]) -> PartialStep | None:
        """What `job` has written so far; None where it is not under way."""
        written = self.engine.written(job)
        if written is None:
            return None
        text, tokens = written
        # A character of which only the first bytes have come (at most three) is left out.
        return PartialStep(getincrementaldecoder("utf-8")("replace").decode(text).strip(), tokens)

    def _sampled(self, prefix: PolicyPrefix, end: StepEnd, generated: Generated) -> SampledStep:
        text, finish = end.result(generated.text, generated.finish)
        child = PolicyPrefix(generated.branch, prefix, end.turn)
        if self.listener is not None and generated.seen is not None:
            self.listener.add(child, text, finish, generated)
        return SampledStep(text, len(generated.tokens), finish, child, generated.logprob, end.turn.answered)


class PrmPrefix(BranchPrefix):
    """A problem and the texts of its steps so far, as the PRM has run them, but for the `held` tokens at its end: they
    are run with the next step. `scores`: one for the whole problem. `carried`: what the next score depends on.
    `spared`: tokens that were not run here, because the policy had run them (own_states.py)."""

    __slots__ = ("carried", "held", "scores", "spared", "steps")

    def __init__(
        self,
        branch: Branch,
        parent: PrmPrefix | None,
        steps: tuple[str, ...],
        scores: StepScores,
        held: tuple[int, ...],
        users: int = 1,
        carried: StepLikelihood | None = None,
        spared: int = 0,
    ) -> None:
        super().__init__(branch, parent, users)
        self.steps, self.scores, self.held, self.carried, self.spared = steps, scores, held, carried, spared

    @property
    def root(self) -> PrmPrefix:
        """The problem before its first step."""
        prefix: BranchPrefix = self
        while prefix.parent is not None:
            prefix = prefix.parent
        assert isinstance(prefix, PrmPrefix)
        return prefix

    @property
    def length(self) -> int:
        """Tokens from the beginning of the prompt to here, run or held."""
        return self.branch.length + len(self.held) - self.spared


@dataclass(frozen=True, slots=True)
class StepKey:
    """Names a step of a problem: the texts of all steps up to it. `apart`: it is the last one, and other tokens are
    read of it for that."""

    steps: tuple[str, ...]
    apart: bool


@dataclass(slots=True)
class StepScores:
    """The steps of one problem that the PRM was asked for."""

    problem: str
    jobs: dict[StepKey, Job[tuple[float, PrmPrefix]]] = field(default_factory=dict)
    final: set[StepKey] = field(default_factory=set)  # those that no step follows

    def find(self, key: StepKey, final: bool) -> Job[tuple[float, PrmPrefix]] | None:
        """The job with this step's score; None where the step must be run (again)."""
        job = self.jobs.get(key)
        if job is None or not job.done:
            return job
        _, prefix = job.result()
        # Without its prefix a score is of use only where no step follows, which would need the prefix.
        return job if not prefix.branch.released or (final and key in self.final) else None


class LlamaPRM(LlamaModel):
    """`protocols.RewardModel` on an engine. Raises ModelError where the model does not fit the format."""

    def __init__(self, engine: Engine, entry: ModelEntry, format: PrmFormat, layout: StepLayout | None = None) -> None:
        """`layout`: the format's unless given."""
        super().__init__(engine, entry)
        self._read_out, self._after = self._read_out_of(format), format.after
        self._layout = layout or layout_of(format, entry, engine.vocab, engine.metadata.get(TEMPLATE_KEY))

    def _read_out_of(self, format: PrmFormat) -> StepReadOut:
        if format.read != "head":
            return read_out_of(format, self.engine.vocab)
        if format.layout == "solution":
            return head_of(self.entry, self.engine.vocab)
        return published_of(self.entry, self.engine.metadata.get(ARCHITECTURE_KEY, ""), self.engine.n_embd)

    def start(self, problem: str, usage: Usage) -> PrmPrefix:
        """The handle of a problem before its first step. Raises PromptTooLong."""
        prompt = self._layout.start(self.engine.vocab, problem)
        return PrmPrefix(self.engine.root(prompt.kept, usage), None, (), StepScores(problem), prompt.held)

    def score(self, prefix: Prefix, step: str, *, final: bool = False) -> Job[ScoredStep]:
        """Score `step` as the next one after `prefix`: see `protocols.RewardModel`.
        The job fails with PromptTooLong where the context has no room for the step."""
        assert isinstance(prefix, PrmPrefix)
        steps = (*prefix.steps, step.strip())
        if not steps[-1]:
            raise ValueError("an empty step has no score")
        key = StepKey(steps, final and self._layout.final_differs)
        job = prefix.scores.find(key, final) or self._run(prefix, key)
        if final:
            prefix.scores.final.add(key)
        return job.then(partial(self._hand_out, prefix))

    def _run(self, prefix: PrmPrefix, key: StepKey) -> Job[tuple[float, PrmPrefix]]:
        """Run a step's tokens; the job that all who wait for the step derive theirs from."""
        vocab, first = self.engine.vocab, prefix.parent is None
        text, again = answer_of(key.steps, self._after) if self._after else (key.steps[-1], False)
        base = prefix.root if again else prefix
        step = self._layout.next(vocab, text, base.held, first=first, final=key.apart)
        marks, wanted = self._read_out.asks(step)
        # A suffix leaves again: it gets a branch of its own after the step's.
        kept = self.engine.extend(base.branch, step.kept) if step.suffix else None
        evaluated = self.engine.evaluate(kept or base.branch, step.suffix or step.kept, marks, wanted)
        prefix.users += 1
        job = evaluated.then(partial(self._scored, prefix, key, step, kept), partial(self._given_up, prefix, key, kept))
        if not job.done:
            prefix.scores.jobs[key] = job
        return job

    def _scored(
        self, prefix: PrmPrefix, key: StepKey, step: StepTokens, kept: Branch | None, evaluated: Evaluated
    ) -> tuple[float, PrmPrefix]:
        if kept is not None:
            self.engine.release(evaluated.branch)
        branch = kept or evaluated.branch
        score = self._read_out.score(evaluated, step, prefix.carried)
        child = PrmPrefix(  # without users until it is handed out
            branch, prefix, key.steps, prefix.scores, step.held, users=0, carried=score.carried
        )
        return score.value, child

    def _given_up(self, prefix: PrmPrefix, key: StepKey, kept: Branch | None) -> None:
        """There was no room for the step, or nobody waits for it any more."""
        prefix.scores.jobs.pop(key, None)
        if kept is not None:
            self.engine.release(kept)
        prefix.drop(self.engine)

    def _hand_out(self, prefix: PrmPrefix, scored: tuple[float, PrmPrefix]) -> ScoredStep:
        """The score for one of those who asked for it, with a handle that is that one's to release."""
        score, child = scored
        if child.branch.released:  # a final step, whose first handles are gone
            child = PrmPrefix(
                child.branch, prefix, child.steps, child.scores, child.held, 0, child.carried, child.spared
            )
            prefix.users += 1
        child.users += 1
        return ScoredStep(score, child)
