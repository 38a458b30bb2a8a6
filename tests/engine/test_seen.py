"""Steps that are returned with what the model showed while it wrote them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.driving import drain, prompt, start
from tts_cli.engine import Engine, ReadOut
from tts_cli.protocols import Usage

Open = Callable[..., Engine]
LAYOUTS: list[dict[str, Any]] = [{}, {"layout": "streams", "n_seq_max": 3}, {"n_ctx": 256, "n_contexts": 1}]


@pytest.mark.parametrize("settings", LAYOUTS)
def test_what_was_seen_is_what_would_be_read(f32: Path, open_engine: Open, settings: dict[str, Any]) -> None:
    """Nothing is sampled otherwise for it, and in the last layout samples give way and are run again."""
    engine, plain = open_engine(f32, **settings), open_engine(f32)
    root, other = prompt(engine), prompt(plain)
    jobs = [start(engine, root, (i,), max_tokens=60, see=i % 4 != 3) for i in range(12)]
    unseen = [start(plain, other, (i,), max_tokens=60) for i in range(12)]
    drain(engine)
    drain(plain)
    assert [job.result().tokens for job in jobs] == [job.result().tokens for job in unseen]
    assert all(job.result().seen is None for job in jobs[3::4])
    for job in (job for i, job in enumerate(jobs) if i % 4 != 3):
        step = job.result()
        assert step.seen is not None and len(step.seen.states) == len(step.tokens) - 1
        read = plain.evaluate(other, step.tokens, range(-1, len(step.tokens)), ReadOut(hidden=True))
        drain(plain)
        rows = read.result().logits[:-1].astype(float)
        logprobs = rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)
        own = logprobs[np.arange(len(step.tokens)), list(step.tokens)]
        assert np.abs(own - step.seen.logprobs).max() < 1e-2
        assert np.abs(np.array(step.seen.rows) - read.result().logits[-3:-1][-len(step.seen.rows) :]).max() < 1e-2
        for state, expected in zip(step.seen.states, read.result().hidden[1:], strict=False):
            assert np.abs(state - expected).max() < 1e-2
        plain.release(read.result().branch)


def test_a_kept_end_is_gone_on_from_without_running_it_again(endless: Path, open_engine: Open) -> None:
    engine, usage = open_engine(endless), Usage()
    step = start(engine, prompt(engine, usage=usage), steps=False, max_tokens=10, see=True)
    drain(engine)
    branch = step.result().branch
    before = engine.work.rows
    read = engine.evaluate(branch, (), [-1], ReadOut((), hidden=True, keep=True))
    assert not read.done
    after = [start(engine, branch, (i,), steps=False, max_tokens=10) for i in range(3)]
    drain(engine)
    assert read.result().hidden.shape == (1, engine.n_embd)
    assert all(job.done for job in after) and engine.work.rows - before == 1 + 3 * 9
    assert usage.sampled == 10 + 3 * 9 and engine.work.rows == usage.total


def test_prompts_take_turns_with_steps_that_are_seen(endless: Path, open_engine: Open) -> None:
    """Rows that are read for their states are decoded apart from prompts, and there is one in every decode."""
    engine = open_engine(endless, n_contexts=1)
    jobs = [start(engine, prompt(engine), (i,), steps=False, max_tokens=60, see=True) for i in range(4)]
    for _ in range(5):
        engine.advance()
    late = start(engine, engine.root([65 + i % 20 for i in range(200)], Usage()), steps=False, max_tokens=3)
    for _ in range(8):
        engine.advance()
    assert late.done and not any(job.done for job in jobs)
    drain(engine)
