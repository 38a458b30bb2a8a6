"""What the room holds for `--verify` is for the flag alone, and the calculator loads no more than itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT

SOLVE = ("solve", "--quiet", "--threads", "1", "--method", "greedy", "Compute 3 + 4.")


def loaded_by(*arguments: str) -> set[str]:
    code = "import sys; from tts_cli.cli.app import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [SOLVE, ("grade", "1/2", "0.5"), ("grade", r"\sin x", r"\cos x")])
def test_without_the_flag_it_is_not_imported(arguments: tuple[str, ...]) -> None:
    modules = loaded_by(*arguments)
    assert "tts_cli.answers" in modules and not any(name.startswith("tts_cli.verification") for name in modules)
    assert ("tts_cli.calculator.equalities" in modules) == (arguments == SOLVE)


def test_with_the_flag_it_is() -> None:
    assert "tts_cli.verification.judge" in loaded_by(*SOLVE, "--verify")


def test_without_the_calculator_its_room_stays_closed() -> None:
    assert not any(name.startswith("tts_cli.calculator.") for name in loaded_by(*SOLVE, "--no-calculator"))
