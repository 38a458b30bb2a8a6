"""Continuous batching: which jobs are at work, which rows each decode runs, and who gives way when room runs out.

One `step` of all contexts:

    waiting ──1 admit──► live ──2 compose──► a batch of rows per context ──3 decode──► logits [marked, n_vocab]
       ▲                 ▲  │                                                                  │
       └──── give way ───┼──┘                                                             4 hand out
             (no room)   │                                                              ┌──────┴───────┐
                         └── goes on ◄── 5 sample a token each [rows, n_vocab] ◄── generations    evaluations
                                         ends at a stop, and resolves its job                keep their rows; the
                                                                                            last one resolves the job

Jobs start in the order in which they came. One that would run tokens which another is about to run waits and shares
its cells. Idle branches are evicted first, least recently used first; then the youngest job gives its cells up and is
run again later, with the tokens that it has sampled. Nothing here changes what a job results in, only what it costs.
"""

from __future__ import annotations

import weakref
from bisect import insort
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine.pool import Branch, Pool, Slot, common_length
from tts_cli.engine.sampling import draw
from tts_cli.engine.tasks import EngineTask, Evaluation, Generation
from tts_cli.protocols import Job

_AGE = attrgetter("number")
_KEPT_BYTES = 64 << 20  # of logits after branches, so that late siblings need not run a token again
_HEADROOM = 4  # free cells per job at work that a new job must leave, or it would soon be sent away again
_NARROW = 4  # jobs: spreading fewer over several contexts gains nothing
_NO_ROWS: NDArray[np.float32] = np.empty((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Positions begin..end of a task's path in one batch; `marked` of them ask for logits."""

    task: EngineTask
    begin: int
    end: int
    marked: list[int]


@dataclass(slots=True)
class Placement:
    """Where a task could go: in `pool`, `source` holds the first `shared` tokens of its path (None: none of them)."""

    pool: Pool
    source: Slot | None
    shared: int


class Scheduler:
    """Works on all tasks of one model. With `workers`, contexts decode at the same time, one in each thread."""

    def __init__(self, pools: Sequence[Pool], n_vocab: int, workers: Executor | None) -> None:
        self.pools = pools
        self._workers = workers
        self.waiting: list[EngineTask] = []
        self.live: list[EngineTask] = []
        self._kept: deque[weakref.ref[Branch]] = deque()
        rows = sum(pool.width for pool in pools)
        self._keep_at_most = max(rows, min(4096, _KEPT_BYTES // (4 * n_vocab)))

    def add(self, task: EngineTask) -> None:
        if not task.job.done:
            self.waiting.append(task)

    def cancel(self, job: Job[Any]) -> None:
        """Stop working on a job; its cells are free for others at once."""
        for task in self.live:
            if task.job is job:
                self._stop(task)
                return
        # Jobs are mostly cancelled in the order in which they were added: then the first one is it.
        index = next((i for i, task in enumerate(self.waiting) if task.job is job), None)
        if index is not None:
            del self.waiting[index]

    def step(self) -> None:
        """Start what may start, run one batch in each context, hand the logits out."""
        # 1. Admit waiting tasks. Those whose first logits are kept draw their first token now, to be in this batch.
        self._sample(self._admit(), [])
        sampled: list[Generation] = []
        rows: list[NDArray[np.float32]] = []
        # 2. Compose a batch for each context, after some gave way if there is no room, and 3. decode it.
        for pool, chunks in self._decode():
            for chunk in chunks:
                assert chunk.task.slot is not None
                pool.grow(chunk.task.slot, chunk.end - chunk.begin)
                charge(chunk.task.child, chunk.begin, chunk.end)
            # 4. Hand out the logits. The rows of generations are collected: views, good until the next decode.
            self._hand_out(pool, chunks, sampled, rows)
            pool.read_hidden = _with_hidden(chunks)
        # 5. Draw a token for each generation, of all contexts together.
        self._sample(sampled, rows)

    # --- who is at work ---

    def _admit(self) -> list[Generation]:
        """Start waiting tasks; return those whose first logits are known already."""
        ready: list[Generation] = []
        self.pools[0].widen(len(self.live) + len(self.waiting))
        for task in self._queue():
            if all(len(pool.live) >= pool.width for pool in self.pools):
                break
            places = [Placement(pool, *pool.source(task.path, task.reusable())) for pool in self.pools]
            if self._another_runs_it(task, max(place.shared for place in places)):
                continue  # later ones may start: they do not need these tokens
            if not self._place(task, places):
                break  # later ones may not: a large task would wait for ever behind small ones
            self.waiting.remove(task)
            insort(self.live, task, key=_AGE)
            if isinstance(task, Generation) and task.todo == 0:
                ready.append(task)
        return ready

    def _queue(self) -> list[EngineTask]:
        """Waiting tasks: in the order in which they came, but on streams those first that go on where they are."""
        if not self.pools[0].context.shape.streams:
            return list(self.waiting)
        return sorted(self.waiting, key=lambda task: not self.pools[0].resident(task.parent))

    def _another_runs_it(self, task: EngineTask, length: int) -> bool:
        """True when a task at work will soon hold more of the path than the `length` tokens that are there."""
        for other in self.live:
            assert other.slot is not None
            common = common_length(other.child, other.child.length, task.path)
            if common > length and other.slot.length < common:
                return True
        return False

    def _place(self, task: EngineTask, places: list[Placement]) -> bool:
        """Give the task a sequence: where most of its path is, else where fewest are at work. False: no room."""
        best = max(places, key=attrgetter("shared"))
        # An even share each, by the number of contexts and not of threads: so threads do not change where work goes.
        share = max(_NARROW, -(-(len(self.live) + len(self.waiting)) // len(self.pools)))
        places.sort(key=lambda place: (len(place.pool.live) >= share, -place.shared, len(place.pool.live)))
        for place in places:
            pool = place.pool
            if len(pool.live) >= pool.width or not self._fits(pool, place.source, task.child.length - place.shared):
                continue
            if place is best or best.source is None or best.shared <= place.shared:
                slot = pool.occupy(task.child, place.source, place.shared)
            else:  # another context holds more of the path: copying its cells is cheaper than running the tokens again
                slot = pool.occupy(task.child, None, 0)
                if slot is not None:
                    pool.adopt(slot, best.pool, best.source, best.shared)
            if slot is not None:
                task.pool, task.slot = pool, slot
                return True
        return False

    def _fits(self, pool: Pool, source: Slot | None, need: int) -> bool:
        """True when `need` more cells are free, or can be made so by evicting idle branches other than `source`."""
        if not pool.live:
            pool.make_room(need, keep=source)
            return True  # alone, every path fits: none is longer than the context
        reserved = sum(task.todo for task in self.live if task.pool is pool)
        return pool.make_room(need + reserved + _HEADROOM * (len(pool.live) + 1), keep=source)

    def _finish(self, task: EngineTask) -> None:
        assert task.pool is not None and task.slot is not None
        self.live.remove(task)
        task.pool.rest(task.slot)

    def _stop(self, task: EngineTask) -> None:
        assert task.pool is not None and task.slot is not None
        self.live.remove(task)
        task.pool.retire(task.slot, task.parent)
        task.pool = task.slot = None

    def _give_way(self, pool: Pool) -> None:
        """Free cells: an idle branch goes, else the youngest task waits again, else the only task ends."""
        if pool.evict():
            return
        tasks = [task for task in self.live if task.pool is pool]
        youngest = tasks[-1]  # `live` is sorted by age
        self._stop(youngest)
        if len(tasks) > 1:
            insort(self.waiting, youngest, key=_AGE)
        else:
            youngest.out_of_room()

    # --- what is run ---

    def _decode(self) -> list[tuple[Pool, list[Chunk]]]:
        """Run one batch in each context; what was run. Contexts decode at the same time where there are workers."""
        batches = [(pool, chunks) for pool in self.pools if (chunks := self._fitting(pool))]
        run = self._workers.map if self._workers and len(batches) > 1 else map
        done = list(run(_run, batches))
        # llama.cpp may find no room where the mirror does (windowed attention needs more cells): give way, try again.
        while not all(done):
            for i, (pool, _) in enumerate(batches):
                if not done[i]:
                    self._give_way(pool)
                    batches[i] = pool, self._fitting(pool)
                    done[i] = not batches[i][1] or _run(batches[i])
        return batches

    def _fitting(self, pool: Pool) -> list[Chunk]:
        """The rows of the next batch, after others gave way as far as they must; [] with nothing at work."""
        while chunks := self._compose(pool):
            longest = max(chunk.end for chunk in chunks)
            if not pool.fits(sum(chunk.end - chunk.begin for chunk in chunks), longest):
                self._give_way(pool)
            elif pool.prepare(longest):
                if pool.context.shape.streams:  # llama.cpp runs rows together as long as their ids ascend one by one
                    chunks.sort(key=_seq)
                break
        return chunks

    def _compose(self, pool: Pool) -> list[Chunk]:
        """Rows for one batch: single tokens first, then stretches as far as they fit and a decode may take. Rows whose
        hidden states are asked for go with single tokens only, as every row of such a decode is an output."""
        tasks = sorted((task for task in self.live if task.pool is pool), key=lambda task: task.todo > 1)
        hidden = any(task.hidden_from is not None for task in tasks)
        apart = hidden and any(_reads_next(task) for task in tasks)
        if apart and pool.read_hidden and any(isinstance(task, Generation) and _reads_next(task) for task in tasks):
            # Steps that are written ask for such rows without end: stretches take turns with them.
            apart = all(_reads_next(task) or task.todo == 1 for task in tasks)
        shape = pool.context.shape
        rows, outputs, stretch = shape.n_batch, shape.n_outputs, shape.stretch
        chunks: list[Chunk] = []
        for task in tasks:
            begin = task.child.length - task.todo
            end = min(task.child.length, begin + (rows if task.todo == 1 else min(rows, stretch)))
            if hidden:
                end = _before_hidden(task, begin, end, apart)
            marked = task.marked(begin, end)
            if len(marked) > outputs:  # the stretch ends before the first logits too many
                end, marked = marked[outputs], marked[:outputs]
            if end > begin:
                chunks.append(Chunk(task, begin, end, marked))
                rows, outputs = rows - (end - begin), outputs - len(marked)
                stretch -= end - begin if task.todo > 1 else 0
        return chunks

    # --- what comes out ---

    def _hand_out(
        self, pool: Pool, chunks: list[Chunk], sampled: list[Generation], rows: list[NDArray[np.float32]]
    ) -> None:
        """Evaluations keep their rows and end; generations are put on `sampled`, their row [n_vocab] on `rows`."""
        count = sum(len(chunk.marked) for chunk in chunks)
        logits = pool.context.logits(count) if count else _NO_ROWS  # [count, n_vocab], in the order of the rows
        states = pool.context.hidden(count) if _with_hidden(chunks) else None  # [count, n_embd]
        end = 0
        for chunk in chunks:
            task, begin, end = chunk.task, end, end + len(chunk.marked)
            if isinstance(task, Generation) and end > begin:  # of its last token, so it is one
                sampled.append(task)
                rows.append(logits[begin])
                if states is not None:
                    task.see(states[begin])
                if task.fresh:
                    self._keep(task.parent, logits[begin])
            elif isinstance(task, Evaluation):
                if end > begin:
                    task.accept(chunk.marked, logits[begin:end], None if states is None else states[begin:end])
                    if task.read_out.keep and chunk.marked[-1] == task.parent.length - 1 and not task.parent.released:
                        self._keep(task.parent, logits[end - 1])
                if task.todo == 0:
                    self._finish(task)  # first, so that who gets the result may release its branch at once
                    task.finish()

    def _sample(self, tasks: list[Generation], rows: list[NDArray[np.float32]]) -> None:
        """Draw one token for each task, without `rows` from the logits that are kept after its parent."""
        if not tasks:
            return
        rows = rows or [task.parent.logits for task in tasks if task.parent.logits is not None]
        tokens, found = draw(rows, [task.sampler for task in tasks])
        for task, row, token, logprob in zip(tasks, rows, tokens, found, strict=True):
            task.accept(token, logprob, row)
            if task.job.done:
                self._finish(task)

    def _keep(self, branch: Branch, row: NDArray[np.float32]) -> None:
        """Keep the logits [n_vocab] after a branch for its later children; the oldest kept ones are dropped."""
        branch.logits = row.copy()
        self._kept.append(weakref.ref(branch))
        if len(self._kept) > self._keep_at_most:
            oldest = self._kept.popleft()()
            if oldest is not None:
                oldest.logits = None


def _seq(chunk: Chunk) -> int:
    assert chunk.task.slot is not None
    return chunk.task.slot.seq


def _run(batch: tuple[Pool, list[Chunk]]) -> bool:
    """Decode one batch; False when llama.cpp finds no room. Touches nothing but its context."""
    pool, chunks = batch
    tokens: list[int] = []
    positions: list[int] = []
    seqs: list[int] = []
    flags: list[int] = []
    for chunk in chunks:
        assert chunk.task.slot is not None
        count = chunk.end - chunk.begin
        tokens += chunk.task.child.stretch(chunk.begin, chunk.end)
        positions += range(chunk.begin, chunk.end)
        seqs += [chunk.task.slot.seq] * count
        flags += [0] * count
        for position in chunk.marked:
            flags[position - chunk.end] = 1
    return pool.context.decode(tokens, positions, seqs, flags, _with_hidden(chunks))


def _is_read_hidden(task: EngineTask, position: int) -> bool:
    first = task.hidden_from
    return first is not None and position >= first and bool(task.marked(position, position + 1))


def _reads_next(task: EngineTask) -> bool:
    return _is_read_hidden(task, task.child.length - task.todo)


def _with_hidden(chunks: list[Chunk]) -> bool:
    return any(_is_read_hidden(chunk.task, chunk.begin) for chunk in chunks)


def _before_hidden(task: EngineTask, begin: int, end: int, apart: bool) -> int:
    """Where a chunk begin..end has to stop: before the first row that is read for its hidden state or, in a decode for
    such rows (`apart`), after the last one in sequence. Nothing but single tokens goes with them."""
    if apart and not _is_read_hidden(task, begin):
        single = end - begin == 1 and bool(task.marked(begin, end))
        return end if single else begin
    return next((position for position in range(begin, end) if _is_read_hidden(task, position) != apart), end)


def charge(tip: Branch, begin: int, end: int) -> None:
    """Enter the rows begin..end of the path to `tip` in its problem's usage."""
    usage = tip.usage
    for branch in tip.chain():
        first, last = max(begin, branch.start) - branch.start, min(end, branch.length) - branch.start
        if first < last:
            new = max(0, last - max(first, branch.ran))
            branch.ran = max(branch.ran, last)
            usage.sampled += new if branch.sampled else 0
            usage.evaluated += (last - first) - (new if branch.sampled else 0)
        if branch.start <= begin:
            return
