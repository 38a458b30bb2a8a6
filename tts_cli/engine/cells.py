"""A mirror in Python of what llama.cpp's KV cells hold, so that room is known before it is needed.

A sequence (`Slot`) holds a chain of extents. An extent is a run of cells that one sequence filled and that forks may
share up to some position; its cells are free as soon as nobody holds them. Calls nothing of llama.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tts_cli.engine.branches import Branch


@dataclass(eq=False, slots=True)
class Extent:
    """Cells of the positions from `start`; `ends` holds, per sequence id, the position up to which it shares them."""

    start: int
    ends: dict[int, int] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        return max(self.ends.values(), default=self.start) - self.start


@dataclass(eq=False, slots=True)
class Slot:
    """One sequence id: its cells hold the first `length` tokens of the path to `tip`."""

    seq: int
    tip: Branch | None = None
    length: int = 0
    extents: list[Extent] = field(default_factory=list)
    used: int = 0  # when it was last at work: the smallest is the least recently used


class Cells:
    """Counts the cells that are in use, of `capacity`."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0

    @property
    def free(self) -> int:
        return self.capacity - self.used

    def grow(self, slot: Slot, count: int) -> None:
        """`slot` filled `count` cells at its end."""
        last = slot.extents[-1] if slot.extents else None
        if last is None or len(last.ends) > 1:
            last = Extent(slot.length)
            slot.extents.append(last)
        slot.length += count
        last.ends[slot.seq] = slot.length
        self.used += count

    def fork(self, source: Slot, target: Slot, length: int) -> None:
        """The empty `target` shares the first `length` tokens of `source`."""
        for extent in source.extents:
            if extent.start < length:
                extent.ends[target.seq] = min(extent.ends[source.seq], length)
                target.extents.append(extent)
        target.length = length

    def trim(self, slot: Slot, length: int) -> None:
        """`slot` lets go of all after its first `length` tokens."""
        while slot.extents and slot.length > length:
            extent = slot.extents[-1]
            before = extent.cells
            if extent.start >= length:
                del extent.ends[slot.seq]
                slot.extents.pop()
            else:
                extent.ends[slot.seq] = length
            self.used -= before - extent.cells
            slot.length = max(length, extent.start)
        slot.length = min(slot.length, length)

    @staticmethod
    def shared(slot: Slot, length: int) -> bool:
        """True when another sequence holds the first `length` tokens of `slot` as well."""
        for extent in slot.extents:
            if extent.start < length <= extent.ends[slot.seq]:
                return any(seq != slot.seq and end >= length for seq, end in extent.ends.items())
        return length == 0

    @staticmethod
    def held(slots: Iterable[Slot]) -> int:
        """Cells that these sequences hold together, shared ones counted once."""
        ends: dict[Extent, int] = {}
        for slot in slots:
            for extent in slot.extents:
                ends[extent] = max(ends.get(extent, 0), extent.ends[slot.seq])
        return sum(end - extent.start for extent, end in ends.items())
