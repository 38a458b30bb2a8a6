"""How large a KV cache is made, and over how many contexts the work is spread.

Size, where the user gives none: room for every sequence to hold 512 tokens (or the trained length, if less), at least
one path of the trained length, at most 1 GiB of keys and values.

Lanes: attention runs over the cells of all sequences of a context, masked ones too. For a tiny model with many
sequences this costs more than its weights: 64 sequences are then better run as 8 contexts of 8. A large model gets
one lane, because running its weights once for all rows saves more.

Threads: those that share one decode of a tiny model wait for each other longer than they work, and on a busy machine
very much longer. So a tiny model's lanes run at the same time instead, each in one thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from tts_cli.engine.model import Model
from tts_cli.errors import ModelError

_PER_SEQUENCE = 512  # tokens
_KV_LIMIT = 1 << 30  # bytes
_LEAST = 256  # tokens
_TYPICAL = 128  # tokens that one sequence holds alone, on average
_PARAMETERS_PER_THREAD = 10_000_000
_NARROWEST = 8  # rows: fewer do not fill a matrix product


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """`n_contexts` contexts of `n_ctx` cells, `width` jobs at work and `threads` each; `workers` of them run at a time."""

    n_contexts: int
    width: int
    n_ctx: int
    threads: int
    workers: int


def plan(
    model: Model, n_ctx: int, n_seq_max: int, threads: int, n_contexts: int | None, *, on_gpu: bool
) -> ContextPlan:
    """The plan for `n_ctx` tokens in all (0: choose) and `threads` in all.

    Raises ModelError when they cannot fit into memory.
    """
    total = n_ctx or _default_context(model, n_seq_max)
    _check_memory(total * model.kv_bytes_per_token)
    # Each lane must hold the longest path that one context alone would.
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


def _check_memory(kv_bytes: int) -> None:
    """The system may hand out more memory than it has, and end the process once llama.cpp touches it."""
    if not hasattr(os, "sysconf"):
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if kv_bytes > memory:
        raise ModelError(
            f"the context needs {kv_bytes / 1e9:.1f} GB, and this machine has {memory / 1e9:.1f} GB",
            "Give a smaller context size.",
        )


def smaller(wanted: ContextPlan) -> ContextPlan | None:
    """Half of the plan's cells; None when that would be too few."""
    return replace(wanted, n_ctx=wanted.n_ctx // 2) if wanted.n_ctx >= 2 * _LEAST else None


def _default_context(model: Model, n_seq_max: int) -> int:
    train = model.n_ctx_train
    wanted = max(train, n_seq_max * min(train, _PER_SEQUENCE))
    return max(_LEAST, min(wanted, _KV_LIMIT // model.kv_bytes_per_token))


def _best_width(model: Model) -> int:
    """Rows at which attention over all of them costs about as much as the weights, a multiple of 8."""
    balance = 2 * model.parameters / max(1, model.attention_flops_per_cell * _TYPICAL)
    return max(_NARROWEST, round(balance / _NARROWEST) * _NARROWEST)
