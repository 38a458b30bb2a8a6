"""The registry's models as a table: aligned columns for pipes, Rich tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tts_cli.costs import human

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("name", "role", "here", "size", "parameters", "description")
Cells = tuple[str, ...]


def columns(entries: Sequence[dict[str, Any]]) -> str:
    """Aligned columns with a head; the last one is as long as it is."""
    rows = [COLUMNS, *(_cells(fields, "; measured: ") for fields in entries)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS) - 1)]
    lines = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    return "\n".join(lines) + "\n"


def tables(entries: Sequence[dict[str, Any]]) -> Iterator[Table]:
    """What is on this machine, then the rest: apart, so that long names there do not narrow the columns here."""
    rows = [_cells(fields, "\nmeasured: ") for fields in entries]
    for here in ("yes", "no"):
        if some := [row for row in rows if row[2] == here]:
            yield _table(some)


def _cells(fields: dict[str, Any], measured: str) -> Cells:
    """The texts of a row; `measured` leads from the description to the measured figure."""
    size = f"{fields['size'] / 1e6:.1f}MB" if fields["size"] else "-"
    parameters = human(fields["parameters"], billion="B") if fields["parameters"] else "-"
    description = fields["description"] or "-"
    if fields["measured"]:
        description += measured + fields["measured"]
    return fields["name"], fields["role"], "yes" if fields["path"] else "no", size, parameters, description


def _table(rows: Sequence[Cells]) -> Table:
    """Without the columns that are empty in all rows."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    filled = [i for i in range(len(COLUMNS)) if any(row[i] != "-" for row in rows)]
    for i in filled:
        fixed = COLUMNS[i] != "description"
        table.add_column(COLUMNS[i], no_wrap=fixed, overflow="ellipsis" if fixed else "fold")
    styles = {"name": "bold", "here": "green" if rows[0][2] == "yes" else "dim"}
    for row in rows:
        table.add_row(*(Text(row[i], style=styles.get(COLUMNS[i], "")) for i in filled))
    return table
