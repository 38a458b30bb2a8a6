"""`tts check`: exit codes, the three forms of the result, and what is no solution."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Here, Program
from tests.cli.screen import Screen
from tests.cli.scripted import HOSTILE
from tests.cli.test_terminal import finish, without_styles
from tests.solving.test_check_solution import PROBLEM, RIGHT, WRONG

NANO = {"TTS_POLICY": "nano"}


def written(steps: tuple[str, ...], problem: str = PROBLEM) -> str:
    return "\n\n".join((problem, *steps)) + "\n"


def test_the_first_doubtful_step_is_marked(here: Here) -> None:
    done = here("check", "-", "--no-calculator", stdin=written(WRONG), **NANO)
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert [line[0] for line in lines[:3]] == [" ", ">", " "]
    assert lines[1].endswith("4*7=21, so 37+21.")
    assert re.fullmatch(r"Step 2 is the first doubtful one: it scores below 0\.\d+\.", lines[-1])
    assert done.stderr.startswith("note: nano-prm knows nano's school arithmetic only")


def test_a_right_solution_is_left_alone(here: Here) -> None:
    done = here("check", "-", stdin=written(RIGHT), **NANO)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("No doubtful step: all score ")


def test_quiet_prints_the_number_or_nothing(here: Here) -> None:
    found = here("check", "-q", "-", stdin=written(WRONG), **NANO)
    assert (found.returncode, found.stdout, found.stderr) == (3, "2\n", "")
    nothing = here("check", "-q", "-", stdin=written(RIGHT), **NANO)
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "")


def test_json_is_one_document(here: Here, tts: Program) -> None:
    (tts.work / "mine.txt").write_bytes(written(WRONG).replace("\n", "\r\n").encode("utf-8-sig"))
    done = here("check", "--json", "--no-calculator", "--threshold", "0.001", "mine.txt", **NANO)
    found = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert found["problem"] == PROBLEM
    assert [step["text"] for step in found["steps"]] == list(WRONG)
    assert (found["threshold"], found["prm"]) == (0.001, "nano-prm")
    assert found["cost"]["flops"] > 1e6 * found["cost"]["prm_tokens"] > 0
    below = [place for place, step in enumerate(found["steps"], start=1) if step["score"] < 0.001]
    assert found["first_doubtful"] == (below[0] if below else None)


def test_only_the_prm_is_loaded(here: Here) -> None:
    """A policy that is not there is not missed; its entry in the registry names the PRM."""
    done = here("check", "-", "--prm", "tiny-prm", "--threshold", "0", stdin=written(RIGHT), TTS_POLICY="absent")
    assert (done.returncode, done.stderr) == (0, "")
    assert here("check", "-", "--threshold", "0", stdin=written(RIGHT)).returncode == 0


SLIP = ("12-5=7, so 37+4*7.", "so 4*7=21", "21+37=58")


def test_the_calculator_says_what_is_false(here: Here) -> None:
    done = here("check", "-", "--threshold", "0", stdin=written(SLIP), **NANO)
    assert done.returncode == 3
    assert done.stdout.splitlines()[1].endswith("  so 4*7=21  [4*7=21 is false: 28]")
    assert done.stdout.splitlines()[-1] == "Step 2 is the first doubtful one: 4*7=21 is false: 28."
    off = here("check", "-q", "-", "--threshold", "0", "--no-calculator", stdin=written(SLIP), **NANO)
    assert (off.returncode, off.stdout) == (0, "")


def test_without_a_prm_the_calculator_checks_alone(here: Here) -> None:
    done = here("check", "-", "--prm", "none", "--json", stdin=written(SLIP), **NANO)
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr, found["first_doubtful"]) == (3, "", 2)
    assert (found["prm"], found["threshold"], found["cost"]) == (None, None, {"prm_tokens": 0, "flops": 0.0})
    false = {"text": "4*7=21", "left": "4*7", "right": "21", "value": "28"}
    assert [step["false_equality"] for step in found["steps"]] == [None, false, None]
    assert [step["score"] for step in found["steps"]] == [None] * 3
    right = here("check", "-", "--prm", "none", stdin=written(RIGHT), **NANO)
    assert right.returncode == 0
    assert right.stdout.splitlines()[-1] == "No doubtful step: the calculator finds no false equality."
    assert right.stdout.splitlines()[0] == "  1  12-5=7, so 37+4*7."


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "says"),
    [
        (["-"], "", 2, "stdin is empty"),
        (["-"], "Compute 2 + 3.\n", 2, "no step"),
        (["-"], b"\x7fELF\0", 2, "not a text file"),
        (["."], "", 1, "is a directory"),
        (["absent.txt"], "", 1, "no such file"),
        (["-", "--prm", "none", "--no-calculator"], "a\n\nb", 2, "needs a PRM"),
        (["-", "--prm", "tiny"], "a\n\nb", 2, "is a policy"),
        (["-", "--prm", "tinny-prm"], "a\n\nb", 2, "tiny-prm"),
        (["-", "--threshold", "1.5"], "a\n\nb", 2, "--threshold 1.5"),
        (["-", "--threshold", "nan"], "a\n\nb", 2, "--threshold nan"),
        (["-"], "a\n\n" + "9" * 9000, 1, "no room for step 1"),
        ([], "", 2, "FILE"),
    ],
    ids=str,
)
def test_what_cannot_be_checked_is_said(
    here: Here, arguments: list[str], stdin: str | bytes, code: int, says: str
) -> None:
    done = here("check", *arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (code, "")
    assert re.fullmatch(r"error: .+\nhint: .+\n", done.stderr)
    assert says in done.stderr


@pytest.mark.parametrize("columns", [80, 30])
def test_the_picture_fits_its_terminal_and_shows_what_is_hidden(tts: Program, columns: int) -> None:
    steps = ("12-5=7, so 37+4*7. " + HOSTILE.replace("\x00", ""), *WRONG[1:])
    (tts.work / "mine.txt").write_text(written(steps))
    child = tts.terminal("check", "mine.txt", "--threshold", "1", size=(columns, 24), **NANO)
    output = finish(child)
    assert child.exitstatus == 3
    shown = Screen(columns, 1000, output[output.index("Compute") :].replace("\x1b[0m\x1b[0m", "")).text
    assert "▶ 1" in shown
    assert "[red]bold[/red]" in without_styles(output) or columns == 30
    assert "␛[2J" in "".join(shown.split()) or columns == 30
    assert "\x1b[2J" not in output and "\x1b]0;" not in output


def test_plain_text_holds_no_control_characters(here: Here) -> None:
    done = here("check", "-", stdin=written((HOSTILE.replace("\x00", ""),)))
    assert done.returncode in (0, 3)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.stdout)
    assert "[red]bold[/red]" in done.stdout
