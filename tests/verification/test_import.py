"""The room is for `--verify` alone: who does not ask for it pays nothing for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT

SOLVE = ("solve", "--quiet", "--threads", "1", "--method", "greedy", "Compute 3 + 4.")


def rooms_loaded_by(*arguments: str) -> set[str]:
    code = "import sys; from tts_cli.cli.app import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.split(".")[1] for name in done.stderr.split() if name.startswith("tts_cli.")}


@pytest.mark.parametrize("arguments", [SOLVE, ("grade", "1/2", "0.5"), ("grade", r"\sin x", r"\cos x")])
def test_without_the_flag_it_is_not_imported(arguments: tuple[str, ...]) -> None:
    rooms = rooms_loaded_by(*arguments)
    assert "answers" in rooms and "verification" not in rooms


def test_with_the_flag_it_is() -> None:
    assert "verification" in rooms_loaded_by(*SOLVE, "--verify")
