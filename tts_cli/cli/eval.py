"""`tts eval`: labelled problems in, accuracy and cost of every method and budget out.

Samples are stored as they are made (`--out`), so a run can be killed, resumed, and asked again in other ways.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tts_cli import config
from tts_cli.cli.channels import Channels
from tts_cli.cli.models_pull import pull_missing
from tts_cli.cli.options import Command, names_in
from tts_cli.cli.sampling import asker, note_nothing_right, sample
from tts_cli.cli.signals import Interruption
from tts_cli.config import MODELS, SAMPLING, SEARCH

EPILOG = """Examples:

  tts eval nano --limit 50

  tts eval problems.jsonl --methods majority,best-of-n --budgets 4,16,64 --out results

  tts eval --out results                       goes on where it was stopped

  tts eval --out results --aggregate min       votes anew, without sampling anew

DATASET: nano (ships with tts), math500, aime24, or a JSONL or CSV file with "problem" and "answer" (and, if it has \
them, "level" and "subject"). An answer may be a whole solution that marks it: "#### 72", \\boxed{72}.
"""
Dataset = Annotated[str | None, typer.Argument(metavar="[DATASET]", help="A name or a file; none: go on with --out.")]
Methods = Annotated[
    str | None,
    typer.Option(
        "--methods",
        metavar="A,B,..",
        rich_help_panel=SEARCH,
        help="Methods to measure. (default: greedy,majority,best-of-n,beam,dvts)",
    ),
]
Budgets = Annotated[
    str | None,
    typer.Option(
        "--budgets", metavar="N,N,..", rich_help_panel=SEARCH, help="Budgets to measure each at. (default: 1,4,16)"
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="K", help="Only K problems.")]
Shuffle = Annotated[
    bool | None, typer.Option("--shuffle/--no-shuffle", help="K at random (by --seed), not the first K.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Keep samples, records and summary; go on later.")
]
PrmQuality = Annotated[
    bool, typer.Option("--prm-quality", help="How well the PRM judges: AUC, calibration, length bias.")
]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE.png|svg", help="Save the curves.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Fetch a data set that is not here without asking.")]


def evaluate(
    channels: Channels,
    dataset: Dataset = None,
    methods: Methods = None,
    budgets: Budgets = None,
    limit: Limit = None,
    shuffle: Shuffle = None,
    out: Out = None,
    prm_quality: PrmQuality = False,
    plot: Plot = None,
    yes: Yes = False,
    **flags: Any,
) -> int:
    """Measure methods and budgets on labelled problems."""
    from tts_cli.cli.view.results import present
    from tts_cli.evaluation.config import budget_numbers, method_names, resolve, stored_config
    from tts_cli.evaluation.run import EvalRun
    from tts_cli.evaluation.store import open_store

    _check_picture(plot)
    pull_missing(channels, config.resolve(flags))
    given: dict[str, Any] = {"dataset": dataset, "limit": limit, "shuffle": shuffle, "prm_quality": prm_quality}
    given["methods"] = None if methods is None else method_names(methods.split(","))
    given["budgets"] = None if budgets is None else budget_numbers(budgets.split(","))
    with open_store(out, new=dataset is not None) as store:
        before = None if dataset is not None else stored_config(store)
        evaluation = EvalRun(resolve(before, flags, **given), store)
        rows = evaluation.rows(asker(yes))
        stopped = sample(evaluation, rows, channels, f"tts eval --out {out}" if out else None)
        if stopped is not None:
            return stopped
        with Interruption():  # every file is whole or not there: a signal ends it at once
            summary, timing = evaluation.measure(rows, out)
    present(channels, summary, timing, plot)
    if not any(result.overall.right for result in summary.results):
        note_nothing_right(rows, channels)
    kept = ", ".join(str(path) for path in (out, plot) if path)
    channels.note(f"Written to {kept}." if kept else "Give --out DIR to keep the samples and the records.")
    return 0


def _check_picture(plot: Path | None) -> None:
    """Before an hour of sampling rather than after it. Raises UsageError and TtsError."""
    if plot is not None:
        from tts_cli.cli.view import figure
        from tts_cli.data.files import check_writable

        figure.check(plot)
        check_writable(plot, "The picture")


_SETTINGS = ("beam_width", "effort", "profile", "aggregate", "select", "min_confidence", "seed", "calculator")
COMMAND = Command(evaluate, (*_SETTINGS, *names_in(MODELS, SAMPLING)), EPILOG)
