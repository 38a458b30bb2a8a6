"""What `tts models remove` takes away: all that belongs to a model, and nothing of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_cli.errors import ModelError, UsageError
from tts_cli.hub.pulled import PulledFile, write_record
from tts_cli.models.removing import files_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TTS_MODELS_DIR", str(tmp_path))
    return tmp_path


def make(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).touch()
    return [folder / name for name in names]


def test_a_split_model_goes_as_a_whole_with_what_its_pull_left(folder: Path) -> None:
    parts = make(folder, "big-00001-of-00002.gguf", "big-00002-of-00002.gguf")
    make(folder, "big-00001-of-00003.gguf", "big.gguf", "bigger-00001-of-00002.gguf")
    lock, head = make(folder, f".{parts[0].name}.lock", "big-00001-of-00002.head.safetensors")
    write_record(parts[0], PulledFile("user/repo", parts[0].name, "main", 0, None))
    record = folder / f".{parts[0].name}.json"
    assert set(files_of("big-00001-of-00002")) == {*parts, lock, head, record}
    assert set(files_of("hf:user/repo")) == {*parts, lock, head, record}


@pytest.mark.parametrize("name", ["absent", "hf:user/repo"])
def test_what_is_not_there_is_said(name: str) -> None:
    with pytest.raises(ModelError, match=r"no model|not on this machine"):
        files_of(name)


def test_a_bundled_model_is_no_prey() -> None:
    with pytest.raises(UsageError, match="not in the models directory"):
        files_of("nano")
