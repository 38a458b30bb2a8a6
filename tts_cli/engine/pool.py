"""One context and its sequences: every change is made in llama.cpp and in the mirror of its cells together.

Which job gets room is not decided here (`scheduler.py`).
"""

from __future__ import annotations

from collections.abc import Collection

from tts_cli.engine.branches import Branch
from tts_cli.engine.cells import Cells, Slot
from tts_cli.engine.context import Context


def common_length(tip: Branch, length: int, path: Collection[Branch]) -> int:
    """Of the first `length` tokens of the path to `tip`: how many lie on `path`, a set of branches."""
    for branch in tip.chain():
        if branch in path:
            return min(length, branch.length)
    return 0


class Pool:
    """The sequences of one context. `width`: jobs that may be at work at once; the other ids keep idle branches."""

    def __init__(self, context: Context, width: int) -> None:
        self.context = context
        self.width = width
        self.cells = Cells(context.n_ctx)
        self.vacant = [Slot(seq) for seq in reversed(range(context.shape.n_seq))]
        self.idle: list[Slot] = []  # lists, not sets: the order decides ties, and runs must repeat
        self.live: list[Slot] = []
        self._clock = 0

    def source(self, path: Collection[Branch], limit: int) -> tuple[Slot | None, int]:
        """The sequence that holds the longest prefix of `path`, and how long it is, at most `limit`."""
        best, length = None, 0
        for slots in (self.idle, self.live):
            for slot in slots:
                if slot.length > length and slot.tip is not None:
                    common = min(limit, common_length(slot.tip, slot.length, path))
                    if common > length:
                        best, length = slot, common
        return best, length

    def occupy(self, tip: Branch, source: Slot | None, length: int) -> Slot | None:
        """A sequence at work on `tip` that holds the first `length` tokens of `source`; None when none is left."""
        if source in self.idle and source.length == length:
            slot: Slot | None = source  # nobody loses anything: take it over
        else:
            slot = self._vacate(source)
        if slot is None:
            return None
        if slot is source:
            self._shorten(slot, length)
        elif source is not None and length > 0:
            self.context.copy(source.seq, slot.seq, length)
            self.cells.fork(source, slot, length)
        if slot in self.idle:
            self.idle.remove(slot)
        self.live.append(slot)
        slot.tip = tip
        return slot

    def _vacate(self, source: Slot | None) -> Slot | None:
        """An empty sequence: a vacant one, or that of an idle branch; `source` itself when no other is left."""
        if not self.vacant and not self.evict(keep=source):
            return source if source in self.idle else None
        return self.vacant.pop()

    def rest(self, slot: Slot) -> None:
        """The job is done; its cells stay until somebody needs the room."""
        self._clock += 1
        slot.used = self._clock
        self._unlist(slot)
        self.idle.append(slot)

    def retire(self, slot: Slot, after: Branch | None) -> None:
        """Free what only this sequence holds, but for `after` and its ancestors as far as they are not released."""
        while after is not None and after.released:
            after = after.parent
        length = min(slot.length, after.length) if after else 0
        if after is None or length == 0 or self.cells.shared(slot, length):
            self.drop(slot)
            return
        self._shorten(slot, length)
        slot.tip = after
        self.rest(slot)

    def drop(self, slot: Slot) -> None:
        """Free all that only this sequence holds, and the sequence."""
        self._shorten(slot, 0)
        slot.tip = None
        self._unlist(slot)
        self.vacant.append(slot)

    def evict(self, keep: Slot | None = None) -> bool:
        """Drop one idle sequence but `keep`: one that holds nothing alone, else the least recently used."""
        idle = [slot for slot in self.idle if slot is not keep]
        if not idle:
            return False
        self.drop(min(idle, key=lambda slot: (not self.cells.shared(slot, slot.length), slot.used)))
        return True

    def make_room(self, count: int, keep: Slot | None = None) -> bool:
        """Evict until `count` cells are free; False, and nothing evicted, when jobs at work hold too many."""
        if self.cells.free < count and self.cells.capacity - self.cells.held(self.live) < count:
            return False
        while self.cells.free < count and self.evict(keep):
            pass
        return True

    def adopt(self, slot: Slot, donor: Pool, source: Slot, length: int) -> None:
        """Fill the empty live `slot` with the first `length` tokens of another context's sequence, if they fit."""
        if self.make_room(source.length) and self.context.copy_from(donor.context, source.seq, slot.seq):
            self.cells.grow(slot, source.length)
            self._shorten(slot, length)

    def release(self, branch: Branch) -> None:
        """Free what idle sequences hold of `branch` and its descendants."""
        for slot in [slot for slot in self.idle if slot.tip is not None and branch in slot.tip.chain()]:
            self.retire(slot, branch.parent)

    def _unlist(self, slot: Slot) -> None:
        (self.live if slot in self.live else self.idle).remove(slot)

    def _shorten(self, slot: Slot, length: int) -> None:
        if slot.length > length:
            self.context.trim(slot.seq, length)
            self.cells.trim(slot, length)
