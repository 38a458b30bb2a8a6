"""The figures of a PRM as a judge, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tts_cli.cli.view.tables import Table

if TYPE_CHECKING:
    from tts_cli.evaluation.prm_quality import Discrimination, PrmQuality


def prm_tables(quality: PrmQuality) -> list[Table]:
    """How well the PRM separates right from wrong, whether its scores are probabilities, and what length does to them."""
    return [_discrimination(quality), _aggregates(quality), _calibration(quality), _length(quality)]


def _discrimination(quality: PrmQuality) -> Table:
    def row(name: str, found: Discrimination) -> list[str]:
        error = f"{found.calibration_error:.3f}"
        return [name, str(found.count), f"{100 * found.share_right:.1f}", number(found.auc), error]

    return Table(
        "The PRM as a judge",
        ("", "scores", "% right", "AUC", "calibration error"),
        [row("steps", quality.steps), row(f"solutions (PRM-{quality.aggregate})", quality.solutions)],
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
