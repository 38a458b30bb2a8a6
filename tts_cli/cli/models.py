"""`tts models list` and `tts models show NAME`: what the registry knows, and what of it is on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.options import Debug, Json, NoColor, Quiet

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from tts_cli.models.registry import ModelEntry

COLUMNS = ("name", "role", "here", "size", "parameters", "description")
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from `tts models list`.")]


def build(rich_help: bool) -> typer.Typer:
    """The `tts models` group."""
    group = typer.Typer(
        help="The models that tts knows by name.",
        no_args_is_help=True,
        rich_markup_mode="rich" if rich_help else None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    group.command("list")(list_models)
    group.command("show")(show_model)
    return group


def list_models(
    context: typer.Context,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
    no_color: NoColor = False,
) -> None:
    """List all models of the registry (-q: names only)."""
    from tts_cli.models import registry

    context.obj.merge(debug=debug, no_color=no_color)
    channels = Channels(quiet, as_json, context.obj.no_color)
    entries = list(registry.read().models.values())
    if as_json:
        emit_json(json.dumps([_fields(entry) for entry in entries], ensure_ascii=False))
    elif quiet:
        emit("".join(f"{entry.name}\n" for entry in entries))
    elif channels.rich_out:
        _draw_tables(channels, entries)
    else:
        emit(_columns([_cells(_fields(entry), "; measured: ") for entry in entries]))


def show_model(
    context: typer.Context,
    name: Name,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
    no_color: NoColor = False,
) -> None:
    """Show all that is known of one model (-q: only where its file is)."""
    from tts_cli.models import registry

    context.obj.merge(debug=debug, no_color=no_color)
    entry = registry.read().entry(name)
    fields = _fields(entry)
    if as_json:
        emit_json(json.dumps(fields, ensure_ascii=False))
    elif quiet:
        emit(f"{registry.locate(entry)}\n")
    else:
        lines = [(key, value) for key, value in fields.items() if value not in (None, "", {}, [])]
        if fields["path"] is None:
            lines.append(("get", registry.how_to_get(entry)))
        emit("".join(f"{key:<12} {_value(value)}\n" for key, value in dict(lines).items()))


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


def _cells(fields: dict[str, Any], measured: str) -> tuple[str, ...]:
    """The texts of a row; `measured` leads from the description to the measured figure."""
    size = f"{fields['size'] / 1e6:.1f}MB" if fields["size"] else "-"
    parameters = _count(fields["parameters"]) if fields["parameters"] else "-"
    told = fields["description"] or "-"
    if fields["measured"]:
        told += measured + fields["measured"]
    return fields["name"], fields["role"], "yes" if fields["path"] else "no", size, parameters, told


def _count(parameters: int) -> str:
    """As models are named: 133k, 3.18M, 1.5B."""
    for unit, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if parameters >= unit:
            return f"{parameters / unit:.3g}{letter}"
    return str(parameters)


def _columns(rows: list[tuple[str, ...]]) -> str:
    """Aligned columns with a head; the last one is as long as it is."""
    table = [COLUMNS, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(COLUMNS) - 1)]
    lines = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in table]
    return "\n".join(lines) + "\n"


def _draw_tables(channels: Channels, entries: list[ModelEntry]) -> None:
    """What is on this machine, then the rest: apart, so that long names there do not narrow the columns here."""
    rows = [_cells(_fields(entry), "\nmeasured: ") for entry in entries]
    here, elsewhere = ([row for row in rows if row[2] == there] for there in ("yes", "no"))
    for number, group in enumerate(group for group in (here, elsewhere) if group):
        emit("\n" * number)
        channels.draw(_table(group))


def _table(rows: list[tuple[str, ...]]) -> Table:
    """Without the columns that tell nothing here."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    told = [i for i in range(len(COLUMNS)) if any(row[i] != "-" for row in rows)]
    for i in told:
        fixed = COLUMNS[i] != "description"
        table.add_column(COLUMNS[i], no_wrap=fixed, overflow="ellipsis" if fixed else "fold")
    styles = {"name": "bold", "here": "green" if rows[0][2] == "yes" else "dim"}
    for row in rows:
        table.add_row(*(Text(row[i], style=styles.get(COLUMNS[i], "")) for i in told))
    return table


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
