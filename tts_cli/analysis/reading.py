"""Reads a finished search from what was saved of it: a trace, or one record of `tts solve --json` or `tts batch`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tts_cli.analysis.tree import TreeState
from tts_cli.data import trace
from tts_cli.data.json_line import parse_object
from tts_cli.data.record import Record
from tts_cli.errors import TtsError, UsageError, reason
from tts_cli.search.events import EVENTS, Event

_READERS: dict[str, TypeAdapter[Event]] = {name: TypeAdapter(kind) for name, kind in EVENTS.items()}
_RECORD_FIELDS = {"problem", "votes", "cost"}


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """`tree` and `settings` (the resolved flags) are the trace's, None for a record alone."""

    record: Record
    tree: TreeState | None = None
    settings: Mapping[str, Any] | None = None


def load(path: Path) -> SavedSearch:
    """What a file, or stdin for "-", holds. Raises TtsError for what is neither, UsageError for several records."""
    name = "stdin" if str(path) == "-" else str(path)
    raw = sys.stdin.buffer.read() if name == "stdin" else _bytes(path)
    record = _record(raw, name)
    if record is not None:
        return SavedSearch(record)
    found = trace.parse(raw, name)
    return SavedSearch(found.record, replay(found.events, name), found.settings)


def replay(rows: Iterable[dict[str, Any]], name: str) -> TreeState:
    """The tree after a trace's events. Raises TtsError that names the event which makes no sense."""
    tree = TreeState()
    for place, row in enumerate(rows, start=1):
        try:
            fields = dict(row)
            tree.apply(_READERS[fields.pop("event")].validate_python(fields))
        except (KeyError, ValueError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise TtsError(
                f"{name} is a damaged trace: event {place} makes no sense ({why}).",
                "Make it anew with: tts solve --trace FILE.json",
            ) from error
    return tree


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise TtsError(f"{path} cannot be read: {reason(error)}.", "Check the name and its permissions.") from error


def _record(raw: bytes, name: str) -> Record | None:
    """The one record in `raw`; None where there is none and it may be a trace. Raises TtsError."""
    lines = [line for line in raw.splitlines() if line.strip()]
    try:
        fields = parse_object(lines[0]) if lines else {}
    except ValueError:
        return None
    if "format" in fields or not fields.keys() >= _RECORD_FIELDS:
        return None
    if len(lines) > 1:
        raise UsageError(
            f"{name} holds {len(lines)} lines, and one record is explained at a time.",
            "Pick a line: sed -n 1p FILE | tts explain -",
        )
    try:
        return Record.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{name} is no record of tts: {where}: {first['msg']}"
        raise TtsError(f"{what}.", "Make one with: tts solve --json") from error
