"""Accuracy against mean FLOPs: `auto`, every fixed method and N under two votes, its peers, and the oracles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    picture,
    table,
)
from benchmarks.strategy import oracle
from benchmarks.strategy.measured import Measured, Policy
from benchmarks.strategy.plan import EFFORTS
from benchmarks.strategy.ways import Way, best, cheapest_as_good, compare, more_right
from tts_cli.evaluation.statistics import Estimate

PICTURES = "strategy"
HALF, POINTS = 0.5, 0.03
EFFORTS_ONLY, AUTO = "`auto` by effort", "`auto` by price"
ADAPTIVE, WITHOUT, ORACLE = "adaptive majority", "best-first without a rule", "oracle: true difficulty"
COMPARED = (
    "at least as accurate from",
    "points to it (95 %)",
    "times its FLOPs (95 %)",
    "not dearer",
    "points gained (95 %)",
)


def headline(measured: Measured) -> Finding:
    """The best fixed choices in hindsight, and every curve against them."""
    parts = [_headline(policy) for policy in measured.policies.values()]
    return Finding(join(*parts) or missing(measured.missing))


def _headline(policy: Policy) -> str:
    ways = list(policy.fixed.values())
    first, voted = best(ways), best([*ways, *policy.voted.values()])
    cheap, known = cheapest_as_good(ways, first), known_before(policy)
    told = [
        f"Best fixed choice in hindsight, by the default vote: {_told(first)}. {_judgements(policy, first)}",
        f"Best with its vote chosen in hindsight, too: {_told(voted)}. {_judgements(policy, voted)}",
        f"Best fixed choice on the problems of the calibration, which may be known beforehand: {_told(known)}. "
        f"{_judgements(policy, known)}",
        f"Cheapest by the default vote that is not measurably worse than the best: {_told(cheap)}.",
        f"Best-first search without a rule, to its end: {_told(policy.without_rule[-1])}.",
        f"The oracle that knows the answers: {_told(oracle.by_answer(policy.observations))}.",
    ]
    rivals = {one.name: one for one in (first, voted, known, cheap)}.values()
    rows = [[name, one.name, *_compared(curve, one)] for one in rivals for name, curve in curves(policy).items()]
    points = "\n".join(f"- {one}" for one in told)
    title = f"**{policy.name}**, {len(policy.cases)} problems."
    return join(title, points, table(["way", "against", *COMPARED], rows))


def known_before(policy: Policy) -> Way:
    """The fixed choice with most right answers, then the cheapest, among the profile's figures."""
    figures = policy.profile.figures["fixed"]
    names = [name for name in figures if name in policy.fixed]
    return policy.fixed[max(names, key=lambda name: (figures[name]["right"]["value"], -figures[name]["flops"]))]


def curves(policy: Policy) -> dict[str, list[Way]]:
    return {
        EFFORTS_ONLY: list(policy.efforts.values()),
        AUTO: policy.curve,
        ADAPTIVE: policy.adaptive,
        WITHOUT: policy.without_rule,
        ORACLE: policy.knowing_difficulty,
    }


def _told(one: Way) -> str:
    return f"{one.name}, {accuracy(one.estimate)} % right for {flops(one.cost)} FLOPs"


def _compared(curve: Sequence[Way], rival: Way) -> list[str]:
    """Cells under COMPARED."""
    found = compare(curve, rival)
    from_here = found.equal.name if found.reached else f"never; closest: {found.equal.name}"
    cells = [from_here, change(found.off), times(found.ratio)]
    if found.affordable is None or found.gain is None:
        return [*cells, "never", "–"]
    return [*cells, found.affordable.name, change(found.gain)]


def times(ratio: Estimate) -> str:
    """0.31 (0.22–0.47) of the other's FLOPs."""
    return f"{ratio.value:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"


def _judgements(policy: Policy, rival: Way) -> str:
    return " ".join(f"{name} {judgement(curves(policy)[name], rival)}." for name in (EFFORTS_ONLY, AUTO))


def judgement(curve: Sequence[Way], rival: Way) -> str:
    """Is half of the FLOPs enough for as many right, or are there three points more for no more FLOPs?"""
    found = compare(curve, rival)
    half = found.reached and found.ratio.value <= HALF
    points = found.gain is not None and found.gain.value >= POINTS
    reached = [text for met, text in ((half, "half of its FLOPs"), (points, "three points more")) if met]
    return f"reaches **{' and '.join(reached)}**" if reached else "reaches **neither** half nor three points"


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
            change(more_right(one, first)) if one is not first else "–",
        ]
        for one in ways
    ]


def everything(measured: Measured) -> Finding:
    """The picture, and every fixed choice with what `auto` makes of its accuracy and its FLOPs."""
    policies = list(measured.policies.values())
    if not policies:
        return Finding(missing(measured.missing))
    shown = picture("accuracy.svg", "Accuracy against mean FLOPs per problem, a panel for each policy", PICTURES)
    tables = [text for policy in policies for text in _tables(policy)]
    return Finding(join(shown, *tables), {"accuracy.svg": _draw(policies)})


def _tables(policy: Policy) -> Iterator[str]:
    yield folded(f"{policy.name}: every fixed method and N, by the default vote", _fixed(policy, policy.fixed))
    yield folded(f"{policy.name}: the same, each with its best vote in hindsight", _fixed(policy, policy.voted))
    yield folded(f"{policy.name}: the points of the curves", _points(policy))


def _fixed(policy: Policy, ways: Mapping[str, Way]) -> str:
    """Each against both curves of `auto`."""
    rows = [
        [one.name, accuracy(one.estimate), flops(one.cost), name, *_compared(curves(policy)[name], one)]
        for one in sorted(ways.values(), key=lambda one: one.cost)
        for name in (EFFORTS_ONLY, AUTO)
    ]
    return table(["method, N", "% right (95 %)", "FLOPs", "way", *COMPARED], rows)


def _points(policy: Policy) -> str:
    rows = [
        [name, one.name, accuracy(one.estimate), flops(one.cost)]
        for name, curve in curves(policy).items()
        for one in curve
    ]
    return table(["curve", "at", "% right (95 %)", "FLOPs"], rows)


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
        style = drawing.method_style(method)
        _line(axes, _of(policy.fixed, method), label=method, linewidth=0.8, **style)
        faint = style | {"linestyle": ":", "fillstyle": "none", "alpha": 0.6}
        _line(axes, _of(policy.voted, method), label=f"{method}, best vote", linewidth=0.8, **faint)
    _line(axes, policy.adaptive, label=ADAPTIVE, color="0.3", linestyle="--")
    _line(axes, policy.without_rule, label=WITHOUT, color="#56B4E9", marker="v", linewidth=0.8)
    _line(axes, policy.knowing_difficulty, label=ORACLE, color="#009E73", linestyle=":")
    _line(axes, policy.curve, label="auto, by price", color="#D55E00", linewidth=2)
    _line(axes, list(policy.efforts.values()), label="auto, efforts", color="#D55E00", marker="o", linestyle="none")
    answer = [oracle.by_answer(policy.observations)]
    _line(axes, answer, label="oracle: the answer", color="#009E73", marker="P", markersize=8)
    axes.set_xscale("log")


def _of(ways: Mapping[str, Way], method: str) -> list[Way]:
    return [one for name, one in ways.items() if name.split()[0] == method]


def _line(axes: Any, ways: Sequence[Way], **style: Any) -> None:
    points = sorted((one.cost, 100 * one.accuracy) for one in ways)
    if points:
        axes.plot(*zip(*points, strict=True), **style)
