"""The curves of an evaluation: accuracy against N and against FLOPs, pass@N as the ceiling, and the same by level.

Which curves there are is decided here once, for the terminal and for the picture in a file (figure.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Group, RenderableType
from rich.table import Table

from tts_cli.cli.view import parts
from tts_cli.cli.view.chart import Curve, chart, scale
from tts_cli.costs import human
from tts_cli.evaluation.summary import Result, Summary
from tts_cli.search.methods import METHODS

# For a terminal, and for matplotlib: by place in the registry, so that a method looks the same in every chart.
COLOURS = {
    "white": "0.4",
    "blue": "tab:blue",
    "green": "tab:green",
    "magenta": "tab:purple",
    "cyan": "tab:cyan",
    "red": "tab:red",
    "bright_blue": "tab:olive",
    "bright_green": "tab:brown",
    "bright_magenta": "tab:pink",
}
AUTO, CEILING = "dark_orange", "yellow"
LARGE, SMALL = 76, 30  # cells


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: its curves over a logarithmic axis with labelled ticks, shares over `y`. Those of levels are small."""

    title: str
    curves: list[Curve]
    ticks: list[tuple[float, str]]
    y: tuple[float, float]
    small: bool = False


def panels(summary: Summary) -> list[Panel]:
    """Accuracy against N, against FLOPs, then against N for each level, all levels on one scale."""
    found = [_against_n(summary, "accuracy against N", None), _against_flops(summary)]
    levels = list(summary.results[0].by_level)
    if len(levels) > 1:
        by_level = [_against_n(summary, f"level {parts.verbatim(level)}", level) for level in levels]
        y = min(panel.y[0] for panel in by_level), max(panel.y[1] for panel in by_level)
        found += [replace(panel, y=y, small=True) for panel in by_level]
    return [panel for panel in found if len({x for curve in panel.curves for x, _ in curve.points}) > 1]


def picture(summary: Summary, width: int) -> RenderableType:
    """All charts, the two large ones first, the small ones side by side."""
    found = panels(summary)
    large = [_drawn(panel, min(width, LARGE), 12) for panel in found if not panel.small]
    grid = Table.grid(padding=(0, 2))
    across = max(1, width // (SMALL + 2))
    small = [_drawn(panel, SMALL, 6) for panel in found if panel.small]
    for begin in range(0, len(small), across):
        grid.add_row(*small[begin : begin + across])
    return Group(*large, grid)


def _drawn(panel: Panel, width: int, height: int) -> RenderableType:
    return chart(panel.title, panel.curves, panel.ticks, y=panel.y, width=width, height=height, legend=not panel.small)


def _against_n(summary: Summary, title: str, level: str | None) -> Panel:
    def point(result: Result) -> tuple[float, float]:
        part = result.overall if level is None else result.by_level[level]
        return float(result.budget), part.accuracy.value

    curves = [Curve(name, list(map(point, results)), style) for name, results, style in _families(summary)]
    ceiling = [(float(one.k), (one.by_level[level] if level else one.accuracy).value) for one in summary.pass_at_k]
    if ceiling:
        curves.append(Curve("pass@N", ceiling, CEILING))
    budgets = sorted({x for curve in curves for x, _ in curve.points})
    return Panel(title, curves, [(x, f"{x:.0f}") for x in budgets], _scale(curves))


def _against_flops(summary: Summary) -> Panel:
    curves = [
        Curve(name, sorted((r.overall.cost.flops, r.overall.accuracy.value) for r in results), style)
        for name, results, style in _families(summary)
    ]
    spent = sorted({x for curve in curves for x, _ in curve.points})
    return Panel("accuracy against FLOPs per problem", curves, [(x, human(x)) for x in spent], _scale(curves))


def _scale(curves: Sequence[Curve]) -> tuple[float, float]:
    return scale([share for curve in curves for _, share in curve.points])


def _families(summary: Summary) -> list[tuple[str, list[Result], str]]:
    """The results of each method by budget; what `auto` chose is left out, being one of them."""
    own = [result for result in summary.results if result.requested_method == result.method]
    results = own or summary.results
    names = dict.fromkeys(result.method for result in results)
    by_budget = {name: sorted((r for r in results if r.method == name), key=lambda r: r.budget) for name in names}
    return [(name, found, style(name)) for name, found in by_budget.items()]


def style(method: str) -> str:
    """The colour of a method's curves; `auto` has one of its own."""
    styles = list(COLOURS)
    return styles[list(METHODS).index(method) % len(styles)] if method in METHODS else AUTO
