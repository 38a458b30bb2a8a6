"""Finding 3: which method wins per policy size and level, and whether that is what the paper recommends.

The paper sorts problems by the policy's own pass@1 (easy from 50 %, hard below 10 %), here counted from the largest
majority vote's samples. A method is said to win only where a paired test tells it from the second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from benchmarks.findings import drawing
from benchmarks.findings.compare import Gap, gap, shown_budgets
from benchmarks.findings.markdown import Finding, gap_cells, join, missing, p_value, percent, picture, signed, table
from benchmarks.findings.plan import MAIN, POLICIES
from benchmarks.findings.results import Measured, Run
from tts_cli.answers.judge import Judge
from tts_cli.strategy.paper_table import BY_SIZE_AND_DIFFICULTY, Difficulty

METHODS = ("majority", "best-of-n", "beam", "dvts")
EASY, HARD = 0.5, 0.1
DIFFICULTIES: tuple[Difficulty, ...] = ("easy", "medium", "hard")
LITERALLY = "below 7B"  # which every nano is
IN_ITS_PLACE = dict(zip(POLICIES, BY_SIZE_AND_DIFFICULTY, strict=True))  # small, middle and large of the family

Right = Mapping[str, Mapping[str, bool]]  # method -> problem -> right


@dataclass(frozen=True, slots=True)
class Ranking:
    """The methods on some problems, by accuracy; `lead`: the first against the second."""

    order: list[str]
    accuracy: dict[str, float]
    lead: Gap

    @property
    def winner(self) -> str | None:
        """None where the test cannot tell the best from the second."""
        return self.order[0] if self.lead.significant else None


def rank(right: Right, among: Sequence[str]) -> Ranking:
    """Equally good ones stay in the order of METHODS. Raises ValueError without problems."""
    accuracy = {method: fmean(right[method][problem] for problem in among) for method in right}
    order = sorted(accuracy, key=lambda method: -accuracy[method])
    return Ranking(order, accuracy, gap(right[order[0]], right[order[1]], among))


def judgement(right: Right, among: Sequence[str], recommended: str) -> str:
    """How the recommended method does: told apart from the best or not."""
    best = rank(right, among).order[0]
    behind = gap(right[recommended], right[best], among)
    if best == recommended:
        return f"{recommended}: the best here"
    word = "worse" if behind.significant else "no difference"
    return f"{recommended}: {word} ({signed(behind.difference.value)}, p {p_value(behind.p)})"


def difficulty(pass_at_1: float) -> Difficulty:
    """The paper's bins."""
    return "easy" if pass_at_1 >= EASY else "medium" if pass_at_1 >= HARD else "hard"


def difficulties(run: Run, judge: Judge) -> dict[str, Difficulty]:
    """By problem, from the share of right answers among the samples of the largest majority vote."""
    records = run.records["majority", run.budgets[-1]]
    found: dict[str, Difficulty] = {}
    for problem, record in records.items():
        reference = record.reference or ""
        right = sum(vote.count for vote in record.votes if judge.equal(vote.answer, reference))
        found[problem] = difficulty(right / record.budget)
    return found


def finding(measured: Measured) -> Finding:
    runs = measured.of(MAIN)
    absent = missing(measured.missing(MAIN))
    if not runs:
        return Finding(absent)
    with Judge() as judge:
        by_difficulty = {run.policy: difficulties(run, judge) for run in runs}
    tables = []
    for budget in shown_budgets(runs):
        rows = [row for run in runs for row in _rows(run, budget, by_difficulty[run.policy])]
        tables.append(f"**N = {budget}**\n\n{table(_HEADER, rows)}")
    body = join(
        absent, picture("best-method.svg", "Each method's lead over majority, by the paper's difficulty"), *tables
    )
    return Finding(body, {"best-method.svg": _draw(runs, by_difficulty)})


_HEADER = [
    *("policy", "problems", "count", "best", "second", "lead (95 %)", "p", "so"),
    *("the paper, below 7B", "the paper, by place in the family"),
]


def _rows(run: Run, budget: int, by_difficulty: Mapping[str, Difficulty]) -> list[list[str]]:
    right = _right(run, budget)
    levels = {problem: record.level for problem, record in run.records["majority", budget].items()}
    rows = [_row(run, f"level {level}", right, [p for p in levels if levels[p] == level], None) for level in run.levels]
    for name in DIFFICULTIES:
        among = [problem for problem in levels if by_difficulty[problem] == name]
        if among:
            rows.append(_row(run, name, right, among, name))
    rows.append(_row(run, "all", right, list(levels), None))
    return rows


def _right(run: Run, budget: int) -> dict[str, dict[str, bool]]:
    return {method: run.right((method, budget)) for method in METHODS}


def _row(run: Run, group: str, right: Right, among: Sequence[str], bin: Difficulty | None) -> list[str]:
    """The paper recommends per difficulty, and one method for a whole benchmark; of our levels it knows nothing."""
    ranking = rank(right, among)
    best, second = (f"{method} {percent(ranking.accuracy[method])}" for method in ranking.order[:2])
    told = f"**{ranking.winner}**" if ranking.winner else "no difference"
    advice = ["", ""]
    if bin or group == "all":
        sizes = (LITERALLY, IN_ITS_PLACE[run.policy])
        advice = [judgement(right, among, BY_SIZE_AND_DIFFICULTY[size][bin]) for size in sizes]
    return [run.policy, group, str(len(among)), best, second, *gap_cells(ranking.lead), told, *advice]


def _draw(runs: Sequence[Run], by_difficulty: Mapping[str, Mapping[str, Difficulty]]) -> Any:
    """Differences to majority of the same N, with intervals."""
    budgets = shown_budgets(runs)
    figure, axes = drawing.panels(len(budgets), len(runs), height=2.8, sharey=True)
    for row, budget in zip(axes, budgets, strict=True):
        for place, run in zip(row, runs, strict=True):
            _draw_panel(place, _right(run, budget), by_difficulty[run.policy])
            place.set_title(f"{run.policy}, N = {budget}", fontsize="medium")
        row[0].set_ylabel("points above majority")
    drawing.legend(figure, 3)
    return figure


def _draw_panel(axes: Any, right: Right, bins: Mapping[str, Difficulty]) -> None:
    counts = Counter(bins.values())
    shown = [name for name in DIFFICULTIES if counts[name]]
    for i, method in enumerate(METHODS[1:]):
        gaps = [gap(right[method], right["majority"], [p for p in bins if bins[p] == name]) for name in shown]
        x = [place + 0.2 * (i - 1) for place in range(len(shown))]
        style = drawing.method_style(method)
        drawing.bars(axes, x, [one.difference for one in gaps], label=method, linestyle="none", **style)
    axes.axhline(0, color="0.4", linewidth=1)
    axes.set_xticks(range(len(shown)), [f"{name} ({counts[name]})" for name in shown])
