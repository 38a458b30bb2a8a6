"""Draw the loss curves of a training log as an SVG.

python -m training.curves training/logs/policy.jsonl --out training/logs/policy.svg
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from math import log10
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 640, 300, 48
COLOURS = {"text": "#2563eb", "surprise": "#7c3aed", "slip": "#dc2626", "sound": "#d97706", "verdict": "#059669"}
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)


def read(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def smooth(values: list[float], keep: float = 0.7) -> list[float]:
    """Exponential mean: one batch is noisy."""
    means = values[:1]
    for value in values[1:]:
        means.append(keep * means[-1] + (1 - keep) * value)
    return means


def svg(rows: list[dict[str, float]]) -> str:
    """Steps to the right, loss (logarithmic) upwards; one line a loss."""
    names = [name for name in COLOURS if name in rows[0]]
    lines = {name: smooth([row[name] for row in rows]) for name in names}
    low = min(min(values) for values in lines.values())
    high = max(max(values) for values in lines.values())
    last = rows[-1]["step"]

    def at(step: float, loss: float) -> tuple[float, float]:
        up = (log10(loss) - log10(low)) / (log10(high) - log10(low))
        return MARGIN + step / last * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)

    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *_axes(at, last, low, high)]
    for place, (name, values) in enumerate(lines.items()):
        path = [at(row["step"], value) for row, value in zip(rows, values, strict=True)]
        parts += [_line(a, b, COLOURS[name], 2) for a, b in pairwise(path)]
        parts.append(_text(WIDTH - MARGIN - 4, 20 + 16 * place, name, COLOURS[name], "end"))
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">\n{body}\n</svg>\n'


def _axes(at, last: float, low: float, high: float) -> list[str]:  # type: ignore[no-untyped-def]
    parts = []
    for tick in TICKS:
        if low <= tick <= high:
            (left, y), (right, _) = at(0, tick), at(last, tick)
            parts += [_line((left, y), (right, y), "#e5e7eb", 1), _text(left - 6, y + 4, f"{tick:g}", "#374151", "end")]
    for share in (0, 0.5, 1):
        x, y = at(share * last, low)
        parts.append(_text(x, y + 18, f"{share * last:.0f}", "#374151", "middle"))
    return [*parts, _text(WIDTH / 2, HEIGHT - 8, "steps of 6,144 tokens", "#374151", "middle")]


def _line(a: tuple[float, float], b: tuple[float, float], colour: str, width: int) -> str:
    ends = f'x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-family="sans-serif" font-size="12" fill="{colour}">{text}</text>'


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.curves")
    parser.add_argument("log", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.write_text(svg(read(options.log)))


if __name__ == "__main__":
    main()
