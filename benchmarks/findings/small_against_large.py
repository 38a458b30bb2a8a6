"""Finding 2: a small policy with search and a PRM against the larger policies' greedy answer.

All ratios are larger over smaller, so above 1 the small policy is the cheaper one. Its search is counted twice: with
the PRM's FLOPs and parameters, and without, as the paper counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from benchmarks.findings import drawing
from benchmarks.findings.compare import ALPHA, Gap, gap
from benchmarks.findings.markdown import (
    Finding,
    folded,
    gap_cells,
    join,
    missing,
    p_value,
    percent,
    picture,
    ratio,
    signed,
    table,
)
from benchmarks.findings.plan import GUIDED, MAIN, SMALL_PRM
from benchmarks.findings.results import GREEDY, Key, Measured, Run


@dataclass(frozen=True, slots=True)
class Duel:
    """One search of a small policy against one larger policy's greedy answers. FLOPs are means per problem."""

    small: str
    large: str
    prm: str | None
    method: str
    budget: int
    right: float
    large_right: float
    gap: Gap
    parameters: float
    parameters_with_prm: float
    flops: float
    flops_of_policy: float

    @property
    def name(self) -> str:
        setting = self.method if self.method == "greedy" else f"{self.method}, N = {self.budget}"
        return f"{self.small}, {setting}" + (f", {self.prm}" if self.prm else "")


MEASURES: dict[str, Callable[[Duel], float]] = {
    "parameters of the policy": lambda duel: duel.parameters,
    "parameters of policy and PRM": lambda duel: duel.parameters_with_prm,
    "FLOPs, PRM counted": lambda duel: duel.flops,
    "FLOPs of the policy (as the paper)": lambda duel: duel.flops_of_policy,
}


def duels(measured: Measured) -> list[Duel]:
    """Every smaller policy, PRM, method and N against every larger policy."""
    found = []
    for small, large in combinations(measured.of(MAIN), 2):
        found += [_duel(small, key, large) for key in small.results]
        with_small_prm = measured.get(SMALL_PRM, small.policy)
        if with_small_prm:
            found += [_duel(with_small_prm, key, large) for key in with_small_prm.results if key[0] in GUIDED]
    return found


def _duel(small: Run, key: Key, large: Run) -> Duel:
    mine, theirs = small.results[key].overall, large.results[GREEDY].overall
    prm = small.summary.facts.prm if key[0] in GUIDED else None
    own, other = small.summary.facts.policy.parameters, large.summary.facts.policy.parameters
    return Duel(
        small=small.policy,
        large=large.policy,
        prm=prm.name if prm else None,
        method=key[0],
        budget=key[1],
        right=mine.accuracy.value,
        large_right=theirs.accuracy.value,
        gap=gap(small.right(key), large.right(GREEDY)),
        parameters=other / own,
        parameters_with_prm=other / (own + (prm.parameters if prm else 0)),
        flops=theirs.cost.flops / mine.cost.flops,
        flops_of_policy=theirs.cost.policy_flops / mine.cost.policy_flops,
    )


def at_least_as_good(duel: Duel) -> bool:
    return duel.gap.difference.value >= 0


def better(duel: Duel) -> bool:
    """By more than chance would explain in this one comparison."""
    return duel.gap.difference.value > 0 and duel.gap.significant


def largest(found: Sequence[Duel], measure: Callable[[Duel], float], wins: Callable[[Duel], bool]) -> Duel | None:
    """The winning duel of the largest ratio, of equal ones the one with fewer FLOPs; None: the small one never wins."""
    return max(filter(wins, found), key=lambda duel: (measure(duel), duel.flops), default=None)


def finding(measured: Measured) -> Finding:
    found = duels(measured)
    absent = missing(measured.missing(MAIN, SMALL_PRM))
    if not found:
        return Finding(join(absent, "Two policies are needed for this finding."))
    body = join(
        absent,
        picture("small-against-large.svg", "Accuracy against FLOPs per problem, a front for each policy"),
        "The largest ratio (larger ÷ smaller) at which the small one is at least as good, and at which it is better "
        f"with p < {ALPHA}:",
        _headline(found),
        _strict(found),
        "For each pair the most accurate search, and the cheapest that is at least as good:",
        _pairs(found),
        folded(f"All {len(found)} comparisons", _table(found)),
    )
    return Finding(body, {"small-against-large.svg": _draw(measured)})


def _headline(found: Sequence[Duel]) -> str:
    rows = [
        [name, *(_told(largest(found, measure, wins), measure) for wins in (at_least_as_good, better))]
        for name, measure in MEASURES.items()
    ]
    return table(["ratio of", "at least as good", "significantly better"], rows)


def _told(duel: Duel | None, measure: Callable[[Duel], float]) -> str:
    if duel is None:
        return "never"
    difference = f"{signed(duel.gap.difference.value)} points, p {_with_sign(duel.gap.p)}"
    return f"**{ratio(measure(duel))}**: {duel.name} against {duel.large} ({difference})"


def _with_sign(p: float) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


def _strict(found: Sequence[Duel]) -> str:
    """What is left when so many comparisons are allowed for."""
    kept = sum(better(duel) and duel.gap.p < ALPHA / len(found) for duel in found)
    return (
        f"Of {len(found)} comparisons the small policy is at least as good in {sum(map(at_least_as_good, found))}, "
        f"better with p < {ALPHA} in {sum(map(better, found))}, and in {kept} also after Bonferroni's correction; it "
        f"is worse with p < {ALPHA} in {sum(duel.gap.significant and not better(duel) for duel in found)}."
    )


def _pairs(found: Sequence[Duel]) -> str:
    chosen = []
    for small, large in dict.fromkeys((duel.small, duel.large) for duel in found):
        group = [duel for duel in found if (duel.small, duel.large) == (small, large)]
        chosen.append(max(group, key=lambda duel: (duel.right, duel.flops)))
        cheapest = largest(group, MEASURES["FLOPs, PRM counted"], at_least_as_good)
        if cheapest and cheapest != chosen[-1]:
            chosen.append(cheapest)
    return _table(chosen)


def _table(found: Sequence[Duel]) -> str:
    header = ["small policy", "against", "% right", "greedy of the large one", "difference (95 %)", "p"]
    return table([*header, *(f"ratio: {name}" for name in MEASURES)], [_row(duel) for duel in found])


def _row(duel: Duel) -> list[str]:
    ratios = [ratio(measure(duel)) for measure in MEASURES.values()]
    return [duel.name, duel.large, percent(duel.right), percent(duel.large_right), *gap_cells(duel.gap), *ratios]


def _draw(measured: Measured) -> Any:
    """Every search as a point; a line through those that no cheaper search of the policy beats."""
    figure, ((axes,),) = drawing.panels(1, 1, width=9, height=5)
    for run in measured.of(MAIN):
        color = drawing.POLICY_COLORS[run.policy]
        points = _points(run)
        other = measured.get(SMALL_PRM, run.policy)
        with_small_prm = [point for point in _points(other) if point[0] in GUIDED] if other else []
        for method, cost, right in points:
            axes.plot(cost, right, drawing.METHOD_MARKERS[method], color=color, markersize=_size(method), alpha=0.8)
        for method, cost, right in with_small_prm:
            axes.plot(cost, right, drawing.METHOD_MARKERS[method], color=color, markersize=6, fillstyle="none")
        front = _front([*points, *with_small_prm])
        axes.plot(*zip(*front, strict=True), color=color, label=f"{run.policy}, best for its FLOPs")
        axes.axhline(100 * run.results[GREEDY].overall.accuracy.value, linestyle=":", color=color, linewidth=1)
    _explain(axes)
    axes.set_xscale("log")
    axes.set_xlabel("FLOPs per problem, PRM counted")
    axes.set_ylabel("% right")
    drawing.legend(figure, 4)
    return figure


def _size(method: str) -> float:
    return 15 if method == "greedy" else 6


def _points(run: Run) -> list[tuple[str, float, float]]:
    return [
        (method, result.overall.cost.flops, 100 * result.overall.accuracy.value)
        for (method, _), result in run.results.items()
    ]


def _front(points: Sequence[tuple[str, float, float]]) -> list[tuple[float, float]]:
    """From cheap to dear, those that are more right than all that are cheaper."""
    found: list[tuple[float, float]] = []
    for _, cost, right in sorted(points, key=lambda point: (point[1], -point[2])):
        if not found or right > found[-1][1]:
            found.append((cost, right))
    return found


def _explain(axes: Any) -> None:
    """Marks without a policy for the legend."""
    for method, marker in drawing.METHOD_MARKERS.items():
        axes.plot([], [], marker, color="0.4", label=method)
    axes.plot([], [], "s", color="0.4", fillstyle="none", label="with nano-prm-small")
    axes.plot([], [], ":", color="0.4", label="greedy's accuracy")
