"""`tts models list` and `tts models show`: what the registry knows, what is on this machine, what a file is.

`import` and `remove` are in models_import.py."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.models_import import COMMANDS as IMPORTING
from tts_cli.cli.options import Command

if TYPE_CHECKING:
    from tts_cli.models.registry import ModelEntry, Registry

HELP = "The models that tts knows by name."
Name = Annotated[
    str, typer.Argument(metavar="NAME|FILE.gguf", help="A name from `tts models list`, or a model file with its path.")
]


def list_models(channels: Channels) -> None:
    """List all models known or installed (-q: names only)."""
    from tts_cli.cli.view import models as view
    from tts_cli.models import registry
    from tts_cli.models.load import installed_entries

    known = registry.read()
    entries = [_fields(entry) for entry in (*known.models.values(), *installed_entries(known))]
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
    """Show what a model is, and if it fits this machine (-q: its path)."""
    from tts_cli.cli.view.tables import aligned
    from tts_cli.models import registry
    from tts_cli.models.load import file_entry, is_path
    from tts_cli.paths import expand

    known = registry.read()
    path = None if name in known.models else expand(name) if is_path(name) else registry.installed(name)
    entry = known.entry(name) if path is None else file_entry(path, known)
    fields = _fields(entry) | _says_of_itself(entry, known)
    if channels.json:
        emit_json(json.dumps(fields, ensure_ascii=False))
    elif channels.quiet:
        emit(f"{registry.locate(entry)}\n")
    else:
        lines = [(key, value) for key, value in fields.items() if value not in (None, "", {}, [])]
        if fields["path"] is None:
            lines.append(("get", registry.how_to_get(entry)))
        texts = [(key, _gigabytes(value) if key == "memory" else _readable(value)) for key, value in lines]
        emit("".join(f"{line}\n" for line in aligned(texts, words=2)))


def _readable(value: Any) -> str:
    """A text of one line as it is, anything else as JSON."""
    return value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False)


def _gigabytes(parts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count / 1e9:.2f} GB" for name, count in parts.items())


def _fields(entry: ModelEntry) -> dict[str, Any]:
    """The entry as JSON; of a file that is on this machine, where it is (else null) and what it says of itself."""
    from tts_cli.models import registry
    from tts_cli.models.load import header_of

    path = registry.find_file(entry)
    fields = entry.model_dump(mode="json", exclude_defaults=False)
    fields["path"] = str(path) if path else None
    fields["size"] = path.stat().st_size if path else entry.size
    header = header_of(path) if path else None  # a damaged file is listed all the same
    fields["parameters"] = (header.parameters if header else None) if path else entry.parameters
    return fields


def _says_of_itself(entry: ModelEntry, known: Registry) -> dict[str, Any]:
    """What the header of its file adds, as JSON; nothing where the file is not here or damaged."""
    from tts_cli.engine import library
    from tts_cli.models.load import header_of
    from tts_cli.models.registry import find_file
    from tts_cli.models.room import memory_needed

    path = find_file(entry)
    header = header_of(path) if path else None
    if path is None or header is None:
        return {}
    machine, need = library.memory(), memory_needed(path)
    fields: dict[str, Any] = {
        "architecture": header.architecture,
        "quantization": header.quantization,
        "context": header.context_length,
        "chat_template": header.chat_template is not None,
        "memory": None if need is None else {"total": need.total, **asdict(need)},
        "fits": None if machine is None else need is not None and need.total <= machine.available,
    }
    if entry.role == "policy":
        style = entry.prompt or known.prompt_for(entry.name, header.metadata)
        fields["prompt"] = style.model_dump(mode="json")
        fields["prompt_style"] = next((name for name, one in known.prompts.items() if one is style), None)
    return fields


COMMANDS = {"list": Command(list_models), "show": Command(show_model), **IMPORTING}
