"""What all pictures share: colours that colour-blind readers tell apart, axes in percent, the same bytes each time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tts_cli.evaluation.statistics import Estimate

# Okabe and Ito's palette; shapes say the same again.
POLICY_COLORS = {"nano": "#E69F00", "nano-medium": "#0072B2", "nano-large": "#009E73"}
METHOD_COLORS = {
    "greedy": "#000000",
    "majority": "#999999",
    "best-of-n": "#E69F00",
    "beam": "#0072B2",
    "dvts": "#CC79A7",
}
METHOD_MARKERS = {"greedy": "*", "majority": "o", "best-of-n": "s", "beam": "^", "dvts": "D"}
THREE_COLORS = ("#0072B2", "#D55E00", "#009E73")
STYLE: Any = {
    "svg.hashsalt": "tts",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "legend.fontsize": "small",
}


@contextmanager
def style() -> Iterator[None]:
    """Figures are made and saved within it."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        yield


def panels(rows: int, columns: int, width: float = 9.5, height: float = 3.0, **shared: Any) -> tuple[Any, Any]:
    """A figure, and its axes as an array [rows, columns]; sizes in inches, `height` of one row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def method_style(method: str) -> dict[str, Any]:
    """Colour and shape of a method."""
    return {"color": METHOD_COLORS[method], "marker": METHOD_MARKERS[method], "markersize": 5}


def series_style(place: int) -> dict[str, Any]:
    """Colour and shape of the first, second or third of a few series of points."""
    return {"color": THREE_COLORS[place], "marker": "os^"[place], "markersize": 5, "linestyle": "none"}


def svg(figure: Any) -> bytes:
    """The same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def bars(axes: Any, x: list[float], estimates: list[Estimate], *, horizontal: bool = False, **style: Any) -> None:
    """Points in percent with their intervals; horizontal: `x` are their heights."""
    values = [100 * one.value for one in estimates]
    down = [max(0.0, 100 * (one.value - one.low)) for one in estimates]
    up = [max(0.0, 100 * (one.high - one.value)) for one in estimates]
    style = {"elinewidth": 0.8, **style}
    if horizontal:
        axes.errorbar(values, x, xerr=[down, up], **style)
    else:
        axes.errorbar(x, values, yerr=[down, up], **style)


def budget_axis(axes: Any, budgets: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(budgets, [str(budget) for budget in budgets])
    axes.minorticks_off()


def legend(figure: Any, columns: int) -> None:
    """One for all panels, below them; the same name only once."""
    once: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        once.update(zip(labels, handles, strict=True))
    figure.legend(list(once.values()), list(once), loc="outside lower center", ncols=columns)
