"""Finding 5: the same policy and search with either PRM, next to how well each PRM judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.findings import drawing
from benchmarks.findings.compare import gap
from benchmarks.findings.markdown import Finding, accuracy, decimal, gap_cells, join, missing, picture, ratio, table
from benchmarks.findings.plan import GUIDED, MAIN, SMALL_PRM
from benchmarks.findings.results import Key, Measured, Run
from tts_cli.evaluation.prm_quality import PrmQuality

Pair = tuple[Run, Run]  # with the large PRM, with the small one


def finding(measured: Measured) -> Finding:
    absent = missing(measured.missing(MAIN, SMALL_PRM))
    pairs = [(run, other) for run in measured.of(MAIN) if (other := measured.get(SMALL_PRM, run.policy))]
    if not pairs:
        return Finding(absent)
    body = join(
        absent,
        picture("prms.svg", "Accuracy with either PRM, a panel for each policy"),
        table(_header(pairs[0]), [_row(pair, key) for pair in pairs for key in _shared(pair)]),
        "How well each PRM judges the policy's samples (AUC: 0.5 is chance; calibration error: 0 is best):",
        table(QUALITY_HEADER, [quality_row(run) for pair in pairs for run in pair]),
    )
    return Finding(body, {"prms.svg": _draw(pairs)})


def _shared(pair: Pair) -> list[Key]:
    return [key for key in pair[1].results if key in pair[0].results and key[0] in GUIDED]


def _prm(run: Run) -> str:
    return run.summary.facts.prm.name if run.summary.facts.prm else "none"


def _header(pair: Pair) -> list[str]:
    large, small = map(_prm, pair)
    return ["policy", "method", "N", large, small, "difference (95 %)", "p", "FLOPs"]


def _row(pair: Pair, key: Key) -> list[str]:
    large, small = (run.results[key].overall for run in pair)
    return [
        *(pair[0].policy, key[0], str(key[1]), accuracy(large.accuracy), accuracy(small.accuracy)),
        *gap_cells(gap(pair[0].right(key), pair[1].right(key))),
        ratio(large.cost.flops / small.cost.flops),
    ]


QUALITY_HEADER = [
    *("policy", "PRM", "its parameters", "samples", "AUC of steps", "AUC of solutions", "the same within a problem"),
    *("calibration error of steps", "of solutions"),
]


def quality_row(run: Run) -> list[str]:
    """Of the aggregation that the run used."""
    facts, quality = run.summary.facts, run.summary.prm_quality
    first = [run.policy, _prm(run), f"{facts.prm.parameters:,}" if facts.prm else "–"]
    if quality is None:
        return [*first, *["–"] * 6]
    errors = (quality.steps.calibration_error, quality.solutions.calibration_error)
    return [*first, str(quality.solutions.count), *map(decimal, (*aucs(quality), *errors))]


def aucs(quality: PrmQuality) -> tuple[float | None, float | None, float | None]:
    """Of steps, of solutions, and of solutions within a problem."""
    within = next(one.auc_within for one in quality.aggregates if one.aggregate == quality.aggregate)
    return quality.steps.auc, quality.solutions.auc, within


def _draw(pairs: Sequence[Pair]) -> Any:
    """Vertical: accuracy; each N has its group of methods."""
    figure, axes = drawing.panels(1, len(pairs), sharey=True)
    for place, pair in zip(axes[0], pairs, strict=True):
        keys = sorted(_shared(pair), key=lambda key: (key[1], GUIDED.index(key[0])))
        for i, run in enumerate(pair):
            x = [spot + 0.25 * (i - 0.5) for spot in range(len(keys))]
            estimates = [run.results[key].overall.accuracy for key in keys]
            drawing.bars(place, x, estimates, label=_prm(run), **drawing.series_style(i))
        place.set_xticks(range(len(keys)), [f"{method}\nN = {n}" for method, n in keys], rotation=60, fontsize="small")
        place.set_title(pair[0].policy, fontsize="medium")
    axes[0][0].set_ylabel("% right")
    drawing.legend(figure, 2)
    return figure
