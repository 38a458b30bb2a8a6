"""What is stored is there after whatever happens, and nothing else is."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tts_cli.data.fingerprint import of_problem
from tts_cli.errors import TtsError
from tts_cli.evaluation.conditions import SearchJob
from tts_cli.evaluation.store import Store, StoredSearch
from tts_cli.models.backends.recording import SearchRecording
from tts_cli.protocols import Draw, Finish, PromptTokens

JOB = SearchJob("majority", 4, 1)
RECORDING = SearchRecording(PromptTokens(5), {(0, 0): Draw("x", 1, Finish.EOS, -0.5)}, {})
KEY = of_problem("Compute 2 + 3.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "samples.sqlite"


def test_searches_come_back_in_another_process_life(path: Path) -> None:
    with Store(path) as store:
        store.put([StoredSearch(KEY, JOB, RECORDING)], {"wall_seconds": 1.5})
    with Store(path) as store:
        assert store.jobs(KEY) == [JOB]
        assert store.recording(KEY, JOB) == RECORDING
        assert store.about("spent") == {"wall_seconds": 1.5}
        assert store.jobs(of_problem("another")) == [] and store.about("nothing") is None
    assert [file.name for file in path.parent.iterdir()] == ["samples.sqlite"], "one file"


def test_a_problem_is_named_by_its_text() -> None:
    assert of_problem("a") == of_problem("a") != of_problem("b")
    assert len(of_problem("\ud800")) == 16


def test_without_a_path_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Store(None) as store:
        store.put([StoredSearch(KEY, JOB, RECORDING)], {})
        assert store.jobs(KEY) == [JOB]
    assert list(tmp_path.iterdir()) == []


def test_unexpected_errors_are_tried_again_and_others_are_not(path: Path) -> None:
    failed = SearchRecording(PromptTokens(0), {}, {}, ("internal", "KeyError: 'x'"))
    too_long = SearchRecording(PromptTokens(0), {}, {}, ("prompt-too-long", "9 tokens"))
    with Store(path) as store:
        store.put([StoredSearch("a", JOB, failed), StoredSearch("b", JOB, too_long)], {})
        store.forget_failures()
        assert store.jobs("a") == [] and store.jobs("b") == [JOB]


def test_only_one_process_at_a_time(path: Path) -> None:
    with Store(path), pytest.raises(TtsError, match="another tts eval is at work"):
        Store(path)
    Store(path).close()


@pytest.mark.parametrize("version", [2, 99])
def test_a_file_of_another_version_is_refused(path: Path, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(TtsError, match=rf"another version of tts \({version}, this one writes 3\)"):
        Store(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no database " * 100)
    with pytest.raises(TtsError, match="not a database"):
        Store(text)


def test_a_damaged_recording_is_an_error_and_not_a_result(path: Path) -> None:
    with Store(path) as store:
        store.put([StoredSearch(KEY, JOB, RECORDING)], {})
    connection = sqlite3.connect(path)
    connection.execute("UPDATE recordings SET recording = x'00'")
    connection.commit()
    connection.close()
    with Store(path) as store, pytest.raises(TtsError, match="damaged"):
        store.recording(KEY, JOB)


KILLED = """
import os, signal, sys
from tests.evaluation.test_store import *
store = Store(Path(sys.argv[1]))
for number in range(50):
    both = [StoredSearch(name, JOB, RECORDING) for name in (str(number), f"{number} too")]
    store.put(both, {"number": number})
store._file.execute("BEGIN")
store._file.execute("DELETE FROM recordings")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_what_was_under_way_and_no_more(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    with Store(path) as store:
        assert all(store.jobs(f"{number}{end}") == [JOB] for number in range(50) for end in ("", " too"))
        assert store.about("spent") == {"number": 49}
