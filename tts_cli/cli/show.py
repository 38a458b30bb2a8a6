"""`tts show`: draws a saved search again, or writes it as one self-contained page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.channels import Channels
from tts_cli.cli.options import OUTPUT, Command

if TYPE_CHECKING:
    from tts_cli.analysis.tree import TreeState
    from tts_cli.data.record import Record

TraceFile = Annotated[Path, typer.Argument(metavar="TRACE", help='A file made by `tts solve --trace`, or "-".')]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write one self-contained page instead.", rich_help_panel=OUTPUT),
]


def show(channels: Channels, trace: TraceFile, html: Html = None) -> None:
    """Draw a saved search again."""
    state, record = _read(trace)
    if html is None:
        from tts_cli.cli.view.finished import present

        present(channels, record, lambda: state)
        return
    from tts_cli.cli.view.html import page
    from tts_cli.data.files import write_atomically

    write_atomically(html, page(state, record), "The page")
    channels.note(f"The search is drawn in {html}")


def _read(path: Path) -> tuple[TreeState, Record]:
    """Raises TtsError for a file that cannot be read, or whose events make no sense."""
    from tts_cli.analysis.reading import replay
    from tts_cli.data import trace

    found = trace.parse(sys.stdin.buffer.read(), "stdin") if str(path) == "-" else trace.load(path)
    return replay(found.events, str(path)), found.record


COMMAND = Command(show)
