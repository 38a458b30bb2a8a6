"""The guarded calls, and what happens when llama.cpp itself says no."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.driving import drain, prompt, start, used
from tts_cli.engine import Engine
from tts_cli.engine.context import Context
from tts_cli.errors import ModelError, PromptTooLong
from tts_cli.protocols import Finish

Open = Callable[..., Engine]


@pytest.fixture
def context(f32: Path, open_engine: Open) -> Context:
    engine = open_engine(f32, n_ctx=256, n_seq_max=2, n_batch=100)
    return engine._scheduler.pools[0].context


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "batch of 0 rows"),
        ([(65, i, 0, 0) for i in range(101)], "batch of 101 rows"),
        ([(-1, 0, 0, 0)], "token out of range"),
        ([(288, 0, 0, 0)], "token out of range"),
        ([(65, 0, -1, 0)], "sequence out of range"),
        ([(65, 0, 4, 0)], "sequence out of range"),
        ([(65, i, 0, 1) for i in range(65)], "too many rows with logits"),
    ],
)
def test_what_llama_cpp_asserts_is_refused_first(context: Context, rows: list[Any], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        context.decode(*([row[column] for row in rows] for column in range(4)))
    assert context.decode([65, 66], [0, 1], [0, 0], [0, 1])
    assert context.logits(1).shape == (1, 288)


def test_sequences_out_of_range_are_refused(context: Context) -> None:
    for call in (
        lambda: context.trim(4, 0),
        lambda: context.length(-1),
        lambda: context.copy(4, 0, 1),
        lambda: context.copy(0, 0, 1),
    ):
        with pytest.raises(RuntimeError, match="sequence"):
            call()


def test_a_gap_in_a_sequence_is_an_error_not_a_crash(context: Context) -> None:
    with pytest.raises(ModelError, match="failed to run"):
        context.decode([65], [7], [0], [1]) and context.decode([65], [9], [0], [1])


def test_copying_replaces_what_the_target_held(context: Context) -> None:
    context.decode([65, 66, 67, 70], [0, 1, 2, 0], [0, 0, 0, 1], [0, 0, 0, 0])
    for target in (1, 2):
        context.copy(0, target, 2)
    assert [context.length(seq) for seq in range(4)] == [3, 2, 2, 0]
    # Had the old token stayed, sequence 1 would attend to it too.
    context.decode([71, 71], [2, 2], [1, 2], [1, 1])
    used_before, empty_before = context.logits(2)
    assert abs(used_before - empty_before).max() < 1e-3


def test_a_closed_context_refuses_calls(f32: Path) -> None:
    engine = Engine(f32, threads=1)
    context = engine._scheduler.pools[0].context
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        context.trim(0, 0)


def _refuse(monkeypatch: pytest.MonkeyPatch, refuses: Callable[[int, int], bool]) -> None:
    """llama.cpp has no room whenever `refuses(number of the call, its rows)`."""
    decode, calls = Context.decode, [0]

    def moody(self: Context, tokens: Any, *rest: Any) -> bool:
        calls[0] += 1
        return not refuses(calls[0], len(tokens)) and decode(self, tokens, *rest)

    monkeypatch.setattr(Context, "decode", moody)


@pytest.mark.parametrize("n_contexts", [1, 2])
def test_no_room_in_llama_cpp_changes_only_the_cost(
    f32: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch, n_contexts: int
) -> None:
    def run() -> list[tuple[int, ...]]:
        engine = open_engine(f32, n_contexts=n_contexts)
        root = prompt(engine)
        jobs = [start(engine, root, (i,), steps=False) for i in range(10)]
        drain(engine)
        return [job.result().tokens for job in jobs]

    expected = run()
    _refuse(monkeypatch, lambda call, rows: call % 3 == 0 and rows > 1)
    assert run() == expected


def test_a_job_that_llama_cpp_never_has_room_for_ends(
    f32: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(f32)
    root = prompt(engine)
    sampled, evaluated = start(engine, root), engine.evaluate(root, [65, 66], [1])
    _refuse(monkeypatch, lambda call, rows: True)
    drain(engine)
    assert sampled.result().finish is Finish.CONTEXT
    with pytest.raises(PromptTooLong):
        evaluated.result()
    assert used(engine) == 0


def test_a_failing_llama_cpp_is_a_model_error(f32: Path, open_engine: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(f32)
    start(engine, prompt(engine))
    monkeypatch.setattr(engine._scheduler.pools[0].context._api, "llama_decode", lambda *_: -3)
    with pytest.raises(ModelError, match="code -3"):
        engine.advance()


def test_without_flash_attention_where_it_cannot_be_had(
    f32: Path, open_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head size that llama.cpp's kernels do not know, say: the same answers, and it can be seen."""
    usual = open_engine(f32)
    api = usual._model.lib.api
    make = api.llama_init_from_model
    refused = lambda model, params: None if params.flash_attn_type == 1 else make(model, params)  # noqa: E731
    monkeypatch.setattr(api, "llama_init_from_model", refused)
    engine = open_engine(f32, flash_attention=True)
    assert engine.lacks_flash_attention and not engine.flash_attention
    assert not usual.lacks_flash_attention
    jobs = [start(one, prompt(one)) for one in (usual, engine)]
    drain(usual), drain(engine)
    assert jobs[0].result().tokens == jobs[1].result().tokens


def test_short_memory_takes_cells_and_not_flash_attention(
    f32: Path, open_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = open_engine(f32, flash_attention=True, n_contexts=1)
    api = usual._model.lib.api
    make = api.llama_init_from_model
    small = lambda model, params: None if params.n_ctx > usual.n_ctx // 2 else make(model, params)  # noqa: E731
    monkeypatch.setattr(api, "llama_init_from_model", small)
    engine = open_engine(f32, flash_attention=True, n_contexts=1)
    assert engine.flash_attention and not engine.lacks_flash_attention
    assert engine.n_ctx == usual.n_ctx // 2
