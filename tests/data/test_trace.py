"""The trace file: same search, same bytes; written whole or not at all; broken ones are named as such."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli import scripted
from tests.search.scripted import from_json
from tts_cli.data import files, trace
from tts_cli.errors import TtsError
from tts_cli.search.events import to_json


def sample(**changes: object) -> trace.Trace:
    events = [to_json(event) for event in scripted.ended()]
    return trace.Trace(tts="0.1.0", settings={"seed": 0}, record=scripted.record(**changes), events=events)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    trace.save(path, sample())
    loaded = trace.load(path)
    assert [from_json(event) for event in loaded.events] == scripted.ended()
    assert loaded.record.votes == scripted.record().votes
    assert loaded.settings == {"seed": 0}


def test_wall_time_does_not_change_the_file() -> None:
    slow = scripted.record().cost.model_copy(update={"seconds": 99.0})
    assert trace.dump(sample()) == trace.dump(sample(cost=slow))


def test_one_event_stands_on_one_line() -> None:
    lines = trace.dump(sample()).splitlines()
    assert sum('"event":' in line for line in lines) == len(scripted.ended())


@pytest.mark.parametrize("events", [[], [scripted.started(problem=scripted.HOSTILE)]])
def test_dump_is_json_whatever_the_events_hold(events: list[object]) -> None:
    rows = [to_json(event) for event in events]  # type: ignore[arg-type]
    text = trace.dump(sample().model_copy(update={"events": rows}))
    assert json.loads(text)["events"] == rows
    assert not any(ord(char) < 32 and char != "\n" for char in text)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1, 2]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": "tts-trace", "version": NaN}', "NaN is not a number"),
        (b'{"model": "nano"}', 'no "format"'),
        (b'{"format": "tts-trace", "version": 2}', "version 2"),
        (b'{"format": "tts-trace"}', "version None"),
        (b'{"format": "tts-trace", "version": 1, "tts": "1"}', "settings"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(TtsError) as caught:
        trace.load(path)
    assert says in caught.value.what
    assert caught.value.hint


def test_a_truncated_trace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    text = trace.dump(sample())
    path.write_text(text[: len(text) // 2])
    with pytest.raises(TtsError, match="not JSON"):
        trace.load(path)


def test_a_missing_trace_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TtsError, match="cannot be read"):
        trace.load(tmp_path / "absent.json")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.json"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TtsError, match="no space left on device"):
        files.write_atomically(path, "new", "The trace")
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]


def test_writing_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    files.write_atomically(tmp_path / "link.json", "new", "The trace")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"


def test_check_writable_leaves_nothing_behind(tmp_path: Path) -> None:
    files.check_writable(tmp_path / "t.json", "The trace")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["absent/t.json", ".", "fifo", "nul\0byte", "x" * 300])
def test_unwritable_paths_are_refused_beforehand(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(TtsError, match="cannot be written"):
        files.check_writable(tmp_path / name, "The trace")
