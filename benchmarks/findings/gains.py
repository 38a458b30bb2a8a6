"""Finding 4: what search gains over greedy and over majority, as the policy grows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from benchmarks.findings import drawing
from benchmarks.findings.compare import gap, shown_budgets
from benchmarks.findings.markdown import Finding, change, gap_cells, join, missing, percent, picture, table
from benchmarks.findings.plan import GUIDED, MAIN
from benchmarks.findings.results import GREEDY, Key, Measured, Run
from tts_cli.evaluation.statistics import Estimate, difference


def finding(measured: Measured) -> Finding:
    runs = measured.of(MAIN)
    absent = missing(measured.missing(MAIN))
    if not runs:
        return Finding(absent)
    budgets = shown_budgets(runs)
    rows = [_row(run, budget) for budget in budgets for run in runs]
    shrinking = [_shrunk(*pair, budget) for budget in budgets for pair in pairwise(runs)]
    header = ["policies", "N", "gain over greedy less by (95 %)", "gain over majority less by (95 %)"]
    body = join(
        absent,
        picture("gains.svg", "Gain over greedy and over majority against the policy's parameters"),
        table(_HEADER, rows),
        "How much less the larger policy gains (the best search of each, on the same problems):" if shrinking else "",
        table(header, shrinking) if shrinking else "",
    )
    return Finding(body, {"gains.svg": _draw(runs, budgets)})


_HEADER = [
    *("policy", "parameters", "N", "best search", "% right", "greedy", "gain (95 %)", "p", "relative gain"),
    *("majority", "gain (95 %)", "p"),
]


def best_search(run: Run, budget: int) -> Key:
    """The guided method that is most often right; picking the best of three favours it a little."""
    return max(((method, budget) for method in GUIDED), key=lambda key: run.results[key].overall.right)


def _row(run: Run, budget: int) -> list[str]:
    best, vote = best_search(run, budget), ("majority", budget)
    right, greedy, majority = (run.results[key].overall.accuracy.value for key in (best, GREEDY, vote))
    relative = f"{100 * (right / greedy - 1):.0f} %" if greedy else "–"
    return [
        *(run.policy, f"{run.summary.facts.policy.parameters:,}", str(budget), best[0], percent(right)),
        *(percent(greedy), *gap_cells(gap(run.right(best), run.right(GREEDY))), relative),
        *(percent(majority), *gap_cells(gap(run.right(best), run.right(vote)))),
    ]


def _shrunk(small: Run, large: Run, budget: int) -> list[str]:
    less = [shrinking(small, large, budget, base) for base in (GREEDY, ("majority", budget))]
    return [f"{small.policy} → {large.policy}", str(budget), *map(change, less)]


def shrinking(small: Run, large: Run, budget: int, base: Key) -> Estimate:
    """Gain of the small policy minus that of the large one, problem by problem."""
    small_gain, large_gain = (_gain_by_problem(run, best_search(run, budget), base) for run in (small, large))
    shared = [problem for problem in small_gain if problem in large_gain]
    return difference([small_gain[p] for p in shared], [large_gain[p] for p in shared])


def _gain_by_problem(run: Run, key: Key, base: Key) -> dict[str, int]:
    """1 where only the search is right, -1 where only the base is."""
    searched, plain = run.right(key), run.right(base)
    return {problem: int(searched[problem]) - int(plain[problem]) for problem in searched}


def _draw(runs: Sequence[Run], budgets: Sequence[int]) -> Any:
    """A curve for each method, so that no best one is picked."""
    figure, axes = drawing.panels(len(budgets), 2, height=2.8, sharex=True, sharey=True)
    for row, budget in zip(axes, budgets, strict=True):
        for place, (title, base) in zip(row, (("greedy", GREEDY), ("majority", ("majority", budget))), strict=True):
            _draw_panel(place, runs, budget, base)
            place.set_title(f"over {title}, N = {budget}", fontsize="medium")
        row[0].set_ylabel("points gained")
    for place in axes[-1]:
        place.set_xlabel("parameters of the policy")
    drawing.legend(figure, 3)
    return figure


def _draw_panel(axes: Any, runs: Sequence[Run], budget: int, base: Key) -> None:
    for i, method in enumerate(GUIDED):
        gains = [gap(run.right((method, budget)), run.right(base)).difference for run in runs]
        x = [run.summary.facts.policy.parameters * 1.04 ** (i - 1) for run in runs]
        drawing.bars(axes, x, gains, label=method, **drawing.method_style(method))
    axes.axhline(0, color="0.4", linewidth=1)
    axes.set_xscale("log")
    parameters = [run.summary.facts.policy.parameters for run in runs]
    axes.set_xticks(parameters, [_short(count) for count in parameters])
    axes.minorticks_off()


def _short(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"
