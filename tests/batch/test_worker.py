"""Workers over real models: in a process of their own they give what they give in this one, and say what is wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.cli.conftest import Here, Program
from tests.cli.test_batch import QUICK, TEXT
from tests.cli.test_solve import refused
from tts_cli.batch.executors import open_workers
from tts_cli.batch.worker import LocalWorker, ProcessWorker
from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record, RecordError
from tts_cli.errors import ModelError, TtsError

SETTINGS = Settings(policy="tiny", method="best-of-n", budget=4, temperature=1.0, threads=1)
PROBLEMS = [
    Problem("a", "Compute 1 + 1.", {"level": 2, "é": [None]}, "mark"),
    Problem("b", "\x00\x1b\u2028 é ∞"),
    Problem("c", "", None, "mark", RecordError(kind="bad-row", message="Row 3: it is not JSON.")),
]


@pytest.fixture
def environment(tts: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TTS_MODELS_DIR", "TTS_MODELS_FILE"):
        monkeypatch.setenv(name, tts.env[name])


@pytest.fixture
def process(environment: None) -> Iterator[ProcessWorker]:
    with ExitStack() as stack:
        yield ProcessWorker(SETTINGS, stack)


def without_time(record: Record | None) -> Record:
    assert record is not None
    return record.model_copy(update={"cost": record.cost.model_copy(update={"seconds": 0.0})})


def test_a_process_gives_what_this_one_gives(process: ProcessWorker) -> None:
    with ExitStack() as stack:
        local = LocalWorker(SETTINGS, stack)
        for problem in PROBLEMS:
            assert without_time(process.solve(problem)) == without_time(local.solve(problem))


def test_a_process_that_is_stopped_gives_none(process: ProcessWorker) -> None:
    assert process.solve(PROBLEMS[0]) is not None
    process.stop()
    assert process.solve(PROBLEMS[1]) is None


def test_a_process_that_dies_is_an_error(process: ProcessWorker) -> None:
    assert process.solve(PROBLEMS[0]) is not None
    os.kill(process.process.pid, signal.SIGKILL)
    with pytest.raises(TtsError, match="ended without a word") as failed:
        process.solve(PROBLEMS[1])
    assert "--in-flight 1" in failed.value.hint


def test_what_is_wrong_with_a_model_comes_through(tts: Program, environment: None) -> None:
    (tts.work / "bad.gguf").write_bytes(b"GGUF and no more")
    settings = SETTINGS.model_copy(update={"policy": str(tts.work / "bad.gguf"), "prm": "none"})
    with ExitStack() as stack, pytest.raises(ModelError, match=r"bad\.gguf"):
        ProcessWorker(settings, stack).solve(PROBLEMS[0])


def test_a_broken_model_ends_a_batch_with_its_own_exit_code(tts: Program, here: Here) -> None:
    (tts.work / "bad.gguf").write_bytes(b"GGUF and no more")
    done = here("batch", *QUICK, "--policy", "bad.gguf", "--prm", "none", "--threads", "2", stdin=TEXT)
    assert "bad.gguf" in refused(done, 4)


@pytest.mark.parametrize(
    ("threads", "at_most", "count"), [(1, None, 1), (2, None, 2), (2, 1, 1), (64, None, 4), (64, 99, 4)]
)
def test_there_are_as_many_workers_as_threads_within_reason(
    environment: None, monkeypatch: pytest.MonkeyPatch, threads: int, at_most: int | None, count: int
) -> None:
    monkeypatch.setattr(ProcessWorker, "__init__", lambda *_: None)
    with ExitStack() as stack:
        workers = open_workers(SETTINGS.model_copy(update={"threads": threads}), stack, at_most)
        assert [type(one) for one in workers] == ([LocalWorker] if count == 1 else [ProcessWorker] * count)
