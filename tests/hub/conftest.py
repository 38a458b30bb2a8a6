from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.fake_hub import FakeHub, serving

FILE = "tiny-Q8_0.gguf"
DATA = random.Random(7).randbytes(300_000)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models directory, and an empty cache of the Hub's."""
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TTS_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("tts_cli.hub.download.PAUSES", (0.0, 0.0, 0.0))
    return tmp_path / "models"


@pytest.fixture
def hub(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """One file of 300 KB."""
    with serving(FakeHub({FILE: DATA})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub
