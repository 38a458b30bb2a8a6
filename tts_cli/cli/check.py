"""`tts check`: the PRM scores a person's own solution and marks the first doubtful step. No policy is loaded."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels
from tts_cli.cli.notices import note_unread_stdin
from tts_cli.cli.options import Command
from tts_cli.config import SEARCH, Settings, resolve
from tts_cli.errors import UsageError

if TYPE_CHECKING:
    from tts_cli.models.backends.llama_cpp import LlamaPRM

EPILOG = """FILE holds the problem, then the steps, with a blank line between all of them.

Exit codes: 0 no doubtful step, 3 a doubtful step was found (-q prints its number), else as for every command."""
DOUBTFUL = 3

Solution = Annotated[Path, typer.Argument(metavar="FILE", help='The problem and its solution; "-": stdin.')]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="P",
        help="A step that scores below it is doubtful. (default: what suits the PRM, see docs/check.md)",
        rich_help_panel=SEARCH,
    ),
]


def check(channels: Channels, file: Solution, threshold: Threshold = None, **flags: Any) -> int:
    """Mark the first doubtful step of a solution of your own."""
    from tts_cli.cli.view.check import present
    from tts_cli.data import worked
    from tts_cli.solving.check_solution import check_solution, default_threshold

    chosen = resolve(flags)
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"--threshold {threshold} cannot be used.", "Give a number from 0 to 1.")
    solution = worked.load(file)
    if str(file) != "-":
        note_unread_stdin(channels, f"the solution is taken from {file}")
    with closing(_load(chosen)) as prm:
        channels.introduce(prm.entry)
        of_format = prm.entry.format.threshold if prm.entry.format else None
        given = of_format if threshold is None else threshold
        least = default_threshold(prm.entry.family) if given is None else given
        checked = check_solution(solution.problem, solution.steps, prm)
    present(channels, checked, least)
    return 0 if checked.first_doubtful(least) is None else DOUBTFUL


def _load(chosen: Settings) -> LlamaPRM:
    """The PRM that was named, else the policy's own. Raises UsageError, ModelError."""
    from tts_cli.models.load import load_prm, prm_of
    from tts_cli.models.registry import read

    known = read()
    name = chosen.prm or prm_of(chosen.policy, known, chosen.prm_format)
    if name == "none":
        raise UsageError("`tts check` needs a PRM to read the solution, and there is none.", "Name one with --prm.")
    return load_prm(
        name,
        registry=known,
        prm_format=chosen.prm_format,
        n_ctx=chosen.ctx_size,
        n_seq_max=1,
        threads=chosen.threads,
        gpu_layers=chosen.gpu_layers,
    )


COMMAND = Command(check, ("prm", "prm_format", "threads", "gpu_layers", "ctx_size"), EPILOG)
