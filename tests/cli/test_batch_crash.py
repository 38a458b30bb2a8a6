"""`tts batch` when things go wrong around it: kills, signals, terminals, full disks, inputs that keep one waiting."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import crash
from tests.cli.conftest import Program
from tests.cli.screen import Screen
from tests.cli.test_batch import QUICK, ROWS, TEXT, read
from tests.cli.test_terminal import finish, without_styles


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until it holds; a process that ends before is a failure."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def started(tts: Program, *arguments: str) -> subprocess.Popen[str]:
    """With stdin, stdout and stderr as pipes."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(tts.command(*arguments), env=tts.env, cwd=tts.work, text=True, **pipes)  # type: ignore[call-overload, no-any-return]


def lines(path: Path) -> int:
    return crash.count_lines(path)


def test_killed_again_and_again_it_gives_what_an_unbroken_run_gives(tmp_path: Path) -> None:
    """With nano, whose samples would show any difference. The full size: python -m benchmarks.crash."""
    findings = crash.crash(tmp_path, rows=24, kills=3, flags=["--method", "best-of-n", "-n", "4"], seed=3)
    assert findings.rows == 24 and findings.ids_in_order
    assert findings.differing == ()
    assert any(0 < count < 24 for count in findings.lines), "it was killed while it worked"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_is_finished_and_says_how_to_go_on(tts: Program, number: int, code: int) -> None:
    (tts.work / "p.txt").write_text(TEXT * 80)
    output = tts.work / "out put.jsonl"
    process = started(tts, "batch", "p.txt", "--threads", "2", "-o", output.name)
    wait_for(lambda: lines(output) >= 1, process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    stopping, stopped, command = stderr.splitlines()
    assert stopping.startswith("Stopping: ")
    assert stopped == "Stopped. out put.jsonl is continued by:"
    assert command == "  tts batch p.txt --threads 2 -o 'out put.jsonl'"
    assert 1 <= len(read(output)) < 400


def test_a_record_is_out_before_the_next_row_comes(tts: Program) -> None:
    process = started(tts, "batch", *QUICK)
    assert process.stdin is not None and process.stdout is not None
    for number in range(3):
        process.stdin.write(f"Compute {number} + 1.\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == str(number + 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130, "though stdin is still open"
    _, stderr = process.communicate()
    assert stderr.endswith("Stopped. With --output FILE the same command can be continued.\n")


def test_rows_that_are_appended_while_it_runs_are_solved_too(tts: Program) -> None:
    source = tts.work / "p.txt"
    source.write_text(TEXT * 40)
    process = started(tts, "batch", "p.txt", *QUICK, "-o", "out.jsonl")
    wait_for(lambda: lines(tts.work / "out.jsonl") >= 1, process)
    with source.open("a") as file:
        file.write("Compute 7 + 7.\n")
    assert process.communicate(timeout=60) == ("", "")
    assert read(tts.work / "out.jsonl")[-1]["problem"] == "Compute 7 + 7."


def test_a_full_disk_is_an_error_after_which_the_same_command_goes_on(tts: Program) -> None:
    (tts.work / "p.txt").write_text(TEXT * 4)
    limited = "ulimit -f 2; exec " + " ".join(tts.command("batch", "p.txt", *QUICK, "-o", "out.jsonl"))
    done = subprocess.run(
        ["bash", "-c", limited], env=tts.env, cwd=tts.work, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: out.jsonl cannot be written: file too large.\nhint: Make room, then")
    kept = read(tts.work / "out.jsonl")
    assert 0 < len(kept) < 20
    assert tts("batch", "p.txt", *QUICK, "-o", "out.jsonl").returncode == 0
    assert [row["id"] for row in read(tts.work / "out.jsonl")] == [str(number) for number in range(1, 21)]


def test_a_full_device_is_an_error(tts: Program) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            tts.command("batch", *QUICK), input=TEXT, stdout=full, stderr=-1, env=tts.env, cwd=tts.work, text=True
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: The result cannot be written: no space left on device.\n")


def test_two_at_once_do_not_write_one_file(tts: Program) -> None:
    first = started(tts, "batch", *QUICK, "-o", "out.jsonl")
    wait_for((tts.work / "out.jsonl").exists, first)
    time.sleep(0.1)
    second = tts("batch", *QUICK, "-o", "out.jsonl", stdin=TEXT)
    assert second.returncode == 1 and "another `tts batch`" in second.stderr
    assert first.communicate(TEXT, timeout=60) == ("", "")
    assert len(read(tts.work / "out.jsonl")) == len(ROWS)


# On a terminal


def test_no_input_on_a_terminal_is_a_usage_error_and_does_not_hang(tts: Program) -> None:
    child = tts.terminal("batch")
    output = finish(child)
    assert child.exitstatus == 2
    assert "No problems were given." in output and "tts batch" in output


def test_the_progress_line_is_drawn_and_wiped(tts: Program) -> None:
    (tts.work / "p.txt").write_text(TEXT * 60 + "\n")
    child = tts.terminal("batch", "p.txt", *QUICK, "-o", "out.jsonl", size=(100, 24))
    output = finish(child)
    assert child.exitstatus == 0
    assert "0/300" in output and "answered" in without_styles(output)
    screen = Screen(100, 24, output)
    assert screen.scrolled == 0 and screen.text.strip() == "" and screen.cursor_visible


def test_records_on_a_terminal_are_not_mixed_with_a_progress_line(tts: Program) -> None:
    (tts.work / "p.txt").write_text(TEXT)
    output = finish(tts.terminal("batch", "p.txt", *QUICK))
    assert [json.loads(line)["id"] for line in output.splitlines()] == list("12345")
