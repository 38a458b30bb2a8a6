"""Events as a trace file holds them, checked and turned into a tree again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tts_cli.cli.view.tree_state import TreeState
from tts_cli.errors import TtsError
from tts_cli.search.events import EVENTS, Event

_READERS: dict[str, TypeAdapter[Event]] = {name: TypeAdapter(kind) for name, kind in EVENTS.items()}


def replay(rows: Iterable[dict[str, Any]], name: str) -> TreeState:
    """The tree after all events. Raises TtsError that names the event which makes no sense."""
    return read(rows, name)[0]


def read(rows: Iterable[dict[str, Any]], name: str) -> tuple[TreeState, list[Event]]:
    """The tree after all events, and the events. Raises TtsError that names the event which makes no sense."""
    state, events = TreeState(), []
    for place, row in enumerate(rows, start=1):
        try:
            fields = dict(row)
            events.append(_READERS[fields.pop("event")].validate_python(fields))
            state.apply(events[-1])
        except (KeyError, ValueError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise TtsError(
                f"{name} is a damaged trace: event {place} makes no sense ({why}).",
                "Make it anew with: tts solve --trace FILE.json",
            ) from error
    return state, events
