"""A head that was trained, in the form that the channels ask for. Computes nothing but percent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.view import parts, tables
from tts_cli.cli.view.tables import Table
from tts_cli.evaluation.heads.figures import HeadFigures
from tts_cli.evaluation.statistics import Estimate


def present(channels: Channels, card: Mapping[str, Any], figures: HeadFigures, path: Path) -> None:
    """Its card (`HeadCard`, as JSON has it) as tables, or with its place as one JSON document."""
    if channels.json:
        emit_json(json.dumps({"head": str(path), **card}))
        return
    found = [_figures(card, figures), _recipes(card)]
    if channels.rich_out:
        channels.draw(Group(*(tables.drawn(table) for table in found)))
    else:
        emit(tables.plain(found))


def _figures(card: Mapping[str, Any], figures: HeadFigures) -> Table:
    """What it is worth, on problems that it has not seen."""
    data = card["data"]
    read_by = "its own states" if card["own_states"] else f"read by {card['backbone']['name']}"
    title = f"{data['name']}: {data['problems']} problems, {data['samples']} solutions of {card['policy']}, {read_by}"
    shares = {
        "AUC of steps, mean of folds": figures.auc_of_steps,
        "AUC of solutions, mean of folds": figures.auc_of_solutions,
        f"AUC within a problem ({figures.mixed} with right and wrong ones)": figures.auc_within,
        "calibration error": figures.calibration_error,
    }
    percents = {
        "majority, % right": figures.majority,
        "best-of-n, % right": figures.best_of_n,
        "weighted vote, % right": figures.weighted,
        "best-of-n over majority, points": figures.gain_of_best_of_n,
        "weighted vote over majority, points": figures.gain_of_weighted,
    }
    rows = [[name, *_cells(value, 1, 3)] for name, value in shares.items() if value]
    rows += [[name, *_cells(value, 100, 1)] for name, value in percents.items() if value]
    note = f"{figures.worth} On problems that the head was not trained on (five folds)."
    return Table(parts.verbatim(title), ("figure", "value", "95 %"), rows, note=note)


def _cells(value: Estimate, factor: int, digits: int) -> list[str]:
    number, low, high = (f"{factor * one:.{digits}f}" for one in (value.value, value.low, value.high))
    return [number, f"{low} to {high}"]


def _recipes(card: Mapping[str, Any]) -> Table:
    """What was tried, and what was taken."""
    chosen, losses = card["figures"]["recipe"], card["figures"]["losses"]
    rows = [[("> " if name == chosen else "  ") + name, f"{loss:.4f}"] for name, loss in losses.items()]
    note = "Taken: the simplest whose loss is within one standard error of the least."
    return Table("Heads that were tried", ("  head", "loss"), rows, note=note)
