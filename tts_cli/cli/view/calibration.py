"""The figures of a profile as tables. Reads what the calibration found, computes nothing but percent and units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_cli.cli.view import parts
from tts_cli.cli.view.tables import Table

_KINDS = ("easy", "medium", "hard")


def profile_tables(title: str, figures: Mapping[str, Any]) -> list[Table]:
    """What each method and N reach, what `auto` makes of it, and how well it tells difficulty."""
    return [_methods(title, figures), _efforts(figures)]


def _methods(title: str, figures: Mapping[str, Any]) -> Table:
    counts = figures["difficulty"]["problems"]
    rows = [
        [name, _percent(row["right"]), parts.human(row["flops"]), *[_share(row, kind) for kind in _KINDS]]
        for name, row in figures["fixed"].items()
    ]
    kinds = [f"{kind} ({counts[kind]})" for kind in _KINDS]
    note = "Easy, medium, hard: as told from the first samples."
    return Table(parts.one_line(title), ("method N", "% right (95 %)", "FLOPs", *kinds), rows, note=note)


def _efforts(figures: Mapping[str, Any]) -> Table:
    rows = [[name, *_effort(row)] for name, row in figures["efforts"].items()]
    told = figures["difficulty"]["rank_correlation"] or 0.0
    note = "On problems that the profile was not fitted to (ten folds). Rank correlation of difficulty as told with "
    note += f"the share of all samples that is right: {told:.2f}."
    header = ("auto, effort", "% right (95 %)", "FLOPs", "samples", "confidence off by")
    return Table("What auto makes of the same samples", header, rows, note=note)


def _effort(row: dict[str, Any]) -> list[str]:
    off = f"{row['calibration_error']:.3f}"
    return [_percent(row["right"]), parts.human(row["flops"]), f"{row['samples']:.1f}", off]


def _share(row: dict[str, Any], kind: str) -> str:
    part = row["by_difficulty"].get(kind)
    return f"{100 * part['value']:.0f}" if part else ""


def _percent(right: dict[str, float]) -> str:
    return f"{100 * right['value']:.1f} ({100 * right['low']:.0f}-{100 * right['high']:.0f})"
