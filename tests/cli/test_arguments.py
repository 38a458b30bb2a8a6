"""What stands on the command line: nothing at all, a problem that starts with a minus, sizes that cannot be."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Here, Program
from tests.cli.test_terminal import finish, without_styles
from tts_cli.config import Settings


@pytest.mark.parametrize("command", [[], ["models"]], ids=["tts", "models"])
def test_without_a_command_the_help_is_printed_as_it_is(here: Here, command: list[str]) -> None:
    done = here(*command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == here(*command, "--help").stdout
    assert "error:" not in done.stderr and done.stderr.count("\n") > 8


def test_the_help_of_a_bare_call_is_drawn_where_it_goes(tts: Program) -> None:
    child = tts.terminal(size=(100, 60))
    drawn = without_styles(finish(child))
    assert child.exitstatus == 2
    assert "╭─ Commands" in drawn and "solve" in drawn


MINUS = [
    "-3 + 5",
    "-3+5",
    "-x + 3 = 5",
    "-n + 3 = 5, what is n?",
    "-(2 + 3)",
    r"-\frac{1}{2} + 1",
    "-5",
    "--3 + 5",
    "- 3 + 5",
    "-2q = 4",
    "-.5 + 1",
    "−3 + 5",
]


@pytest.mark.parametrize("problem", MINUS)
@pytest.mark.parametrize("flags", [(("--json",), ()), ((), ("--json", "-n", "4")), (("-n4", "--json", "--"), ())])
def test_a_problem_may_start_with_a_minus(
    here: Here, problem: str, flags: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    before, after = flags
    done = here("solve", *before, problem, *after)
    assert done.returncode in (0, 3), done.stderr
    assert json.loads(done.stdout)["problem"] == problem


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--budgt", "4", "1 + 1"), "--budget"),
        (("--max-tim=4", "1 + 1"), "--max-time"),
        (("-z", "1 + 1"), "-z"),
        (("-x",), "-x"),
        (("-3 + 5", "--quite"), "--quiet"),
        (("-3 + 5", "-n"), "requires an argument"),
        (("--seed", "-1", "1 + 1"), "--seed is -1"),
        (("-n=x", "1 + 1"), "--budget"),
        (("-3 + 5", "-4 + 5"), "unexpected extra argument"),
    ],
)
def test_what_is_no_flag_is_still_refused(here: Here, arguments: tuple[str, ...], says: str) -> None:
    done = here("solve", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr and re.fullmatch(r"error: .+\nhint: .+\n", done.stderr)


@pytest.mark.parametrize("size", [10**8, 2 * 10**8, 5 * 10**8, 10**9, 2**30])
@pytest.mark.parametrize("command", ["solve", "batch"])
def test_a_context_that_cannot_be_is_wrong_usage(here: Here, command: str, size: int) -> None:
    """Of nano's size a token of the KV cache takes 512 bytes."""
    text = () if command == "batch" else ("1 + 1",)
    done = here(command, *text, "--ctx-size", str(size), stdin="1 + 1\n", TTS_POLICY="nano", TTS_THREADS="1")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(rf"a context of {size} tokens needs [\d.]+ GB of memory, and this machine has", done.stderr)
    assert "--ctx-size" in done.stderr and "trained on 1024 tokens" in done.stderr


def test_the_bounds_of_the_context_are_wrong_usage_too(here: Here) -> None:
    limit = next(one.le for one in Settings.model_fields["ctx_size"].metadata if hasattr(one, "le"))
    for size in (-1, limit + 1):
        assert here("solve", "1 + 1", "--ctx-size", str(size)).returncode == 2
