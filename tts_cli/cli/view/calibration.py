"""A profile that was made, in the form that the channels ask for. Computes nothing but percent and units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.view import parts, tables
from tts_cli.cli.view.results import percent
from tts_cli.cli.view.tables import Table
from tts_cli.costs import human
from tts_cli.evaluation.statistics import Estimate
from tts_cli.strategy.mixture import JUDGES
from tts_cli.strategy.profile import Profile

_KINDS = ("easy", "medium", "hard")


def present(channels: Channels, made: Profile, path: Path) -> None:
    """Its figures as tables, or with its place as one JSON document."""
    if channels.json:
        content = made.model_dump(mode="json", include={"data", "figures"})
        emit_json(json.dumps({"profile": str(path), **content}))
        return
    prm = made.prm.name if made.prm else "no PRM"
    title = f"{made.data.name}: {made.data.problems} problems, {made.policy.name} + {prm}"
    found = [_methods(title, made.figures), _efforts(made.figures), _judges(made)]
    if channels.rich_out:
        channels.draw(Group(*(tables.drawn(table) for table in found)))
    else:
        emit(tables.plain(found))


def _methods(title: str, figures: Mapping[str, Any]) -> Table:
    """What each method and N reach."""
    counts = figures["difficulty"]["problems"]
    rows = [
        [name, percent(Estimate(**row["right"])), human(row["flops"]), *[_percent_of(row, kind) for kind in _KINDS]]
        for name, row in figures["fixed"].items()
    ]
    kinds = [f"{kind} ({counts[kind]})" for kind in _KINDS]
    note = "Easy, medium, hard: as estimated from the first samples."
    return Table(parts.verbatim(title), ("method N", "% right (95 %)", "FLOPs", *kinds), rows, note=note)


def _efforts(figures: Mapping[str, Any]) -> Table:
    """What `auto` makes of the same samples, and how well it estimates difficulty."""
    rows = []
    for name, row in figures["efforts"].items():
        right, error = percent(Estimate(**row["right"])), f"{row['calibration_error']:.3f}"
        rows.append([name, right, human(row["flops"]), f"{row['samples']:.1f}", error])
    correlation = figures["difficulty"]["rank_correlation"] or 0.0
    note = "On problems that the profile was not fitted to (ten folds). Rank correlation of the estimated difficulty "
    note += f"with the share of all samples that is right: {correlation:.2f}."
    header = ("auto, effort", "% right (95 %)", "FLOPs", "samples", "confidence off by")
    return Table("What auto makes of the same samples", header, rows, note=note)


def _judges(made: Profile) -> Table:
    """What a vote by each mixture of judges reaches, and which one `auto` votes by."""
    rows = [[name, percent(Estimate(**row))] for name, row in made.figures["judges"].items()]
    assert made.mixture is not None, "it was just learned"
    exponents = ", ".join(f"{name} {x:g}" for name, x in zip(JUDGES, made.mixture.exponents, strict=True) if x)
    note = f"The simplest that is not measurably worse: {exponents or 'votes alone'}. "
    how = "it" if made.vote.mixed else f"{made.vote.aggregate} and {made.vote.select}, which is worth more there"
    note += f"auto votes by {how}."
    return Table("Votes by mixtures of judges", ("judges", "% right (95 %)"), rows, note=note)


def _percent_of(row: Mapping[str, Any], kind: str) -> str:
    part = row["by_difficulty"].get(kind)
    return f"{100 * part['value']:.0f}" if part else ""
