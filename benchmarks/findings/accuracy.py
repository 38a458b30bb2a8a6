"""Finding 1: accuracy of every method against N, per policy size and per level, with pass@N as the ceiling."""

from __future__ import annotations

from typing import Any

from benchmarks.findings import drawing
from benchmarks.findings.markdown import Finding, accuracy, folded, join, missing, percent, picture, table
from benchmarks.findings.plan import ALL, MAIN
from benchmarks.findings.results import GREEDY, Measured, Run
from tts_cli.evaluation.statistics import Estimate

Curve = list[tuple[int, Estimate]]


def finding(measured: Measured) -> Finding:
    runs = measured.of(MAIN)
    absent = missing(measured.missing(MAIN))
    if not runs:
        return Finding(absent)
    body = join(
        absent,
        picture("accuracy.svg", "Accuracy against N: a panel for each policy, a curve for each method"),
        *(f"**{run.policy}**, {run.summary.problems} problems\n\n{_by_budget(run)}" for run in runs),
        picture("accuracy-levels.svg", "Accuracy against N: a row for each policy, a column for each level"),
        *(folded(f"{run.policy}, by level", _by_level(run)) for run in runs),
    )
    return Finding(body, {"accuracy.svg": _overall(runs), "accuracy-levels.svg": _levels(runs)})


def curve(run: Run, method: str, level: str | None = None) -> Curve:
    """Accuracy at each N; for `pass` the ceiling pass@N."""
    if method == "pass":
        found = [(one.k, one.by_level[level] if level else one.accuracy) for one in run.summary.pass_at_k]
        return [(k, estimate) for k, estimate in found if k in run.budgets]
    results = [result for (name, _), result in sorted(run.results.items()) if name == method]
    groups = [(result.budget, result.by_level.get(level) if level else result.overall) for result in results]
    return [(budget, group.accuracy) for budget, group in groups if group]


def _by_budget(run: Run) -> str:
    rows = []
    for method in ("majority", "best-of-n", "beam", "dvts", "pass"):
        points = dict(curve(run, method))
        rows.append([_title(method), *(accuracy(points[n]) if n in points else "–" for n in run.budgets)])
    greedy = accuracy(run.results[GREEDY].overall.accuracy)
    rows.insert(0, ["greedy", greedy, *[""] * (len(run.budgets) - 1)])
    return table(["% right (95 %)", *(f"N = {n}" for n in run.budgets)], rows)


def _title(method: str) -> str:
    return "pass@N" if method == "pass" else method


def _by_level(run: Run) -> str:
    rows = []
    for method in (*ALL, "pass"):
        columns = [dict(curve(run, method, level)) for level in run.levels]
        for budget, overall in curve(run, method):
            cells = [accuracy(column[budget]) for column in columns]
            rows.append([_title(method), str(budget), percent(overall.value), *cells])
    return table(["method", "N", "all", *(f"level {level}" for level in run.levels)], rows)


def _overall(runs: list[Run]) -> Any:
    figure, axes = drawing.panels(1, len(runs), sharey=True)
    for place, run in zip(axes[0], runs, strict=True):
        _draw(place, run, None)
        place.set_title(f"{run.policy} ({run.summary.facts.policy.parameters:,} parameters)", fontsize="medium")
        place.set_xlabel("N")
    axes[0][0].set_ylabel("% right")
    drawing.legend(figure, 6)
    return figure


def _levels(runs: list[Run]) -> Any:
    levels = runs[0].levels
    figure, axes = drawing.panels(len(runs), len(levels), height=2.2, sharey=True, sharex=True)
    for row, run in zip(axes, runs, strict=True):
        for place, level in zip(row, levels, strict=True):
            _draw(place, run, level)
        row[0].set_ylabel(f"{run.policy}\n% right")
    for place, level in zip(axes[0], levels, strict=True):
        place.set_title(f"level {level}", fontsize="medium")
    drawing.legend(figure, 6)
    return figure


def _draw(axes: Any, run: Run, level: str | None) -> None:
    """Intervals, side by side, only where all levels are together: five panels in a row have no room for them."""
    for i, method in enumerate(("majority", "best-of-n", "beam", "dvts")):
        x, estimates = _unzip(curve(run, method, level))
        x = x if level else [n * 1.06 ** (i - 1.5) for n in x]
        width = 0.0 if level else 0.8
        drawing.bars(axes, x, estimates, label=method, elinewidth=width, **drawing.method_style(method))
    x, estimates = _unzip(curve(run, "pass", level))
    axes.plot(x, [100 * one.value for one in estimates], ":", color="0.4", label="pass@N")
    for _, one in curve(run, "greedy", level):
        axes.axhline(100 * one.value, linestyle="--", linewidth=1, color="black", label="greedy")
    drawing.budget_axis(axes, run.budgets)


def _unzip(points: Curve) -> tuple[list[float], list[Estimate]]:
    return [float(n) for n, _ in points], [estimate for _, estimate in points]
