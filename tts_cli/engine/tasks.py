"""The jobs that the engine works on, and what each does with the rows of logits that it asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine.model import Vocab
from tts_cli.engine.pool import Branch, Pool, Slot
from tts_cli.engine.sampling import Sampler, given
from tts_cli.errors import PromptTooLong
from tts_cli.protocols import Finish, Job

Stop = Callable[[bytes], Finish | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model showed while it wrote a step: `states` after the final norm [n_embd] at all its tokens but the
    last, which was not run; `logprobs` of all; and the logits [n_vocab] that the last two were drawn from."""

    states: tuple[NDArray[np.float32], ...]
    logprobs: tuple[float, ...]
    rows: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, slots=True)
class Generated:
    """One sampled step: the branch that ends with it, its tokens (an end token included), its bytes, how it ended.

    `logprob`: the sum over its tokens (sampling.logprobs), to four places: the rest depends on what shared the batch.
    `seen`: where that was asked for.
    """

    branch: Branch
    tokens: tuple[int, ...]
    text: bytes
    finish: Finish
    logprob: float
    seen: Seen | None = None


class GenerationJob(Job[Generated]):
    """The job of a step that is sampled, and what the step consists of so far: its bytes and its number of tokens."""

    __slots__ = ("text", "tokens")

    def __init__(self) -> None:
        super().__init__()
        self.text = bytearray()
        self.tokens = 0


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The branch that ends with the evaluated tokens, and what was asked for at the marked ones: `logits`
    [marks, n_vocab], or [marks, tokens] of the wanted tokens; `hidden` states after the final norm [marks, n_embd];
    `logprobs` [marks] of the tokens that follow them."""

    branch: Branch
    logits: NDArray[np.float32]
    hidden: NDArray[np.float32]
    logprobs: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, slots=True)
class ReadOut:
    """What is read at marked rows: the logits of all tokens, or of `tokens` only (() for none), and hidden states.
    `following` holds, for each mark, the token that comes after it, whose log-probability is wanted (natural, at
    temperature 1); it need not be among those that are run. () for none. `keep`: the logits after the branch stay with
    it, so that a sample that goes on from there runs nothing again.

    Only this is copied out of llama.cpp: two numbers a row for a pair of tokens, not a whole vocabulary.
    """

    tokens: tuple[int, ...] | None = None
    hidden: bool = False
    following: tuple[int, ...] = ()
    keep: bool = False


class EngineTask:
    """One job under way: `child` grows after `parent`; `slot` is its sequence while it is at work. Of the positions
    that it marks, those from `hidden_from` on are read for their hidden states (None: none)."""

    job: Job[Generated] | Job[Evaluated]
    hidden_from: int | None = None

    def __init__(self, number: int, parent: Branch, child: Branch) -> None:
        self.number = number
        self.parent = parent
        self.child = child
        self.path = frozenset(child.chain())
        self.pool: Pool | None = None
        self.slot: Slot | None = None

    @property
    def todo(self) -> int:
        """Tokens of its path that its sequence does not hold yet."""
        return self.child.length - (self.slot.length if self.slot else 0)

    def reusable(self) -> int:
        """How much of its path may come from another sequence's cells."""
        raise NotImplementedError

    def marked(self, begin: int, end: int) -> list[int]:
        """The positions in begin..end at which it needs logits, ascending."""
        raise NotImplementedError

    def out_of_room(self) -> None:
        """End the job: it does not fit even alone."""
        raise NotImplementedError


class Generation(EngineTask):
    """Samples tokens until a stop, an end token, `max_tokens`, or `max_length` of the whole path."""

    def __init__(
        self,
        number: int,
        parent: Branch,
        vocab: Vocab,
        sampler: Sampler,
        stop: Stop,
        max_tokens: int,
        max_length: int,
        see: bool = False,
    ) -> None:
        """`see`: the step is returned with what was `Seen` of it."""
        super().__init__(number, parent, Branch(parent, (), parent.usage, sampled=True))
        self.job: GenerationJob = GenerationJob()
        self.hidden_from = self.child.start if see else None
        self._states: list[NDArray[np.float32]] = []
        self._logprobs: list[float] = []
        self._rows: deque[NDArray[np.float32]] = deque(maxlen=2)
        self.sampler = sampler
        self._vocab, self._stop = vocab, stop
        self._max_tokens, self._max_length = max_tokens, max_length
        self._logprob = 0.0
        if parent.length > max_length:
            self.out_of_room()

    @property
    def fresh(self) -> bool:
        """Nothing is sampled yet: the next logits are those after `parent`, which siblings share."""
        return self.child.length == self.child.start

    def reusable(self) -> int:
        # Logits do not stay in the cells: without kept ones the last token is run again.
        return self.child.length - (not (self.fresh and self.parent.logits is not None))

    def marked(self, begin: int, end: int) -> list[int]:
        return [end - 1] if end == self.child.length else []

    def see(self, state: NDArray[np.float32]) -> None:
        """Keep the state [n_embd] at the last token so far, if it is one of the step's and is wanted."""
        if self.hidden_from is not None and not self.fresh:
            self._states.append(state.copy())

    def accept(self, token: int, logprob: float, row: NDArray[np.float32]) -> None:
        """Append a token sampled from the logits `row` [n_vocab]; resolves the job when the step ends with it."""
        self.child.append(token)
        self._logprob += logprob
        if self.hidden_from is not None:
            self._logprobs.append(logprob)
            self._rows.append(row.copy())
        self.job.text += self._vocab.piece(token)
        self.job.tokens += 1
        if (finish := self._finish(token)) is not None:
            self._resolve(finish)

    def _finish(self, token: int) -> Finish | None:
        if self._vocab.is_eog(token):
            return Finish.EOS
        if (finish := self._stop(bytes(self.job.text))) is not None:
            return finish
        if self.child.length - self.child.start >= self._max_tokens:
            return Finish.LENGTH
        return Finish.CONTEXT if self.child.length > self._max_length else None

    def out_of_room(self) -> None:
        self._resolve(Finish.CONTEXT)

    def _resolve(self, finish: Finish) -> None:
        seen = None
        if self.hidden_from is not None:
            seen = Seen(tuple(self._states), tuple(self._logprobs), tuple(self._rows))
        self.job.resolve(
            Generated(self.child, self.child.tokens, bytes(self.job.text), finish, round(self._logprob, 4), seen)
        )


class Evaluation(EngineTask):
    """Runs given tokens, and collects what `read_out` names at `marks` (indexes into the tokens, see Engine)."""

    def __init__(
        self,
        number: int,
        parent: Branch,
        tokens: Sequence[int],
        marks: Sequence[int],
        read_out: ReadOut,
        widths: tuple[int, int],
    ) -> None:
        """`widths`: of a row of logits, and of a hidden state."""
        super().__init__(number, parent, Branch(parent, tokens, parent.usage, sampled=False))
        self.job: Job[Evaluated] = Job()
        self.read_out, self.hidden_from = read_out, 0 if read_out.hidden else None
        self._marks: dict[int, list[int]] = {}  # position -> which of the marks lie there
        for i, mark in enumerate(marks):
            self._marks.setdefault(parent.length + mark, []).append(i)
        n_logits = widths[0] if read_out.tokens is None else len(read_out.tokens)
        self._logits = np.empty((len(marks), n_logits), np.float32)
        self._hidden = np.empty((len(marks), widths[1] if read_out.hidden else 0), np.float32)
        self._logprobs = np.empty(len(read_out.following))
        if not tokens and not marks:
            self.finish()

    def reusable(self) -> int:
        return min([self.child.start, *self._marks])

    def marked(self, begin: int, end: int) -> list[int]:
        return sorted(row for row in self._marks if begin <= row < end)

    def accept(self, positions: Sequence[int], logits: NDArray[np.float32], hidden: NDArray[np.float32] | None) -> None:
        """Keep what is wanted of these rows: logits [rows, n_vocab], hidden states [rows, n_embd].
        Raises ModelError where a log-probability is wanted and a row is not made of numbers."""
        wanted = self.read_out
        columns: slice | list[int] = slice(None) if wanted.tokens is None else list(wanted.tokens)
        pairs = [(row, i) for row, position in enumerate(positions) for i in self._marks[position]]
        for row, i in pairs:
            self._logits[i] = logits[row, columns]
            if hidden is not None and wanted.hidden:
                self._hidden[i] = hidden[row]
        if wanted.following:
            found = given([logits[row] for row, _ in pairs], [wanted.following[i] for _, i in pairs])
            self._logprobs[[i for _, i in pairs]] = found

    def finish(self) -> None:
        """All tokens ran."""
        self.job.resolve(Evaluated(self.child, self._logits, self._hidden, self._logprobs))

    def out_of_room(self) -> None:
        self.job.fail(PromptTooLong("the text does not fit into the model's context", "Give a larger context size."))
