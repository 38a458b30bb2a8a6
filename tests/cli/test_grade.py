"""`tts grade` on arguments and on streams."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT, Here, Program

SAME, DIFFERENT, USAGE = 0, 3, 2


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (("0.5", r"\frac{1}{2}"), SAME),
        (("073", "73"), SAME),
        ((r"\{3, 1\}", "1,3"), SAME),
        (("[0,1)", "(0,1]"), DIFFERENT),
        (("-5", "-5"), SAME),
        (("-5", "5"), DIFFERENT),
        (("--", "-5", "-5.0"), SAME),
        (("-5", "--", "-5"), SAME),
        (("-2q", "-2"), DIFFERENT),
        (("-x+1", "1-x"), SAME),
        (("--", "-q", "-q"), SAME),
        (("", "5"), DIFFERENT),
        (("9^{9^{9^{9}}}", "1"), DIFFERENT),
        (("{" * 9_000, "1"), DIFFERENT),
        ((r"x\1\input{/etc/passwd}", "1"), DIFFERENT),
        (("It follows that $x = 5$, so \\boxed{5}.", "5"), SAME),
        (("5", "Five times one.\n#### 5"), SAME),
        (("The answer is 6.", "5"), DIFFERENT),
    ],
)
def test_a_pair_is_judged_by_word_and_exit_code(here: Here, pair: tuple[str, str], code: int) -> None:
    done = here("grade", *pair)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout == ("equal\n" if code == SAME else "different\n")


def test_quiet_says_nothing_and_json_says_all(here: Here) -> None:
    quiet = here("grade", "-q", "1", "2")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (DIFFERENT, "", "")
    done = here("grade", "--json", "-1", "é\x1b[31m\x85")
    assert done.returncode == DIFFERENT
    assert rows(done.stdout) == [{"answer": "-1", "reference": "é\x1b[31m\x85", "equal": False}]
    assert "\x1b" not in done.stdout and "\x85" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("5",), "takes two answers, and got 1"),
        (("1", "2", "3"), "takes two answers, and got 3"),
        (("--jsn", "1", "2"), "--json"),
        (("a\udcff", "1"), "UTF-8"),
    ],
)
def test_wrong_usage(here: Here, arguments: tuple[str, ...], says: str) -> None:
    done = here("grade", *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert says in done.stderr


def test_rows_on_stdin_come_back_with_equal(here: Here) -> None:
    given: list[dict[str, Any]] = [
        {"id": 1, "answer": "1/2", "reference": 0.5},
        {"answer": "3", "reference": "4", "x": {"y": [1]}},
        {"answer": None, "reference": "4"},
        {"answer": "2, 1", "reference": [1, 2]},
    ]
    done = here("grade", stdin="\n\n".join(json.dumps(row) for row in given))
    assert (done.returncode, done.stderr) == (0, "")
    expected = [True, False, False, True]
    assert rows(done.stdout) == [row | {"equal": equal} for row, equal in zip(given, expected, strict=True)]


@pytest.mark.parametrize(
    ("answer", "reference", "equal"),
    [
        ("0.00001", '"0.00001"', True),
        ("1e-05", '"0.00001"', True),
        ("1e16", '"1e16"', True),
        ("1e16", '"10000000000000000"', True),
        ("1e16", '"10000000000000001"', False),
        ("2E2", "200", True),
        ("-1.50", '"-3/2"', True),
        ("123456789012345678901", '"123456789012345678901"', True),
        ("123456789012345678901", '"123456789012345678902"', False),
        ("0.12345678901234567891", '"0.12345678901234567891"', True),
        ("[1e1, 2]", '"10, 2"', True),
        ("true", '"true"', True),
        ("true", '"True"', True),
        ("false", "true", False),
        ("true", "1", False),
    ],
)
def test_a_number_is_compared_as_it_is_written(here: Here, answer: str, reference: str, equal: bool) -> None:
    (row,) = rows(here("grade", stdin=f'{{"answer": {answer}, "reference": {reference}}}').stdout)
    assert row == {"answer": json.loads(answer), "reference": json.loads(reference), "equal": equal}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_list_is_graded_too(here: Here, indent: int | None) -> None:
    done = here("grade", stdin=json.dumps([{"answer": "1", "reference": 1}, 5], indent=indent))
    good, bad = rows(done.stdout)
    assert good["equal"] is True and "Row 2: it is not a JSON object" in bad["error"]["message"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"x", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"answer": "1"}', "no reference"),
        (b"{}", "no answer and no reference"),
        (b'{"answer": "1", "reference": null}', "reference is empty"),
        (b'{"answer": {}, "reference": "1"}', "its answer is neither"),
        (b'{"answer": NaN, "reference": "1"}', "NaN"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_bad_row_is_a_row_with_an_error_and_stops_nothing(here: Here, line: bytes, says: str) -> None:
    good = b'{"answer": "1", "reference": "1"}\n'
    done = here("grade", stdin=b"\xef\xbb\xbf" + good + line + b"\r\n" + good)
    first, bad, last = rows(done.stdout)
    assert first["equal"] is last["equal"] is True
    assert bad["equal"] is None and bad["error"]["kind"] == "bad-row"
    assert bad["error"]["message"].startswith("Row 2: ") and says in bad["error"]["message"]
    assert done.returncode == 3


def test_nothing_on_stdin_is_no_rows(here: Here) -> None:
    done = here("grade")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def streaming(tts: Program) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        tts.command("grade"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=tts.env,
        cwd=tts.work,
    )


def test_a_row_is_answered_before_the_next_one_comes_and_ctrl_c_ends_it(tts: Program) -> None:
    with streaming(tts) as process:
        assert process.stdin and process.stdout and process.stderr
        for answer, equal in (("1/2", True), ("0.4", False)):
            process.stdin.write(json.dumps({"answer": answer, "reference": "0.5"}).encode() + b"\n")
            assert json.loads(process.stdout.readline())["equal"] is equal
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")


def test_a_reader_that_goes_away_ends_it_quietly(tts: Program) -> None:
    with streaming(tts) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        process.stdin.write(b'{"answer": "1", "reference": "1"}\n')
        process.stdin.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr.read() == b""


def test_a_terminal_shows_the_word_and_without_input_the_usage(tts: Program) -> None:
    with tts.terminal("grade", "1", "1.0") as screen:
        screen.expect("equal")
        screen.wait()
        assert screen.exitstatus == SAME
    with tts.terminal("grade") as screen:
        screen.expect("nothing to grade")
        screen.wait()
        assert screen.exitstatus == USAGE


def test_the_examples_of_the_docs_are_true(tts: Program, tmp_path: Path) -> None:
    shim = tmp_path / "tts"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tts_cli "$@"\n')
    shim.chmod(0o755)
    block = re.search(r"^```console\n(.*?)^```", (ROOT / "docs/grading.md").read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    script = "\n".join(line[2:] for line in block[1].splitlines() if line.startswith("$ "))
    shown = [line for line in block[1].splitlines() if not line.startswith("$ ")]
    env = tts.env | {"PATH": f"{tmp_path}:{tts.env['PATH']}"}
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=env, check=False)
    assert (done.stdout.splitlines(), done.stderr) == (shown, "")
