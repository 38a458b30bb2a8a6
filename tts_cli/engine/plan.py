"""How large a KV cache is made, how it is laid out, and over how many contexts the work is spread.

1. Layout. A small model's sequences share one pool of cells (`unified`): forks cost nothing, but attention runs over
   the cells of all of them, masked ones too. A large policy on CPUs gets a stream of cells for each sequence
   (`streams`, see streams.py): at 450 tokens and 16 rows that is 1.7 times as fast. A large PRM, which forks at every
   step and runs many tokens at once, stays unified, with flash attention, which passes over masked cells. GPUs:
   likewise.
   Flash attention is not chosen for streams: it is a few per cent faster over short texts there, but what it computes
   depends on the number of threads where a decode has one row; without it neither threads nor what shares a batch
   change a bit of a quantized model's logits.
2. Size, where the user gives none. Unified: room for every sequence to hold 512 tokens (or the trained length, if
   less), at least one path of the trained length, at most 1 GiB of keys and values. Streams: few and short at first;
   they grow with what they hold, and more are made for more work, as many as asked for, within 1 GiB while they are
   short.
3. Contexts: 64 sequences of a tiny model are better run as 8 contexts of 8, as attention costs more than its weights.
   A large model gets one context, because running its weights once for all rows saves more.
4. Threads: those that share one decode of a tiny model wait for each other longer than they work, and on a busy machine
   very much longer. So a tiny model's contexts run at the same time instead, each in one thread.
5. Rows: limits of time and Ctrl-C are looked at between decodes, so no decode may take long. Prompts, and steps that
   are run again, go through a large model on CPUs some rows at a time (`longest_stretch`): little is lost, as few rows
   keep the CPUs busy. How many depends on the model alone, so that runs repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tts_cli.engine.context import LEAST_CELLS, MAX_SEQUENCES, Context, ContextShape
from tts_cli.engine.library import memory
from tts_cli.engine.model import Model
from tts_cli.errors import TtsError, UsageError

if TYPE_CHECKING:
    from tts_cli.engine.memory import ModelShape

Layout = Literal["unified", "streams"]

_PER_SEQUENCE = 512  # tokens
_KV_LIMIT = 1 << 30  # bytes
_KV_SHARE = 8  # streams may grow to this part of the memory
_FIRST_STREAM = 768  # tokens of a stream at first: most solutions with their problems
FIRST_STREAMS = 4  # as long as no more are at work
_FEWEST_STREAMS = 16  # rows that CPUs want, at the cost of shorter streams
_TYPICAL = 128  # tokens that one sequence holds alone, on average
_PARAMETERS_PER_THREAD = 10_000_000
_LARGE = 50_000_000  # parameters
_NARROWEST = 8  # rows: fewer do not fill a matrix product
_FLOPS_PER_DECODE = 128e9  # of given tokens: one to two seconds on two cores, if it is not interrupted
_LEAST_STRETCH = 32  # rows: about where the weights cost more to read than to multiply with


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """`n_contexts` contexts, each of `n_ctx` cells at first and `n_ctx_limit` at most (they differ for streams only),
    `width` jobs and `threads`; `workers` of them decode at a time. `given`: the number of cells is the user's."""

    layout: Layout
    flash_attention: bool
    n_contexts: int
    width: int
    n_ctx: int
    n_ctx_limit: int
    threads: int
    workers: int
    given: bool = False


def plan(
    model: Model | ModelShape,
    n_ctx: int,
    n_seq_max: int,
    threads: int,
    n_contexts: int | None,
    *,
    on_gpu: bool,
    layout: Layout | None = None,
    flash_attention: bool | None = None,
) -> ContextPlan:
    """The plan for `n_ctx` tokens in all (0: choose), `threads` in all and `n_contexts` (None: choose).
    Raises UsageError when they cannot fit into memory."""
    large = on_gpu or model.parameters >= _LARGE
    layout = layout or ("streams" if large and not on_gpu and model.n_swa == 0 else "unified")
    if layout == "streams":
        return _streams(model, n_ctx, n_seq_max, threads, bool(flash_attention))
    total = n_ctx or _default_context(model, n_seq_max)
    _check_room(model, total, given=n_ctx > 0, on_gpu=on_gpu)
    # Each context must hold the longest path that one alone would.
    fit = max(1, total // max(LEAST_CELLS, min(total, model.n_ctx_train)))
    if n_contexts is None:
        n_contexts = 1 if on_gpu else -(-n_seq_max // min(n_seq_max, _best_width(model)))
    n_contexts = max(1, min(n_contexts, fit, n_seq_max))
    each = min(threads, 1 + model.parameters // _PARAMETERS_PER_THREAD)
    return ContextPlan(
        layout=layout,
        flash_attention=large if flash_attention is None else flash_attention,
        n_contexts=n_contexts,
        width=-(-n_seq_max // n_contexts),
        n_ctx=total // n_contexts,
        n_ctx_limit=total // n_contexts,
        threads=each,
        workers=min(n_contexts, threads // each),
        given=n_ctx > 0,
    )


def _streams(model: Model | ModelShape, n_ctx: int, n_seq_max: int, threads: int, flash_attention: bool) -> ContextPlan:
    machine = memory()
    most = min(machine.total, max(_KV_LIMIT, machine.total // _KV_SHARE)) if machine else _KV_LIMIT
    limit = n_ctx or max(LEAST_CELLS, most // model.kv_bytes_per_token)
    _check_room(model, limit, given=n_ctx > 0, on_gpu=False)
    cells = min(limit, max(LEAST_CELLS, _KV_LIMIT // model.kv_bytes_per_token))
    first = min(_FIRST_STREAM, _padded(model.n_ctx_train))
    if cells < first * min(n_seq_max, _FEWEST_STREAMS):
        first = max(LEAST_CELLS, cells // min(n_seq_max, _FEWEST_STREAMS) // LEAST_CELLS * LEAST_CELLS)
    width = max(1, min(n_seq_max, cells // first))
    return ContextPlan(
        layout="streams",
        flash_attention=flash_attention,
        n_contexts=1,
        width=width,
        n_ctx=width * min(first, limit),
        n_ctx_limit=limit,
        threads=threads,
        workers=1,
        given=n_ctx > 0,
    )


def _check_room(model: Model | ModelShape, total: int, *, given: bool, on_gpu: bool) -> None:
    machine, kv_bytes = memory(), total * model.kv_bytes_per_token
    # The system may hand out more memory than it has, and end the process once llama.cpp touches it.
    room = None if machine is None else machine.available if given and not on_gpu else machine.total
    if room is not None and kv_bytes > room:
        raise UsageError(
            f"a context of {total} tokens needs {kv_bytes / 1e9:.1f} GB of memory, and this machine has "
            f"{room / 1e9:.1f} GB for it",
            f"Give a smaller --ctx-size, or none; the model was trained on {model.n_ctx_train} tokens at once.",
        )


def _default_context(model: Model | ModelShape, n_seq_max: int) -> int:
    train = model.n_ctx_train
    wanted = max(train, n_seq_max * min(train, _PER_SEQUENCE))
    return max(LEAST_CELLS, min(wanted, _KV_LIMIT // model.kv_bytes_per_token))


def _best_width(model: Model | ModelShape) -> int:
    """Rows at which attention over all of them costs about as much as the weights, a multiple of 8."""
    balance = 2 * model.parameters / max(1, model.attention_flops_per_cell * _TYPICAL)
    return max(_NARROWEST, round(balance / _NARROWEST) * _NARROWEST)


def _padded(tokens: int) -> int:
    return -(-tokens // LEAST_CELLS) * LEAST_CELLS


def longest_stretch(parameters: int, n_batch: int) -> int:
    """How many given tokens one decode on CPUs may run, of all jobs together.

    >>> longest_stretch(133_440, n_batch=512), longest_stretch(494_000_000, n_batch=512)
    (512, 128)
    """
    rows = int(_FLOPS_PER_DECODE / (2 * parameters)) // 8 * 8
    return min(n_batch, max(_LEAST_STRETCH, rows))


def make_contexts(model: Model, wanted: ContextPlan, n_batch: int, stretch: int) -> list[Context]:
    """All contexts of a plan. Where llama.cpp makes none with flash attention, which not every model can do, without;
    where memory is short, of half the size, and so on, unless the size is the user's. Raises TtsError."""
    for flash_attention in (True, False) if wanted.flash_attention else (False,):
        try:
            return _make_all(model, _shape(replace(wanted, flash_attention=flash_attention), n_batch, stretch), wanted)
        except TtsError:
            if not flash_attention and (wanted.given or wanted.n_ctx < 2 * LEAST_CELLS):
                raise
    return make_contexts(model, replace(wanted, n_ctx=wanted.n_ctx // 2), n_batch, stretch)


def _make_all(model: Model, shape: ContextShape, wanted: ContextPlan) -> list[Context]:
    contexts: list[Context] = []
    try:
        for _ in range(wanted.n_contexts):
            contexts.append(Context(model, shape))
    except TtsError:
        for context in contexts:
            context.free()
        raise
    return contexts


def sizes(wanted: ContextPlan) -> tuple[int, int, int]:
    """Sequences of a context in the end, rows of a micro-batch, and rows with logits."""
    # Of a unified pool, as many sequences for idle branches as for jobs at work; streams are saved when they are idle.
    sequences = wanted.width if wanted.layout == "streams" else min(MAX_SEQUENCES, 2 * wanted.width)
    # Without flash attention the score matrix, rows x cells x heads, is kept whole: fewer rows at once bound it.
    n_ubatch = 512 if wanted.flash_attention else 128
    return sequences, n_ubatch, max(64, sequences)  # llama.cpp asserts that there is an output for every sequence


def _shape(wanted: ContextPlan, n_batch: int, stretch: int) -> ContextShape:
    sequences, n_ubatch, n_outputs = sizes(wanted)
    n_ctx, streams = wanted.n_ctx, wanted.layout == "streams"
    if streams:
        first = min(FIRST_STREAMS, sequences)
        n_ctx, sequences = n_ctx // sequences * first, first
    return ContextShape(
        n_ctx=n_ctx,
        n_seq=sequences,
        n_batch=n_batch,
        n_ubatch=n_ubatch,
        stretch=stretch,
        n_outputs=n_outputs,
        threads=wanted.threads,
        flash_attention=wanted.flash_attention,
        streams=streams,
    )
