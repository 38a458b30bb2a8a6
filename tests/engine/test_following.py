"""Log-probabilities of given tokens: those of all logits, whatever shares the decode; and branches that are put off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engine.driving import drain, logits, prompt, start, used
from tts_cli.engine import Engine, ReadOut, sampling
from tts_cli.errors import ModelError
from tts_cli.protocols import Usage

Open = Callable[..., Engine]
LAYOUTS: list[dict[str, Any]] = [{}, {"layout": "streams", "n_seq_max": 3}, {"layout": "unified"}]
TOKENS = [int(token) for token in np.random.default_rng(5).integers(0, 256, 150)]


def plain(rows: NDArray[np.float32], tokens: Sequence[int]) -> NDArray[np.float64]:
    """Log-probability of each row's token, as the definition has it."""
    exact = rows.astype(np.float64)
    found: NDArray[np.float64] = exact[range(len(tokens)), tokens] - np.log(np.exp(exact).sum(axis=1))
    return found


@pytest.mark.parametrize("settings", LAYOUTS)
def test_they_are_those_of_all_logits(f32: Path, open_engine: Open, settings: dict[str, Any]) -> None:
    """More marks than one decode takes, one row for two tokens, a last token that is not run, samples beside."""
    engine, alone = open_engine(f32, **settings), open_engine(f32, n_seq_max=1)
    marks = [*range(100), 120, 120, 149]
    following = (*TOKENS[1:101], 7, 8, 9)
    root = prompt(engine)
    samples = [start(engine, root, (i,)) for i in range(3)]
    job = engine.evaluate(root, TOKENS, marks, ReadOut(tokens=(), following=following))
    drain(engine)
    expected = plain(logits(alone, prompt(alone), TOKENS)[marks], following)
    read = job.result()
    assert (read.logits.shape, read.logprobs.shape) == ((103, 0), (103,))
    assert np.abs(read.logprobs - expected).max() < 1e-3 < expected.std()
    assert all(sample.done for sample in samples)


def test_logits_and_hidden_states_may_be_read_beside_them(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    job = engine.evaluate(prompt(engine), TOKENS, [3, 9], ReadOut(hidden=True, following=(1, 2)))
    drain(engine)
    read = job.result()
    assert np.abs(read.logprobs - plain(read.logits, (1, 2))).max() < 1e-4
    assert np.ptp(read.hidden, axis=0).max() > 0


def test_what_does_not_match_is_refused(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32)
    with pytest.raises(ValueError, match="follows each mark"):
        engine.evaluate(prompt(engine), TOKENS, [0, 1], ReadOut(following=(1,)))
    with pytest.raises(ValueError, match="outside of the vocabulary"):
        engine.evaluate(prompt(engine), TOKENS, [0], ReadOut(following=(10**6,)))


@pytest.mark.parametrize("shift", [0.0, 300.0, -300.0])
@pytest.mark.parametrize("size", [1000, 40_003])
def test_small_and_large_vocabularies(size: int, shift: float) -> None:
    rows = np.random.default_rng(1).normal(scale=4, size=(9, size)).astype(np.float32)
    tokens = list(range(0, 900, 100))
    expected = plain(rows, tokens)
    assert sampling.given(list(rows + np.float32(shift)), tokens) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("size", [1000, 40_003])
def test_logits_that_are_no_numbers_are_an_error(size: int, bad: float) -> None:
    rows = np.zeros((2, size), np.float32)
    rows[1, 500] = bad
    with pytest.raises(ModelError, match="not a number"):
        sampling.given(list(rows), [0, 0])


def test_a_branch_that_was_put_off_is_run_with_what_comes_after_it(f32: Path, open_engine: Open) -> None:
    engine, whole, usage = open_engine(f32), open_engine(f32), Usage()
    root = prompt(engine, usage=usage)
    middle = engine.extend(root, TOKENS[:40])
    assert not engine.busy
    found = logits(engine, middle, TOKENS[40:50])
    assert np.abs(found - logits(whole, prompt(whole), TOKENS[:50])[40:]).max() < 1e-3
    assert usage.evaluated == root.length + 50
    logits(engine, middle, TOKENS[60:70])
    assert usage.evaluated == root.length + 60, "only what is new"


def test_what_is_released_as_soon_as_it_is_there_leaves_nothing(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, layout="unified")
    middle = engine.extend(prompt(engine), TOKENS[:40])
    job = engine.evaluate(middle, TOKENS[40:50], [9]).then(lambda read: engine.release(read.branch))
    drain(engine)
    assert job.done and used(engine) == middle.length
