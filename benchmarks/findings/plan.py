"""Which evaluations the findings are made of. Models, data sets, methods and budgets stand here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

POLICIES = ("nano", "nano-medium", "nano-large")
"""From few parameters to many."""

BUDGETS = (1, 4, 16, 64)
LIMIT = 300
ALL = ("greedy", "majority", "best-of-n", "beam", "dvts")
GUIDED = ("best-of-n", "beam", "dvts")


@dataclass(frozen=True, slots=True)
class Part:
    """One evaluation of each policy. `world`: None for the test set that ships, else what training never saw."""

    name: str
    prm: str
    methods: tuple[str, ...]
    budgets: tuple[int, ...]
    world: str | None = None


MAIN = Part("main", "nano-prm", ALL, BUDGETS)
SMALL_PRM = Part("small-prm", "nano-prm-small", ("greedy", *GUIDED), (4, 16))
FAMILY = Part("family", "nano-prm", ALL, (1, 4, 16), world="family")
SIZE = Part("size", "nano-prm", ALL, (1, 4, 16), world="size")
PARTS = (MAIN, SMALL_PRM, FAMILY, SIZE)


def run_name(part: Part, policy: str) -> str:
    """The run's folder under RUNS."""
    return f"{part.name}-{policy}"


def world_file(part: Part) -> str:
    """The data set's file under RUNS."""
    return f"{part.world}.jsonl"


def world_command(part: Part, limit: int) -> list[str]:
    """What writes a held-out data set to stdout, after `python`."""
    return ["-m", "training.problems", "--held-out", str(part.world), "--count", str(limit)]


def budgets_of(part: Part, asked: Sequence[int]) -> list[int]:
    """Those of the part's budgets that were asked for."""
    return [budget for budget in part.budgets if budget in asked]


def eval_command(part: Part, policy: str, runs: Path, limit: int, budgets: Sequence[int]) -> list[str]:
    """The evaluation's command line, after `tts`."""
    dataset = str(runs / world_file(part)) if part.world else "nano"
    return [
        *("eval", dataset, "--policy", policy, "--prm", part.prm, "--no-calculator"),
        *("--methods", ",".join(part.methods), "--budgets", ",".join(map(str, budgets_of(part, budgets)))),
        *("--limit", str(limit), "--prm-quality", "--out", str(runs / run_name(part, policy))),
    ]
