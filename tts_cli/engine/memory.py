"""How much main memory models take on CPUs, predicted from the headers of their files before anything is loaded.

1. Weights: llama.cpp maps the file and touches all of it. Of some types it makes a second, rearranged copy for the
   CPU's matrix kernels, and the pages of the file stay mapped.
2. KV cache and outputs (logits) are cleared when they are made, so they are there in full from the start.
3. Compute: the buffer for what one micro-batch needs on its way through the model. Its size is that of the worst of
   three moments: attention, feed-forward, output. Without flash attention the scores decide, rows x cells x heads.
4. Other: the tokenizer's tables.

Only pages of the mapped file can be dropped and read again, which is slow, but for those of which there is a copy:
they are done with. Everything else (`Footprint.pinned`) has to stay. `python -m benchmarks.memory` compares this with
what is measured, tests/engine/test_memory.py with the sizes that llama.cpp logs.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from tts_cli.engine.gguf_header import Header, read_header
from tts_cli.engine.plan import Layout, plan, sizes

PROGRAM = 56 << 20
"""Bytes of the program itself: Python with numpy and llama.cpp, before any model."""

_F16, _F32, _INDEX = 2, 4, 8  # bytes
_PAD = 256  # cells: llama.cpp rounds the KV cache of each stream up to this
_PER_TOKEN = 330  # bytes of the tokenizer's tables for each token of the vocabulary, measured
_PER_CONTEXT = 3 << 20  # bytes: graphs and scratch, measured
# ggml types of which llama.cpp makes a rearranged copy (ggml-cpu/repack.cpp)
_REPACKED_X86 = (2, 12, 20, 39)  # Q4_0, Q4_K, IQ4_NL, MXFP4, with AVX2
_REPACKED_ARM = (*_REPACKED_X86, 8, 13, 14)  # and Q8_0, Q5_K, Q6_K


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a model, by its header: what `plan` wants to know of it, and what its buffers depend on.
    `mapped`: bytes of the weights in its file, `repacked`: of the rearranged copy. `n_swa`: window of attention."""

    parameters: int
    vocabulary: int
    n_ctx_train: int
    layers: int
    width: int
    heads: int
    query_width: int
    kv_width: int
    feed_forward: int
    n_swa: int
    mapped: int
    repacked: int

    @classmethod
    def of(cls, header: Header, *, repacks: bool = True) -> Self:
        """`repacks` False: llama.cpp runs without its extra weight buffers."""

        def number(key: str, default: int) -> int:
            found = header.metadata.get(f"{header.architecture}.{key}", default)
            return int(found) if isinstance(found, int | float) else default

        width, heads = number("embedding_length", 1), max(1, number("attention.head_count", 1))
        key_width = number("attention.key_length", width // heads)
        experts = number("expert_used_count", 0) * number("expert_feed_forward_length", 0)
        return cls(
            parameters=header.parameters,
            vocabulary=header.vocabulary or number("vocab_size", 0),
            n_ctx_train=number("context_length", _PAD),
            layers=number("block_count", 1),
            width=width,
            heads=heads,
            query_width=heads * key_width,
            kv_width=number("attention.head_count_kv", heads) * key_width,
            feed_forward=max(number("feed_forward_length", 4 * width), experts),
            n_swa=number("attention.sliding_window", 0),
            mapped=header.weights,
            repacked=sum(header.matrices.get(kind, 0) for kind in _repacked_types()) if repacks else 0,
        )

    @property
    def kv_bytes_per_token(self) -> int:
        """Of keys and values as 16-bit floats."""
        return max(1, 2 * _F16 * self.layers * self.kv_width)

    @property
    def attention_flops_per_cell(self) -> int:
        """Per KV cell and row."""
        return 4 * self.layers * self.query_width


@dataclass(frozen=True, slots=True)
class ContextSize:
    """One llama.cpp context, or `count` equal ones: `n_ctx` cells in all, which `n_seq` sequences share, or of which
    each has its own stream. `n_ubatch`: rows of a micro-batch, `n_outputs` of a batch with logits. `saved`: bytes of
    the states of idle sequences that are kept outside of it, at most."""

    n_ctx: int
    n_seq: int
    n_ubatch: int
    n_outputs: int
    unified: bool = True
    flash_attention: bool = False
    count: int = 1
    saved: int = 0

    @property
    def cells(self) -> int:
        """Of one sequence's stream, or of the one that all share."""
        return -(-(self.n_ctx if self.unified else self.n_ctx // self.n_seq) // _PAD) * _PAD

    @property
    def rows(self) -> int:
        """Of a micro-batch at most; llama.cpp rounds them up to a multiple of the sequences."""
        return -(-min(self.n_ubatch, self.n_ctx) // self.n_seq) * self.n_seq


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of main memory at most, on CPUs. `mapped`: of the weights, what can be dropped and read again; `copied`: of
    that, what is rearranged while the model is loaded and never read again."""

    weights: int
    mapped: int
    copied: int
    kv: int
    compute: int
    outputs: int
    other: int

    @property
    def total(self) -> int:
        """Everything, the program itself apart: what the system may show at its peak."""
        return self.weights + self.kv + self.compute + self.outputs + self.other

    @property
    def lasting(self) -> int:
        """What is in use while the model runs."""
        return self.total - self.copied

    @property
    def pinned(self) -> int:
        """What cannot be dropped."""
        return self.total - self.mapped

    def __add__(self, other: Self) -> Footprint:
        return Footprint(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def __str__(self) -> str:
        work = self.compute + self.outputs + self.other
        parts = f"weights {_gb(self.weights - self.copied)}, context {_gb(self.kv)}, work {_gb(work)}"
        return f"{_gb(self.lasting)} GB ({parts})"


def predict(path: Path, *, n_ctx: int = 0, n_seq_max: int = 64, threads: int = 1, repacks: bool = True) -> Footprint:
    """Of an Engine with these settings on CPUs. Raises ModelError for a file that is no whole GGUF model, UsageError
    for a context that cannot fit."""
    shape = ModelShape.of(read_header(path), repacks=repacks)
    return footprint(shape, planned(shape, n_ctx, n_seq_max, threads))


def planned(shape: ModelShape, n_ctx: int, n_seq_max: int, threads: int, layout: Layout | None = None) -> ContextSize:
    """The contexts that an Engine would make, streams with as many as it may come to (but of their first length)."""
    wanted = plan(shape, n_ctx, n_seq_max, threads, None, on_gpu=False, layout=layout)
    sequences, n_ubatch, n_outputs = sizes(wanted)
    streams = wanted.layout == "streams"  # a policy's: its jobs ask for one row each, so that more is never touched
    return ContextSize(
        n_ctx=wanted.n_ctx,
        n_seq=sequences,
        n_ubatch=n_ubatch,
        n_outputs=sequences if streams else n_outputs,
        unified=not streams,
        flash_attention=wanted.flash_attention,
        count=wanted.n_contexts,
    )


def footprint(shape: ModelShape, *contexts: ContextSize) -> Footprint:
    """Of one loaded model with all of its contexts: two where it is policy and PRM at once."""
    return Footprint(
        weights=shape.mapped + shape.repacked,
        mapped=shape.mapped,
        copied=shape.repacked,
        kv=sum(context.count * kv_bytes(shape, context) for context in contexts),
        compute=sum(context.count * compute_bytes(shape, context) for context in contexts),
        outputs=sum(context.count * output_bytes(shape, context) for context in contexts),
        other=_PER_TOKEN * shape.vocabulary + sum(context.count * _PER_CONTEXT + context.saved for context in contexts),
    )


def kv_bytes(shape: ModelShape, context: ContextSize) -> int:
    """Of the KV cache of one context."""
    return context.cells * (1 if context.unified else context.n_seq) * shape.kv_bytes_per_token


def output_bytes(shape: ModelShape, context: ContextSize) -> int:
    """Of the logits that one context hands out."""
    return _F32 * shape.vocabulary * max(context.n_seq, context.n_outputs)


def compute_bytes(shape: ModelShape, context: ContextSize) -> int:
    """Of the buffer that one context computes in: of its worst moment. Which tensors live at the same time was found
    out with llama.cpp's own dry run (`no_alloc`), for 2,064 contexts of four models: it is 95 to 109 % of its sizes."""
    rows, cells, flash = context.rows, context.cells, context.flash_attention
    outputs = min(context.n_outputs, rows)
    mask = rows * cells * (_F16 if flash else _F32)
    # Values are stored transposed without flash attention, each element at an index of its own.
    inputs = mask + rows * (_INDEX * (1 if flash else shape.kv_width) + 4 * _F32) + _F32 * outputs
    scores = 0 if flash else _F32 * rows * cells * shape.heads
    attention = inputs + scores + _F32 * rows * (2 * shape.width + 3 * shape.query_width)
    feed_forward = inputs + _F32 * rows * (4 * shape.width + 3 * shape.feed_forward)
    output = _F32 * (outputs * shape.vocabulary + 2 * rows * shape.width)
    return max(attention, feed_forward, output)


def _repacked_types() -> tuple[int, ...]:
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        return _REPACKED_X86
    return _REPACKED_ARM if machine in ("arm64", "aarch64") else ()


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f}"
