"""On a pseudo-terminal: the live tree stays within the screen and leaves only the final picture behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pexpect
import pytest

from tests.cli.conftest import Program
from tests.cli.screen import Screen
from tests.cli.scripted import PROBLEM
from tts_cli.data import trace

VOTED = r"vote.{0,90}\d+\x1b\[0m"  # the live tree shows a first answer
ENDLESS = ["--policy", "endless", "--prm", "tiny-prm", "--max-tokens", "300", "--max-step-tokens", "15"]
SIZES = [(80, 24), (120, 40), (40, 15)]


def finish(child: pexpect.spawn) -> str:
    """All output up to the end of the program."""
    output = child.read()
    child.close()
    return str(output)


def live_part(output: str) -> str:
    """What was sent before the final picture: up to where the live display gave the cursor back."""
    return output[: output.rindex("\x1b[?25h")]


def without_styles(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", ["best-of-n", "beam"])
def test_the_live_tree_never_scrolls(tts: Program, size: tuple[int, int], method: str) -> None:
    child = tts.terminal("solve", "--method", method, "-n", "16", *ENDLESS, PROBLEM, size=size)
    output = finish(child)
    assert child.exitstatus == 3
    live = Screen(*size, live_part(output))
    assert live.scrolled == 0
    seen = without_styles(output)
    assert f"{method}  N = 16" in seen
    assert re.search(r"\d tok/s", seen) or size == (40, 15)
    assert "/16 solutions" in seen


@pytest.mark.parametrize("size", SIZES)
def test_only_the_final_picture_is_left(tts: Program, size: tuple[int, int]) -> None:
    child = tts.terminal("solve", "--max-steps", "4", "--seed", "1", PROBLEM, size=size)
    screen = Screen(size[0], 1000, finish(child))
    assert child.exitstatus == 0
    assert screen.cursor_visible
    assert screen.text.startswith(f" {PROBLEM}")
    assert "solutions" not in screen.text
    assert re.search(r"\n Answer  \d+ ", screen.text)


def test_n_64_is_readable_at_80x24(tts: Program) -> None:
    child = tts.terminal("solve", "--method", "best-of-n", "-n", "64", *ENDLESS, PROBLEM)
    output = finish(child)
    live = Screen(80, 24, live_part(output))
    assert live.scrolled == 0
    seen = without_styles(output)
    assert re.search(r"\+ \d+ more (finished|being written)", seen)
    assert "/64 solutions" in seen


def test_an_evaluation_of_auto_ends_in_tables_and_curves(tts: Program) -> None:
    command = ("eval", "nano", "--limit", "2", "--methods", "greedy,auto", "--budgets", "1,4")
    child = tts.terminal(*command, size=(100, 60), TTS_POLICY="nano")
    output = finish(child)
    assert child.exitstatus == 0, output
    shown = without_styles(output)
    assert "nano: 2 problems, nano + nano-prm, seed 0" in shown
    assert re.search(r"^ *greedy +1 ", shown, re.MULTILINE) and re.search(r"^ *auto +4 ", shown, re.MULTILINE)
    assert "accuracy against FLOPs per problem" in shown
    assert re.search("━ greedy +━ auto", shown), "the legend of the chart"


def test_quiet_draws_nothing(tts: Program) -> None:
    child = tts.terminal("solve", "-q", PROBLEM)
    assert re.fullmatch(r"\d+\r\n", finish(child))


def test_json_is_one_line_on_a_terminal_too(tts: Program) -> None:
    output = finish(tts.terminal("solve", "--json", "\x9b31m \x1b[31m " + PROBLEM))
    last = output.splitlines()[-1]
    assert last[last.index("{") :].endswith("}")
    assert "\\u009b31m" in last and "\\u001b[31m" in last


@pytest.mark.parametrize(
    ("env", "flags"), [({"NO_COLOR": "1"}, []), ({}, ["--no-color"]), ({"TERM": "dumb"}, [])], ids=str
)
def test_colour_can_be_turned_off(tts: Program, env: dict[str, str], flags: list[str]) -> None:
    output = finish(tts.terminal("solve", *flags, PROBLEM, **env))
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-9]|9[0-7]|38;[0-9;]+)m", output)
    if "TERM" in env:
        assert "\x1b" not in output
        assert re.search(r"^Answer: \d+\r$", output, re.MULTILINE)


def test_colours_are_there_otherwise(tts: Program) -> None:
    assert "\x1b[1;32m" in finish(tts.terminal("solve", PROBLEM))


def test_columns_is_honoured(tts: Program) -> None:
    output = finish(tts.terminal("solve", "--max-steps", "3", PROBLEM, size=(120, 40), COLUMNS="40"))
    Screen(40, 40, output)  # asserts that no line is wider


def test_no_problem_on_a_terminal_is_a_usage_error_and_does_not_hang(tts: Program) -> None:
    child = tts.terminal("solve")
    output = finish(child)
    assert child.exitstatus == 2
    assert "No problem was given." in output and "Example:" in output


def test_ctrl_c_gives_the_best_answer_so_far(tts: Program) -> None:
    child = tts.terminal("solve", "-n", "4096", "--trace", "t.json", PROBLEM)
    child.expect(VOTED)
    child.sendintr()
    screen = Screen(80, 1000, finish(child))
    assert child.exitstatus == 130
    assert re.search(r"Answer  \d+ ", screen.text)
    assert screen.cursor_visible
    assert trace.load(tts.work / "t.json").record.answer, "what is finished is written"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_on_a_pipe_prints_what_there_is(tts: Program, number: int, code: int) -> None:
    """stdout is a pipe; stderr a terminal that shows when there is something to save."""
    primary, secondary = os.openpty()
    process = subprocess.Popen(
        tts.command("solve", "-n", "4096", PROBLEM),
        stdout=subprocess.PIPE,
        stderr=secondary,
        stdin=subprocess.DEVNULL,
        env=tts.env | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
        cwd=tts.work,
        text=True,
    )
    os.close(secondary)
    seen = b""
    while not re.search(VOTED.encode(), seen):
        seen += os.read(primary, 4096)
    process.send_signal(number)
    assert process.stdout is not None
    result = process.stdout.read()
    assert process.wait(timeout=30) == code
    assert re.search(r"^Answer: \d+\n\Z", result, re.MULTILINE)
    assert "\x1b" not in result
    process.stdout.close()
    os.close(primary)


def test_a_signal_before_the_search_ends_at_once(tts: Program) -> None:
    script = "import time; from tts_cli.cli.signals import Interruption\n"
    script += "with Interruption(lambda: None): print('ready', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=tts.env, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    process.stdout.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_the_program_inside_native_code(tts: Program, number: int, code: int) -> None:
    """The main thread sits in C, as in a long decode, where no Python signal handler can run."""
    script = (
        "import ctypes, sys; from tts_cli.cli.signals import Interruption\n"
        "with Interruption(lambda: print('first', flush=True)) as it:\n"
        "    it.arm(); print('ready', flush=True)\n"
        "    while True: ctypes.CDLL(None).poll(None, 0, 60000)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=tts.env, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == "first\n"
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=20) == code
    process.stdout.close()
