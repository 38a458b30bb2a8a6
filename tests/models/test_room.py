"""Models against the memory of machines of all sizes: what is cut, what is said, what is refused."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.sparse_gguf import Sizes, write_sparse_gguf
from tests.tiny_gguf import write_tiny_gguf
from tts_cli import Settings, Solver, loading
from tts_cli.engine import Engine, library
from tts_cli.engine.memory import predict
from tts_cli.errors import ModelError, UsageError
from tts_cli.models.load import resolve
from tts_cli.models.registry import ModelEntry
from tts_cli.models.room import Room, find_room, memory_needed

MIB = 1 << 20
AMPLE = 1 << 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelEntry:
    """Wide enough that its context of 32768 tokens takes 256 MiB, far more than anything else of it."""
    path = write_tiny_gguf(tmp_path_factory.mktemp("models") / "wide.gguf", width=256, layers=8, dtype="F32")
    return resolve(str(path), "policy")


def machine(monkeypatch: pytest.MonkeyPatch, available: int, total: int = AMPLE) -> None:
    monkeypatch.setattr(library, "memory", lambda: library.Memory(total, available))


def room(*entries: ModelEntry, n_ctx: int = 0) -> Room:
    return find_room(entries, n_ctx=n_ctx, n_seq_max=64, threads=1)


def needed(entry: ModelEntry, n_ctx: int = 0) -> int:
    assert entry.file is not None
    return predict(Path(entry.file), n_ctx=n_ctx).total


def test_where_memory_is_ample_nothing_is_cut_or_said(model: ModelEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, AMPLE)
    assert room(model) == Room((0,))
    assert room(model, model, n_ctx=4096) == Room((4096, 4096))
    monkeypatch.setattr(library, "memory", lambda: None)  # the system does not say
    assert room(model, model) == Room((0, 0))


def test_a_context_is_cut_until_all_fits(model: ModelEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (16384, 8192, 2048):
        machine(monkeypatch, needed(model, size))
        found = room(model)
        assert found.n_ctx == (size,) and found.note is not None
        assert found.note.startswith("note: wide would need 0.")
        assert f"cut to {size} tokens, so that {needed(model, size) / 1e9:.1f} GB are enough" in found.note


def test_a_context_is_never_made_larger_than_suits_its_model(
    model: ModelEntry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = resolve(str(write_tiny_gguf(tmp_path / "small.gguf", context=64)), "policy")  # 64 x 64 tokens
    machine(monkeypatch, needed(model, 8192) + needed(small))
    assert room(model, small).n_ctx == (8192, 0)


def test_both_models_count_and_one_file_counts_once(model: ModelEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, needed(model))
    assert room(model).note is None
    assert room(model, model).n_ctx == (8192, 8192)
    assert model.file is not None
    machine(monkeypatch, 2 * needed(model) - Path(model.file).stat().st_size // 2)
    assert room(model, model).note is None


def test_what_cannot_fit_is_refused_with_numbers(model: ModelEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 20 * MIB)
    says = r"wide needs 0\.\d GB \(weights 0\.0, context 0\.0, work 0\.0\) of memory, and .* has 0\.0 GB available"
    with pytest.raises(UsageError, match=says):
        room(model)


def test_a_context_that_was_asked_for_is_not_cut(model: ModelEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, needed(model, 8192))
    assert room(model, n_ctx=8192) == Room((8192,))
    with pytest.raises(UsageError, match="wide needs") as caught:
        room(model, n_ctx=16384)
    assert "--ctx-size" in caught.value.hint


def test_weights_may_exceed_what_is_available_but_not_the_machine(
    model: ModelEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their pages can be read again, so it is slow, and no more than that."""
    assert model.file is not None
    pinned = predict(Path(model.file)).pinned
    machine(monkeypatch, pinned)
    found = room(model)
    assert found.n_ctx == (0,) and found.note is not None and "it may be slow" in found.note
    machine(monkeypatch, AMPLE, total=20 * MIB)
    with pytest.raises(UsageError, match=r"this machine has 0\.0 GB\n"):
        room(model)


def test_the_solver_cuts_both_contexts_and_says_so(model: ModelEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model.file is not None
    notes: list[str] = []
    settings = Settings(policy=model.file, prm=model.file, prm_format="nano-prm", threads=1, gpu_layers=0)
    machine(monkeypatch, needed(model))
    with ExitStack() as stack:
        policy, prm = loading.load_models(settings, loading.models_of(settings), stack, on_note=notes.append)
        assert prm is not None
        assert (policy.engine.n_ctx, prm.engine.n_ctx) == (8192, 8192)
    assert len(notes) == 1 and "cut to 8192 tokens" in notes[0]
    machine(monkeypatch, 20 * MIB)
    with ExitStack() as stack, pytest.raises(UsageError, match="of memory"):
        loading.load_models(settings, loading.models_of(settings), stack)


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine(monkeypatch, AMPLE)
    with pytest.raises(ModelError, match=r"absent\.gguf"):
        room(ModelEntry(name="absent", role="policy", file=str(tmp_path / "absent.gguf")))
    assert memory_needed(tmp_path / "absent.gguf") is None


def test_a_model_without_flash_attention_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Engine.__init__

    def lacking(self: Engine, *arguments: Any, **settings: Any) -> None:
        make(self, *arguments, **settings)
        self.lacks_flash_attention = True

    monkeypatch.setattr(Engine, "__init__", lacking)
    notes: list[str] = []
    Solver(method="greedy", on_note=notes.append).close()
    assert notes == ["note: llama.cpp has no flash attention for nano: it runs without, more slowly."]


@pytest.mark.parametrize(
    ("memory", "prm", "says"),
    [
        (8, "Q4_K", None),
        (8, "Q8_0", "this machine has 7.5 GB"),
        (16, "Q8_0", None),
        (24, "F16", None),
    ],
)
def test_a_prm_of_7b_beside_a_small_policy(
    memory: int, prm: str, says: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On computers that people have, by their headers; a twentieth of the memory belongs to the system."""
    small = Sizes(layers=24, width=896, heads=14, kv_heads=2, feed_forward=4864, vocabulary=151936, context=32768)
    policy = resolve(str(write_sparse_gguf(tmp_path / "policy.gguf", small)), "policy")
    large = ModelEntry(name="prm", role="prm", file=str(write_sparse_gguf(tmp_path / "prm.gguf", Sizes(), prm)))
    machine(monkeypatch, total := int(0.94 * memory * 1e9), total)
    if says is None:
        assert room(policy, large).n_ctx
    else:
        with pytest.raises(UsageError, match=says):
            room(policy, large)
