"""Finding C: problems of families, and of a size of numbers, that training never saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.findings import drawing
from benchmarks.findings.compare import gap, shown_budgets
from benchmarks.findings.markdown import Finding, accuracy, change, join, missing, picture, table
from benchmarks.findings.plan import ALL, FAMILY, MAIN, SIZE, Part
from benchmarks.findings.prms import QUALITY_HEADER, aucs, quality_row
from benchmarks.findings.results import GREEDY, Key, Measured, Run

TITLES = {MAIN.name: "as in training", FAMILY.name: "unseen families", SIZE.name: "larger numbers"}


def finding(measured: Measured) -> Finding:
    absent = missing(measured.missing(MAIN, FAMILY, SIZE))
    worlds = {part: measured.of(part) for part in (MAIN, FAMILY, SIZE)}
    found = [(part, run) for part, runs in worlds.items() for run in runs]
    if not worlds[FAMILY] and not worlds[SIZE]:
        return Finding(absent)
    budget = shown_budgets([run for _, run in found])[0]
    body = join(
        absent,
        picture("worlds.svg", "Accuracy of every method in each world, a panel for each policy"),
        f"% right (95 %) at N = {budget}:",
        table(_header(budget), [_row(part, run, budget) for part, run in found]),
        "What each method gains over greedy in the same world (95 %):",
        table(["problems", "policy", *ALL[1:]], [_gains(part, run, budget) for part, run in found]),
        "The PRM as a judge in each world (AUC: 0.5 is chance; calibration error: 0 is best):",
        table(["problems", *QUALITY_HEADER], [[TITLES[part.name], *quality_row(run)] for part, run in found]),
    )
    return Finding(body, {"worlds.svg": _draw(found, budget)})


def _keys(budget: int) -> list[Key]:
    return [GREEDY, *((method, budget) for method in ALL[1:])]


def _header(budget: int) -> list[str]:
    return ["problems", "policy", "count", *ALL, f"pass@{budget}"]


def _row(part: Part, run: Run, budget: int) -> list[str]:
    ceiling = run.pass_at(budget)
    return [
        *(TITLES[part.name], run.policy, str(run.summary.problems)),
        *(accuracy(run.results[key].overall.accuracy) for key in _keys(budget)),
        accuracy(ceiling) if ceiling else "–",
    ]


def _gains(part: Part, run: Run, budget: int) -> list[str]:
    gains = [gap(run.right(key), run.right(GREEDY)) for key in _keys(budget)[1:]]
    cells = [change(one.difference) + ("*" if one.significant else "") for one in gains]
    return [TITLES[part.name], run.policy, *cells]


def _draw(found: Sequence[tuple[Part, Run]], budget: int) -> Any:
    """Above accuracy, below how well the PRM tells right from wrong."""
    policies = list(dict.fromkeys(run.policy for _, run in found))
    figure, axes = drawing.panels(2, len(policies), sharey="row", height=2.7)
    for column, policy in enumerate(policies):
        mine = [(part, run) for part, run in found if run.policy == policy]
        _draw_accuracy(axes[0][column], mine, budget)
        _draw_judge(axes[1][column], mine)
        axes[0][column].set_title(policy, fontsize="medium")
    axes[0][0].set_ylabel(f"% right, N = {budget}")
    axes[1][0].set_ylabel("AUC of the PRM")
    drawing.legend(figure, 4)
    return figure


def _style(part: Part) -> dict[str, Any]:
    return drawing.series_style(list(TITLES).index(part.name))


def _draw_accuracy(axes: Any, found: Sequence[tuple[Part, Run]], budget: int) -> None:
    for i, (part, run) in enumerate(found):
        x = [spot + 0.22 * (i - 1) for spot in range(len(ALL))]
        estimates = [run.results[key].overall.accuracy for key in _keys(budget)]
        drawing.bars(axes, x, estimates, label=TITLES[part.name], **_style(part))
        ceiling = run.pass_at(budget)
        if ceiling:
            axes.axhline(100 * ceiling.value, color=_style(part)["color"], linestyle=":", linewidth=1)
    axes.plot([], [], ":", color="0.4", label=f"pass@{budget}")
    axes.set_xticks(range(len(ALL)), ALL, rotation=30, fontsize="small")


def _draw_judge(axes: Any, found: Sequence[tuple[Part, Run]]) -> None:
    for i, (part, run) in enumerate(found):
        quality = run.summary.prm_quality
        if quality is not None:
            known = enumerate(aucs(quality))
            points = [(spot + 0.22 * (i - 1), auc) for spot, auc in known if auc is not None]
            if points:
                axes.plot(*zip(*points, strict=True), **_style(part))
    axes.axhline(0.5, color="0.4", linewidth=1)
    axes.set_xticks(range(3), ["steps", "solutions", "within a problem"], fontsize="small")
