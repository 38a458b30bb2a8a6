"""What a language model's states say of solutions that it reads: the inputs of a head, step by step.

    problem, steps ── steps_tokens ── a tree of branches ── of each step: state at its end, mean state, likelihoods

Solutions of one problem share their beginnings: each distinct step after the same steps is run once, and all that may
run together does.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine import Branch, Evaluated, ReadOut
from tts_cli.engine.gguf_header import read_header
from tts_cli.errors import ModelError, PromptTooLong
from tts_cli.models.prm.likelihoods import NAMES, StepLikelihood
from tts_cli.models.prompts import Hole, plain_tokens, policy_prompt
from tts_cli.models.registry import ModelEntry, Registry, locate
from tts_cli.protocols import Job, Usage

if TYPE_CHECKING:
    from tts_cli.engine import Vocab
    from tts_cli.models.backends.llama_cpp import LlamaPolicy

Steps = tuple[str, ...]
Rows = NDArray[np.float32]

MOST_BYTES = 1 << 29
"""Of rows that are read together: a vocabulary of 150,000 makes 0.6 MB of each."""

_HALF = 60_000.0  # what a 16-bit float holds, nearly


def steps_tokens(
    vocab: Vocab, prompt: Callable[[str], list[int]], problem: str, steps: Iterable[str], separator: str = "\n\n"
) -> list[list[int]]:
    """The prompt's tokens, then those of each step with the separator after it: where the step's state is read.

    A step is tokenised alone, so it has the same tokens after any other."""
    texts = (step.strip() + separator for step in steps)
    return [prompt(problem), *(plain_tokens(vocab, text, continues=True) for text in texts)]


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
    [steps, n_embd], and its likelihoods [steps, len(NAMES)]. `there`: False where the context had no room for it."""

    end: NDArray[np.float16]
    mean: NDArray[np.float16]
    likelihoods: NDArray[np.float32]
    there: NDArray[np.bool_]

    @staticmethod
    def empty(steps: int, n_embd: int) -> StepStates:
        return StepStates(
            end=np.zeros((steps, n_embd), np.float16),
            mean=np.zeros((steps, n_embd), np.float16),
            likelihoods=np.zeros((steps, len(NAMES)), np.float32),
            there=np.zeros(steps, np.bool_),
        )


@dataclass(frozen=True, slots=True)
class _ReadStep:
    """A step that was run. `logits`: after its last token [n_vocab]."""

    branch: Branch
    logits: Rows
    likelihood: StepLikelihood
    end: Rows
    mean: Rows


class StateReader:
    """Reads solutions with a loaded policy, laid out as it would have written them."""

    def __init__(self, model: LlamaPolicy) -> None:
        self._model, self._engine = model, model.engine
        vocab = self._engine.vocab
        self._digits = [any(48 <= byte <= 57 for byte in vocab.piece(token)) for token in range(vocab.n_tokens)]
        self._most_rows = MOST_BYTES // (4 * (vocab.n_tokens + self._engine.n_embd))

    def read(self, problem: str, solutions: Sequence[Steps]) -> tuple[StepStates, int]:
        """The states of all steps, and how many tokens were run. Raises ModelError for states that are no numbers."""
        paths, usage = step_paths(solutions), Usage()
        states = StepStates.empty(len(paths), self._engine.n_embd)
        found = self._run(problem, paths, usage)
        for row, step in ((row, found[path]) for row, path in enumerate(paths) if path in found):
            if not (np.isfinite(step.end).all() and np.isfinite(step.mean).all()):
                why = f"The states of {self._model.name} are not finite numbers."
                raise ModelError(why, "Try another GGUF file of this model.")
            states.end[row], states.mean[row] = (np.clip(one, -_HALF, _HALF) for one in (step.end, step.mean))
            states.likelihoods[row], states.there[row] = step.likelihood.numbers, True
        return states, usage.total

    def _run(self, problem: str, paths: Sequence[Steps], usage: Usage) -> dict[Steps, _ReadStep]:
        """Every step that fits; what follows one that does not is left out, too."""
        after: dict[Steps, list[Steps]] = defaultdict(list)
        for path in paths:
            after[path[:-1]].append(path)
        try:
            root, begin = self._open(problem, usage)
        except PromptTooLong:
            return {}
        found: dict[Steps, _ReadStep] = {(): begin}
        ready = deque(after[()])
        live: dict[Job[Evaluated], tuple[Steps, list[int]]] = {}
        try:
            while ready or live:
                self._start(ready, live, found)
                if self._engine.busy:
                    self._engine.advance()
                for job in [job for job in live if job.done]:
                    path, tokens = live.pop(job)
                    if not isinstance(job.error, PromptTooLong):
                        found[path] = self._read_step(found[path[:-1]], tokens, job.result())
                        ready.extend(after[path])
        finally:
            for branch in (root, *(step.branch for step in found.values())):
                self._engine.release(branch)
        del found[()]
        return found

    def _open(self, problem: str, usage: Usage) -> tuple[Branch, _ReadStep]:
        """The prompt, run to its end: the logits there say how likely a first token is. Raises PromptTooLong."""
        tokens = self._model.prompt_tokens(problem)
        root = self._engine.root(tokens[:1], usage)
        job = self._engine.evaluate(root, tokens[1:], [len(tokens) - 2])
        while not job.done:
            self._engine.advance()
        read, nothing = job.result(), np.empty(0, np.float32)
        return root, _ReadStep(read.branch, read.logits[-1], StepLikelihood(), nothing, nothing)

    def _start(
        self,
        ready: deque[Steps],
        live: dict[Job[Evaluated], tuple[Steps, list[int]]],
        found: dict[Steps, _ReadStep],
    ) -> None:
        """Begin with steps that are ready, as many as memory has room for, at least one."""
        rows = sum(len(tokens) for _, tokens in live.values())
        while ready and (not live or rows < self._most_rows):
            path = ready.popleft()
            separator = self._model.entry.separator
            _, tokens = steps_tokens(self._engine.vocab, lambda _: [], "", path[-1:], separator)
            branch = found[path[:-1]].branch
            live[self._engine.evaluate(branch, tokens, range(len(tokens)), ReadOut(hidden=True))] = path, tokens
            rows += len(tokens)

    def _read_step(self, before: _ReadStep, tokens: list[int], read: Evaluated) -> _ReadStep:
        logprobs = [
            *following(before.logits[None], tokens[:1]),
            *following(read.logits[:-1], tokens[1:]),
        ]
        likelihood = before.likelihood.after(logprobs, [self._digits[token] for token in tokens])
        return _ReadStep(read.branch, read.logits[-1].copy(), likelihood, read.hidden[-1].copy(), read.hidden.mean(0))


def following(logits: Rows, tokens: Sequence[int]) -> list[float]:
    """Natural logarithms of the probabilities of `tokens`, each after its row of logits [tokens, n_vocab]."""
    found = []
    for row, token in zip(logits, tokens, strict=True):
        top = row.max()
        total = float(np.exp(row - top).sum(dtype=np.float64))
        found.append(min(0.0, float(row[token] - top) - float(np.log(total))))
    return found
