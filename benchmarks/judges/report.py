"""The table of docs/measurements/judges.md: accuracy on the test set, and F1 on ProcessBench.

Intervals are 95 %, bootstrapped over problems (accuracies and gains) or solutions (F1), paired where two are compared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.findings.markdown import accuracy, change, decimal, fill, percent, table
from benchmarks.judges.plan import JUDGES, SELECTIONS
from benchmarks.judges.steps import ScoredSolution
from tts_cli.data.files import write_atomically
from tts_cli.evaluation.statistics import Estimate, difference, estimate

HEADER = (
    *("judge", "vote or weighted vote", "gain over majority", "best single one", "gain", "AUC within a problem"),
    *("PRM tokens", "ProcessBench F1", "with the calculator", "threshold"),
)
RESAMPLES = 1000
Right = dict[str, float]


@dataclass(frozen=True, slots=True)
class Judged:
    """What there is of one judge: who was right by each selection, its summary, and its scores of steps."""

    right: dict[str, Right]
    summary: dict[str, Any]
    steps: Sequence[ScoredSolution]


def report(runs: Path, page: Path) -> list[str]:
    """Fill in the table; the names of what is missing. Raises OSError and ValueError, and no file is changed."""
    plain = right_of(runs / "plain" / "records.jsonl", "majority")
    rows = [["majority of 8", accuracy(estimate(list(plain.values()))), "", *["–"] * 3, "0", "–", "–", "–"]]
    absent = []
    calculator = runs / "calculator" / "records.jsonl"
    steps = next((scored for judge in JUDGES if (scored := read_steps(runs / f"{judge.name}-steps.jsonl"))), [])
    if calculator.exists():
        rows.append(_calculator_row(plain, right_of(calculator, "majority"), steps))
    for judge in JUDGES:
        if (runs / f"{judge.name}.json").exists():
            rows.append([judge.row, *_row(plain, read_judged(runs, judge.name))])
        else:
            absent.append(judge.name)
    page_text = fill(page.read_text(encoding="utf-8"), {"judges on real weights": table(HEADER, rows)})
    write_atomically(page, page_text.encode(), "The page")
    return absent


def right_of(records: Path, method: str) -> Right:
    """By problem, whether this method answered it."""
    lines = map(json.loads, records.read_text(encoding="utf-8").split("\n")[:-1])
    return {row["id"]: float(row["correct"]) for row in lines if row["requested_method"] == method}


def read_judged(runs: Path, name: str) -> Judged:
    right = {select: right_of(runs / f"{name}-{select}.jsonl", "best-of-n") for select in SELECTIONS}
    summary = json.loads((runs / f"{name}.json").read_text(encoding="utf-8"))
    return Judged(right, summary, read_steps(runs / f"{name}-steps.jsonl"))


def read_steps(path: Path) -> list[ScoredSolution]:
    if not path.exists():
        return []
    rows = map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1])
    return [ScoredSolution(**{**row, "scores": tuple(row["scores"])}) for row in rows]


def _calculator_row(plain: Right, right: Right, steps: Sequence[ScoredSolution]) -> list[str]:
    voted = [accuracy(estimate(list(right.values()))), change(gap(right, plain))]
    alone = [solution for solution in steps if solution.set == "processbench"]
    f1 = _interval(alone, None, True) if alone else "–"
    return ["majority of 8, calculator", *voted, *["–"] * 3, "0", f1, f1, "–"]


def _row(plain: Right, judged: Judged) -> list[str]:
    cells = [
        text
        for select in SELECTIONS
        for text in (accuracy(estimate(list(judged.right[select].values()))), change(gap(judged.right[select], plain)))
    ]
    quality = judged.summary["prm_quality"]
    within = next(one["auc_within"] for one in quality["aggregates"] if one["aggregate"] == quality["aggregate"])
    result = next(one for one in judged.summary["results"] if one["method"] == "best-of-n")
    tokens = f"{result['overall']['cost']['prm_tokens']:.0f}"
    return [*cells, decimal(within), tokens, *f1_cells(judged.steps)]


def gap(right: Right, other: Right) -> Estimate:
    """Raises ValueError where the problems are others."""
    if right.keys() != other.keys():
        raise ValueError("the runs are of different problems")
    return difference([right[id] for id in other], list(other.values()))


def f1_cells(steps: Sequence[ScoredSolution]) -> list[str]:
    """F1 without and with the calculator, and the threshold; dashes where one of the sets is missing."""
    training = [one for one in steps if one.set == "training" and one.scores]
    test = [one for one in steps if one.set == "processbench"]
    if not training or not test:
        return ["–"] * 3
    chosen = best_threshold(training)
    return [_interval(test, chosen, False), _interval(test, chosen, True), f"{chosen:.2g}"]


def best_threshold(training: Sequence[ScoredSolution]) -> float:
    """Where the harmonic mean of "a wrong one has a step below it" and "a right one has none" is largest."""
    least = np.array([min(one.scores) for one in training])
    right = np.array([one.first_error < 0 for one in training])
    found = {
        t: _harmonic(float(np.mean(least[~right] < t)), float(np.mean(least[right] >= t))) for t in np.unique(least)
    }
    best = [t for t, value in found.items() if value == max(found.values())]
    return float(best[len(best) // 2])


def first_error(solution: ScoredSolution, threshold: float | None, calculator: bool) -> int:
    """From 0; -1 where no step is doubtful. A solution that was too long for the judge has none."""
    below = [at for at, score in enumerate(solution.scores) if threshold is not None and score < threshold]
    flagged = [solution.flagged] if calculator and solution.flagged is not None else []
    return min((*below, *flagged), default=-1)


def _interval(test: Sequence[ScoredSolution], threshold: float | None, calculator: bool) -> str:
    """The harmonic mean of the shares found among wrong solutions and left alone among right ones."""
    exact = np.array([first_error(one, threshold, calculator) == one.first_error for one in test], float)
    right = np.array([one.first_error < 0 for one in test])
    wrong_hits, right_hits = exact[~right], exact[right]
    value = _harmonic(float(wrong_hits.mean()), float(right_hits.mean()))
    random = np.random.default_rng(0)
    drawn = [
        _harmonic(*(float(random.choice(hits, len(hits)).mean()) for hits in (wrong_hits, right_hits)))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975))
    shares = f"{percent(float(wrong_hits.mean()))}, {percent(float(right_hits.mean()))}"
    return f"{accuracy(Estimate(value, float(low), float(high)))} [{shares}]"


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0
