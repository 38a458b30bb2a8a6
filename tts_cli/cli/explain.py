"""`tts explain`: what a finished search spent and voted, from its trace or its record. Loads no model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.channels import Channels
from tts_cli.cli.options import Command

EPILOG = """Of a record (`tts solve --json`, a line of `tts batch`) no steps are known, and half the budget is an \
estimate: a trace shows more.

Example: tts solve --trace search.json "Compute 37 + 4 * (12 - 5)." && tts explain search.json"""

Source = Annotated[
    Path, typer.Argument(metavar="TRACE", help='A file made by `tts solve --trace`, or one record; "-": stdin.')
]


def explain(channels: Channels, trace: Source) -> None:
    """Show what a search spent where, how the vote went, and what another budget would do."""
    from tts_cli.analysis import reading, report
    from tts_cli.answers.judge import Judge
    from tts_cli.cli.view.explain import present

    saved = reading.load(trace)
    with Judge() as judge:
        present(channels, report.explain(saved.record, saved.tree, saved.settings, judge))


COMMAND = Command(explain, epilog=EPILOG)
