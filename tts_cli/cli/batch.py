"""`tts batch`: many problems in, one record a line out. With --output the file is the journal of the run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from tts_cli.cli.channels import Channels, emit_json
from tts_cli.cli.models_pull import pull_missing
from tts_cli.cli.notices import note_unused_flags
from tts_cli.cli.options import ALL_SETTINGS, Command
from tts_cli.config import resolve
from tts_cli.data.rows import Format

EPILOG = """Examples:

  tts batch problems.jsonl -o answers.jsonl

  cat problems.txt | tts batch | jq -r .answer

An existing answers.jsonl is continued: give the same command again after a crash, Ctrl-C or a full disk. Rows are \
matched by id, problem, settings and models; what differs is solved again.
"""
ROW_FAILED = 3

Input = Annotated[
    Path | None,
    typer.Argument(metavar="INPUT", help='.txt (a problem a line), .jsonl or .csv, each also .gz; none or "-": stdin.'),
]
OutputFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE.jsonl", help="Continued if it is there. (default: stdout)"),
]
FormatFlag = Annotated[
    Format | None, typer.Option("--format", help="Input format. (default: by its name or first line)")
]
Unordered = Annotated[bool, typer.Option("--unordered", help="Write records as they are solved.")]
InFlight = Annotated[
    int | None,
    typer.Option("--in-flight", metavar="K", min=1, max=4096, help="Problems at once. (default: what the models hold)"),
]


def batch(
    channels: Channels,
    source: Input = None,
    output: OutputFile = None,
    format: FormatFlag = None,
    unordered: Unordered = False,
    in_flight: InFlight = None,
    **flags: Any,
) -> int:
    """Solve many problems and write one record a line."""
    from tts_cli.batch.run import BatchRun
    from tts_cli.cli.batch_view import BatchView

    settings = resolve(flags)
    pull_missing(channels, settings)
    note_unused_flags(channels, flags, settings)
    source, output = (None if str(path) == "-" else path for path in (source, output))
    with BatchView(channels, source, format, on_terminal=output is None and channels.rich_out) as view:
        outcome = BatchRun(
            settings,
            source,
            output or (lambda record: emit_json(record.model_dump_json())),
            format=format,
            ordered=not unordered,
            at_most=in_flight,
            observer=view,
            should_stop=lambda: view.interruption.requested,
        ).run()
    if outcome.first_error is not None:
        rows = "1 row ended in an error:" if outcome.errors == 1 else f"{outcome.errors} rows ended in an error, first"
        channels.note(f"{rows} {outcome.first_error}")
    stopped = view.interruption.exit_code
    if stopped is None or outcome.complete:
        return ROW_FAILED if outcome.errors else 0
    if outcome.resumable:
        command = shlex.join(["tts", *channels.arguments])
        by = "by the same input to" if source is None else "by"
        channels.note(f"Stopped. {output} is continued {by}:\n  {command}")
    else:
        channels.note("Stopped. With --output FILE the same command can be continued.")
    return stopped


COMMAND = Command(batch, ALL_SETTINGS, EPILOG, has_json=False)
