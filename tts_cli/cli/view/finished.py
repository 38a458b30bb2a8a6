"""A finished search to stdout, in the form that the channels ask for: what `tts solve` and `tts show` print."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.view import plain
from tts_cli.data.record import Record

if TYPE_CHECKING:
    from tts_cli.analysis.tree import TreeState


def present(channels: Channels, record: Record, tree: Callable[[], TreeState]) -> None:
    """The record as JSON, the bare answer, a picture or plain text. `tree` is asked for the picture only."""
    if channels.json:
        emit_json(record.model_dump_json(exclude={"input"} if record.input is None else None))
    elif channels.quiet:
        emit(f"{plain.answer(record)}\n" if record.answer is not None else "")
    elif channels.rich_out:
        from tts_cli.cli.view.final import picture

        state = tree()
        channels.draw(picture(record, state.chosen(), state.decided))
    else:
        emit(plain.result(record))
