"""The compact picture that a finished search leaves on a terminal: winning solution, votes, cost, answer."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tts_cli.analysis.tree import TreeStep
from tts_cli.cli.view import parts, plain
from tts_cli.data.record import Record, Vote
from tts_cli.search.events import Decided

BAR = 8
MOST_VOTES = 5


def picture(record: Record, steps: list[TreeStep], decided: Decided | None = None) -> RenderableType:
    """`steps` are those of the chosen solution, `decided` is `auto`'s last decision; the answer comes last, where the
    eye and the prompt are."""
    pieces: list[RenderableType] = [Text(parts.shown(record.problem[:2000]), style="italic"), Text()]
    if steps:
        pieces += [_solution(steps), Text()]
    elif record.solution:
        pieces += [Text(parts.shown(record.solution)), Text()]
    if record.votes:
        pieces += [_votes(record.votes), Text()]
    pieces += [Text(parts.one_line(line)) for line in plain.how(record, decided)]
    pieces += [Text(plain.cost(record), style="dim"), Text(), _answer(record)]
    return Padding(Group(*pieces), (1, 1, 1, 1))


def _solution(steps: list[TreeStep]) -> Table:
    """number, score, bar, text; a long step wraps within its own column"""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for place, step in enumerate(steps, start=1):
        text = Text(parts.shown(step.text))
        text.append(parts.times(step.count), style="bold magenta")
        if step.finish in ("length", "context"):
            text.append(" (cut)", style="red")
        table.add_row(str(place), parts.score_cell(step.score, BAR), text)
    return table


def _votes(votes: list[Vote]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="ellipsis", max_width=40, no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    total = sum(vote.count for vote in votes) or 1
    for place, vote in enumerate(votes[:MOST_VOTES]):
        color = "green" if place == 0 else "blue"
        count = f"{vote.count}" + (f" ({vote.weight:.2f})" if vote.weight else "")
        share = Text(parts.bar(vote.count / total, 2 * BAR), style=color)
        table.add_row("" if place else "vote", Text(parts.one_line(vote.answer)), share, count)
    if len(votes) > MOST_VOTES:
        table.add_row("", Text(f"and {len(votes) - MOST_VOTES} more answers", style="dim"), "", "")
    return table


def _answer(record: Record) -> Text:
    if record.answer is None:
        return Text.assemble(("No answer", "bold red"), f" ({record.finish})")
    text = Text.assemble(("Answer  ", "bold"), (parts.one_line(record.answer), "bold green"))
    if record.confidence is not None:
        text.append(f"   confidence {record.confidence:.0%}", style="dim")
    return text
