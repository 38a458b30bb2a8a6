"""A table as data, and its two forms: drawn for a terminal, aligned plain text for a pipe or a file."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from tts_cli.cli.view.text import safe_text

PLAIN_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first `words` columns are words, the others numbers. `note` stands below."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    note: str = ""


def plain(tables: Sequence[Table]) -> str:
    """As aligned text, with an empty line between tables."""
    return "\n".join(_plain(table) for table in tables)


def _plain(table: Table) -> str:
    body = aligned([table.header, *table.rows], table.words)
    lines = (safe_text(table.title).rstrip(), *body, *textwrap.wrap(table.note, PLAIN_WIDTH))
    return "".join(f"{line}\n" for line in lines)


def aligned(rows: Sequence[Sequence[str]], words: int) -> list[str]:
    """The rows as lines with columns of equal width: the first `words` to the left, the others to the right."""
    safe = [[safe_text(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*safe, strict=True)]
    lines = []
    for row in safe:
        blanks = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        pairs = enumerate(zip(row, blanks, strict=True))
        lines.append("  ".join(cell + blank if i < words else blank + cell for i, (cell, blank) in pairs).rstrip())
    return lines


def drawn(table: Table) -> RenderableType:
    """A light frame; what came from a file is text, never markup."""
    title = Text(safe_text(table.title))
    grid = RichTable(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(table.header):
        grid.add_column(Text(safe_text(name)), justify="left" if i < table.words else "right")
    for row in table.rows:
        grid.add_row(*(Text(safe_text(cell)) for cell in row))
    return Group(grid, Text(table.note, style="dim"), Text()) if table.note else grid
