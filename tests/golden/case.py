"""A case: command lines of `tts`, and what surrounds them. Also the problems that most of them solve."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

INPUTS = Path(__file__).with_name("inputs")

SUM = "Compute 37 + 4 * (12 - 5)."
FRACTION = "What is 5/6 - 1/4?"
STORY = (
    "Mia has 12 apples. She buys 3 bags with 4 apples each. She gives away 5 apples. How many apples does Mia have now?"
)
EQUATION = "Solve 2x + 5 = 21 for x."
HARD = "What is 5/7 + 8/6 * 7/6?"

REGISTRY: dict[str, Any] = {"files": ("models.yaml",), "env": {"TTS_MODELS_FILE": "models.yaml"}}


@dataclass(frozen=True)
class Case:
    """Command lines that run one after the other in the same fresh home.

    `model`: one of them runs a model, so that other CPUs may print other texts. `files`: of the folder `inputs`, copied
    into the working folder. `stdin`: what each command reads there. `terminal`: stdout is one. `apart`: each in a
    process of its own, on pipes. `slow`: no record is stored, only two checkouts are compared.
    """

    name: str
    lines: tuple[str, ...]
    model: bool = True
    files: tuple[str, ...] = ()
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    terminal: bool = False
    apart: bool = False
    slow: bool = False

    @property
    def group(self) -> str:
        return self.name.split("-")[0]

    @property
    def commands(self) -> list[list[str]]:
        return [shlex.split(line) for line in self.lines]


def solve(flags: str, problem: str | None = SUM) -> str:
    """A `tts solve` on one thread; None: the problem is on stdin."""
    return f"solve --threads 1 {flags}" + ("" if problem is None else f" {shlex.quote(problem)}")
