"""The program as a whole: help, version, what it imports, and how failures look."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.conftest import Here, Program
from tests.cli.test_terminal import finish, without_styles
from tts_cli import __version__
from tts_cli.cli import app, errors
from tts_cli.config import Settings
from tts_cli.errors import TtsError

HEAVY = {"llama_cpp", "numpy", "sympy", "math_verify", "jinja2", "gguf", "torch", "yaml"}
MODULE_BUDGET = 340  # modules that `tts --help` may import; 327 with Typer 0.29 on Python 3.11

IMPORTS = """
import sys
from tts_cli.cli.app import run
try:
    run({arguments})
except SystemExit:
    pass
print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["solve", "--help"], ["models", "list", "--help"], ["--version"]])
def test_help_imports_little(tts: Program, arguments: list[str]) -> None:
    script = IMPORTS.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", script], env=tts.env, capture_output=True, text=True, check=True)
    modules = done.stderr.splitlines()
    assert not {module.split(".")[0] for module in modules} & HEAVY
    assert not [module for module in modules if module.startswith(("rich", "tts_cli.engine", "tts_cli.solver"))]
    assert len(modules) <= MODULE_BUDGET


def test_only_the_command_that_is_asked_for_is_imported(tts: Program) -> None:
    script = IMPORTS.format(arguments=["models", "list", "-q"])
    done = subprocess.run([sys.executable, "-c", script], env=tts.env, capture_output=True, text=True, check=True)
    commands = {f"tts_cli.cli.{name.replace('-', '_')}" for name in app.MODULES}
    assert commands & set(done.stderr.splitlines()) == {"tts_cli.cli.models"}


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("tts so", ["solve"]),
        ("tts models s", ["show"]),
        ("tts solve --budg", ["--budget"]),
        ("tts solve --method b", ["best-of-n", "beam", "best-first"]),
    ],
)
def test_the_shell_completes_commands_flags_and_values(tts: Program, words: str, completed: list[str]) -> None:
    done = tts(_TTS_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    assert (done.stdout.split(), done.stderr) == (completed, "")


def test_completion_is_installed_for_the_shell_in_use(tts: Program) -> None:
    shell = 'exec "$@" --install-completion'
    command = ["bash", "-c", shell, "bash", *tts.command()]
    done = subprocess.run(command, env=tts.env | {"SHELL": "/bin/bash"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "complete -o default -F _tts_completion tts" in (tts.home / ".bash_completions" / "tts.sh").read_text()


@pytest.mark.parametrize(
    "command",
    [[], ["solve"], ["batch"], ["grade"], ["show"], ["models"], ["models", "list"], ["models", "show"], ["doctor"]],
    ids=" ".join,
)
def test_help_is_as_written_before(here: Here, command: list[str], snapshot: SnapshotAssertion) -> None:
    done = here(*command, "--help", COLUMNS="100")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == snapshot


def test_h_is_help(here: Here) -> None:
    assert here("models", "-h").stdout == here("models", "--help").stdout


def test_help_is_rich_only_on_a_terminal(tts: Program) -> None:
    child = tts.terminal("solve", "--help", size=(100, 40))
    drawn = finish(child)
    assert child.exitstatus == 0
    assert "╭─ Sampling" in without_styles(drawn)
    assert "(default: 40)" in without_styles(drawn)
    assert not re.search("[\x1b\u2500-\u257f]", tts("solve", "--help").stdout)


def test_help_tells_the_defaults_that_settings_have(here: Here) -> None:
    text = " ".join(here("solve", "--help").stdout.split())
    for name in ("method", "beam_width", "policy", "select", "effort", "seed", "max_steps", "max_tokens"):
        flag = "--" + name.replace("_", "-")
        assert re.search(rf"{flag}\b[^(]*\(default: {Settings.model_fields[name].default}\)", text), flag


def test_version_names_both_parts(here: Here) -> None:
    assert re.fullmatch(rf"tts {re.escape(__version__)}, llama-cpp-python \d+\.\d+\.\d+\n", here("--version").stdout)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["slove"], "Did you mean 'solve'?"),
        (["--unknown"], "--unknown"),
        (["models", "shwo"], "Did you mean 'show'?"),
        (["show"], "TRACE"),
        (["models", "show", "nanno"], "nano"),
        (["solve", "one", "two"], "unexpected extra argument"),
    ],
    ids=str,
)
def test_usage_errors_are_plain(here: Here, arguments: list[str], says: str) -> None:
    done = here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"error: .+\nhint: .+\n", done.stderr)
    assert says in done.stderr


def test_a_closed_pipe_ends_help_quietly(tts: Program) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        tts.command("--help"), stdout=writer, stderr=subprocess.PIPE, env=tts.env, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_unexpected_error_is_a_sentence_and_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a\x1b[31m\nb")

    monkeypatch.setattr("tts_cli.cli.show._read", broken)
    assert app.run(["show", "x.json"]) == 1
    quiet = capsys.readouterr().err
    assert quiet.startswith("error: An unexpected ZeroDivisionError stopped the program: a.\nhint: ")
    for arguments in (["--debug", "show", "x.json"], ["show", "x.json", "--debug"]):
        assert app.run(arguments) == 1
        assert "Traceback" in capsys.readouterr().err


def test_errors_of_models_are_shown_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.report(TtsError("bad \x1b[31mname\x9b", "no [red]markup[/red]"), debug=False) == 1
    assert capsys.readouterr().err == "error: bad name.\nhint: no [red]markup[/red].\n"


def test_memory_errors_say_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.report(MemoryError(), debug=False) == 1
    assert "--ctx-size" in capsys.readouterr().err
