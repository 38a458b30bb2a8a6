"""The figures of an evaluation, in the form that the channels ask for: mostly as tables.

Reads a summary, computes nothing but percent and units. Names of levels and subjects come from a file: they are shown
as data, never as markup.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.view import curves, figure, parts, tables
from tts_cli.cli.view.tables import Table
from tts_cli.costs import human
from tts_cli.evaluation.prm_quality import PrmQuality
from tts_cli.evaluation.report import ConditionTime, Timing, to_json
from tts_cli.evaluation.statistics import Estimate
from tts_cli.evaluation.summary import Result, Summary
from tts_cli.search.methods import writes_one

LONGEST_NAME = 24


def present(channels: Channels, summary: Summary, timing: Timing, plot: Path | None) -> None:
    """Tables and curves on a terminal, tables as text in a pipe, or one JSON document; the picture in a file."""
    if plot is not None:
        figure.save(plot, summary)
    if channels.json:
        emit_json(json.dumps({**to_json(summary), "timing": to_json(timing)}))
    elif channels.rich_out:
        drawn = [tables.drawn(table) for table in result_tables(summary, timing)]
        channels.draw(Group(*drawn[:1], curves.picture(summary, channels.console().width), *drawn[1:]))
    else:
        emit(tables.plain(result_tables(summary, timing)))


def result_tables(summary: Summary, timing: Timing) -> list[Table]:
    """All tables, most important first; those without anything to say are left out."""
    found = [_main(summary, timing), _by_level(summary), _by_subject(summary), _paired(summary), _rescored(summary)]
    if summary.prm_quality is not None:
        found += prm_tables(summary.prm_quality)
    return [table for table in found if table.rows]


def _main(summary: Summary, timing: Timing) -> Table:
    facts = summary.facts
    models = facts.policy.name + (f" + {facts.prm.name}" if facts.prm else "")
    rows = [_main_row(result, time) for result, time in zip(summary.results, timing.cells, strict=True)]
    rows += [[f"pass@{one.k}", "", percent(one.accuracy), *[""] * 6] for one in summary.pass_at_k]
    note = "Per problem, first what the policy took, then the PRM. Seconds: the tokens' share of decodes that many "
    note += "problems fill together."
    if errors := max(result.overall.errors for result in summary.results):
        note += f" {errors} problems ended in an error and count as wrong."
    if facts.ungraded:
        note += f" {facts.ungraded} rows could not be graded and do not count."
    return Table(
        f"{parts.verbatim(facts.dataset)}: {summary.problems} problems, {models}, seed {facts.seed}",
        ("method", "N", "% right (95 %)", "tokens", "PRM's", "FLOPs", "PRM's", "seconds", "PRM's"),
        rows,
        note=note,
    )


def _main_row(result: Result, time: ConditionTime) -> list[str]:
    cost = result.overall.cost
    return [
        result.title,
        str(result.budget),
        percent(result.overall.accuracy),
        human(cost.policy_prompt_tokens + cost.policy_tokens),
        human(cost.prm_tokens) if cost.prm_tokens else "-",
        human(cost.policy_flops),
        human(cost.prm_flops) if cost.prm_flops else "-",
        f"{time.policy_seconds:.2g}",
        f"{time.prm_seconds:.2g}" if time.prm_seconds else "-",
    ]


def percent(accuracy: Estimate) -> str:
    """73.0 (64-82)"""
    return f"{100 * accuracy.value:.1f} ({100 * accuracy.low:.0f}-{100 * accuracy.high:.0f})"


def _by_level(summary: Summary) -> Table:
    """One column a level: their order is the point."""
    levels = list(summary.results[0].by_level) if len(summary.results[0].by_level) > 1 else []
    shares = {r.label: {level: g.accuracy for level, g in r.by_level.items()} for r in summary.results}
    shares |= {f"pass@{one.k}": one.by_level for one in summary.pass_at_k if one.k == one.samples}
    counts = {level: group.problems for level, group in summary.results[0].by_level.items()}
    rows = [[name, *(f"{100 * by_level[level].value:.0f}" for level in levels)] for name, by_level in shares.items()]
    return Table(
        "% right by level",
        ["level", *map(_short, levels)],
        [["problems", *(str(counts[level]) for level in levels)], *rows] if levels else [],
    )


def _by_subject(summary: Summary) -> Table:
    """One row a subject, for the largest budget: their names are long."""
    largest = _largest(summary.results)
    subjects = largest[0].by_subject if len(largest[0].by_subject) > 1 else {}
    rows = [
        [_short(subject), str(group.problems), *(f"{100 * r.by_subject[subject].accuracy.value:.0f}" for r in largest)]
        for subject, group in subjects.items()
    ]
    header = ["subject", "problems", *(result.title for result in largest)]
    return Table(f"% right by subject, N = {largest[-1].budget}", header, rows)


def _largest(results: Sequence[Result]) -> list[Result]:
    """Every method at the largest budget, and those that have none."""
    budget = max(result.budget for result in results)
    return [result for result in results if result.budget == budget or writes_one(result.method)]


def _short(text: str) -> str:
    line = parts.verbatim(text)
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"


def _paired(summary: Summary) -> Table:
    """Differences at the largest budget."""
    names = {result.label for result in _largest(summary.results)}
    rows = [
        [
            one.a,
            one.b,
            f"{100 * one.difference.value:+.1f} ({100 * one.difference.low:+.0f} to {100 * one.difference.high:+.0f})",
            f"{one.only_a} : {one.only_b}",
            "<0.001" if one.p < 0.001 else f"{one.p:.3f}",
        ]
        for one in summary.paired
        if {one.a, one.b} <= names
    ]
    return Table(
        "Differences on the same problems",
        ("", "against", "points (95 %)", "only one right", "p"),
        rows,
        words=2,
        note="p: exact McNemar test, not corrected for the number of comparisons.",
    )


def _rescored(summary: Summary) -> Table:
    """Aggregations by selections, for each method at its largest budget."""
    budget = max((one.budget for one in summary.rescored), default=0)
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for one in summary.rescored:
        if one.budget == budget:
            rows.setdefault((one.method, one.aggregate), {})[one.select] = f"{100 * one.accuracy:.1f}"
    selects = list(next(iter(rows.values()), {}))
    return Table(
        f"% right by aggregation and selection, N = {budget}",
        ("method", "aggregate", *selects),
        [[*key, *(row[select] for select in selects)] for key, row in rows.items()],
        words=2,
    )


def prm_tables(quality: PrmQuality) -> list[Table]:
    """How well the PRM separates right from wrong, whether its scores are chances, and what length does to them."""
    return [_discrimination(quality), _aggregates(quality), _calibration(quality), _length(quality)]


def _discrimination(quality: PrmQuality) -> Table:
    judged = {"steps": quality.steps, f"solutions (PRM-{quality.aggregate})": quality.solutions}
    rows = [
        [name, str(one.count), f"{100 * one.share_right:.1f}", number(one.auc), f"{one.calibration_error:.3f}"]
        for name, one in judged.items()
    ]
    return Table(
        "The PRM as a judge",
        ("", "scores", "% right", "AUC", "calibration error"),
        rows,
        note=f"Label: {quality.labels}. AUC 0.5 is chance, 1 perfect.",
    )


def _aggregates(quality: PrmQuality) -> Table:
    return Table(
        "AUC of solutions by aggregation",
        ("aggregate", "all solutions", "within a problem"),
        [[one.aggregate, number(one.auc), number(one.auc_within)] for one in quality.aggregates],
        note=f"Within: mean over the {quality.problems_within} problems with right and wrong samples, which is what a "
        "vote needs.",
    )


def _calibration(quality: PrmQuality) -> Table:
    """Steps beside solutions, by tenths of the score."""
    rows: dict[str, list[str]] = {}
    for place, found in enumerate((quality.steps, quality.solutions)):
        for bin in found.calibration:
            row = rows.setdefault(f"{bin.low:.1f}-{bin.high:.1f}", [""] * 6)
            row[3 * place : 3 * place + 3] = [str(bin.count), number(bin.mean_score), f"{100 * bin.share_right:.0f}"]
    return Table(
        "Calibration",
        ("score", "steps", "mean score", "% right", "solutions", "mean score", "% right"),
        [[key, *rows[key]] for key in sorted(rows)],
    )


def _length(quality: PrmQuality) -> Table:
    length = quality.length
    rows = [
        [f"{g.low}-{g.high}", str(g.right), number(g.right_score), str(g.wrong), number(g.wrong_score)]
        for g in length.groups
    ]
    note = (
        f"Rank correlation of score with tokens: {number(length.score_with_tokens)} (among right ones "
        f"{number(length.score_with_tokens_right)}, among wrong ones {number(length.score_with_tokens_wrong)}), with "
        f"steps: {number(length.score_with_steps)}; of a step's score with its tokens: "
        f"{number(length.step_score_with_step_tokens)}."
    )
    return Table("Scores by length", ("tokens", "right", "mean score", "wrong", "mean score"), rows, note=note)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
