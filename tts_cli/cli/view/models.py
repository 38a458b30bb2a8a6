"""The registry's models as a table: aligned columns for pipes, Rich tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from tts_cli.cli.view.tables import aligned
from tts_cli.costs import human

COLUMNS = ("name", "role", "here", "size", "parameters", "description")


def columns(entries: Sequence[dict[str, Any]]) -> str:
    """Aligned columns with a head."""
    rows = [COLUMNS, *(_cells(fields, "; measured: ") for fields in entries)]
    return "".join(f"{line}\n" for line in aligned(rows, len(COLUMNS)))


def tables(entries: Sequence[dict[str, Any]]) -> Iterator[Table]:
    """What is on this machine, then the rest: apart, so that long names there do not narrow the columns here."""
    rows = [_cells(fields, "\nmeasured: ") for fields in entries]
    for here, color in (("yes", "green"), ("no", "dim")):
        if some := [row for row in rows if row[2] == here]:
            yield _table(some, {"name": "bold", "here": color})


def _cells(fields: dict[str, Any], measured: str) -> tuple[str, ...]:
    """The texts of a row; `measured` leads from the description to the measured figure."""
    size = f"{fields['size'] / 1e6:.1f}MB" if fields["size"] else "-"
    parameters = human(fields["parameters"], billion="B") if fields["parameters"] else "-"
    description = fields["description"] or "-"
    if fields["measured"]:
        description += measured + fields["measured"]
    return fields["name"], fields["role"], "yes" if fields["path"] else "no", size, parameters, description


def _table(rows: Sequence[tuple[str, ...]], styles: dict[str, str]) -> Table:
    """Without the columns that are empty in all rows."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    filled = [i for i in range(len(COLUMNS)) if any(row[i] != "-" for row in rows)]
    for i in filled:
        fixed = COLUMNS[i] != "description"
        table.add_column(COLUMNS[i], no_wrap=fixed, overflow="ellipsis" if fixed else "fold")
    for row in rows:
        table.add_row(*(Text(row[i], style=styles.get(COLUMNS[i], "")) for i in filled))
    return table
