"""Lines on a terminal in braille dots: a few curves of shares in [0, 1] over a logarithmic axis.

Knows nothing of what it draws. Each cell has 2 x 4 dots and the colour of the last curve through it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.console import Group, RenderableType
from rich.text import Text

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # [row][column] of a braille cell
_AXIS = 6  # cells in front of the canvas


@dataclass(frozen=True, slots=True)
class Curve:
    """`points`: (x > 0, share), in order of x."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str


class Canvas:
    """`columns` x `rows` cells; x runs over the logarithms of [low, high], y over `bottom`..`top`."""

    def __init__(self, columns: int, rows: int, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.columns, self.rows = columns, rows
        self._x, self._y = (math.log(x[0]), math.log(x[1])), y
        self._dots = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]
        self._points: list[list[str | None]] = [[None] * columns for _ in range(rows)]

    def column(self, x: float) -> int:
        """The cell under an x."""
        return self._place(x, 0.0)[0] // 2

    def draw(self, curve: Curve) -> None:
        """Its points, joined by straight lines."""
        places = [self._place(x, y) for x, y in curve.points]
        for (x0, y0), (x1, y1) in pairwise(places):
            length = max(abs(x1 - x0), abs(y1 - y0), 1)
            for i in range(length + 1):
                x, y = x0 + round((x1 - x0) * i / length), y0 + round((y1 - y0) * i / length)
                self._dots[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
                self._styles[y // 4][x // 2] = curve.style
        for x, y in places:
            self._points[y // 4][x // 2] = curve.style

    def _place(self, x: float, y: float) -> tuple[int, int]:
        """The dot at (x, y)."""
        across = (math.log(x) - self._x[0]) / ((self._x[1] - self._x[0]) or 1.0)
        up = (y - self._y[0]) / ((self._y[1] - self._y[0]) or 1.0)
        return round(across * (2 * self.columns - 1)), round((1 - up) * (4 * self.rows - 1))

    def line(self, row: int) -> Text:
        text = Text()
        for dots, style, point in zip(self._dots[row], self._styles[row], self._points[row], strict=True):
            if point is not None:
                text.append("●", style=point)
            else:
                text.append(chr(0x2800 + dots) if dots else " ", style=style)
        return text


def chart(
    title: str,
    curves: Sequence[Curve],
    ticks: Sequence[tuple[float, str]],
    *,
    y: tuple[float, float],
    width: int,
    height: int,
    legend: bool = True,
) -> RenderableType:
    """The curves over an axis with `ticks` (x, label), the ends of the scale `y` at the left, the names below."""
    xs = [x for curve in curves for x, _ in curve.points]
    canvas = Canvas(max(8, width - _AXIS), height, (min(xs), max(xs)), y)
    for curve in curves:
        canvas.draw(curve)
    lines = [Text(title, style="bold")]
    for row in range(height):
        label = {0: f"{y[1]:.0%}", height - 1: f"{y[0]:.0%}"}.get(row, "")
        lines.append(Text.assemble((f"{label:>4} ", "dim"), ("┤" if label else "│", "dim"), canvas.line(row)))
    lines.append(Text(" " * 5 + "└" + "─" * canvas.columns, style="dim"))
    lines.append(Text(" " * _AXIS + _tick_line(canvas, ticks), style="dim"))
    if legend:
        names = [part for curve in curves for part in (("━ ", curve.style), f"{curve.name}  ")]
        lines.append(Text.assemble(" " * _AXIS, *names))
    return Group(*lines, Text())


def scale(shares: Sequence[float]) -> tuple[float, float]:
    """Whole tenths around all shares, at least two of them apart."""
    bottom = max(0.0, math.floor(min(shares) * 10 - 1e-9) / 10)
    top = min(1.0, max(math.ceil(max(shares) * 10 + 1e-9) / 10, bottom + 0.2))
    return min(bottom, top - 0.2), top


def _tick_line(canvas: Canvas, ticks: Sequence[tuple[float, str]]) -> str:
    """Labels under their places; one that would touch the one before is left out."""
    line = ""
    for x, label in ticks:
        start = min(max(0, canvas.column(x) - len(label) // 2), canvas.columns - len(label))
        if start >= len(line) + (1 if line else 0):
            line = line.ljust(start) + label
    return line
