"""`tts explain`: the receipt of a solve, from its trace or, as far as it tells, from its record. Loads no model."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.options import Command
from tts_cli.errors import TtsError, UsageError

if TYPE_CHECKING:
    from tts_cli.analysis.report import SearchReport
    from tts_cli.data.record import Record
    from tts_cli.search.events import Event

    Found = tuple[Record, list[Event] | None, dict[str, Any] | None]

EPILOG = """Of a record (`tts solve --json`, a line of `tts batch`) no steps are known, and half the budget is an \
estimate: a trace tells more.

Example: tts solve --trace search.json "Compute 37 + 4 * (12 - 5)." && tts explain search.json"""
RECORD_FIELDS = {"problem", "votes", "cost"}

Source = Annotated[
    Path, typer.Argument(metavar="TRACE", help='A file made by `tts solve --trace`, or one record; "-": stdin.')
]


def explain(channels: Channels, trace: Source) -> None:
    """Show what a search spent where, how the vote went, and what another budget would do."""
    from tts_cli.analysis import report as receipt
    from tts_cli.answers import Judge

    record, events, settings = _read(trace)
    with Judge() as judge:
        _present(channels, receipt.write(record, events, settings, judge))


def _present(channels: Channels, receipt: SearchReport) -> None:
    from tts_cli.cli.view import explain as view

    if channels.json:
        fields = asdict(receipt)
        fields["record"] = receipt.record.model_dump(mode="json", exclude={"votes", "input"})
        emit_json(json.dumps(fields, ensure_ascii=False))
    elif channels.quiet:
        emit(view.brief(receipt))
    elif channels.rich_out:
        channels.draw(view.picture(receipt))
    else:
        emit(view.plain(receipt))


def _read(path: Path) -> Found:
    """The record, and of a trace its checked events and settings. Raises TtsError."""
    from tts_cli.cli.view.replay import read
    from tts_cli.data import trace

    name = "stdin" if str(path) == "-" else str(path)
    raw = sys.stdin.buffer.read() if name == "stdin" else _bytes(path)
    record = _record(raw, name)
    if record is not None:
        return record, None, None
    found = trace.parse(raw, name)
    return found.record, read(found.events, name)[1], found.settings


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TtsError(
            f"{path} cannot be read: {str(reason).lower()}.", "Check the name and its permissions."
        ) from error


def _record(raw: bytes, name: str) -> Record | None:
    """The one record in `raw`; None where there is none and it may be a trace. Raises TtsError."""
    from pydantic import ValidationError

    from tts_cli.data.json_line import parse_object
    from tts_cli.data.record import Record

    lines = [line for line in raw.splitlines() if line.strip()]
    try:
        fields = parse_object(lines[0]) if lines else {}
    except ValueError:
        return None
    if "format" in fields or not fields.keys() >= RECORD_FIELDS:
        return None
    if len(lines) > 1:
        raise UsageError(f"{name} holds {len(lines)} lines, and one record is explained at a time.",
                         "Pick a line: sed -n 1p FILE | tts explain -")  # fmt: skip
    try:
        return Record.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TtsError(
            f"{name} is no record of tts: {where}: {first['msg']}.", "Make one with: tts solve --json"
        ) from error


COMMAND = Command(explain, epilog=EPILOG)
