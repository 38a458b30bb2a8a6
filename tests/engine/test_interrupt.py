"""Decodes that are broken off: nothing has changed, and the same work gives the same results."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.driving import check, drain, prompt, start, used
from tts_cli.engine import Engine, Sampler
from tts_cli.protocols import Job, SampleKey, Sampling, Usage

Open = Callable[..., Engine]
PROMPT = [65 + i % 60 for i in range(300)]  # more than llama.cpp runs at once: the first part of it stays in the cells


def jobs_of(engine: Engine, usage: Usage) -> list[Job[Any]]:
    root = engine.root(PROMPT, usage)
    samples = [
        engine.generate(
            root, sampler=Sampler(SampleKey(0, "p", (i,)), Sampling()), stop=lambda text: None, max_tokens=12
        )
        for i in range(3)
    ]
    return [*samples, engine.evaluate(root, PROMPT[:40], [39])]


def results(jobs: list[Job[Any]]) -> list[Any]:
    return [job.result().tokens for job in jobs[:3]] + jobs[3].result().logits.tolist()


@pytest.fixture(params=["unified", "streams"])
def open_one(request: pytest.FixtureRequest, f32: Path, open_engine: Open) -> Callable[[], Engine]:
    """Opens an engine of one context; of each layout in turn."""
    return lambda: open_engine(f32, layout=request.param, n_contexts=1)


@pytest.fixture
def expected(open_one: Callable[[], Engine]) -> tuple[list[Any], Usage, int]:
    engine, usage = open_one(), Usage()
    jobs = jobs_of(engine, usage)
    decodes = drain(engine)
    return results(jobs), usage, decodes


def test_every_decode_may_be_interrupted_once(open_one: Callable[[], Engine], expected: Any) -> None:
    engine, usage = open_one(), Usage()
    jobs = jobs_of(engine, usage)
    advances = 0
    while engine.busy:
        held, counted = used(engine), usage.total
        engine.interrupt()
        engine.advance()
        assert (used(engine), usage.total) == (held, counted)
        check(engine)
        engine.advance()
        check(engine)
        advances += 1
    assert (results(jobs), usage, advances) == expected


@pytest.mark.parametrize("operations", [1, 60, 90, 130])
def test_what_ran_of_an_interrupted_decode_is_taken_back(
    open_one: Callable[[], Engine], expected: Any, operations: int
) -> None:
    """Broken off in the first, second or third part of the prompt."""
    engine, usage = open_one(), Usage()
    jobs = jobs_of(engine, usage)
    context = engine._scheduler.pools[0].context
    calls: list[int] = []

    def after_some(_: Any) -> bool:
        calls.append(1)
        return len(calls) == operations

    context._is_set = context._api.ggml_abort_callback(after_some)  # the context keeps it alive
    context._api.llama_set_abort_callback(context.handle, context._is_set, ctypes.c_void_p())
    engine.advance()
    assert (len(calls), used(engine), usage.total) == (operations, 0, 0)
    check(engine)
    drain(engine)
    assert (results(jobs), usage) == expected[:2]


def test_an_interruption_between_decodes_costs_one(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, n_contexts=1)
    engine.interrupt()
    engine.interrupt()
    job = start(engine, prompt(engine), max_tokens=3, steps=False)
    assert drain(engine) == 4 and job.done


def test_several_contexts_finish_what_they_began(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, n_contexts=2)
    start(engine, prompt(engine), max_tokens=3, steps=False)
    engine.interrupt()
    assert drain(engine) == 3


def test_interrupting_a_closed_engine_does_nothing(f32: Path, open_engine: Open) -> None:
    engine = open_engine(f32, n_contexts=1)
    engine.close()
    engine.interrupt()
