"""`tts eval`: labelled problems in, accuracy and cost of every method and budget out.

Samples are stored as they are made (`--out`), so a run can be killed, resumed, and asked again in other ways.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tts_cli.cli.channels import Channels
from tts_cli.cli.consent import asker
from tts_cli.cli.options import Command, names_in
from tts_cli.config import MODELS, SAMPLING, SEARCH
from tts_cli.evaluation.request import EvalFlags, parse_budgets, parse_methods
from tts_cli.evaluation.run import EvalRun, open_store

EPILOG = """Examples:

  tts eval nano --limit 50

  tts eval problems.jsonl --methods majority,best-of-n --budgets 4,16,64 --out results

  tts eval --out results                       goes on where it was stopped

  tts eval --out results --aggregate min       votes anew, without sampling anew

DATASET: nano (ships with tts), math500, aime24, or a JSONL or CSV file with "problem" and "answer" (and, if it has \
them, "level" and "subject").
"""
Dataset = Annotated[
    str | None,
    typer.Argument(metavar="[DATASET]", show_default=False, help="A name or a file; none: go on with --out."),
]
Methods = Annotated[
    str | None,
    typer.Option(
        "--methods",
        metavar="A,B,..",
        rich_help_panel=SEARCH,
        show_default=False,
        help="Methods to measure. (default: greedy,majority,best-of-n,beam,dvts)",
    ),
]
Budgets = Annotated[
    str | None,
    typer.Option(
        "--budgets",
        metavar="N,N,..",
        rich_help_panel=SEARCH,
        show_default=False,
        help="Budgets to measure each at. (default: 1,4,16)",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="K", show_default=False, help="Only K problems.")]
Shuffle = Annotated[
    bool | None,
    typer.Option("--shuffle/--no-shuffle", show_default=False, help="K at random (by --seed), not the first K."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", show_default=False, help="Keep samples, records and summary; go on later."),
]
PrmQuality = Annotated[
    bool, typer.Option("--prm-quality", help="How well the PRM judges: AUC, calibration, length bias.")
]
Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE.png|svg", show_default=False, help="Save the curves.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Fetch a data set that is not here without asking.")]

_OWN = ("beam_width", "effort", "profile", "aggregate", "select", "min_confidence", "seed")
FLAGS = (*_OWN, *names_in(MODELS, SAMPLING))


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
    _check_picture(plot)
    asked = EvalFlags(dataset, parse_methods(methods), parse_budgets(budgets), limit, shuffle, prm_quality, flags)
    with open_store(out, new=dataset is not None) as store:
        run = EvalRun(asked, store, channels, out)
        rows = run.rows(asker(yes))
        if not run.collect(rows):
            return run.stopped()
        summary, timing = run.measure(rows)
    run.show(summary, timing, plot)
    return 0


def _check_picture(plot: Path | None) -> None:
    """Before an hour of sampling rather than after it. Raises UsageError and TtsError."""
    if plot is not None:
        from tts_cli.cli.view import figure
        from tts_cli.data.files import check_writable

        figure.check(plot)
        check_writable(plot, "The picture")


COMMAND = Command(evaluate, FLAGS, EPILOG)
