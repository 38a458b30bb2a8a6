"""The sequences of a context in which each has a stream of cells of its own, and what is saved of those that are idle.

    live ──1 rest──► idle ──2 saved when another needs the stream──► saved (bytes in main memory, no sequence id)
      ▲               │                                                │
      └───3 occupy────┴───────────── loaded again ─────────────────────┘

1. All streams are equally long; they grow, all at once, when a path needs more (`prepare`): what they hold is saved,
   the context is made anew, and what is at work is loaded again. Where that would take too much memory, fewer streams
   are made. What is saved continues bit for bit.
2. There are few streams at first; there are more as soon as more tasks wait (`widen`). States of another number of
   streams cannot be loaded: what was held is run again, so it happens when nothing is at work, or for twice as many.
3. llama.cpp runs the rows of a decode together only where their sequence ids ascend one by one: before each decode
   those at work are moved to the ids 0, 1, 2, .. (`prepare`). A move takes a millisecond or two, a gap costs a third of
   a decode.
4. Copies go through `Context.save` and `load`, which touch what is held only; llama.cpp's own copying moves whole
   streams.

Nothing is shared: a prompt of N samples is held N times, which costs memory and no time.
"""

from __future__ import annotations

from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine.context import LEAST_CELLS, Context
from tts_cli.engine.pool import Branch, Pool, Slot, common_length
from tts_cli.errors import TtsError

_USED, _SEQ = attrgetter("used"), attrgetter("seq")


class StreamPool(Pool):
    """`widest`: streams at most. `limit`: cells of all of them, at most. `saved_limit`: bytes of saved states."""

    def __init__(self, context: Context, widest: int, limit: int, saved_limit: int) -> None:
        super().__init__(context, context.shape.n_seq)
        self._widest, self._limit, self._saved_limit = widest, limit, saved_limit

    @property
    def stream_length(self) -> int:
        """Tokens that one stream holds at present."""
        return self.context.n_ctx // self.context.shape.n_seq

    def fits(self, rows: int, longest: int) -> bool:
        """Are there streams enough for those at work, if they are to hold `longest` tokens?"""
        return len(self.live) <= self._streams(self._length_for(longest))

    def widen(self, wanted: int) -> None:
        count = min(self._widest, max(1, self._limit // self.stream_length))
        if self.width < wanted and self.width < count and (not self.live or wanted >= 2 * self.width):
            self._remake(self.stream_length, min(count, 1 << (wanted - 1).bit_length()))

    def prepare(self, longest: int) -> bool:
        """Make the streams long enough, and the ids of those at work consecutive."""
        kept = True
        if longest > self.stream_length:
            length = self._length_for(longest)
            kept = self._remake(length, self._streams(length))
        count = len(self.live)
        movers = sorted((slot for slot in self.live if slot.seq >= count), key=_SEQ)
        taken = {slot.seq for slot in self.live}
        for slot, seq in zip(movers, (seq for seq in range(count) if seq not in taken), strict=True):
            self._move(slot, seq)
        return kept

    def grow(self, slot: Slot, count: int) -> None:
        slot.length += count

    def resident(self, branch: Branch) -> bool:
        return any(slot.tip is branch and slot.seq >= 0 for slot in self.idle)

    def occupy(self, tip: Branch, source: Slot | None, length: int) -> Slot | None:
        if source in self.idle and source.length == length:
            slot = source  # nobody loses anything: take it over
            self.idle.remove(slot)
            if slot.seq < 0:
                self._seat(slot)
        else:
            slot = Slot(-1, state=self._copy_of(source) if source and length else None)
            slot.length = length
            self._seat(slot)
            self.context.work.forks += length > 0
        self.live.append(slot)
        slot.tip = tip
        return slot

    def drop(self, slot: Slot) -> None:
        if slot.seq >= 0:
            self.context.trim(slot.seq, 0)
            self.vacant.append(Slot(slot.seq))
        slot.tip = slot.state = None
        self._unlist(slot)

    def make_room(self, count: int, keep: Slot | None = None) -> bool:
        return True

    # --- streams and saved states ---

    def _seat(self, slot: Slot) -> None:
        """Give a slot a stream, and load into it what is saved of it. One is free: fewer are at work than there are."""
        if not self.vacant:
            self._save(min((slot for slot in self.idle if slot.seq >= 0), key=_USED))
        vacant = min(self.vacant, key=_SEQ)
        self.vacant.remove(vacant)
        slot.seq = vacant.seq
        self._fill(slot)

    def _fill(self, slot: Slot) -> None:
        if slot.state is not None:
            if not self.context.load(slot.state, slot.seq):
                raise RuntimeError("engine: a saved stream cannot be loaded")
            self.context.trim(slot.seq, slot.length)  # it may hold more than is wanted of it
        slot.state = None

    def _save(self, slot: Slot) -> None:
        """Take its stream from an idle slot; what it held is kept as bytes, as far as there is room for them."""
        slot.state = self.context.save(slot.seq)
        self.context.trim(slot.seq, 0)
        self.vacant.append(Slot(slot.seq))
        slot.seq = -1
        while sum(one.state.size for one in self.idle if one.state is not None) > self._saved_limit:
            saved = [one for one in self.idle if one.state is not None]
            self.drop(min(saved, key=lambda one: (not self._shared(one, one.length), one.used)))

    def _move(self, slot: Slot, seq: int) -> None:
        """Give a slot at work the stream `seq`; the idle slot that is there, if any, is saved."""
        for idle in self.idle:
            if idle.seq == seq:
                self._save(idle)
                break
        self.vacant = [Slot(slot.seq), *(one for one in self.vacant if one.seq != seq)]
        slot.state = self.context.save(slot.seq)
        self.context.trim(slot.seq, 0)
        slot.seq = seq
        self._fill(slot)

    def _copy_of(self, source: Slot) -> NDArray[np.uint8] | None:
        return source.state if source.seq < 0 else self.context.save(source.seq)

    def _shared(self, slot: Slot, length: int) -> bool:
        path = {branch for branch in slot.tip.chain() if branch.start < length} if slot.tip else set()
        tips = ((one.tip, one.length) for one in (*self.idle, *self.live) if one is not slot)
        return any(tip is not None and common_length(tip, held, path) >= length for tip, held in tips)

    def _shorten(self, slot: Slot, length: int) -> None:
        if slot.length > length:
            slot.length = length
            if slot.seq >= 0:
                self.context.trim(slot.seq, length)

    # --- how long the streams are ---

    def _length_for(self, longest: int) -> int:
        """Tokens of a stream that holds `longest`: as they are, or else doubled as often as it takes."""
        length = self.stream_length
        while length < longest:
            length = min(2 * length, max(longest, self._limit))
        return -(-length // LEAST_CELLS) * LEAST_CELLS

    def _streams(self, length: int) -> int:
        return max(1, min(self.context.shape.n_seq, self._limit // length))

    def _remake(self, length: int, count: int) -> bool:
        """Make `count` streams of `length` tokens, or fewer where memory is short. False: what they held is lost.
        Raises TtsError."""
        kept = count == self.context.shape.n_seq  # states fit only where the number stays the same
        for slot in (*self.live, *self.idle):
            if slot.seq >= 0 and kept:
                slot.state = self.context.save(slot.seq)
            slot.seq = -1
        while True:
            try:
                self.context.remake(length * count, count)
                break
            except TtsError:
                if count <= max(1, len(self.live)):
                    raise
                self._widest = count = max(1, len(self.live), count // 2)
                kept = False
        if not kept:
            self._forget()
        self.width, self.vacant = count, [Slot(seq) for seq in range(count)]
        for slot in self.live:
            self._seat(slot)
        return kept

    def _forget(self) -> None:
        for slot in list(self.idle):
            self.drop(slot)
        for slot in self.live:
            slot.state, slot.length = None, 0
