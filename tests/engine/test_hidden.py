"""What a row may be read for: logits of all tokens, of some, hidden states."""

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
LAYOUTS: list[dict[str, Any]] = [{}, {"layout": "streams", "n_seq_max": 3}, {"flash_attention": True}]
TOKENS = list(range(65, 65 + 100))


@pytest.mark.parametrize("settings", LAYOUTS)
def test_logits_are_a_linear_map_of_hidden_states(f32: Path, open_engine: Open, settings: dict[str, Any]) -> None:
    engine = open_engine(f32, **settings)
    job = engine.evaluate(prompt(engine), TOKENS, range(100), ReadOut(hidden=True))
    drain(engine)
    read = job.result()
    assert read.hidden.shape == (100, engine.n_embd) and read.logits.shape == (100, engine.vocab.n_tokens)
    assert engine.n_embd < 100
    weights, *_ = np.linalg.lstsq(read.hidden.astype(np.float64), read.logits.astype(np.float64), rcond=None)
    assert np.abs(read.hidden @ weights - read.logits).max() < 1e-3 < read.logits.std()


@pytest.mark.parametrize("settings", LAYOUTS)
def test_marks_apart_and_one_after_another(f32: Path, open_engine: Open, settings: dict[str, Any]) -> None:
    """A step's mark is read alone or with others, beside samples and stretches: the same numbers, the same tokens."""
    engine, alone = open_engine(f32, **settings), open_engine(f32, **settings)
    root, want = prompt(engine), ReadOut(tokens=(70, 3), hidden=True)
    samples = [start(engine, root, (i,)) for i in range(3)]
    jobs = [engine.evaluate(root, TOKENS[i : i + 20], [4, 5, 19], want) for i in range(4)]
    plain = [engine.evaluate(root, TOKENS[i : i + 30], [29]) for i in range(2)]
    drain(engine)
    for i, job in enumerate(jobs):
        expected = alone.evaluate(prompt(alone), TOKENS[i : i + 20], range(20), ReadOut(hidden=True))
        drain(alone)
        whole, read = expected.result(), job.result()
        assert read.logits.shape == (3, 2)
        assert np.abs(read.logits - whole.logits[np.ix_([4, 5, 19], [70, 3])]).max() < 1e-2
        assert np.abs(read.hidden - whole.hidden[[4, 5, 19]]).max() < 1e-2
    assert all(job.result().hidden.size == 0 for job in plain)
    expected_samples = [start(alone, prompt(alone), (i,)) for i in range(3)]
    drain(alone)
    assert [job.result().tokens for job in samples] == [job.result().tokens for job in expected_samples]


def test_rows_are_decoded_as_often_as_without(f32: Path, open_engine: Open) -> None:
    """One more decode for the marks, no row more, and no vocabulary copied where a pair of tokens is wanted."""
    engine, usage = open_engine(f32), Usage()
    root = prompt(engine, usage=usage)
    job = engine.evaluate(root, TOKENS, [99], ReadOut(tokens=()))
    drain(engine)
    before = engine.work
    assert job.result().logits.shape == (1, 0)
    job = engine.evaluate(root, TOKENS[::-1], [99], ReadOut(tokens=(1, 2), hidden=True))
    drain(engine)
    assert (engine.work.decodes - before.decodes, engine.work.rows - before.rows) == (2, 100)
    assert job.result().logits.shape == (1, 2)


def test_tokens_outside_of_the_vocabulary_are_refused(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    with pytest.raises(ValueError, match="outside"):
        engine.evaluate(prompt(engine), TOKENS, [0], ReadOut(tokens=(10**6,)))
