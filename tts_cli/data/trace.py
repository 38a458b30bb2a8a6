"""The trace file: one whole search, from which `tts show` draws it again.

    {"format": "tts-trace", "version": 1, "tts": "0.1.0", "settings": {…}, "record": {…}, "events": [{…}, …]}

`events` are the search's events in their JSON form, one a line; this module stores and checks them as plain
objects and gives them no meaning. Wall time is left out of the record in a trace, so that the same seed,
machine and flags give the same file, byte for byte.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tts_cli.data.files import read_bytes, write_atomically
from tts_cli.data.record import Record
from tts_cli.errors import TtsError, reason

FORMAT = "tts-trace"
VERSION = 1
MAKE_ONE = "Make one with: tts solve --trace FILE.json"


class Trace(BaseModel):
    """What a trace file holds. `settings` are the resolved flags; `tts` is the version that wrote it."""

    model_config = ConfigDict(frozen=True)
    format: Literal["tts-trace"] = "tts-trace"
    version: Literal[1] = 1
    tts: str
    settings: dict[str, Any]
    record: Record
    events: list[dict[str, Any]]


def save(path: Path, trace: Trace) -> None:
    """Write the file at once or not at all. Raises TtsError."""
    write_atomically(path, dump(trace), "The trace")


def dump(trace: Trace) -> str:
    """The file's text: indented head, one event a line, so that `diff` shows where two searches part."""
    cost = trace.record.cost.model_copy(update={"seconds": 0.0})
    head = trace.model_copy(update={"record": trace.record.model_copy(update={"cost": cost})})
    fields = head.model_dump(mode="json", exclude={"events"})
    fields["record"]["cost"].pop("seconds")
    lines = json.dumps(fields, indent=1, ensure_ascii=True).removesuffix("\n}")
    events = ",\n".join(json.dumps(event, ensure_ascii=True) for event in trace.events)
    return f'{lines},\n "events": [\n{events}\n ]\n}}\n'


def load(path: Path) -> Trace:
    """Read and check a trace file. Raises TtsError with what is wrong with it."""
    return parse(read_bytes(path, "The trace", hint=MAKE_ONE), str(path))


def parse(raw: bytes, name: str) -> Trace:
    """The trace in `raw`; `name` is used in messages. Raises TtsError."""
    fields = _json_object(raw, name)
    if fields.get("format") != FORMAT:
        raise _broken(name, f'it has no "format": "{FORMAT}"')
    if fields.get("version") != VERSION:
        raise TtsError(
            f"{name} is a trace of version {fields.get('version')!r}, and this tts reads version {VERSION}.",
            "Show it with the version of tts that wrote it, or solve the problem again.",
        )
    try:
        return Trace.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _broken(name, f"{where}: {first['msg']}") from error


def _json_object(raw: bytes, name: str) -> dict[str, Any]:
    try:
        fields = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise _broken(name, reason(error)) from error
    except (ValueError, RecursionError) as error:
        raise _broken(name, f"it is not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise _broken(name, "it is not a JSON object")
    return fields


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _broken(name: str, why: str) -> TtsError:
    return TtsError(f"{name} is not a trace of tts: {why}.", MAKE_ONE)
