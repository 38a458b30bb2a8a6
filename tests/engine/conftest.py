"""Tiny models on disk, written once per session, and engines over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.engine import Engine

ENDINGS = {"\n\n": 1.5, "<|end|>": 1.5}
NO_END = {"<|end|>": -100.0}


@pytest.fixture(scope="session")
def f32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Full precision: batching changes its logits by rounding only, so tokens can be compared."""
    path = tmp_path_factory.mktemp("models") / "f32.gguf"
    return write_tiny_gguf(path, dtype="F32", bias=ENDINGS, chat_template=CHAT_TEMPLATE)


@pytest.fixture(scope="session")
def f16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "f16.gguf", dtype="F16", bias=ENDINGS)


@pytest.fixture(scope="session")
def q8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "q8.gguf", dtype="Q8_0", bias=ENDINGS)


@pytest.fixture(scope="session")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never writes its end token."""
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "endless.gguf", dtype="F32", bias=NO_END)


@pytest.fixture
def open_engine() -> Iterator[Callable[..., Engine]]:
    """Opens engines (one thread) and closes them after the test."""
    engines: list[Engine] = []

    def open_one(path: Path, **settings: Any) -> Engine:
        engines.append(Engine(path, **{"threads": 1, **settings}))
        return engines[-1]

    yield open_one
    for engine in engines:
        engine.close()
