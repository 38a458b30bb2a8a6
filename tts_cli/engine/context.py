"""One llama.cpp context behind guarded calls.

llama.cpp answers many wrong calls by ending the process; `Context` checks every such precondition first. How large it
is made, and how it is laid out, is decided in `plan.py`; what its cells hold is mirrored in `pool.py` (one pool for all
sequences) and `streams.py` (a stream for each); who needs them is decided in `scheduler.py`.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine.library import abort_callback
from tts_cli.engine.model import Model
from tts_cli.engine.pace import Pace
from tts_cli.errors import ModelError, TtsError

MAX_SEQUENCES = 256  # LLAMA_MAX_SEQ
_ABORTED = 2  # llama_decode
LEAST_CELLS = 256  # tokens: llama.cpp pads a KV cache to this


@dataclass(frozen=True, slots=True)
class ContextShape:
    """`n_ctx`: cells of the KV cache. `n_seq`: sequence ids, each with a stream of cells of its own, of equal length,
    where `streams`. `n_batch`: rows per decode, `n_ubatch` of them at a time, `stretch` of jobs with more than one
    token to run, `n_outputs` with logits."""

    n_ctx: int
    n_seq: int
    n_batch: int
    n_ubatch: int
    stretch: int
    n_outputs: int
    threads: int
    flash_attention: bool
    streams: bool = False


@dataclass(slots=True)
class Work:
    """What a context, or an engine, has done: guarded by tests in place of times. `seconds`: in llama_decode."""

    decodes: int = 0
    rows: int = 0
    forks: int = 0  # sequences that began as a copy of another's cells
    copied_bytes: int = 0  # of keys and values, between streams and to or from saved states
    seconds: float = 0.0


class DecodeInterrupted(Exception):
    """A decode was broken off; it has changed nothing."""


class Context:
    """A KV cache of `n_ctx` cells for `n_seq` sequences."""

    def __init__(self, model: Model, shape: ContextShape) -> None:
        """Raises TtsError when llama.cpp cannot make a context of this shape."""
        self._api = model.lib.api
        self._lib = model.lib
        self._model = model
        self._vocab = model.vocab.n_tokens
        self.shape = shape
        self.work = Work()
        self.pace = Pace(shape.threads, adapts=True)
        self._rows = _Rows(self._api, shape.n_batch)
        self._abort, self._is_set = ctypes.create_string_buffer(2), abort_callback()  # set: a text that is not empty
        self._make()

    def _make(self) -> None:
        shape, model = self.shape, self._model
        self._lib.forget_errors()
        self.handle = self._api.llama_init_from_model(model.handle, _params(self._api, shape))
        self._memory = self._api.llama_get_memory(self.handle) if self.handle else None
        if not self.handle or not self._memory:
            why = self._lib.last_error() or "not enough memory"
            self.free()
            raise TtsError(
                f"llama.cpp cannot make a context of {shape.n_ctx} tokens for {model.path}: {why}",
                f"Close other programs, or give a smaller --ctx-size (the model was trained on {model.n_ctx_train}).",
            )
        self.n_ctx, self._threads = int(self._api.llama_n_ctx(self.handle)), shape.threads
        self._hidden = False
        self._api.llama_set_abort_callback(self.handle, self._is_set, ctypes.cast(self._abort, ctypes.c_void_p))

    def remake(self, n_ctx: int, n_seq: int) -> None:
        """Begin anew with so many cells and sequences; nothing stays in the cells. Raises TtsError."""
        self.free()
        self.shape = replace(self.shape, n_ctx=n_ctx, n_seq=n_seq)
        self._make()

    def free(self) -> None:
        """Free the context; safe to call twice."""
        if self.handle:
            self._api.llama_free(self.handle)
        self.handle = None

    def decode(
        self,
        tokens: Sequence[int],
        positions: Sequence[int],
        seqs: Sequence[int],
        flags: Sequence[int],
        hidden: bool = False,
    ) -> bool:
        """Run one batch, a row per token: four columns [rows], all equally long. `flags` 1 asks for a row's logits.
        `hidden` asks for hidden states as well: llama.cpp then makes an output of every row, so all must be flagged.
        False: no room, nothing changed. Raises ModelError when llama.cpp fails, DecodeInterrupted after `interrupt`."""
        rows = self._rows.fill(tokens, positions, seqs, flags)
        self._require(rows.token.min() >= 0 and rows.token.max() < self._vocab, "token out of range")
        self._require(rows.seq.min() >= 0 and rows.seq.max() < self.shape.n_seq, "sequence out of range")
        self._require(sum(flags) <= self.shape.n_outputs, "too many rows with logits")
        self._require(not hidden or all(flags), "hidden states are there for rows with logits only")
        if hidden != self._hidden:
            self._api.llama_set_embeddings(self.handle, hidden)
            self._hidden = hidden
        self._lib.forget_errors()
        code = self._timed_decode(rows.batch, len(tokens))
        self._abort[0] = b"\0"
        if code == _ABORTED:  # the part of the batch that ran stays in the cells
            for seq, length in dict(reversed(list(zip(seqs, positions, strict=True)))).items():
                self.trim(seq, length)
            raise DecodeInterrupted
        if code not in (0, 1):
            why = self._lib.last_error() or "it gives no reason"
            raise ModelError(f"llama.cpp failed to run the model (code {code}): {why}", "Try a smaller context size.")
        if code == 0:
            self.work.decodes += 1
            self.work.rows += len(tokens)
        return bool(code == 0)

    def _timed_decode(self, batch: Any, rows: int) -> int:
        threads = self.shape.threads
        if rows > 1 or not self.shape.flash_attention:  # else the number of threads would change the logits
            threads = self.pace.threads_for(rows)
        if threads != self._threads:
            self._api.llama_set_n_threads(self.handle, threads, threads)
            self._threads = threads
        begin = time.perf_counter()
        code = int(self._api.llama_decode(self.handle, batch))
        seconds = time.perf_counter() - begin
        self.work.seconds += seconds
        self.pace.observe(rows, threads, seconds)
        return code

    def interrupt(self) -> None:
        """From any thread: break off the decode under way, or else the next one. GPUs finish theirs."""
        self._abort[0] = b"x"

    def logits(self, count: int) -> NDArray[np.float32]:
        """The logits [count, n_vocab] of the flagged rows, in order; a view that the next decode overwrites."""
        pointer = self._api.llama_get_logits(self.handle)
        return np.ctypeslib.as_array(pointer, shape=(count, self._vocab))

    def hidden(self, count: int) -> NDArray[np.float32]:
        """The hidden states [count, n_embd] after the final norm, of a decode asked for them; a view as above."""
        pointer = self._api.llama_get_embeddings(self.handle)
        return np.ctypeslib.as_array(pointer, shape=(count, self._model.n_embd))

    def copy(self, source: int, target: int, length: int) -> None:
        """Let `target` share the first `length` tokens of `source`. `target` must be empty."""
        self._require(source != target and 0 <= source < self.shape.n_seq, "bad source sequence")
        self._require(not self.shape.streams, "streams are copied by save and load")
        # Copying onto a sequence that holds cells would merge the two histories.
        self.trim(target, 0)
        self._api.llama_memory_seq_cp(self._memory, source, target, 0, length)
        self.work.forks += 1

    def trim(self, seq: int, length: int) -> None:
        """Keep only the first `length` tokens of a sequence."""
        self._require(0 <= seq < self.shape.n_seq, "sequence out of range")
        if not self._api.llama_memory_seq_rm(self._memory, seq, length, -1):
            raise RuntimeError("llama.cpp refused to shorten a sequence")

    def length(self, seq: int) -> int:
        """How many tokens llama.cpp itself says that a sequence holds."""
        self._require(0 <= seq < self.shape.n_seq, "sequence out of range")
        return int(self._api.llama_memory_seq_pos_max(self._memory, seq)) + 1

    def save(self, seq: int) -> NDArray[np.uint8]:
        """What a sequence holds, as bytes that `load` understands, of this context or one of the same layout."""
        self._require(0 <= seq < self.shape.n_seq, "sequence out of range")
        state = np.empty(self._api.llama_state_seq_get_size(self.handle, seq), np.uint8)
        self._api.llama_state_seq_get_data(self.handle, _bytes(state), state.size, seq)
        self.work.copied_bytes += state.size
        return state

    def load(self, state: NDArray[np.uint8], seq: int) -> bool:
        """Fill a sequence with what was saved. False: no room, or another layout; it is then empty."""
        self.trim(seq, 0)
        done = bool(self._api.llama_state_seq_set_data(self.handle, _bytes(state), state.size, seq))
        if not done:
            self.trim(seq, 0)
        self.work.copied_bytes += state.size
        return done

    def _require(self, condition: bool, what: str) -> None:
        if not condition or not self.handle:
            raise RuntimeError(f"engine: {what}" if self.handle else "engine: the context is closed")


def _params(api: Any, shape: ContextShape) -> Any:
    params = api.llama_context_default_params()
    params.n_ctx, params.n_seq_max = max(shape.n_ctx, LEAST_CELLS), shape.n_seq
    params.kv_unified = not shape.streams
    params.n_batch, params.n_outputs_max = max(shape.n_batch, shape.n_outputs), shape.n_outputs
    params.n_ubatch = min(params.n_batch, shape.n_ubatch)
    params.n_threads = params.n_threads_batch = shape.threads
    params.flash_attn_type = int(shape.flash_attention)
    return params


def _bytes(array: NDArray[np.uint8]) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


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
