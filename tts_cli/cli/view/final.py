"""The compact picture that a finished search leaves on a terminal: winning solution, votes, cost, answer."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from tts_cli.analysis.tree import TreeStep
from tts_cli.cli.view import parts
from tts_cli.cli.view.finished import cost, how, is_attempt
from tts_cli.data.record import Record, Vote
from tts_cli.search.events import Decided, StepRefuted

BAR = 8
MOST_VOTES = 5
MOST_REFUTED = 3


def picture(
    record: Record, steps: list[TreeStep], decided: Decided | None = None, refuted: Sequence[StepRefuted] = ()
) -> RenderableType:
    """For a terminal, the answer last, where the eye and the prompt are.

    `steps` are those of the chosen solution, `decided` is `auto`'s last decision, `refuted` what the calculator found.
    """
    pieces: list[RenderableType] = [Text(parts.shown(record.problem[:2000]), style="italic"), Text()]
    if steps:
        pieces += [_solution(steps), Text()]
    elif record.solution:
        pieces += [Text(parts.shown(record.solution)), Text()]
    if record.votes:
        pieces += [_votes(record.votes), Text()]
    if refuted:
        pieces += [*_refuted(refuted), Text()]
    pieces += [Text(parts.verbatim(line)) for line in how(record, decided)]
    found = Text.assemble(("No answer", "bold red"), f" ({record.finish})")
    if is_attempt(record):
        found.append("; above is what the model wrote", style="dim")
    if record.answer is not None:
        found = Text.assemble(("Answer  ", "bold"), (parts.one_line(record.answer), "bold green"))
        if record.confidence is not None:
            found.append(f"   confidence {record.confidence:.0%}", style="dim")
    return Padding(Group(*pieces, Text(cost(record), style="dim"), Text(), found), (1, 1, 1, 1))


def _solution(steps: list[TreeStep]) -> Table:
    """Number, score with bar, text."""
    table = parts.step_table(number_style="dim")
    for place, step in enumerate(steps, start=1):
        text = (
            Text(parts.shown(step.text)).append_text(parts.times(step.count)).append_text(parts.refuted(step.refuted))
        )
        if step.finish in ("length", "context"):
            text.append(" (cut)", style="red")
        table.add_row(str(place), parts.score_cell(step.score, BAR), text)
    return table


def _votes(votes: list[Vote]) -> Table:
    answers = Column(overflow="ellipsis", max_width=40, no_wrap=True)
    table = Table.grid(
        Column(style="bold", no_wrap=True), answers, Column(no_wrap=True), Column(style="dim", no_wrap=True),
        padding=(0, 2, 0, 0),
    )  # fmt: skip
    total = sum(vote.count for vote in votes) or 1
    for place, vote in enumerate(votes[:MOST_VOTES]):
        count = f"{vote.count}" + (f" ({vote.weight:.2f})" if vote.weight else "")
        share = Text(parts.bar(vote.count / total, 2 * BAR), style="blue" if place else "green")
        table.add_row("" if place else "vote", Text(parts.one_line(vote.answer)), share, count)
    if len(votes) > MOST_VOTES:
        table.add_row("", Text(f"and {len(votes) - MOST_VOTES} more answers", style="dim"), "", "")
    return table


def _refuted(found: Sequence[StepRefuted]) -> list[Text]:
    """The false equalities of all steps, each once."""
    distinct = list(dict.fromkeys(map(parts.false_equality, found)))
    lines = [Text.assemble(("✗ ", "red"), (line, "dim")) for line in distinct[:MOST_REFUTED]]
    more = len(distinct) - MOST_REFUTED
    return [*lines, Text(f"and {more} more false equalities", style="dim")] if more > 0 else lines
