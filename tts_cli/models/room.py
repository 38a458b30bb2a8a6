"""Do the models of a run fit into the memory of this machine? Found out from their headers, before they are loaded.

Available is what programs may use without swapping. What llama.cpp allocates must fit into it, or the system may end
the process; the mapped weights need not, as their pages can be read again from the disk, which is slow: they must fit
into the machine. Where the size of the context is ours to choose it is made smaller first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_cli.engine import library
from tts_cli.engine.gguf_header import read_header
from tts_cli.engine.memory import ContextSize, Footprint, ModelShape, footprint, planned, predict
from tts_cli.engine.plan import Layout
from tts_cli.errors import TtsError, UsageError
from tts_cli.models.registry import ModelEntry, locate

_SIZES = (32768, 16384, 8192, 4096, 2048)  # tokens: what the contexts are cut to, one after the other
_SMALLER = "Close other programs, or take a smaller model or a smaller quantisation of it."


@dataclass(frozen=True, slots=True)
class Room:
    """What the models get. `n_ctx`: tokens of the context of each, in order (0: as many as suit it). `note`: what a
    person should know of it."""

    n_ctx: tuple[int, ...]
    note: str | None = None


def find_room(
    entries: Sequence[ModelEntry], *, n_ctx: int, n_seq_max: int, threads: int | None, gpu_layers: int = -1
) -> Room:
    """Of the models that an Engine with these settings loads, each. `n_ctx` 0: ours to choose. On a GPU nothing is cut:
    its memory is llama.cpp's business. Raises UsageError, with numbers, where they cannot fit, ModelError for a file
    that is missing or no whole GGUF model."""
    machine = library.memory()
    if machine is None or (gpu_layers != 0 and library.supports_gpu()):
        return Room((n_ctx,) * len(entries))
    repacks = not library.amx_fault(library.system_info())
    shapes = {path: ModelShape.of(read_header(path), repacks=repacks) for path in map(locate, entries)}
    needs = _Needs(entries, shapes, n_seq_max, threads or library.physical_cores())
    wanted = sizes = (n_ctx,) * len(entries)
    for limit in (None, *(() if n_ctx else _SIZES)):
        sizes = wanted if limit is None else needs.cut(limit)
        need = needs.of(sizes)
        if need.pinned <= machine.available and need.lasting <= machine.total:
            return Room(sizes, needs.note(wanted, sizes, machine.available))
    room = machine.available if need.lasting <= machine.total else machine.total
    has = f"{room / 1e9:.1f} GB" + (" available" if need.lasting <= machine.total else "")
    hint = f"Give a smaller --ctx-size, or none. {_SMALLER}" if n_ctx else _SMALLER
    raise UsageError(f"{needs.names} {needs.verb} {need} of memory, and this machine has {has}", hint)


def memory_needed(path: Path) -> Footprint | None:
    """Of the only model of a run, with the context that suits it; None where the file is damaged, or where not even
    its context fits into this machine."""
    try:
        return predict(path)
    except TtsError:
        return None


@dataclass(frozen=True, slots=True)
class _Needs:
    """What several models need together; a file that is two of them is counted once."""

    entries: Sequence[ModelEntry]
    shapes: dict[Path, ModelShape]
    n_seq_max: int
    threads: int

    @property
    def names(self) -> str:
        return " and ".join(dict.fromkeys(entry.name for entry in self.entries))

    @property
    def verb(self) -> str:
        return "need" if len({entry.name for entry in self.entries}) > 1 else "needs"

    def of(self, sizes: tuple[int, ...]) -> Footprint:
        found: Footprint | None = None
        for path, shape in self.shapes.items():
            mine = [(entry, size) for entry, size in zip(self.entries, sizes, strict=True) if locate(entry) == path]
            one = footprint(shape, *(self._planned(entry, size) for entry, size in mine))
            found = one if found is None else found + one
        assert found is not None
        return found

    def _planned(self, entry: ModelEntry, n_ctx: int) -> ContextSize:
        layout: Layout | None = "unified" if entry.role == "prm" else None
        return planned(self.shapes[locate(entry)], n_ctx, self.n_seq_max, self.threads, layout)

    def cut(self, limit: int) -> tuple[int, ...]:
        """As many tokens as suit each model, at most `limit`."""
        chosen = []
        for entry in self.entries:
            size = self._planned(entry, 0)
            chosen.append(limit if limit < size.n_ctx * size.count else 0)
        return tuple(chosen)

    def note(self, wanted: tuple[int, ...], sizes: tuple[int, ...], available: int) -> str | None:
        need, has = self.of(sizes), f"{available / 1e9:.1f} GB available"
        if sizes != wanted:
            return (
                f"note: {self.names} would need {self.of(wanted)} of memory, and this machine has {has}: the context "
                f"is cut to {max(sizes)} tokens, so that {need.lasting / 1e9:.1f} GB are enough."
            )
        if need.lasting > available:
            return (
                f"note: {self.names} {self.verb} {need} of memory, and this machine has {has}: it may be slow, as "
                "weights are read from the disk again and again."
            )
        return None
