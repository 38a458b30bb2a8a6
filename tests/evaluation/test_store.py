"""What is stored is there after whatever happens, and nothing else is."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tts_cli.data.record import RecordError
from tts_cli.errors import TtsError
from tts_cli.evaluation.conditions import SearchJob
from tts_cli.evaluation.store import Store, StoredSearch, problem_key
from tts_cli.models.backends.recording import SearchRecording
from tts_cli.protocols import Finish
from tts_cli.search.context import PromptTokens
from tts_cli.search.tree import Draw

UNIT = SearchJob("majority", 4, 1)
TAPE = SearchRecording(PromptTokens(5), {(0, 0): Draw("x", 1, Finish.EOS, -0.5)}, {})
KEY = problem_key("Compute 2 + 3.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "samples.sqlite"


def test_searches_come_back_in_another_process_life(path: Path) -> None:
    with Store(path) as store:
        store.put([StoredSearch(KEY, UNIT, TAPE)], {"wall_seconds": 1.5})
    with Store(path) as store:
        assert store.jobs(KEY) == [UNIT]
        assert store.recording(KEY, UNIT) == TAPE
        assert store.about("spent") == {"wall_seconds": 1.5}
        assert store.jobs(problem_key("another")) == [] and store.about("nothing") is None
    assert [file.name for file in path.parent.iterdir()] == ["samples.sqlite"], "one file"


def test_a_problem_is_named_by_its_text() -> None:
    assert problem_key("a") == problem_key("a") != problem_key("b")
    assert len(problem_key("\ud800")) == 64


def test_without_a_path_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Store(None) as store:
        store.put([StoredSearch(KEY, UNIT, TAPE)], {})
        assert store.jobs(KEY) == [UNIT]
    assert list(tmp_path.iterdir()) == []


def test_errors_that_nobody_foresaw_are_tried_again_and_others_are_not(path: Path) -> None:
    failed = SearchRecording(PromptTokens(0), {}, {}, RecordError(kind="internal", message="KeyError: 'x'"))
    too_long = SearchRecording(PromptTokens(0), {}, {}, RecordError(kind="prompt-too-long", message="9 tokens"))
    with Store(path) as store:
        store.put([StoredSearch("a", UNIT, failed), StoredSearch("b", UNIT, too_long)], {})
        store.forget_failures()
        assert store.jobs("a") == [] and store.jobs("b") == [UNIT]


def test_only_one_process_at_a_time(path: Path) -> None:
    with Store(path), pytest.raises(TtsError, match="another tts eval is at work"):
        Store(path)
    Store(path).close()


def test_a_file_of_another_version_or_kind_is_refused(path: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(TtsError, match="another version of tts"):
        Store(path)
    text = tmp_path / "text"
    text.write_text("no database " * 100)
    with pytest.raises(TtsError, match="not a database"):
        Store(text)


def test_a_damaged_tape_is_an_error_and_not_a_result(path: Path) -> None:
    with Store(path) as store:
        store.put([StoredSearch(KEY, UNIT, TAPE)], {})
    connection = sqlite3.connect(path)
    connection.execute("UPDATE tapes SET tape = x'00'")
    connection.commit()
    connection.close()
    with Store(path) as store, pytest.raises(TtsError, match="damaged"):
        store.recording(KEY, UNIT)


KILLED = """
import os, signal, sys
from tests.evaluation.test_store import *
store = Store(Path(sys.argv[1]))
for number in range(50):
    store.put([StoredSearch(str(number), UNIT, TAPE), StoredSearch(f"{number} too", UNIT, TAPE)], {"number": number})
store._file.execute("BEGIN")
store._file.execute("DELETE FROM tapes")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_what_was_under_way_and_no_more(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    with Store(path) as store:
        assert all(store.jobs(f"{number}{end}") == [UNIT] for number in range(50) for end in ("", " too"))
        assert store.about("spent") == {"number": 49}
