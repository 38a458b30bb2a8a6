"""Small helpers to drive an engine by hand, and the invariants that hold between any two of its calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts_cli.engine import Branch, Engine, Generated, Sampler
from tts_cli.engine.pool import Slot
from tts_cli.engine.streams import StreamPool
from tts_cli.protocols import Finish, Job, SampleKey, Sampling, Usage

PROMPT = "<|problem|>The answer is 12 + 30 and so = ?<|solution|>"


def prompt(engine: Engine, text: str = PROMPT, usage: Usage | None = None) -> Branch:
    return engine.root(engine.vocab.tokenize(text, special=True), usage or Usage())


def never(_: bytes) -> Finish | None:
    return None


def at_blank_line(text: bytes) -> Finish | None:
    return Finish.STEP if text.endswith(b"\n\n") else None


def start(
    engine: Engine,
    branch: Branch,
    path: Sequence[int] = (0,),
    *,
    seed: int = 0,
    max_tokens: int = 20,
    steps: bool = True,
    sampling: Sampling | None = None,
    see: bool = False,
) -> Job[Generated]:
    """Submit one sample; `steps`: it ends at a blank line; `see`: with its states."""
    sampler = Sampler(SampleKey(seed, "p", tuple(path)), sampling or Sampling(temperature=1.0))
    return engine.generate(
        branch, sampler=sampler, stop=at_blank_line if steps else never, max_tokens=max_tokens, see=see
    )


def drain(engine: Engine, limit: int = 20_000) -> int:
    """Advance until nothing is under way; how often that took."""
    for turn in range(limit):
        if not engine.busy:
            return turn
        engine.advance()
        check(engine)
    raise AssertionError("the engine does not come to an end")


def logits(engine: Engine, branch: Branch, tokens: Sequence[int]) -> NDArray[np.float32]:
    """Logits [tokens, n_vocab] after each token, evaluated in one job."""
    job = engine.evaluate(branch, tokens, range(len(tokens)))
    drain(engine)
    return job.result().logits


def used(engine: Engine) -> int:
    """Cells in use, by the engine's own count."""
    return sum(pool.cells.used for pool in engine._scheduler.pools)


def check(engine: Engine) -> None:
    """The mirror agrees with llama.cpp and with itself."""
    at_work = {task.slot for task in engine._scheduler.live}
    for pool in engine._scheduler.pools:
        slots = [*pool.vacant, *pool.idle, *pool.live]
        if isinstance(pool, StreamPool):
            slots = _check_streams(pool, slots)
        assert sorted(slot.seq for slot in slots) == list(range(pool.context.shape.n_seq))
        assert at_work.issuperset(pool.live)
        for slot in slots:
            assert pool.context.length(slot.seq) == slot.length
            if not isinstance(pool, StreamPool):
                assert sum(min(e.ends[slot.seq], slot.length) - e.start for e in slot.extents) == slot.length
        assert pool.cells.used == pool.cells.held(slots) <= pool.cells.capacity
        assert all(slot.length == 0 and slot.tip is None for slot in pool.vacant)
    assert len(at_work) == len(engine._scheduler.live)
    numbers = [task.number for task in engine._scheduler.live]
    assert numbers == sorted(numbers)


def _check_streams(pool: StreamPool, slots: list[Slot]) -> list[Slot]:
    """A slot has a stream, or is idle and saved; those that have a stream are returned."""
    assert all((slot.seq < 0) == (slot.state is not None) for slot in pool.idle)
    assert all(slot.seq >= 0 and slot.state is None for slot in (*pool.live, *pool.vacant))
    assert all(slot.length <= pool.stream_length for slot in pool.live)
    return [slot for slot in slots if slot.seq >= 0]
