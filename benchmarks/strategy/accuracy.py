"""Accuracy against mean FLOPs: `auto`, every fixed method and N, adaptive majority voting, and the oracles."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from benchmarks.findings import drawing
from benchmarks.findings.markdown import (
    Finding,
    accuracy,
    change,
    flops,
    folded,
    join,
    missing,
    percent,
    picture,
    table,
)
from benchmarks.strategy import oracle
from benchmarks.strategy.measured import Measured, Policy
from benchmarks.strategy.plan import EFFORTS
from benchmarks.strategy.ways import Way, best, cheapest_as_good, compare
from tts_cli.evaluation.statistics import Estimate, difference

PICTURES = "strategy"
HALF, POINTS = 0.5, 0.03
AUTO, ADAPTIVE, ORACLE = "auto", "adaptive majority", "oracle: true difficulty"


def headline(measured: Measured) -> Finding:
    """The best fixed choice in hindsight, and every curve against it."""
    parts = [_headline(policy) for policy in measured.policies.values()]
    return Finding(join(*parts) or missing(measured.missing))


def _headline(policy: Policy) -> str:
    ways = list(policy.fixed.values())
    first = best(ways)
    cheap = cheapest_as_good(ways, first)
    rows = [
        _against(name, curve, rival)
        for rival in ([first] if cheap is first else [first, cheap])
        for name, curve in curves(policy).items()
    ]
    last = oracle.by_answer(policy.cases)
    return join(
        f"**{policy.name}**, {len(policy.cases)} problems. Best fixed choice in hindsight: {_told(first)}. "
        f"Cheapest that is not measurably worse: {_told(cheap)}. {_verdict(policy, first)}",
        table(["way", "against", "its FLOPs at equal accuracy (95 %)", "points gained at equal FLOPs (95 %)"], rows),
        f"The oracle that knows the answers, and stops as soon as the vote is right: {_told(last)}.",
    )


def curves(policy: Policy) -> dict[str, list[Way]]:
    return {AUTO: policy.curve, ADAPTIVE: policy.adaptive, ORACLE: policy.knowing_difficulty}


def _told(one: Way) -> str:
    return f"{one.name}, {accuracy(one.estimate)} % right for {flops(one.cost)} FLOPs"


def _against(name: str, curve: Sequence[Way], rival: Way) -> list[str]:
    compared = compare(curve, rival)
    gain = change(compared.gain) if compared.gain else "– (never so cheap)"
    return [name, rival.name, times(compared.ratio), gain]


def times(ratio: Estimate) -> str:
    """0.31 (0.22–0.47) of the other's FLOPs."""
    value, low, high = (f"{x:.2f}" if isfinite(x) else "never" for x in (ratio.value, ratio.low, ratio.high))
    return f"{value} ({low}–{high})"


def _verdict(policy: Policy, first: Way) -> str:
    compared = compare(policy.curve, first)
    half = compared.ratio.value <= HALF
    points = compared.gain is not None and compared.gain.value >= POINTS
    reached = [text for met, text in ((half, "half of its FLOPs"), (points, "three points more")) if met]
    return f"`auto` reaches {' and '.join(reached)}." if reached else "`auto` reaches neither half nor three points."


def efforts(measured: Measured) -> Finding:
    """What is really to be chosen: the efforts, next to the best fixed choice."""
    header = ["policy", "way", "% right (95 %)", "FLOPs", "of the best fixed one's FLOPs", "points to it (95 %)"]
    rows = [row for policy in measured.policies.values() for row in _efforts(policy)]
    return Finding(table(header, rows) if rows else missing(measured.missing))


def _efforts(policy: Policy) -> list[list[str]]:
    first = best(list(policy.fixed.values()))
    ways = [*(policy.efforts[effort] for effort in EFFORTS), first]
    return [
        [
            *(policy.name, one.name, accuracy(one.estimate), flops(one.cost), f"{one.cost / first.cost:.2f}"),
            change(difference(list(one.right), list(first.right))) if one is not first else "–",
        ]
        for one in ways
    ]


def everything(measured: Measured) -> Finding:
    """The picture, and every fixed choice with what `auto` makes of its accuracy and its FLOPs."""
    policies = list(measured.policies.values())
    if not policies:
        return Finding(missing(measured.missing))
    shown = picture("accuracy.svg", "Accuracy against mean FLOPs per problem, a panel for each policy", PICTURES)
    tables = [folded(f"{policy.name}: every fixed method and N", _fixed(policy)) for policy in policies]
    peers = [folded(f"{policy.name}: the points of the curves", _points(policy)) for policy in policies]
    return Finding(join(shown, *tables, *peers), {"accuracy.svg": _draw(policies)})


def _fixed(policy: Policy) -> str:
    header = [
        "method, N",
        "% right (95 %)",
        "FLOPs",
        "`auto`: its FLOPs at equal accuracy",
        "points at equal FLOPs",
    ]
    rows = []
    for one in sorted(policy.fixed.values(), key=lambda one: one.cost):
        rows.append([one.name, accuracy(one.estimate), flops(one.cost), *_against("", policy.curve, one)[2:]])
    return table(header, rows)


def _points(policy: Policy) -> str:
    settings = {AUTO: "price", ADAPTIVE: "threshold", ORACLE: "price"}
    rows = [
        [name, f"{settings[name]} {one.name}", percent(one.accuracy), flops(one.cost)]
        for name, curve in curves(policy).items()
        for one in curve
    ]
    return table(["curve", "at", "% right", "FLOPs"], rows)


def _draw(policies: Sequence[Policy]) -> Any:
    figure, axes = drawing.panels(1, len(policies), height=4.6, sharey=True)
    for place, policy in zip(axes[0], policies, strict=True):
        _panel(place, policy)
        place.set_title(f"{policy.name}, {len(policy.cases)} problems", fontsize="medium")
        place.set_xlabel("FLOPs per problem, PRM counted")
    axes[0][0].set_ylabel("% right")
    drawing.legend(figure, 4)
    return figure


def _panel(axes: Any, policy: Policy) -> None:
    for method in drawing.METHOD_COLORS:
        ways = [one for name, one in policy.fixed.items() if name.split()[0] == method]
        _line(axes, ways, label=method, linewidth=0.8, **drawing.method_look(method))
    _line(axes, policy.adaptive, label="adaptive majority", color="0.3", linestyle="--")
    _line(axes, policy.knowing_difficulty, label=ORACLE, color="#009E73", linestyle=":")
    _line(axes, policy.curve, label="auto, by price", color="#D55E00", linewidth=2)
    _line(axes, list(policy.efforts.values()), label="auto, efforts", color="#D55E00", marker="o", linestyle="none")
    _line(axes, [oracle.by_answer(policy.cases)], label="oracle: the answer", color="#009E73", marker="P", markersize=8)
    axes.set_xscale("log")


def _line(axes: Any, ways: Sequence[Way], **look: Any) -> None:
    points = sorted((one.cost, 100 * one.accuracy) for one in ways)
    if points:
        axes.plot(*zip(*points, strict=True), **look)
