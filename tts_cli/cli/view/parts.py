"""The small pieces that the pictures share: bars, scores, seconds, safe text, a table of steps.

What a model or a problem says passes `shown` or `one_line`: LaTeX made readable, no control characters, never parsed
as markup (`rich.text.Text` takes it as it is). Names (of models, files, data sets) and sentences with names in them
pass `verbatim`: an underscore in `model-q4_1` lowers nothing.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.table import Column, Table
from rich.text import Text

from tts_cli.cli.view.text import safe_text, to_unicode
from tts_cli.search.events import StepRefuted

EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(share: float, width: int) -> str:
    """`share` of `width` cells in eighths of a cell; anything outside [0, 1] is cut to it."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8) if share == share else 0
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(width)


def score_cell(score: float | None, width: int) -> Text:
    """Number and coloured bar, `width` + 5 cells; dots while there is no score."""
    if score is None:
        return Text("   · " + "·" * width, style="dim")
    style = "green" if score >= 0.8 else "yellow" if score >= 0.5 else "red"
    return Text(f"{min(max(score, 0.0), 1.0):.2f} ").append(bar(score, width), style=style)


def step_table(number_style: str = "") -> Table:
    """Columns for number, score and text of steps; a long step wraps within its own column."""
    number = Column(justify="right", style=number_style, no_wrap=True)
    return Table.grid(number, Column(no_wrap=True), Column(overflow="fold", ratio=1), padding=(0, 2, 0, 0))


def shown(text: str) -> str:
    """Model or problem text for eyes: readable maths, its own lines, no control characters."""
    return safe_text(to_unicode(text)).strip("\n")


@lru_cache(maxsize=4096)  # the live tree shows the same steps in every frame
def one_line(text: str, limit: int = 500) -> str:
    """The same on one line; what is beyond `limit` characters would not fit into any terminal's line."""
    return " ".join(shown(text[:limit]).split())


def verbatim(text: str) -> str:
    """A name, or a sentence with names in it, on one line: without control characters, and never as maths."""
    return " ".join(safe_text(text).split())


def cut(line: str, width: int) -> str:
    """Its beginning, in at most `width` cells."""
    return set_cell_size(line, max(width, 0)).rstrip() if cell_len(line) > width else line


def fit(text: Text, width: int) -> Text:
    """Cut to `width` cells with an ellipsis."""
    text.truncate(max(width, 1), overflow="ellipsis")
    return text


def times(count: int) -> Text:
    return Text(f" ×{count}" if count > 1 else "", style="bold magenta")


def refuted(found: StepRefuted | None) -> Text:
    """What is false in a step, after its text; empty where nothing is."""
    return Text(f" ✗ {false_equality(found)}" if found is not None else "", style="red")


def false_equality(found: StepRefuted) -> str:
    """20 + 80 + 160 = 360 is false: 260"""
    return f"{one_line(found.equality, 120)} is false: {one_line(found.value, 60)}"
