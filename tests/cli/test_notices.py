"""What is given and not used is said on stderr, once, and never waited for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Here, Program

QUICK = ("--max-steps", "4", "--method", "greedy")
SOLVE = ("solve", "Compute 1 + 1.", *QUICK)
TAKEN = "note: the problem is taken from the argument; stdin is not read.\n"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--method", "greedy", "-n", "8"], "note: greedy draws one solution; the budget of 8 is not used."),
        (["--method", "greedy", "--budget", "2"], "the budget of 2 is not used."),
        (["--method", "greedy", "--beam-width", "8"], "note: greedy grows no trees; the beam width of 8 is not used."),
        (["--method", "majority", "-n", "2", "--beam-width", "8"], "note: majority grows no trees;"),
        (["--method", "best-of-n", "-n", "2", "--beam-width", "2"], "note: best-of-n grows no trees;"),
        (["--method", "greedy"], None),
        (["--method", "greedy", "-n", "1"], None),
        (["--method", "majority", "-n", "2"], None),
        (["--method", "beam", "-n", "4", "--beam-width", "2"], None),
        (["--method", "auto", "-n", "2", "--beam-width", "2"], None),
    ],
)
@pytest.mark.parametrize("command", ["solve", "batch"])
def test_a_flag_that_the_method_ignores(here: Here, command: str, flags: list[str], says: str | None) -> None:
    arguments = ("solve", "Compute 1 + 1.") if command == "solve" else ("batch",)
    stdin = "" if command == "solve" else "Compute 1 + 1.\n"
    said = here(*arguments, "--max-steps", "4", *flags, stdin=stdin).stderr
    assert ("not used" in said) == (says is not None) and (says or "") in said
    assert "not used" not in here(*arguments, "--max-steps", "4", *flags, "-q", stdin=stdin).stderr


def test_a_budget_that_is_set_for_other_methods_is_not_spoken_of(tts: Program, here: Here) -> None:
    (tts.work / "tts.yaml").write_text("budget: 16\n")
    assert "not used" not in here(*SOLVE, TTS_BUDGET="8").stderr


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        (SOLVE, "the problem is taken from the argument"),
        (("batch", "p.txt", *QUICK), "the problems are taken from p.txt"),
        (("grade", "1", "1"), "the two answers are taken from the arguments"),
        (("check", "s.txt"), "the solution is taken from s.txt"),
    ],
)
def test_an_argument_and_a_pipe(tts: Program, arguments: tuple[str, ...], taken: str) -> None:
    (tts.work / "p.txt").write_text("Compute 1 + 1.\n")
    (tts.work / "s.txt").write_text("Compute 1 + 1.\n\n1 + 1 = 2\n")
    assert f"note: {taken}; stdin is not read.\n" in tts(*arguments, stdin="Compute 2 + 2.\n").stderr
    assert "stdin" not in tts(*arguments, stdin="").stderr
    assert "stdin" not in tts(*arguments, "-q", stdin="Compute 2 + 2.\n").stderr


def stderr_of(tts: Program, stdin: int | None) -> str:
    """Of a solve with this descriptor as its stdin, which nobody writes to or closes while it runs."""
    done = subprocess.run(
        tts.command(*SOLVE),
        stdin=stdin,
        capture_output=True,
        text=True,
        env=tts.env,
        cwd=tts.work,
        timeout=60,
        check=True,
    )
    return done.stderr


def test_a_file_on_stdin_counts_as_far_as_it_is_unread(tts: Program, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\ntwo\n")
    with (tmp_path / "p.txt").open("rb", buffering=0) as file:
        assert TAKEN in stderr_of(tts, file.fileno())
        file.seek(4)  # as a loop of `read` leaves it
        assert TAKEN in stderr_of(tts, file.fileno())
        file.seek(8)
        assert "stdin" not in stderr_of(tts, file.fileno())
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open() as file:
        assert "stdin" not in stderr_of(tts, file.fileno())


def test_nothing_is_waited_for_and_nothing_is_read(tts: Program) -> None:
    reading, writing = os.pipe()
    assert "stdin" not in stderr_of(tts, reading), "an open pipe without data, as a CI job inherits one"
    os.write(writing, b"Compute 2 + 2.\n")
    assert TAKEN in stderr_of(tts, reading)
    assert os.read(reading, 100) == b"Compute 2 + 2.\n"
    os.close(writing)
    assert "stdin" not in stderr_of(tts, reading), "its end"
    os.close(reading)
    assert "stdin" not in stderr_of(tts, subprocess.DEVNULL)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert "stdin" not in stderr_of(tts, theirs.fileno())
        ours.send(b"x")
        assert TAKEN in stderr_of(tts, theirs.fileno())


def test_a_closed_stdin_is_none(tts: Program) -> None:
    command = ["sh", "-c", '"$@" <&-', "sh", *tts.command(*SOLVE, "--json")]
    done = subprocess.run(command, capture_output=True, text=True, env=tts.env, cwd=tts.work, timeout=60, check=True)
    assert json.loads(done.stdout)["problem"] == "Compute 1 + 1." and "stdin" not in done.stderr
