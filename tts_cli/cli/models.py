"""`tts models list` and `tts models show NAME`: what the registry knows, and what of it is on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.options import Command

if TYPE_CHECKING:
    from pathlib import Path

    from tts_cli.models.registry import ModelEntry

HELP = "The models that tts knows by name."
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from `tts models list`.")]


def list_models(channels: Channels) -> None:
    """List all models of the registry (-q: names only)."""
    from tts_cli.cli.view import models as view
    from tts_cli.models import registry

    entries = [_fields(entry) for entry in registry.read().models.values()]
    if channels.json:
        emit_json(json.dumps(entries, ensure_ascii=False))
    elif channels.quiet:
        emit("".join(f"{fields['name']}\n" for fields in entries))
    elif channels.rich_out:
        for number, table in enumerate(view.tables(entries)):
            emit("\n" * number)
            channels.draw(table)
    else:
        emit(view.columns(entries))


def show_model(channels: Channels, name: Name) -> None:
    """Show all that is known of one model (-q: only where its file is)."""
    from tts_cli.models import registry

    entry = registry.read().entry(name)
    fields = _fields(entry)
    if channels.json:
        emit_json(json.dumps(fields, ensure_ascii=False))
    elif channels.quiet:
        emit(f"{registry.locate(entry)}\n")
    else:
        lines = [(key, value) for key, value in fields.items() if value not in (None, "", {}, [])]
        if fields["path"] is None:
            lines.append(("get", registry.how_to_get(entry)))
        texts = {key: one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for key, one in lines}
        emit("".join(f"{key:<12} {text}\n" for key, text in texts.items()))


def _fields(entry: ModelEntry) -> dict[str, Any]:
    """The entry as JSON; of a file that is on this machine, where it is (else null) and what it says of itself."""
    from tts_cli.models import registry

    path = registry.find_file(entry)
    fields = entry.model_dump(mode="json", exclude_defaults=False)
    fields["path"] = str(path) if path else None
    fields["size"] = path.stat().st_size if path else entry.size
    fields["parameters"] = _parameters(path) if path else entry.parameters
    return fields


def _parameters(path: Path) -> int | None:
    """From the file's header; None for a damaged file, which is listed all the same: loading it says what is wrong."""
    from tts_cli.engine.gguf_header import read_header
    from tts_cli.errors import ModelError

    try:
        return read_header(path).parameters
    except ModelError:
        return None


COMMANDS = {"list": Command(list_models), "show": Command(show_model)}
