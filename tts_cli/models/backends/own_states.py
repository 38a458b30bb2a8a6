"""A head on the policy's own states: it reads a step off what the model showed while it wrote it.

    policy: sample ─► tokens, states, log-probabilities ─► WrittenSteps ─► the tail ─► head ─► score
                                                          by problem and steps

A step is scored as if it had been read (`StateLayout`): its text tokenised, with its separator. The tokens that the
policy wrote are mostly these. Still to be run is the *tail*, which sampling leaves over: the last token, which is
otherwise run when the next step begins, and after a solution's last step its end with the separator (".\n\n" for ".").
It is run as soon as the step is there, after the policy's own branch, and the next step goes on from it. So no token is
run twice, and the PRM runs none; but of a solution that was cut behind its answer the last one before the tail.

A step is read anew, in the policy's engine, where it was not written in this search, and where the policy goes on from
it with other tokens than those of its text: what comes after it would differ as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine import Branch, Engine, Evaluated, Generated, ReadOut, Seen
from tts_cli.engine.sampling import given
from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM, PolicyPrefix, PrmPrefix, StepKey
from tts_cli.models.prm.formats import PrmFormat, StepTokens
from tts_cli.models.prm.heads import HeadReadOut
from tts_cli.models.prm.likelihoods import StepLikelihood
from tts_cli.models.prm.solution import StateLayout
from tts_cli.models.prompts import plain_tokens
from tts_cli.models.registry import ModelEntry
from tts_cli.protocols import Finish, Job, Prefix, Usage

Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """Of the `tokens` in which a step is read: the states [tokens, n_embd], and the log-probabilities [tokens]."""

    tokens: tuple[int, ...]
    states: NDArray[np.float32]
    logprobs: NDArray[np.float64]


@dataclass(slots=True)
class _Problem:
    """One that is under way in `searches`, and what was written for it."""

    searches: int = 0
    steps: dict[Steps, Job[WrittenStep]] = field(default_factory=dict)


class WrittenSteps:
    """A `StepListener`: what the model showed of the steps of all problems under way."""

    def __init__(self, engine: Engine, separator: str) -> None:
        self._engine, self._separator = engine, separator
        self._problems: dict[str, _Problem] = {}

    def open(self, problem: str) -> None:
        """A search for this problem begins."""
        self._problems.setdefault(problem, _Problem()).searches += 1

    def close(self, problem: str) -> None:
        """A search is over; with the last one of a problem what was written for it is forgotten."""
        found = self._problems[problem]
        found.searches -= 1
        if found.searches == 0:
            for job in list(found.steps.values()):
                self._engine.cancel(job)
            del self._problems[problem]

    def find(self, problem: str, steps: Steps) -> Job[WrittenStep] | None:
        """The last of these steps, if it was written after the others."""
        return self._problems[problem].steps.get(steps)

    def listens(self, prefix: PolicyPrefix) -> bool:
        return prefix.steps is not None and prefix.turn.problem in self._problems

    def add(self, prefix: PolicyPrefix, text: str, finish: Finish, generated: Generated) -> None:
        before, problem = prefix.parent, self._problems.get(prefix.turn.problem)
        assert isinstance(before, PolicyPrefix) and before.steps is not None and generated.seen is not None
        if problem is None or not text or finish.cut:
            return
        tokens = tuple(plain_tokens(self._engine.vocab, text + self._separator, continues=True))
        if tokens == generated.tokens:
            prefix.steps = (*before.steps, text)
        shared = _shared(tokens, generated.tokens)
        steps = (*before.steps, text)
        if steps in problem.steps or shared == 0 or (finish is Finish.STEP and prefix.steps is None):
            return
        prefix.users += 1  # until the tail was run
        job = self._tail(prefix, tokens, shared, generated.seen)
        problem.steps[steps] = job.then(
            partial(self._whole, prefix, tokens, shared, generated.seen),
            partial(self._given_up, prefix, problem, steps),
        )

    def _tail(self, prefix: PolicyPrefix, tokens: Sequence[int], shared: int, seen: Seen) -> Job[Evaluated]:
        """Run what is still to be run of `tokens`, of which `shared` were written."""
        if shared == len(tokens):
            return self._engine.evaluate(prefix.branch, (), [-1], ReadOut((), hidden=True, keep=True))
        prefix.branch.shorten(shared)  # the solution ends here: nobody goes on from the rest
        tail = tokens[shared:]
        again = _row_after(shared, seen) is None
        following = (*tail, 0) if again else (*tail[1:], 0)
        return self._engine.evaluate(
            prefix.branch, tail, range(-again, len(tail)), ReadOut((), hidden=True, following=following)
        )

    def _whole(
        self, prefix: PolicyPrefix, tokens: tuple[int, ...], shared: int, seen: Seen, tail: Evaluated
    ) -> WrittenStep:
        """What was seen of the first `shared` tokens, and what was read of the others."""
        self._engine.release(tail.branch)
        prefix.drop(self._engine)
        if shared == len(tokens):
            return WrittenStep(tokens, np.array([*seen.states, tail.hidden[0]]), np.array(seen.logprobs))
        rest = len(tokens) - shared
        read = list(tail.logprobs[:-1])
        if (row := _row_after(shared, seen)) is not None:
            read = [*given([row], [tokens[shared]]), *read]
        states = np.array([*seen.states[:shared], *tail.hidden[-rest:]])
        return WrittenStep(tokens, states, np.array([*seen.logprobs[:shared], *read]))

    def _given_up(self, prefix: PolicyPrefix, problem: _Problem, steps: Steps) -> None:
        problem.steps.pop(steps, None)
        prefix.drop(self._engine)


def _shared(tokens: Sequence[int], written: Sequence[int]) -> int:
    """How many tokens both begin with."""
    pairs = zip(tokens, written, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(tokens), len(written)))


def _row_after(shared: int, seen: Seen) -> NDArray[np.float32] | None:
    """The logits [n_vocab] after the first `shared` tokens, if they were kept."""
    back = len(seen.logprobs) - shared
    return seen.rows[-back] if 0 < back <= len(seen.rows) else None


class OwnStatesPRM(LlamaPRM):
    """`protocols.RewardModel`: a head on the states of the policy beside it, in whose engine all is run."""

    def __init__(self, policy: LlamaPolicy, entry: ModelEntry, format: PrmFormat) -> None:
        """`entry`: a head for which `is_on_own_states` holds."""
        super().__init__(policy.engine, entry, format, StateLayout(policy.prompt, policy.entry.separator))
        assert isinstance(self._read_out, HeadReadOut)
        self._head, self._policy = self._read_out, policy
        self._open: set[PrmPrefix] = set()  # roots
        self._reading: set[tuple[PrmPrefix, StepKey]] = set()
        self._written = WrittenSteps(policy.engine, policy.entry.separator)
        policy.listener = self._written

    @property
    def busy(self) -> bool:
        """True while a step is read; the others cost nothing but what the policy does."""
        return bool(self._reading)

    def close(self) -> None:
        """Leave the model to the policy."""
        self._policy.listener = None

    def start(self, problem: str, usage: Usage) -> PrmPrefix:
        """See `LlamaPRM.start`. The prompt is run only if a step has to be read."""
        root = super().start(problem, usage)
        root.spared = root.length
        self._open.add(root)
        self._written.open(problem)
        return root

    def release(self, prefix: Prefix) -> None:
        super().release(prefix)
        assert isinstance(prefix, PrmPrefix)
        self._left(prefix)

    def _run(self, prefix: PrmPrefix, key: StepKey) -> Job[tuple[float, PrmPrefix]]:
        written = self._written.find(prefix.scores.problem, key.steps)
        if written is None:
            self._reading.add((prefix, key))
            return super()._run(prefix, key)
        first = prefix.parent is None
        step = self._layout.next(self.engine.vocab, key.steps[-1], prefix.held, first=first, final=key.apart)
        kept = self.engine.extend(prefix.branch, step.kept)  # run if what follows is read
        prefix.users += 1
        score = partial(self._scored_written, prefix, key, kept, step.held)
        job = written.then(score, partial(self._given_up, prefix, key, kept))
        if job.error is None:
            prefix.scores.jobs[key] = job
        return job

    def _scored(
        self, prefix: PrmPrefix, key: StepKey, step: StepTokens, kept: Branch | None, evaluated: Evaluated
    ) -> tuple[float, PrmPrefix]:
        self._reading.discard((prefix, key))
        return super()._scored(prefix, key, step, kept, evaluated)

    def _scored_written(
        self, prefix: PrmPrefix, key: StepKey, kept: Branch, held: tuple[int, ...], written: WrittenStep
    ) -> tuple[float, PrmPrefix]:
        before = prefix.carried or StepLikelihood()
        score = self._head.of(self._head.reader.of_tokens(written.states, written.logprobs, written.tokens, before))
        spared = kept.length + len(held) - prefix.length
        child = PrmPrefix(kept, prefix, key.steps, prefix.scores, held, 0, score.carried, spared)
        return score.value, child

    def _given_up(self, prefix: PrmPrefix, key: StepKey, kept: Branch | None) -> None:
        self._reading.discard((prefix, key))
        super()._given_up(prefix, key, kept)
        self._left(prefix)

    def _left(self, prefix: PrmPrefix) -> None:
        """After the last step of a search was released: what was written for it is not needed any more."""
        while isinstance(prefix.parent, PrmPrefix):
            prefix = prefix.parent
        if prefix.branch.released and prefix in self._open:
            self._open.remove(prefix)
            self._written.close(prefix.scores.problem)
