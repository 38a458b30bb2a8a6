"""A finished search, as `tts solve` and `tts show` print it: JSON, the bare answer, a picture or plain text.

The picture shows winning solution, votes, cost and answer. Plain text is for a pipe or a file: the chosen solution as
the model wrote it, then the answer on the last line; no ANSI, and no control characters.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from tts_cli.analysis.tree import TreeState, TreeStep
from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.view import parts
from tts_cli.cli.view.text import safe_text
from tts_cli.costs import human
from tts_cli.data.record import Record, Vote
from tts_cli.search.events import Decided

BAR = 8
MOST_VOTES = 5


def present(channels: Channels, record: Record, state: TreeState) -> None:
    """In the form that the channels ask for."""
    if channels.json:
        emit_json(record.model_dump_json(exclude={"input"} if record.input is None else None))
    elif channels.quiet:
        emit(f"{answer(record)}\n" if record.answer is not None else "")
    elif channels.rich_out:
        channels.draw(picture(record, state.chosen(), state.decided))
    else:
        emit(plain(record))


def plain(record: Record) -> str:
    """The text for a pipe or a file, with its last newline."""
    solution = safe_text(record.solution).strip("\n") if record.solution else ""
    head = f"{solution}\n\n" if solution else ""
    return f"{head}Answer: {answer(record) or f'none ({record.finish})'}\n"


def answer(record: Record) -> str:
    """The bare answer on one line; empty where there is none."""
    return " ".join(safe_text(record.answer).split()) if record.answer is not None else ""


def summary(record: Record) -> str:
    """One line for stderr: what was done, how sure it is, what it cost."""
    total = sum(vote.count for vote in record.votes)
    support = f", {record.votes[0].count} of {total} votes" if total > 1 else ""
    confidence = f", confidence {record.confidence:.0%}" if record.confidence is not None else ""
    difficulty = f", {record.difficulty}" if record.difficulty else ""
    return f"{record.method}, N = {record.budget}{difficulty}{support}{confidence}, {cost(record)}"


def how(record: Record, decided: Decided | None, more: str = "") -> list[str]:
    """What was done and why, for a picture: of `auto` what it made of the problem comes first, on a line of its own."""
    models = record.policy + (f" + {record.prm}" if record.prm else "")
    done = f"{record.method}, N = {record.budget}, {models}{more}"
    if decided is None:
        return [f"{done}: {record.why}"]
    return [f"{record.difficulty} · {record.why}" if record.difficulty else record.why, done]


def cost(record: Record) -> str:
    """Tokens through both models, FLOPs, and wall time where it is known (a trace does not keep it)."""
    spent = record.cost
    text = f"{spent.policy_prompt_tokens} prompt + {spent.policy_tokens} policy + {spent.prm_tokens} PRM tokens"
    text += f", {human(spent.flops)}FLOP"
    return text + (f", {parts.seconds(spent.seconds)}" if spent.seconds else "")


def picture(record: Record, steps: list[TreeStep], decided: Decided | None = None) -> RenderableType:
    """For a terminal, the answer last, where the eye and the prompt are.

    `steps` are those of the chosen solution, `decided` is `auto`'s last decision.
    """
    pieces: list[RenderableType] = [Text(parts.shown(record.problem[:2000]), style="italic"), Text()]
    if steps:
        pieces += [_solution(steps), Text()]
    elif record.solution:
        pieces += [Text(parts.shown(record.solution)), Text()]
    if record.votes:
        pieces += [_votes(record.votes), Text()]
    pieces += [Text(parts.one_line(line)) for line in how(record, decided)]
    found = Text.assemble(("No answer", "bold red"), f" ({record.finish})")
    if record.answer is not None:
        found = Text.assemble(("Answer  ", "bold"), (parts.one_line(record.answer), "bold green"))
        if record.confidence is not None:
            found.append(f"   confidence {record.confidence:.0%}", style="dim")
    return Padding(Group(*pieces, Text(cost(record), style="dim"), Text(), found), (1, 1, 1, 1))


def _solution(steps: list[TreeStep]) -> Table:
    """Number, score with bar, text."""
    table = parts.step_table(number_style="dim")
    for place, step in enumerate(steps, start=1):
        text = Text(parts.shown(step.text)).append_text(parts.times(step.count))
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
