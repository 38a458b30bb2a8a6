"""What the layouts, threads and widths do to the logits of a model of real size: SmolLM2-135M, where it is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engine.driving import drain, never
from tts_cli.engine import Engine, Sampler
from tts_cli.protocols import SampleKey, Sampling, Usage

SMOL = Path.home() / ".cache/tts-real-models/SmolLM2-135M-Instruct.Q4_1.gguf"
TEXT = "Natalia sold clips to 48 of her friends in April, and then half as many clips in May. How many were sold? "
Open = Callable[..., Engine]

pytestmark = pytest.mark.skipif(not SMOL.is_file(), reason="SmolLM2's weights are not there")


def _logits(engine: Engine, times: int = 1) -> NDArray[np.float32]:
    """After each of the last 8 tokens of a text, [8, n_vocab]."""
    tokens = engine.vocab.tokenize(TEXT * times, special=False)
    root = engine.root(tokens[:-8], Usage())
    job = engine.evaluate(root, tokens[-8:], range(8))
    drain(engine)
    return job.result().logits


def _samples(engine: Engine, count: int) -> list[tuple[int, ...]]:
    root = engine.root(engine.vocab.tokenize(TEXT, special=False), Usage())
    jobs = [
        engine.generate(
            root, sampler=Sampler(SampleKey(0, "p", (i,)), Sampling(temperature=0.7)), stop=never, max_tokens=12
        )
        for i in range(count)
    ]
    drain(engine)
    return [job.result().tokens for job in jobs]


def test_what_is_chosen_for_a_large_model(open_engine: Open) -> None:
    engine = open_engine(SMOL)
    assert (engine.layout, engine.flash_attention) == ("streams", False)
    beside = open_engine(SMOL, layout="unified", share=engine)
    assert (beside.layout, beside.flash_attention) == ("unified", True)


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"layout": "unified", "flash_attention": False}, 0.01),  # rounding only
        (
            {"layout": "unified"},
            1.5,
        ),  # flash attention: 16-bit sums, and quantized activations that round the other way
    ],
)
def test_layouts_agree_as_far_as_they_can(open_engine: Open, settings: dict[str, Any], most: float) -> None:
    streams = open_engine(SMOL)
    difference = np.abs(_logits(streams) - _logits(open_engine(SMOL, share=streams, **settings)))
    assert difference.max() < most < _logits(streams).std()
    assert difference.mean() < most / 4


def test_on_streams_neither_threads_nor_width_change_a_bit(open_engine: Open) -> None:
    """So threads may be adapted while running, and a sample does not depend on what shares its decodes."""
    two = open_engine(SMOL, threads=2)
    one = open_engine(SMOL, threads=1, share=two)
    assert np.array_equal(_logits(one, 8), _logits(two, 8))
    wide = _samples(two, 12)
    assert _samples(one, 3) == wide[:3]


def test_with_flash_attention_threads_matter_for_single_rows_only(open_engine: Open) -> None:
    """Why `Context` adapts them for other decodes only."""
    two = open_engine(SMOL, layout="unified", threads=2)
    one = open_engine(SMOL, layout="unified", threads=1, share=two)
    assert np.array_equal(_logits(one, 24), _logits(two, 24))
