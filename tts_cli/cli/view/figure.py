"""The curves of an evaluation as PNG or SVG. Needs the extra `plot` (matplotlib), which nothing else does."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tts_cli.cli.view.curves import AUTO, CEILING, COLOURS, Panel, panels
from tts_cli.data.files import write_atomically
from tts_cli.errors import TtsError, UsageError
from tts_cli.evaluation.summary import Summary

FORMATS = (".png", ".svg")


def check(path: Path) -> None:
    """Raise now rather than after an hour of sampling: UsageError for another suffix, TtsError without matplotlib."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot {path} names neither a PNG nor an SVG file.", "End the name with .png or .svg.")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise TtsError("Pictures need matplotlib, which is not installed.", "pip install 'tts-cli[plot]'") from error


def save(path: Path, summary: Summary) -> None:
    """Draw all panels and write the file whole or not at all. Raises TtsError."""
    write_atomically(path, draw(summary, path.suffix.lower().removeprefix(".")), "The picture")


def draw(summary: Summary, format: str) -> bytes:
    """The file's bytes; the same summary gives the same picture."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    found = panels(summary)
    rows = max(1, -(-len(found) // 2))
    figure = Figure(figsize=(10, 3.4 * rows), layout="constrained")
    figure.suptitle(f"{summary.facts.dataset}, {summary.problems} problems", parse_math=False)
    for place, panel in enumerate(found, start=1):
        axes = figure.add_subplot(rows, 2, place)
        _draw_panel(axes, panel)
        if place == 1:  # the others have the same colours
            axes.legend(fontsize="small")
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "tts"}):
        figure.savefig(buffer, format=format, dpi=150, metadata={"Date": None} if format == "svg" else None)
    return buffer.getvalue()


def _draw_panel(axes: Any, panel: Panel) -> None:
    for curve in panel.curves:
        x, y = zip(*curve.points, strict=True)
        color = (COLOURS | {AUTO: "tab:orange", CEILING: "goldenrod"})[curve.style]
        line = "--" if curve.style == CEILING else "-"
        axes.plot(x, [100 * share for share in y], line, marker="o", label=curve.name, color=color)
    axes.set_title(panel.title, parse_math=False)
    axes.set_ylabel("% right")
    axes.set_xscale("log")
    ticks = _apart(panel.ticks)
    axes.set_xticks([x for x, _ in ticks], [label for _, label in ticks])
    axes.minorticks_off()
    axes.set_ylim(100 * panel.y[0] - 3, 100 * panel.y[1] + 3)
    axes.grid(alpha=0.3)


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Those whose labels do not touch on a logarithmic axis of this width."""
    span = math.log(ticks[-1][0] / ticks[0][0])
    kept: list[tuple[float, str]] = []
    for tick in ticks:
        if not kept or math.log(tick[0] / kept[-1][0]) > span / 8:
            kept.append(tick)
    return kept
