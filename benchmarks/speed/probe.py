"""Watches every llama_decode of this process: when, for how long, how many rows, of which model."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tts_cli.engine.library import library


@dataclass(frozen=True, slots=True)
class Decode:
    """`begin` and `end` in seconds, `marked`: rows that asked for logits; `model`: its number of parameters."""

    begin: float
    end: float
    rows: int
    marked: int
    model: int


@dataclass(slots=True)
class Probe:
    """What was decoded since the last `take`."""

    decodes: list[Decode] = field(default_factory=list)

    def take(self) -> list[Decode]:
        taken, self.decodes = self.decodes, []
        return taken


@contextmanager
def watched() -> Iterator[Probe]:
    """Open it before any engine: what binds the function earlier is not seen."""
    api, probe = library().api, Probe()
    real = api.llama_decode

    def decode(context: Any, batch: Any) -> int:
        begin = time.perf_counter()
        code = real(context, batch)
        end = time.perf_counter()
        rows = int(batch.n_tokens)
        marked = ctypes.string_at(batch.logits, rows).count(1) if batch.logits else 1
        model = int(api.llama_model_n_params(api.llama_get_model(context)))
        probe.decodes.append(Decode(begin, end, rows, marked, model))
        return int(code)

    api.llama_decode = decode
    try:
        yield probe
    finally:
        api.llama_decode = real


def covered(decodes: Sequence[Decode]) -> float:
    """Seconds in which at least one decode was under way: threads may decode at the same time."""
    seconds, until = 0.0, 0.0
    for one in sorted(decodes, key=lambda decode: decode.begin):
        seconds += max(0.0, one.end - max(one.begin, until))
        until = max(until, one.end)
    return seconds
