"""Finding 6: which aggregation of step scores and which selection of an answer wins, on the same samples.

Problem by problem they are voted on anew from the stored samples, where these are there; else only the accuracies of
the summary can be shown, and the table says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.findings import drawing
from benchmarks.findings.compare import Gap, gap, shown_budgets
from benchmarks.findings.markdown import Finding, change, join, missing, percent, picture, table
from benchmarks.findings.plan import MAIN
from benchmarks.findings.results import Measured, Run
from tts_cli.answers.judge import Judge
from tts_cli.data.datasets import open_dataset
from tts_cli.evaluation.conditions import Condition, SearchJob
from tts_cli.evaluation.config import needed_models, select_rows, stored_config, stored_models
from tts_cli.evaluation.grading import CHOICES, Choice, Grader
from tts_cli.evaluation.store import SAMPLES, SamplingCost, Store
from tts_cli.loading import effective, models_of

METHOD: str = "best-of-n"
SHOWN: tuple[Choice, ...] = tuple(one for one in CHOICES if one[1] != "majority" or one[0] == "last")
"""Majority counts heads, so the aggregation does not matter to it."""

Votes = dict[Choice, dict[str, bool]]  # problem -> right, under each choice


def name(choice: Choice) -> str:
    return "majority" if choice[1] == "majority" else f"{choice[0]}, {choice[1]}"


def finding(measured: Measured) -> Finding:
    runs = measured.of(MAIN)
    absent = missing(measured.missing(MAIN))
    if not runs:
        return Finding(absent)
    budgets = shown_budgets(runs)
    voted = {run.policy: found for run in runs if (found := revote(run, budgets))}
    tables = [_table(runs, budget, voted) for budget in budgets]
    if not voted:
        return Finding(join(absent, *tables))
    drawn = [run for run in runs if run.policy in voted]
    body = join(absent, picture("choices.svg", "Each choice against the default, with intervals"), *tables)
    return Finding(body, {"choices.svg": _draw(drawn, budgets, voted)})


def revote(run: Run, budgets: Sequence[int]) -> dict[int, Votes] | None:
    """By N. None where the samples are not there. Raises TtsError where another process holds them."""
    if not (run.folder / SAMPLES).exists():
        return None
    with Store(run.folder / SAMPLES) as store, Judge() as judge:
        asked, models = stored_config(store), stored_models(store, with_prm=True)
        assert asked is not None and models is not None, "the run has a summary, so all of it is known"
        settings = effective(asked.settings, needed_models(asked, models_of(asked.settings)))
        conditions = {n: Condition(METHOD, SearchJob(METHOD, n, 1).plan) for n in budgets}
        grader = Grader(list(conditions.values()), settings, *models, store, judge, SamplingCost())
        with open_dataset(asked.dataset, lambda text: False) as rows:
            known = run.records[METHOD, budgets[0]]
            graded = {row.problem: grader.grade(row)[0] for row in select_rows(rows, asked) if row.problem in known}
    return {
        n: {
            one: {problem: it.outcomes[condition].choices.get(one, False) for problem, it in graded.items()}
            for one in SHOWN
        }
        for n, condition in conditions.items()
    }


def _default(run: Run) -> Choice:
    settings = run.summary.facts.settings
    return "last" if settings["select"] == "majority" else settings["aggregate"], settings["select"]


def _accuracies(run: Run, budget: int) -> dict[Choice, float]:
    return {
        (one.aggregate, one.select): one.accuracy
        for one in run.summary.rescored
        if (one.method, one.budget) == (METHOD, budget)
    }


def _table(runs: Sequence[Run], budget: int, voted: Mapping[str, Mapping[int, Votes]]) -> str:
    columns = [_column(run, budget, voted.get(run.policy)) for run in runs]
    rows = [[name(choice), *(column[choice] for column in columns)] for choice in SHOWN]
    bare = [run.policy for run in runs if run.policy not in voted]
    note = f"*Without intervals, as the samples are not there: {', '.join(bare)}.*" if bare else ""
    title = f"**{METHOD}, N = {budget}**: % right (difference to the default, 95 %); `*`: p < 0.05; bold: the best"
    return join(title, table(["aggregation, selection", *(run.policy for run in runs)], rows), note)


def _column(run: Run, budget: int, votes: Mapping[int, Votes] | None) -> dict[Choice, str]:
    accuracies, default = _accuracies(run, budget), _default(run)
    best = max(accuracies[choice] for choice in SHOWN)
    cells = {}
    for choice in SHOWN:
        text = percent(accuracies[choice])
        shown = f"**{text}**" if accuracies[choice] == best else text
        cells[choice] = shown + (_against(votes[budget], choice, default) if votes else "")
    return cells


def _against(votes: Votes, choice: Choice, default: Choice) -> str:
    if choice == default:
        return " (default)"
    found = compared(votes, choice, default)
    return f", {change(found.difference)}{'*' if found.significant else ''}"


def compared(votes: Votes, choice: Choice, default: Choice) -> Gap:
    return gap(votes[choice], votes[default])


def _draw(runs: Sequence[Run], budgets: Sequence[int], voted: Mapping[str, Mapping[int, Votes]]) -> Any:
    figure, axes = drawing.panels(1, len(runs), height=3.6, sharey=True, sharex=True)
    for place, run in zip(axes[0], runs, strict=True):
        for i, budget in enumerate(budgets):
            gaps = [compared(voted[run.policy][budget], choice, _default(run)).difference for choice in SHOWN]
            y = [spot + 0.25 * (i - (len(budgets) - 1) / 2) for spot in range(len(SHOWN))]
            style = drawing.series_style(i)
            drawing.bars(place, y, gaps, label=f"N = {budget}", horizontal=True, **style)
        place.axvline(0, color="0.4", linewidth=1)
        place.set_title(run.policy, fontsize="medium")
        place.set_xlabel("points against the default")
    axes[0][0].set_yticks(range(len(SHOWN)), [name(choice) for choice in SHOWN])
    axes[0][0].invert_yaxis()
    drawing.legend(figure, 2)
    return figure
