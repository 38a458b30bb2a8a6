"""The limit: a loop around llama_decode and nothing else, on a context that holds `width` sequences of `depth` tokens.

Every row asks for its logits, every sequence has cells of its own. One prompt is run, and its state is copied to the
other sequences: the cells are as many as if each had been run.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tts_cli.engine.model import Model

_BATCH = 512
_PAD = 256  # llama.cpp rounds a sequence's cells up to this


@dataclass(frozen=True, slots=True)
class Layout:
    """`streams`: a KV buffer per sequence, else one for all."""

    streams: bool
    flash_attention: bool

    @property
    def name(self) -> str:
        return f"bare, {'streams' if self.streams else 'unified'}{', flash' if self.flash_attention else ''}"


LAYOUTS = [Layout(streams, flash) for streams in (False, True) for flash in (False, True)]


class Bare:
    """One context, filled; `run` decodes and takes the cells back. Raises RuntimeError when llama.cpp refuses."""

    def __init__(self, model: Model, layout: Layout, width: int, depth: int, room: int, threads: int) -> None:
        """`room`: tokens per sequence after the prompt."""
        self._api = model.lib.api
        self._width, self._depth = width, depth
        self._tokens = np.random.default_rng(0).integers(0, min(model.vocab.n_tokens, 50_000), depth + room)
        params = self._params(layout, width, depth + room, threads)
        self._handle = self._api.llama_init_from_model(model.handle, params)
        if not self._handle:
            raise RuntimeError(f"llama.cpp makes no context: {model.lib.last_error()}")
        self._memory = self._api.llama_get_memory(self._handle)
        self._batch = self._api.llama_batch_init(_BATCH, 0, 1)
        self._fill()

    def run(self, decodes: int) -> float:
        """Seconds that so many decodes of `width` rows take."""
        self._step(0)
        begin = time.perf_counter()
        for i in range(1, decodes + 1):
            self._step(i)
        seconds = time.perf_counter() - begin
        for seq in range(self._width):
            self._api.llama_memory_seq_rm(self._memory, seq, self._depth, -1)
        return seconds

    def close(self) -> None:
        self._api.llama_batch_free(self._batch)
        self._api.llama_free(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _params(self, layout: Layout, width: int, length: int, threads: int) -> Any:
        params = self._api.llama_context_default_params()
        params.n_ctx = -(-(length + 1) // _PAD) * _PAD * width
        params.n_seq_max, params.kv_unified = width, not layout.streams
        params.n_batch = params.n_ubatch = _BATCH
        params.n_outputs_max = max(64, width)
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = int(layout.flash_attention)
        return params

    def _fill(self) -> None:
        for begin in range(0, self._depth, _BATCH):
            positions = range(begin, min(begin + _BATCH, self._depth))
            self._decode([(position, 0, False) for position in positions])
        size = self._api.llama_state_seq_get_size(self._handle, 0)
        state = (ctypes.c_uint8 * size)()
        self._api.llama_state_seq_get_data(self._handle, state, size, 0)
        for seq in range(1, self._width):
            if not self._api.llama_state_seq_set_data(self._handle, state, size, seq):
                raise RuntimeError("llama.cpp copies no state")

    def _step(self, i: int) -> None:
        self._decode([(self._depth + i, seq, True) for seq in range(self._width)])
        self._api.llama_get_logits(self._handle)

    def _decode(self, rows: list[tuple[int, int, bool]]) -> None:
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, (position, seq, marked) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = int(self._tokens[position]), position, 1
            batch.seq_id[i][0], batch.logits[i] = seq, marked
        if self._api.llama_decode(self._handle, batch):
            raise RuntimeError("llama.cpp refuses a batch")
