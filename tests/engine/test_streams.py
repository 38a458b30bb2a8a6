"""A stream of cells for each sequence: saved, moved, made longer and more, and the results stay the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.driving import check, drain, prompt, start
from tests.tiny_gguf import write_tiny_gguf
from tts_cli.engine import Engine, plan
from tts_cli.engine.context import Context
from tts_cli.engine.streams import StreamPool
from tts_cli.errors import TtsError
from tts_cli.protocols import Usage

Open = Callable[..., Engine]


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quantized: its logits do not depend on what shares the batch, so runs of other widths can be compared."""
    path = tmp_path_factory.mktemp("models") / "endless.gguf"
    return write_tiny_gguf(path, dtype="Q8_0", bias={"<|end|>": -100.0})


def _pool(engine: Engine) -> StreamPool:
    (pool,) = engine._scheduler.pools
    assert isinstance(pool, StreamPool)
    return pool


def _alone(engine: Engine, count: int, max_tokens: int) -> list[tuple[int, ...]]:
    tokens = []
    for i in range(count):
        job = start(engine, prompt(engine), (i,), steps=False, max_tokens=max_tokens)
        drain(engine)
        tokens.append(job.result().tokens)
    return tokens


def test_width_does_not_change_a_bit(q8: Path, open_engine: Open) -> None:
    """What unified caches do not promise: a quantized model draws the same tokens, whatever shares the batch."""
    engine = open_engine(q8, layout="streams", n_seq_max=16)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), steps=False, max_tokens=12 + 5 * i) for i in range(16)]
    drain(engine)
    alone = open_engine(q8, layout="streams", n_seq_max=1)
    for i, job in enumerate(jobs):
        expected = start(alone, prompt(alone), (i,), steps=False, max_tokens=12 + 5 * i)
        drain(alone)
        assert (job.result().tokens, job.result().logprob) == (expected.result().tokens, expected.result().logprob)


def test_rows_at_work_have_consecutive_ids(endless: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp splits a decode at every gap."""
    engine = open_engine(endless, layout="streams", n_seq_max=8)
    decode, widths = Context.decode, []

    def looked_at(self: Context, tokens: Any, positions: Any, seqs: Any, *more: Any) -> bool:
        widths.append(len(set(seqs)))
        assert list(dict.fromkeys(seqs)) == list(range(len(set(seqs))))  # in the order of the rows
        return decode(self, tokens, positions, seqs, *more)

    monkeypatch.setattr(Context, "decode", looked_at)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), steps=False, max_tokens=9 + 7 * (i * 5 % 8)) for i in range(8)]
    drain(engine)
    assert all(job.done for job in jobs)
    assert {8, 7, 5, 3, 1} <= set(widths)
    assert engine.work.copied_bytes > 0


def test_streams_grow(endless: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _alone(open_engine(endless, layout="streams"), 3, 300)
    monkeypatch.setattr(plan, "_FIRST_STREAM", 256)
    usage = Usage()
    engine = open_engine(endless, layout="streams", n_seq_max=3)
    root = prompt(engine, usage=usage)
    jobs = [start(engine, root, (i,), steps=False, max_tokens=300) for i in range(3)]
    assert _pool(engine).stream_length == 256
    drain(engine)
    assert _pool(engine).stream_length > 256
    assert [job.result().tokens for job in jobs] == expected
    assert usage.evaluated == root.length  # what was held was saved, and not run again


def test_fewer_streams_where_the_cells_are_limited(
    endless: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _alone(open_engine(endless, layout="streams"), 4, 300)
    monkeypatch.setattr(plan, "_FIRST_STREAM", 256)
    engine = open_engine(endless, layout="streams", n_ctx=1024, n_seq_max=4)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), steps=False, max_tokens=300) for i in range(4)]
    drain(engine)
    assert [job.result().tokens for job in jobs] == expected
    assert _pool(engine).width == 2


def test_more_streams_for_more_work(endless: Path, open_engine: Open) -> None:
    engine, usage = open_engine(endless, layout="streams"), Usage()
    root = prompt(engine, usage=usage)
    first = start(engine, root, (0,), steps=False, max_tokens=30)
    for _ in range(5):
        engine.advance()
    assert _pool(engine).width == plan.FIRST_STREAMS
    more = [start(engine, root, (i,), steps=False, max_tokens=30) for i in range(1, 20)]
    drain(engine)
    assert _pool(engine).width == 32
    assert [job.result().tokens for job in (first, *more)] == _alone(open_engine(endless, layout="streams"), 20, 30)


def test_short_memory_means_fewer_streams(endless: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, remake = open_engine(endless, layout="streams"), Context.remake

    def small(self: Context, n_ctx: int, n_seq: int) -> None:
        if n_seq > 8:
            raise TtsError("no room", "Close other programs.")
        remake(self, n_ctx, n_seq)

    monkeypatch.setattr(Context, "remake", small)
    root = prompt(engine)
    jobs = [start(engine, root, (i,), steps=False, max_tokens=20) for i in range(20)]
    drain(engine)
    assert _pool(engine).width == 8
    assert [job.result().tokens for job in jobs] == _alone(open_engine(endless, layout="streams"), 20, 20)


def test_saved_states_are_bounded(endless: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_cli.engine.engine.SAVED_LIMIT", 20_000)
    engine = open_engine(endless, layout="streams", n_seq_max=2)
    root = prompt(engine)
    branches = []
    for i in range(12):
        job = start(engine, root, (i,), steps=False, max_tokens=20)
        drain(engine)
        branches.append(job.result().branch)
        check(engine)
        assert sum(slot.state.size for slot in _pool(engine).idle if slot.state is not None) <= 20_000
    assert len(_pool(engine).idle) < 12
    again = start(engine, branches[0], (0,), steps=False, max_tokens=5)
    drain(engine)
    assert len(again.result().tokens) == 5
