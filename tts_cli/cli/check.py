"""`tts check`: a PRM and the calculator read a person's own solution and mark the first doubtful step. No policy is
loaded."""

from __future__ import annotations

from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels
from tts_cli.cli.models_pull import pull_missing
from tts_cli.cli.notices import note_unread_stdin
from tts_cli.cli.options import Command
from tts_cli.config import SEARCH, Settings, resolve
from tts_cli.errors import UsageError

if TYPE_CHECKING:
    from tts_cli.models.backends.llama_cpp import LlamaPRM
    from tts_cli.models.registry import ModelEntry

EPILOG = """FILE holds the problem, then the steps, with a blank line between all of them.

A step is doubtful where the PRM scores it below the threshold, or where the calculator finds a false equality in it; \
`--prm none` leaves it to the calculator alone, `--no-calculator` to the PRM.

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
    from tts_cli.solving.calculator import refuter
    from tts_cli.solving.check_solution import check_solution

    chosen = resolve(flags)
    pull_missing(channels, chosen)
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"--threshold {threshold} cannot be used.", "Give a number from 0 to 1.")
    solution = worked.load(file)
    if str(file) != "-":
        note_unread_stdin(channels, f"the solution is taken from {file}")
    prm = _load(chosen, channels)
    with closing(prm) if prm is not None else nullcontext():
        if prm is not None:
            channels.introduce(prm.entry)
        least = _threshold(prm.entry if prm is not None else None) if threshold is None else threshold
        checked = check_solution(solution.problem, solution.steps, prm, refute=refuter(on=chosen.calculator))
    present(channels, checked, least)
    return 0 if checked.first_doubtful(least) is None else DOUBTFUL


def _threshold(prm: ModelEntry | None) -> float:
    """The format's own, else that of the family."""
    from tts_cli.solving.check_solution import default_threshold

    own = prm.format.threshold if prm is not None and prm.format is not None else None
    return default_threshold(prm.family if prm is not None else None) if own is None else own


def _load(chosen: Settings, channels: Channels) -> LlamaPRM | None:
    """The PRM that was named, else the policy's own; None where there is none. Raises UsageError, ModelError."""
    from tts_cli.models.load import load_prm, prm_of
    from tts_cli.models.registry import read

    known = read()
    name = chosen.prm or prm_of(chosen.policy, known, chosen.prm_format)
    if name == "none":
        if not chosen.calculator:
            raise UsageError(
                "`tts check` needs a PRM to read the solution, or the calculator.",
                "Name one with --prm, or leave out --no-calculator.",
            )
        if chosen.prm is None:
            channels.note(f"note: {chosen.policy} has no PRM, so only the calculator checks.")
        return None
    return load_prm(
        name,
        registry=known,
        prm_format=chosen.prm_format,
        n_ctx=chosen.ctx_size,
        n_seq_max=1,
        threads=chosen.threads,
        gpu_layers=chosen.gpu_layers,
    )


COMMAND = Command(check, ("calculator", "prm", "prm_format", "threads", "gpu_layers", "ctx_size"), EPILOG)
