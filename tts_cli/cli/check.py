"""`tts check`: the PRM scores a person's own solution and marks the first doubtful step. No policy is loaded."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli import config
from tts_cli.cli import first_run
from tts_cli.cli import options as opt
from tts_cli.cli.channels import Channels
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
        show_default=False,
        help="A step that scores below it is doubtful. (default: what suits the PRM, see docs/check.md)",
        rich_help_panel=config.SEARCH,
    ),
]


FLAGS = ("prm", "prm_format", "threads", "gpu_layers", "ctx_size")


def check(
    context: typer.Context,
    file: Solution,
    threshold: Threshold = None,
    *,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    debug: opt.Debug = False,
    **flags: Any,
) -> int:
    """Mark the first doubtful step of a solution of your own."""
    from tts_cli.cli.view.check import present
    from tts_cli.data import worked
    from tts_cli.solving.check_solution import check_solution, default_threshold

    context.obj.merge(debug=debug, no_color=no_color)
    chosen = config.resolve(flags)
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"--threshold {threshold} cannot be used.", "Give a number from 0 to 1.")
    channels = Channels(quiet, as_json, context.obj.no_color)
    solution = worked.load(file)
    with closing(_load(chosen)) as prm:
        first_run.tell_once(prm.entry, channels)
        least = default_threshold(prm.entry.family) if threshold is None else threshold
        checked = check_solution(solution.problem, solution.steps, prm)
    present(channels, checked, least)
    return 0 if checked.first_doubtful(least) is None else DOUBTFUL


def _load(chosen: config.Settings) -> LlamaPRM:
    """The PRM that was named, else the policy's own. Raises UsageError, ModelError."""
    from tts_cli.models.load import load_prm, resolve
    from tts_cli.models.registry import read

    known = read()
    name = chosen.prm or resolve(chosen.policy, "policy", known).prm or "none"
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
