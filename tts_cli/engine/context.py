"""How large a KV cache is made, over how many contexts the work is spread, and one such context behind guarded calls.

1. Size, where the user gives none: room for every sequence to hold 512 tokens (or the trained length, if less), at
   least one path of the trained length, at most 1 GiB of keys and values.
2. Contexts: attention runs over the cells of all sequences of a context, masked ones too. For a tiny model with many
   sequences this costs more than its weights: 64 sequences are then better run as 8 contexts of 8. A large model gets
   one context, because running its weights once for all rows saves more.
3. Threads: those that share one decode of a tiny model wait for each other longer than they work, and on a busy machine
   very much longer. So a tiny model's contexts run at the same time instead, each in one thread.
4. Rows: limits of time and Ctrl-C are looked at between decodes, so no decode may take long. Prompts, and steps that
   are run again after an eviction, go through a large model on CPUs a few rows at a time (`longest_stretch`): little is
   lost, as few rows keep the CPUs busy. How many depends on the model alone, so that runs repeat.
5. Guards: llama.cpp answers many wrong calls by ending the process; `Context` checks every such precondition first.

What the cells hold is mirrored in `pool.py`; who needs them is decided in `scheduler.py`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine.library import abort_callback, memory
from tts_cli.engine.model import Model
from tts_cli.errors import ModelError, TtsError, UsageError

if TYPE_CHECKING:
    from tts_cli.engine.memory import ModelShape

MAX_SEQUENCES = 256  # LLAMA_MAX_SEQ
_PER_SEQUENCE = 512  # tokens
_KV_LIMIT = 1 << 30  # bytes
_LEAST = 256  # tokens: llama.cpp pads a KV cache to this
_TYPICAL = 128  # tokens that one sequence holds alone, on average
_PARAMETERS_PER_THREAD = 10_000_000
_NARROWEST = 8  # rows: fewer do not fill a matrix product
_FLOPS_PER_DECODE = 64e9  # of given tokens: about a second on two cores
_ABORTED = 2  # llama_decode
_LEAST_STRETCH = 32  # rows: about where the weights cost more to read than to multiply with


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """`n_contexts` contexts, each of `n_ctx` cells, `width` jobs and `threads`; `workers` of them decode at a time."""

    n_contexts: int
    width: int
    n_ctx: int
    threads: int
    workers: int


def plan(
    model: Model | ModelShape, n_ctx: int, n_seq_max: int, threads: int, n_contexts: int | None, *, on_gpu: bool
) -> ContextPlan:
    """The plan for `n_ctx` tokens in all (0: choose), `threads` in all and `n_contexts` (None: choose).
    Raises UsageError when they cannot fit into memory."""
    total = n_ctx or _default_context(model, n_seq_max)
    machine, kv_bytes = memory(), total * model.kv_bytes_per_token
    # The system may hand out more memory than it has, and end the process once llama.cpp touches it.
    room = None if machine is None else machine.available if n_ctx and not on_gpu else machine.total
    if room is not None and kv_bytes > room:
        raise UsageError(
            f"a context of {total} tokens needs {kv_bytes / 1e9:.1f} GB of memory, and this machine has "
            f"{room / 1e9:.1f} GB for it",
            f"Give a smaller --ctx-size, or none; the model was trained on {model.n_ctx_train} tokens at once.",
        )
    # Each context must hold the longest path that one alone would.
    fit = max(1, total // max(_LEAST, min(total, model.n_ctx_train)))
    if n_contexts is None:
        n_contexts = 1 if on_gpu else -(-n_seq_max // min(n_seq_max, _best_width(model)))
    n_contexts = max(1, min(n_contexts, fit, n_seq_max))
    each = min(threads, 1 + model.parameters // _PARAMETERS_PER_THREAD)
    return ContextPlan(
        n_contexts=n_contexts,
        width=-(-n_seq_max // n_contexts),
        n_ctx=total // n_contexts,
        threads=each,
        workers=min(n_contexts, threads // each),
    )


def _default_context(model: Model | ModelShape, n_seq_max: int) -> int:
    train = model.n_ctx_train
    wanted = max(train, n_seq_max * min(train, _PER_SEQUENCE))
    return max(_LEAST, min(wanted, _KV_LIMIT // model.kv_bytes_per_token))


def _best_width(model: Model | ModelShape) -> int:
    """Rows at which attention over all of them costs about as much as the weights, a multiple of 8."""
    balance = 2 * model.parameters / max(1, model.attention_flops_per_cell * _TYPICAL)
    return max(_NARROWEST, round(balance / _NARROWEST) * _NARROWEST)


def longest_stretch(parameters: int, n_batch: int) -> int:
    """How many given tokens one decode on CPUs may run, of all jobs together.

    >>> longest_stretch(133_440, n_batch=512), longest_stretch(494_000_000, n_batch=512)
    (512, 64)
    """
    rows = int(_FLOPS_PER_DECODE / (2 * parameters)) // 8 * 8
    return min(n_batch, max(_LEAST_STRETCH, rows))


def make_contexts(
    model: Model, wanted: ContextPlan, n_batch: int, stretch: int, flash_attention: bool, *, shrink: bool
) -> list[Context]:
    """All contexts of a plan; with `shrink` of half the size, and so on, where memory is short. Raises TtsError."""
    sequences = min(MAX_SEQUENCES, 2 * wanted.width)  # as many for idle branches as for jobs at work
    outputs = max(64, sequences)  # llama.cpp asserts that there is one for every sequence
    shape = ContextShape(wanted.n_ctx, sequences, n_batch, stretch, outputs, wanted.threads, flash_attention)
    contexts: list[Context] = []
    try:
        for _ in range(wanted.n_contexts):
            contexts.append(Context(model, shape))
    except TtsError:
        for context in contexts:
            context.free()
        if not shrink or wanted.n_ctx < 2 * _LEAST:
            raise
        less = replace(wanted, n_ctx=wanted.n_ctx // 2)
        return make_contexts(model, less, n_batch, stretch, flash_attention, shrink=shrink)
    return contexts


@dataclass(frozen=True, slots=True)
class ContextShape:
    """`n_ctx`: cells of the KV cache. `n_seq`: sequence ids. `n_batch`: rows per decode, `stretch` of them of jobs with
    more than one token to run, `n_outputs` with logits."""

    n_ctx: int
    n_seq: int
    n_batch: int
    stretch: int
    n_outputs: int
    threads: int
    flash_attention: bool


class DecodeInterrupted(Exception):
    """A decode was broken off; it has changed nothing."""


class Context:
    """A KV cache of `n_ctx` cells that `n_seq` sequences share."""

    def __init__(self, model: Model, shape: ContextShape) -> None:
        """Raises TtsError when llama.cpp cannot make a context of this shape."""
        self._api = model.lib.api
        self._lib = model.lib
        self._vocab = model.vocab.n_tokens
        self.shape = shape
        model.lib.forget_errors()
        self.handle = self._api.llama_init_from_model(model.handle, _params(self._api, shape))
        self._memory = self._api.llama_get_memory(self.handle) if self.handle else None
        if not self.handle or not self._memory:
            why = model.lib.last_error() or "not enough memory"
            self.free()
            raise TtsError(
                f"llama.cpp cannot make a context of {shape.n_ctx} tokens for {model.path}: {why}",
                f"Close other programs, or give a smaller --ctx-size (the model was trained on {model.n_ctx_train}).",
            )
        self.n_ctx = int(self._api.llama_n_ctx(self.handle))
        self._rows = _Rows(self._api, shape.n_batch)
        self._abort, self._is_set = ctypes.create_string_buffer(2), abort_callback()  # set: a text that is not empty
        self._api.llama_set_abort_callback(self.handle, self._is_set, ctypes.cast(self._abort, ctypes.c_void_p))

    def free(self) -> None:
        """Free the context; safe to call twice."""
        if self.handle:
            self._api.llama_free(self.handle)
        self.handle = None

    def decode(
        self, tokens: Sequence[int], positions: Sequence[int], seqs: Sequence[int], flags: Sequence[int]
    ) -> bool:
        """Run one batch, a row per token: four columns [rows], all equally long. `flags` 1 asks for a row's logits.
        False: no room, nothing changed. Raises ModelError when llama.cpp fails, DecodeInterrupted after `interrupt`."""
        rows = self._rows.fill(tokens, positions, seqs, flags)
        self._require(rows.token.min() >= 0 and rows.token.max() < self._vocab, "token out of range")
        self._require(rows.seq.min() >= 0 and rows.seq.max() < self.shape.n_seq, "sequence out of range")
        self._require(sum(flags) <= self.shape.n_outputs, "too many rows with logits")
        self._lib.forget_errors()
        code = self._api.llama_decode(self.handle, rows.batch)
        self._abort[0] = b"\0"
        if code == _ABORTED:  # the part of the batch that ran stays in the cells
            for seq, length in dict(reversed(list(zip(seqs, positions, strict=True)))).items():
                self.trim(seq, length)
            raise DecodeInterrupted
        if code not in (0, 1):
            why = self._lib.last_error() or "it gives no reason"
            raise ModelError(f"llama.cpp failed to run the model (code {code}): {why}", "Try a smaller context size.")
        return bool(code == 0)

    def interrupt(self) -> None:
        """From any thread: break off the decode under way, or else the next one. GPUs finish theirs."""
        self._abort[0] = b"x"

    def logits(self, count: int) -> NDArray[np.float32]:
        """The logits [count, n_vocab] of the flagged rows, in order; a view that the next decode overwrites."""
        pointer = self._api.llama_get_logits(self.handle)
        return np.ctypeslib.as_array(pointer, shape=(count, self._vocab))

    def copy(self, source: int, target: int, length: int) -> None:
        """Let `target` share the first `length` tokens of `source`. `target` must be empty."""
        self._require(source != target and 0 <= source < self.shape.n_seq, "bad source sequence")
        # Copying onto a sequence that holds cells would merge the two histories.
        self.trim(target, 0)
        self._api.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def trim(self, seq: int, length: int) -> None:
        """Keep only the first `length` tokens of a sequence."""
        self._require(0 <= seq < self.shape.n_seq, "sequence out of range")
        if not self._api.llama_memory_seq_rm(self._memory, seq, length, -1):
            raise RuntimeError("llama.cpp refused to shorten a sequence")

    def length(self, seq: int) -> int:
        """How many tokens llama.cpp itself says that a sequence holds."""
        self._require(0 <= seq < self.shape.n_seq, "sequence out of range")
        return int(self._api.llama_memory_seq_pos_max(self._memory, seq)) + 1

    def copy_from(self, donor: Context, source: int, target: int) -> bool:
        """Fill the empty `target` with a sequence of another context of this model. False: no room, it stays empty."""
        self.trim(target, 0)
        size = self._api.llama_state_seq_get_size(donor.handle, source)
        state = (ctypes.c_uint8 * size)()
        self._api.llama_state_seq_get_data(donor.handle, state, size, source)
        done = bool(self._api.llama_state_seq_set_data(self.handle, state, size, target))
        if not done:
            self.trim(target, 0)
        return done

    def _require(self, condition: bool, what: str) -> None:
        if not condition or not self.handle:
            raise RuntimeError(f"engine: {what}" if self.handle else "engine: the context is closed")


def _params(api: Any, shape: ContextShape) -> Any:
    params = api.llama_context_default_params()
    params.n_ctx, params.n_seq_max = max(shape.n_ctx, _LEAST), shape.n_seq
    params.kv_unified = True
    params.n_batch, params.n_outputs_max = max(shape.n_batch, shape.n_outputs), shape.n_outputs
    # Without flash attention the score matrix, rows x cells x heads, is kept whole: fewer rows at once bound it.
    params.n_ubatch = min(params.n_batch, 512 if shape.flash_attention else 128)
    params.n_threads = params.n_threads_batch = shape.threads
    params.flash_attn_type = int(shape.flash_attention)
    return params


class _Rows:
    """A llama_batch over numpy columns [n_batch] of our own: filled by whole columns, freed with this object."""

    def __init__(self, api: Any, n_batch: int) -> None:
        self._n_batch = n_batch
        self._token = np.zeros(n_batch, np.int32)
        self._pos = np.zeros(n_batch, np.int32)
        self._count = np.ones(n_batch, np.int32)
        self._seq = np.zeros(n_batch, np.int32)
        self._flag = np.zeros(n_batch, np.int8)
        # Row i's list of sequence ids is one element long: its address lies in self._seq.
        self._address = (self._seq.ctypes.data + 4 * np.arange(n_batch)).astype(np.uintp)
        self.batch = api.llama_batch()
        for name, column in (
            ("token", self._token),
            ("pos", self._pos),
            ("n_seq_id", self._count),
            ("seq_id", self._address),
            ("logits", self._flag),
        ):
            kind = dict(api.llama_batch._fields_)[name]
            setattr(self.batch, name, ctypes.cast(column.ctypes.data, kind))
        self.token, self.seq = self._token[:0], self._seq[:0]

    def fill(self, tokens: Sequence[int], positions: Sequence[int], seqs: Sequence[int], flags: Sequence[int]) -> _Rows:
        n = len(tokens)
        if not 0 < n <= self._n_batch:
            raise RuntimeError(f"engine: a batch of {n} rows, at most {self._n_batch} fit")
        self._token[:n], self._pos[:n], self._seq[:n], self._flag[:n] = tokens, positions, seqs, flags
        self.batch.n_tokens = n
        self.token, self.seq = self._token[:n], self._seq[:n]
        return self
