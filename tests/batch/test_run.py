"""A batch from Python: what its observer gets to know, what it returns, and that it prints nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.cli.test_batch import read
from tts_cli.batch import executors
from tts_cli.batch.run import BatchObserver, BatchOutcome, BatchRun
from tts_cli.config import Settings
from tts_cli.data.record import Record
from tts_cli.errors import ModelError
from tts_cli.models.registry import ModelEntry

SETTINGS = Settings(policy="tiny", method="greedy", max_steps=4, threads=1)


class Diary(BatchObserver):
    """What happened, in order."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def note(self, text: str) -> None:
        self.entries.append(text)

    def opened(self) -> None:
        self.entries.append("opened")

    def loading(self, policy: ModelEntry) -> None:
        self.entries.append(f"loading {policy.name}")

    def loaded(self) -> None:
        self.entries.append("loaded")

    def kept(self, finish: str) -> None:
        self.entries.append(f"kept {finish}")

    def finished(self, record: Record) -> None:
        self.entries.append(f"finished {record.id}")


@pytest.fixture(autouse=True)
def environment(tts: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tts.work)
    for name in ("TTS_MODELS_DIR", "TTS_MODELS_FILE"):
        monkeypatch.setenv(name, tts.env[name])
    Path("p.txt").write_text("Compute 1 + 1.\nCompute 2 + 1.\n")


def test_it_is_watched_and_resumed_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    first, again = Diary(), Diary()
    done = BatchRun(SETTINGS, Path("p.txt"), Path("out.jsonl"), observer=first).run()
    assert done == BatchOutcome(errors=0, complete=True, resumable=True)
    assert first.entries == ["opened", "loading tiny", "loaded", "finished 1", "finished 2"]
    assert BatchRun(SETTINGS, Path("p.txt"), Path("out.jsonl"), observer=again).run() == done
    assert again.entries == ["opened", "kept answered", "kept answered"]
    assert [row["id"] for row in read(Path("out.jsonl"))] == ["1", "2"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("small_file", [1 << 30, 0], ids=["workers", "one decode loop"])
def test_records_can_go_to_a_function(monkeypatch: pytest.MonkeyPatch, small_file: int) -> None:
    monkeypatch.setattr(executors, "SMALL_FILE", small_file)
    records: list[Record] = []
    assert BatchRun(SETTINGS, Path("p.txt"), records.append).run() == BatchOutcome(0, True, resumable=False)
    assert [(record.id, record.finish) for record in records] == [("1", "answered"), ("2", "answered")]


def test_a_stop_leaves_what_is_finished() -> None:
    diary = Diary()
    Path("p.txt").write_text("Compute 1 + 1.\n" * 50)
    stopped = BatchRun(
        SETTINGS, Path("p.txt"), Path("out.jsonl"), observer=diary, should_stop=lambda: "finished 2" in diary.entries
    ).run()
    assert not stopped.complete and stopped.resumable
    assert 2 <= len(read(Path("out.jsonl"))) < 50


def test_what_cannot_begin_writes_no_record() -> None:
    with pytest.raises(ModelError, match=r"absent\.gguf"):
        BatchRun(SETTINGS.model_copy(update={"policy": "absent.gguf"}), Path("p.txt"), Path("out.jsonl")).run()
    assert Path("out.jsonl").read_bytes() == b""
