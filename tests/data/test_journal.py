"""The journal: whatever ended the last run, a record that was written is there, and there once."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli import scripted
from tts_cli.data.journal import Journal
from tts_cli.data.record import Record, RecordError
from tts_cli.errors import TtsError

ERROR = {"finish": "error", "answer": None, "error": RecordError(kind="internal", message="it broke")}


def record(id: str, mark: str = "s.p", **changes: Any) -> Record:
    return scripted.record(id=id, fingerprint=mark, **changes)


def append(journal: Journal, *records: Record) -> None:
    for one in records:
        journal.append(one, one.model_dump_json())


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def ids(path: Path) -> list[str]:
    return [row["id"] for row in written(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_what_was_written_is_found_again(path: Path) -> None:
    with Journal(path) as journal:
        assert journal.visit("a") is None
        append(journal, record("a"), record("b", **ERROR))
    with Journal(path) as journal:
        a, b = journal.visit("a"), journal.visit("b")
        assert a is not None and b is not None and journal.visit("c") is None
        assert (a.fingerprint, a.finish, a.retry) == ("s.p", "answered", False)
        assert (b.finish, b.retry) == ("error", True)
        assert journal.record_at(b)["error"]["message"] == "it broke"
        assert not journal.repaired


def test_a_bad_row_need_not_be_tried_again(path: Path) -> None:
    bad = ERROR | {"error": RecordError(kind="bad-row", message="Row 1: it is not JSON.")}
    with Journal(path) as journal:
        append(journal, record("1", **bad))
        entry = journal.visit("1")
        assert entry is not None and entry.finish == "error" and not entry.retry


def test_a_record_that_was_cut_anywhere_is_cut_off_and_the_others_stay(path: Path) -> None:
    with Journal(path) as journal:
        append(journal, record("a"), record("b", problem="é" * 20))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first + 1, len(whole)):
        path.write_bytes(whole[:length])
        with Journal(path) as journal:
            assert journal.repaired
            assert (journal.visit("b") is not None) == (length == len(whole) - 1)
            append(journal, record("c"))
        assert ids(path) == (["a", "b", "c"] if length == len(whole) - 1 else ["a", "c"])


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), max_size=12))
def test_after_any_number_of_crashes_the_last_record_of_each_id_counts(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, float]]
) -> None:
    """Each run writes one record and is cut somewhere in it; the file always holds what whole lines said."""
    path = tmp_path_factory.mktemp("crash") / "out.jsonl"
    expected: dict[str, str] = {}
    for number, (id, cut) in enumerate(runs):
        with Journal(path) as journal:
            for known in "01234":
                entry = journal.visit(known)
                assert (entry.fingerprint if entry else None) == expected.get(known)
            size = path.stat().st_size
            append(journal, record(str(id), f"run.{number}"))
        end = size + round(cut * (path.stat().st_size - size))
        if end >= path.stat().st_size - 1:
            expected[str(id)] = f"run.{number}"
        os.truncate(path, end)
    with Journal(path) as journal:
        for known in "01234":
            journal.visit(known)
        journal.settle(ordered=True)
    assert [(row["id"], row["fingerprint"]) for row in (written(path) if expected else [])] == sorted(expected.items())


def test_settling_puts_rows_in_order_each_once_after_those_of_other_inputs(path: Path) -> None:
    with Journal(path) as journal:
        append(journal, record("other"), record("b"), record("c", **ERROR), record("a"), record("c"))
        for id in "abc":
            journal.visit(id)
        journal.settle(ordered=True)
    assert ids(path) == ["other", "a", "b", "c"]
    assert written(path)[3]["finish"] == "answered"
    assert not path.with_name("out.jsonl.replaced").exists(), "an error is not worth keeping"


def test_settling_without_order_only_drops_what_was_replaced_and_puts_it_aside(path: Path) -> None:
    with Journal(path) as journal:
        append(journal, record("b", "old.p"), record("a"), record("b", "new.p"))
        journal.visit("a")
        journal.visit("b")
        journal.settle(ordered=False)
    assert [(row["id"], row["fingerprint"]) for row in written(path)] == [("a", "s.p"), ("b", "new.p")]
    assert [row["fingerprint"] for row in written(path.with_name("out.jsonl.replaced"))] == ["old.p"]


def test_a_file_in_order_is_left_alone(path: Path) -> None:
    with Journal(path) as journal:
        append(journal, record("a"), record("b"))
        journal.visit("a")
        journal.visit("b")
        before = path.stat().st_ino
        journal.settle(ordered=True)
    assert path.stat().st_ino == before


def test_the_new_file_keeps_mode_and_link(path: Path, tmp_path: Path) -> None:
    path.touch()
    path.chmod(0o640)
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with Journal(link) as journal:
        append(journal, record("b"), record("a"))
        journal.visit("a")
        journal.visit("b")
        journal.settle(ordered=True)
    assert link.is_symlink() and ids(path) == ["a", "b"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "content", [b"Compute 1 + 1.\n", b'{"problem": "p", "answer": "3"}\n', b"no line end", b"[1]\n\n", b"\xff\xfe\n"]
)
def test_a_file_of_something_else_is_refused_and_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(TtsError, match="holds no record"):
        Journal(path)
    assert path.read_bytes() == content


def test_garbage_between_records_does_not_lose_them(path: Path) -> None:
    with Journal(path) as journal:
        append(journal, record("a"))
    path.write_bytes(b"\0\0\0\n" + path.read_bytes() + b"\n")
    with Journal(path) as journal:
        assert journal.visit("a") is not None
        append(journal, record("b"))
        journal.visit("b")
        journal.settle(ordered=True)
    assert ids(path) == ["a", "b"]
    assert path.with_name("out.jsonl.replaced").read_bytes() == b"\0\0\0\n"


def test_one_process_at_a_time_holds_it(path: Path) -> None:
    with Journal(path):
        with pytest.raises(TtsError, match=r"another `tts batch`") as refused:
            Journal(path)
        assert refused.value.exit_code == 1
    with Journal(path):
        pass
    assert list(path.parent.iterdir()) == [path]


def test_a_process_that_was_killed_holds_it_no_longer(path: Path) -> None:
    code = f"""
import os, pathlib
from tts_cli.data.journal import Journal
held = Journal(pathlib.Path({str(path)!r}))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert path.exists()
    with Journal(path) as journal:
        append(journal, record("a"))
    assert ids(path) == ["a"] and list(path.parent.iterdir()) == [path]


def test_the_lock_is_that_of_the_file_whatever_it_is_called(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(path)
    with Journal(path), pytest.raises(TtsError, match=r"link.jsonl is being written by another"):
        Journal(tmp_path / "link.jsonl")


def test_a_full_disk_leaves_whole_lines(path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(path) as journal:
        append(journal, record("a"))
        size = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
        try:
            with pytest.raises(TtsError, match="cannot be written") as failed:
                append(journal, record("b"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert "same command" in failed.value.hint
        assert path.stat().st_size == size
        append(journal, record("c"))
    assert ids(path) == ["a", "c"]


@pytest.mark.parametrize("name", ["absent/out.jsonl", ".", "nul\0.jsonl"])
def test_what_cannot_be_opened_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(TtsError, match="cannot be written"):
        Journal(tmp_path / name)
