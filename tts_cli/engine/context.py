"""One llama.cpp context with a unified KV cache, behind guarded calls.

llama.cpp answers many wrong calls by ending the process; every such precondition is checked here first, in Python.
What the cells hold is kept by `cells.py`; who needs them is decided by `scheduler.py`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine.model import Model
from tts_cli.errors import ModelError

MAX_SEQUENCES = 256  # LLAMA_MAX_SEQ
_SMALLEST = 256  # tokens: llama.cpp pads the KV cache to this


@dataclass(frozen=True, slots=True)
class ContextShape:
    """`n_ctx`: cells of the KV cache. `n_seq`: sequence ids. `n_batch`, `n_outputs`: rows per decode, and of
    these rows with logits."""

    n_ctx: int
    n_seq: int
    n_batch: int
    n_outputs: int
    threads: int
    flash_attention: bool


class Context:
    """A KV cache of `n_ctx` cells that `n_seq` sequences share."""

    def __init__(self, model: Model, shape: ContextShape) -> None:
        """Raises ModelError when llama.cpp cannot make a context of this shape."""
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
            raise ModelError(
                f"llama.cpp cannot make a context of {shape.n_ctx} tokens for {model.path}: {why}",
                "Give a smaller context size, or close other programs.",
            )
        self.n_ctx = int(self._api.llama_n_ctx(self.handle))
        self._rows = _Rows(self._api, shape.n_batch)

    def free(self) -> None:
        """Free the context; safe to call twice."""
        if self.handle:
            self._api.llama_free(self.handle)
        self.handle = None

    def decode(
        self, tokens: Sequence[int], positions: Sequence[int], seqs: Sequence[int], flags: Sequence[int]
    ) -> bool:
        """Run one batch, a row per token; `flags` 1 asks for the row's logits. False: no room, nothing changed.

        Raises ModelError when llama.cpp fails.
        """
        rows = self._rows.fill(tokens, positions, seqs, flags)
        self._require(rows.token.min() >= 0 and rows.token.max() < self._vocab, "token out of range")
        self._require(rows.seq.min() >= 0 and rows.seq.max() < self.shape.n_seq, "sequence out of range")
        self._require(sum(flags) <= self.shape.n_outputs, "too many rows with logits")
        self._lib.forget_errors()
        code = self._api.llama_decode(self.handle, rows.batch)
        if code not in (0, 1):
            why = self._lib.last_error() or "it gives no reason"
            raise ModelError(f"llama.cpp failed to run the model (code {code}): {why}", "Try a smaller context size.")
        return bool(code == 0)

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
    params.n_ctx, params.n_seq_max = max(shape.n_ctx, _SMALLEST), shape.n_seq
    params.kv_unified = True
    params.n_batch, params.n_outputs_max = max(shape.n_batch, shape.n_outputs), shape.n_outputs
    # Without flash attention the score matrix, rows x cells x heads, is kept whole: fewer rows at once bound it.
    params.n_ubatch = min(params.n_batch, 512 if shape.flash_attention else 128)
    params.n_threads = params.n_threads_batch = shape.threads
    params.flash_attn_type = int(shape.flash_attention)
    return params


class _Rows:
    """A llama_batch over numpy arrays of our own: filled by whole columns, freed with this object."""

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
