"""`tts check`: the PRM reads a person's own solution and marks the first doubtful step. No policy is loaded."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.options import Command
from tts_cli.config import SEARCH, Settings, resolve
from tts_cli.errors import UsageError

if TYPE_CHECKING:
    from tts_cli.data.worked import Worked
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
        rich_help_panel=SEARCH,
    ),
]


@dataclass(frozen=True, slots=True)
class CheckCost:
    """`flops` = 2 x parameters x tokens."""

    prm_tokens: int
    flops: float


@dataclass(frozen=True, slots=True)
class CheckedStep:
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `--json` prints. `first_doubtful` counts from 1; None: no step scores below the threshold."""

    problem: str
    steps: tuple[CheckedStep, ...]
    first_doubtful: int | None
    threshold: float
    prm: str
    cost: CheckCost


def check(channels: Channels, file: Solution, threshold: Threshold = None, **flags: Any) -> int:
    """Mark the first doubtful step of a solution of your own."""
    from tts_cli.data import worked

    chosen = resolve(flags)
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"--threshold {threshold} cannot be used.", "Give a number from 0 to 1.")
    report = _read(worked.load(file), chosen, threshold, channels)
    _present(channels, report)
    return 0 if report.first_doubtful is None else DOUBTFUL


def _read(solution: Worked, chosen: Settings, asked: float | None, channels: Channels) -> CheckReport:
    """Load the PRM and let it read. Raises TtsError."""
    from tts_cli.solving.check_solution import check_solution, default_threshold

    with ExitStack() as stack:
        prm = _load(chosen, stack)
        channels.introduce(prm.entry)
        threshold = default_threshold(prm.entry.family) if asked is None else asked
        checked = check_solution(solution.problem, solution.steps, prm)
        return CheckReport(
            problem=solution.problem,
            steps=tuple(CheckedStep(text, score) for text, score in zip(solution.steps, checked.scores, strict=True)),
            first_doubtful=checked.first_doubtful(threshold),
            threshold=threshold,
            prm=prm.name,
            cost=CheckCost(checked.prm_tokens, 2.0 * prm.parameters * checked.prm_tokens),
        )


def _load(chosen: Settings, stack: ExitStack) -> LlamaPRM:
    """The PRM that was named, else the policy's own; `stack` closes it. Raises UsageError, ModelError."""
    from tts_cli.models.load import load_prm
    from tts_cli.models.load import resolve as resolve_model
    from tts_cli.models.registry import read

    known = read()
    name = chosen.prm or resolve_model(chosen.policy, "policy", known).prm or "none"
    if name == "none":
        raise UsageError("`tts check` needs a PRM to read the solution, and there is none.", "Name one with --prm.")
    prm = load_prm(
        name,
        registry=known,
        prm_format=chosen.prm_format,
        n_ctx=chosen.ctx_size,
        n_seq_max=1,
        threads=chosen.threads,
        gpu_layers=chosen.gpu_layers,
    )
    stack.callback(prm.close)
    return prm


def _present(channels: Channels, report: CheckReport) -> None:
    from tts_cli.cli.view import check as view

    if channels.json:
        emit_json(json.dumps(asdict(report), ensure_ascii=False))
    elif channels.quiet:
        emit("" if report.first_doubtful is None else f"{report.first_doubtful}\n")
    elif channels.rich_out:
        channels.draw(view.picture(report))
    else:
        emit(view.plain(report))


COMMAND = Command(check, ("prm", "prm_format", "threads", "gpu_layers", "ctx_size"), EPILOG)
