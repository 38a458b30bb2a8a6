"""Who holds which tokens: branches of the search, and the sequences of one context that hold them in KV cells.

1. A `Branch` is one step's tokens after its parent's. It does not know where they are kept, if at all.
2. A `Slot` is one of llama.cpp's sequence ids. It holds the first `length` tokens of the path to its `tip`, in a chain
   of `Extent`s: runs of cells that one sequence filled and that its forks share up to some position.
3. `Cells` mirrors in Python what llama.cpp's cells hold, so that room is known before it is needed.
4. A `Pool` is one context with its sequences; every change is made in llama.cpp and in the mirror together. That of a
   context with a stream per sequence is in `streams.py`.

Sequences are vacant (hold nothing), live (a job is at work on them) or idle (kept until somebody goes on from there, or
needs the room). Which job gets room is not decided here (`scheduler.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine.context import Context
from tts_cli.protocols import Usage


class Branch:
    """The tokens of one step after its parent's; equal by identity. Children are not listed: unused ones vanish.
    The last token of a sampled branch is pending: it is run only when somebody goes on from there."""

    __slots__ = ("__weakref__", "_tokens", "logits", "parent", "ran", "released", "sampled", "start", "usage")

    def __init__(self, parent: Branch | None, tokens: Sequence[int], usage: Usage, *, sampled: bool) -> None:
        self.parent = parent
        self.start = parent.length if parent else 0
        self._tokens = list(tokens)
        self.usage = usage
        self.sampled = sampled
        self.ran = 0  # own tokens that went through the model at least once
        self.released = False
        self.logits: NDArray[np.float32] | None = None  # [n_vocab] after the last token, as long as they are kept

    @property
    def length(self) -> int:
        """Tokens from the start of the problem to the end of this branch."""
        return self.start + len(self._tokens)

    @property
    def tokens(self) -> tuple[int, ...]:
        """Its own tokens, without its parent's."""
        return tuple(self._tokens)

    def shorten(self, count: int) -> None:
        """Keep its first `count` tokens only; nothing may go on from the others."""
        del self._tokens[count:]

    def append(self, token: int) -> None:
        """Grow by one sampled token; only the job that samples the branch may."""
        self._tokens.append(token)

    def chain(self) -> Iterator[Branch]:
        """This branch, its parent, and so on up to the root."""
        branch: Branch | None = self
        while branch is not None:
            yield branch
            branch = branch.parent

    def stretch(self, begin: int, end: int) -> list[int]:
        """The tokens at positions begin..end of the path that ends here."""
        if begin >= self.start:
            return self._tokens[begin - self.start : end - self.start]
        parts: list[list[int]] = []
        for branch in self.chain():
            if branch.start < end:
                parts.append(branch._tokens[max(0, begin - branch.start) : end - branch.start])
            if branch.start <= begin:
                break
        return [token for part in reversed(parts) for token in part]


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
    state: NDArray[np.uint8] | None = None  # of a stream that is saved, and has no sequence id (`seq` is -1)


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
        """`slot` holds no more than its first `length` tokens from now on."""
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
        self.read_hidden = False  # by the last decode
        self.cells = Cells(context.n_ctx)
        self.vacant = [Slot(seq) for seq in reversed(range(context.shape.n_seq))]
        self.idle: list[Slot] = []  # lists, not sets: the order decides ties, and runs must repeat
        self.live: list[Slot] = []
        self._clock = 0

    def fits(self, rows: int, longest: int) -> bool:
        """Is there room for so many more cells, of paths of at most `longest` tokens?"""
        return rows <= self.cells.free

    def widen(self, wanted: int) -> None:
        """So many tasks would be at work at once, if they could."""

    def prepare(self, longest: int) -> bool:
        """Called before a decode, when all fits. False: sequences at work hold less now, compose another decode."""
        return True

    def grow(self, slot: Slot, count: int) -> None:
        """`slot` filled `count` cells at its end."""
        self.cells.grow(slot, count)

    def resident(self, branch: Branch) -> bool:
        """Could a task go on from `branch` without any copying? Asked where that decides who goes first."""
        return False

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
        slot: Slot | None
        if source in self.idle and source.length == length:
            slot = source  # nobody loses anything: take it over
        elif self.vacant or self.evict(keep=source):
            slot = self.vacant.pop()
        else:  # no other is left: what the source holds beyond `length` is lost
            slot = source if source in self.idle else None
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

    def rest(self, slot: Slot) -> None:
        """The job is done; its cells stay until somebody needs the room."""
        self._clock += 1
        slot.used = self._clock
        self._unlist(slot)
        self.idle.append(slot)

    def retire(self, slot: Slot, after: Branch | None) -> None:
        """Free what only this sequence holds, except `after` and its ancestors as far as they are not released."""
        while after is not None and after.released:
            after = after.parent
        length = min(slot.length, after.length) if after else 0
        if after is None or length == 0 or self._shared(slot, length):
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
        """Drop one idle sequence other than `keep`: one that holds nothing alone, else the least recently used."""
        idle = [slot for slot in self.idle if slot is not keep]
        if not idle:
            return False
        self.drop(min(idle, key=lambda slot: (not self._shared(slot, slot.length), slot.used)))
        return True

    def _shared(self, slot: Slot, length: int) -> bool:
        """Does another sequence hold the first `length` tokens of `slot` as well?"""
        return self.cells.shared(slot, length)

    def make_room(self, count: int, keep: Slot | None = None) -> bool:
        """Evict until `count` cells are free; False, and nothing evicted, when jobs at work hold too many."""
        if self.cells.free < count and self.cells.capacity - self.cells.held(self.live) < count:
            return False
        while self.cells.free < count and self.evict(keep):
            pass
        return True

    def adopt(self, slot: Slot, donor: Pool, source: Slot, length: int) -> None:
        """Fill the empty live `slot` with the first `length` tokens of another context's sequence, if they fit."""
        if self.make_room(source.length) and self.context.load(donor.context.save(source.seq), slot.seq):
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
