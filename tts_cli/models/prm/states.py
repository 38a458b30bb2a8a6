"""What a language model's states say of solutions that it reads: the inputs of a head, step by step.

    problem, steps ── StateLayout ── a tree of branches ── of each step: state at its end, mean state, likelihoods

Solutions of one problem share their beginnings: each distinct step after the same steps is run once, and all that may
run together does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine import Branch, Evaluated, ReadOut
from tts_cli.engine.gguf_header import read_header
from tts_cli.errors import ModelError, PromptTooLong
from tts_cli.models.prm.likelihoods import NAMES, StepLikelihood
from tts_cli.models.prm.solution import StateLayout
from tts_cli.models.prompts import Hole, policy_prompt
from tts_cli.models.registry import ModelEntry, Registry, locate
from tts_cli.protocols import Job, Usage

if TYPE_CHECKING:
    from tts_cli.engine import Vocab
    from tts_cli.models.backends.llama_cpp import LlamaPolicy
    from tts_cli.models.prm.formats import StepTokens

Steps = tuple[str, ...]
Rows = NDArray[np.float32]
Numbers = NDArray[np.float64]

_HALF = 60_000.0  # what a 16-bit float holds, nearly


def prompt_text(entry: ModelEntry, known: Registry) -> tuple[str, str]:
    """A model's architecture, and the text around a problem (`{problem}`) that it is asked with. Raises ModelError."""
    header = read_header(locate(entry))
    metadata = {key: value for key, value in header.metadata.items() if isinstance(value, str)}
    parts = policy_prompt(header.chat_template, entry.prompt or known.prompt_for(entry.name, metadata))
    return header.architecture, "".join(f"{{{part.name}}}" if isinstance(part, Hole) else part for part in parts)


def step_paths(solutions: Iterable[Steps]) -> list[Steps]:
    """Every step of these solutions once, named by all steps up to it; what it goes on from stands before it."""
    return list(dict.fromkeys(steps[:end] for steps in solutions for end in range(1, len(steps) + 1)))


@dataclass(frozen=True, slots=True)
class StepStates:
    """Of each of `step_paths`, in their order: the state at its end and the mean of the states at its tokens
    [steps, n_embd], and its likelihoods [steps, len(NAMES)]. `there`: False where the context had no room for it.
    `doubtful`: the mean state of `Doubtful` [steps, n_embd]; None where they were stored by a version without it."""

    end: NDArray[np.float16]
    mean: NDArray[np.float16]
    likelihoods: NDArray[np.float32]
    there: NDArray[np.bool_]
    doubtful: NDArray[np.float16] | None = None

    @staticmethod
    def empty(steps: int, n_embd: int) -> StepStates:
        return StepStates(
            end=np.zeros((steps, n_embd), np.float16),
            mean=np.zeros((steps, n_embd), np.float16),
            likelihoods=np.zeros((steps, len(NAMES)), np.float32),
            there=np.zeros(steps, np.bool_),
            doubtful=np.zeros((steps, n_embd), np.float16),
        )


@dataclass(frozen=True, slots=True)
class ReadStep:
    """What a step looks like to a head: the state at its last token and the mean of the states at its tokens [n_embd],
    and how likely it is, with all steps up to it."""

    end: Rows
    mean: Rows
    likelihood: StepLikelihood

    @property
    def doubtful(self) -> Rows:
        """The mean state of `Doubtful` [n_embd]."""
        assert self.likelihood.doubtful.mean is not None
        return self.likelihood.doubtful.mean


@dataclass(frozen=True, slots=True)
class StepReader:
    """Which rows of a step are read, and what they come to: the same where a head is trained and where it scores.
    `digits`: of every token, whether it holds one."""

    digits: tuple[bool, ...]

    @staticmethod
    def of(vocab: Vocab) -> StepReader:
        pieces = map(vocab.piece, range(vocab.n_tokens))
        return StepReader(tuple(any(48 <= byte <= 57 for byte in piece) for piece in pieces))

    def asks(self, step: StepTokens) -> tuple[Sequence[int], ReadOut]:
        """The states at the step's own tokens, and at each row the log-probability of the token after it: the first
        one's stands at the last row before the step."""
        first, last = max(0, step.begin - 1), len(step.kept)
        tokens = [*step.kept, *step.suffix]
        following = (*tokens[first + 1 :], 0)  # nothing follows the last one so far
        return range(first - last, 1), ReadOut(tokens=(), hidden=True, following=following)

    def read(self, found: Evaluated, step: StepTokens, before: StepLikelihood) -> ReadStep:
        """`found`: what was asked for. `before`: of the steps before this one. Raises ModelError for what is no
        number."""
        first = max(0, step.begin - 1)
        tokens = [*step.kept, *step.suffix][first + 1 :]
        return self.of_tokens(found.hidden[step.begin - first :], found.logprobs[:-1], tokens, before)

    def of_tokens(
        self, states: Rows, logprobs: Sequence[float] | Numbers, tokens: Sequence[int], before: StepLikelihood
    ) -> ReadStep:
        """From the states at a step's tokens [tokens, n_embd] and the log-probabilities of `tokens`."""
        if not np.isfinite(states).all():
            raise ModelError("The model's states are not finite numbers.", "Try another GGUF file of this model.")
        likelihood = before.after([float(one) for one in logprobs], [self.digits[one] for one in tokens], states)
        return ReadStep(states[-1], states.mean(0), likelihood)


@dataclass(frozen=True, slots=True)
class _Node:
    """A step that was run. `held`: its last token, which is run again with the next step."""

    branch: Branch
    held: tuple[int, ...]
    read: ReadStep | None


class StateReader:
    """Reads solutions with a loaded policy, laid out as it would have written them."""

    def __init__(self, model: LlamaPolicy) -> None:
        self._engine = model.engine
        self._layout = StateLayout(model.prompt, model.entry.separator)
        self._reader = StepReader.of(model.engine.vocab)

    def read(self, problem: str, solutions: Sequence[Steps]) -> tuple[StepStates, int]:
        """The states of all steps, and how many tokens were run. Raises ModelError for states that are no numbers."""
        paths, usage = step_paths(solutions), Usage()
        states = StepStates.empty(len(paths), self._engine.n_embd)
        found = self._run(problem, paths, usage)
        for row, path in enumerate(paths):
            if path in found:
                step = found[path]
                for kept, one in ((states.end, step.end), (states.mean, step.mean), (states.doubtful, step.doubtful)):
                    assert kept is not None
                    kept[row] = np.clip(one, -_HALF, _HALF)
                states.likelihoods[row], states.there[row] = step.likelihood.numbers, True
        return states, usage.total

    def _run(self, problem: str, paths: Sequence[Steps], usage: Usage) -> dict[Steps, ReadStep]:
        """Every step that fits, all that are ready at once; what follows one that does not fit is left out, too."""
        after: dict[Steps, list[Steps]] = defaultdict(list)
        for path in paths:
            after[path[:-1]].append(path)
        begin = self._layout.start(self._engine.vocab, problem)
        try:
            nodes: dict[Steps, _Node] = {(): _Node(self._engine.root(begin.kept, usage), begin.held, None)}
        except PromptTooLong:
            return {}
        live = self._start(after[()], nodes)
        try:
            while live:
                self._engine.advance()
                for job in [job for job in live if job.done]:
                    path, step, kept = live.pop(job)
                    if isinstance(job.error, PromptTooLong):
                        continue
                    before = nodes[path[:-1]].read
                    read = self._reader.read(job.result(), step, before.likelihood if before else StepLikelihood())
                    self._engine.release(job.result().branch)
                    nodes[path] = _Node(kept, step.held, read)
                    live |= self._start(after[path], nodes)
        finally:
            for node in reversed(nodes.values()):
                self._engine.release(node.branch)
        return {path: node.read for path, node in nodes.items() if node.read is not None}

    def _start(
        self, paths: Sequence[Steps], nodes: dict[Steps, _Node]
    ) -> dict[Job[Evaluated], tuple[Steps, StepTokens, Branch]]:
        """Begin with steps after those that were run."""
        live = {}
        for path in paths:
            before = nodes[path[:-1]]
            step = self._layout.next(self._engine.vocab, path[-1], before.held, first=len(path) == 1, final=False)
            kept = self._engine.extend(before.branch, step.kept)
            live[self._engine.evaluate(kept, step.suffix, *self._reader.asks(step))] = path, step, kept
        return live
