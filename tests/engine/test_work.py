"""Work, not time: decodes, rows, forks and copied bytes of what searches do, in both layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.driving import drain, prompt, start
from tts_cli.engine import Branch, Engine
from tts_cli.protocols import Usage

Open = Callable[..., Engine]
LAYOUTS: list[dict[str, Any]] = [{"layout": "unified", "n_contexts": 1}, {"layout": "streams"}]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_samples_of_one_problem(endless: Path, open_engine: Open, layout: dict[str, Any]) -> None:
    """Its prompt runs once; then there are as many decodes as the longest sample has tokens, but for its last."""
    engine, usage = open_engine(endless, n_seq_max=16, **layout), Usage()
    root = prompt(engine, usage=usage)
    lengths = [10 + 2 * i for i in range(16)]
    jobs = [start(engine, root, (i,), steps=False, max_tokens=length) for i, length in enumerate(lengths)]
    drain(engine)
    assert all(job.done for job in jobs)
    assert usage.evaluated == root.length and usage.sampled == sum(lengths) - 16
    work = engine.work
    assert work.rows == usage.total
    assert work.decodes == max(lengths)  # the prompt's own decode gives the first token of all
    assert work.forks == 15


def test_streams_copy_little(endless: Path, open_engine: Open) -> None:
    """One copy of the prompt for each sample, and at most one move and one saving whenever a sample ends."""
    engine = open_engine(endless, n_seq_max=16, layout="streams")
    root = prompt(engine)
    for i in range(16):
        start(engine, root, (i,), steps=False, max_tokens=30)
    drain(engine)
    forks = engine.work.copied_bytes
    held = engine._model.kv_bytes_per_token
    assert forks < 2 * 15 * 1.3 * root.length * held + 16 * 4096


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_stay_full_while_work_waits(endless: Path, open_engine: Open, layout: dict[str, Any]) -> None:
    """Of many problems: when a sample ends, the next one takes its place in the next decode."""
    engine = open_engine(endless, n_seq_max=8, **layout)
    roots = [engine.root([65 + i, 66, 67, 68], Usage()) for i in range(6)]
    lengths = [[5 + (7 * i + 3 * j) % 40 for j in range(8)] for i in range(6)]
    for i, root in enumerate(roots):
        for j, length in enumerate(lengths[i]):
            start(engine, root, (j,), steps=False, max_tokens=length)
    narrow = 0
    while engine.busy:
        before = engine.work.rows
        engine.advance()
        narrow += engine.work.rows - before < 8 and bool(engine._scheduler.waiting)
    assert narrow <= len(roots)  # a prompt that its samples wait for
    assert engine.work.rows / engine.work.decodes > 6.5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sample_that_goes_on_copies_nothing(endless: Path, open_engine: Open, layout: dict[str, Any]) -> None:
    """Step after step: each keeps its sequence."""
    engine = open_engine(endless, n_seq_max=4, **layout)
    root = prompt(engine)
    branches: list[Branch] = [root] * 4
    for step in range(3):
        jobs = [start(engine, branch, (i, step), steps=False, max_tokens=6) for i, branch in enumerate(branches)]
        drain(engine)
        branches = [job.result().branch for job in jobs]
        if step == 0:
            first = engine.work
    assert (engine.work.forks, engine.work.copied_bytes) == (first.forks, first.copied_bytes)
