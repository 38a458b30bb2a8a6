"""A person's solution as the PRM read it: each step with its score, the first doubtful one marked.

The text is a person's own, so that what cannot be seen in it is shown: control characters as their pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tts_cli.cli.view import parts
from tts_cli.cli.view.text import safe_text

if TYPE_CHECKING:
    from tts_cli.cli.check import CheckReport

BAR = 8
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}


def picture(report: CheckReport) -> RenderableType:
    """For a terminal: problem, steps, and the verdict last."""
    head = Text(parts.shown(_visible(report.problem[:2000])), style="italic")
    how = Text(_how(report), style="dim")
    return Padding(Group(head, Text(), _steps(report), Text(), how, Text(), _verdict(report)), (1, 1, 1, 1))


def _steps(report: CheckReport) -> Table:
    """mark, number, score, bar, text; a long step wraps within its own column"""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for place, step in enumerate(report.steps, start=1):
        first = place == report.first_doubtful
        number = Text(f"▶ {place}" if first else str(place), style="bold red" if first else "dim")
        text = Text(parts.shown(_visible(step.text)), style=_style(report, place))
        table.add_row(number, _score(step.score, report.threshold), text)
    return table


def _score(score: float, threshold: float) -> Text:
    """Red is what is under the threshold, and nothing else: it may be far from 0.5."""
    color = "red" if score < threshold else "yellow" if score < 0.5 else "green"
    return Text(f"{score:.3f} ").append(parts.bar(score, BAR), style=color)


def _style(report: CheckReport, place: int) -> str:
    """What comes after the first doubtful step rests on it."""
    if report.first_doubtful is None or place < report.first_doubtful:
        return ""
    return "bold" if place == report.first_doubtful else "dim"


def _verdict(report: CheckReport) -> Text:
    if report.first_doubtful is None:
        return Text(verdict(report), style="bold green")
    return Text(verdict(report), style="bold red")


def verdict(report: CheckReport) -> str:
    """One sentence; it never says that a solution is right, as the PRM cannot know."""
    if report.first_doubtful is None:
        return f"No doubtful step: all score {report.threshold:g} or more."
    return f"Step {report.first_doubtful} is the first doubtful one: it scores below {report.threshold:g}."


def plain(report: CheckReport) -> str:
    """For a pipe or a file: a line a step, `>` at the first doubtful one; the last line is the verdict."""
    width = len(str(len(report.steps)))
    lines = []
    for place, step in enumerate(report.steps, start=1):
        mark = ">" if place == report.first_doubtful else " "
        text = " ".join(safe_text(_visible(step.text)).split())
        lines.append(f"{mark} {place:>{width}}  {step.score:.3f}  {text}\n")
    return "".join(lines) + f"\n{verdict(report)}\n"


def _how(report: CheckReport) -> str:
    return f"{parts.one_line(report.prm)}, {report.cost.prm_tokens} tokens, {parts.human(report.cost.flops)}FLOP"


def _visible(text: str) -> str:
    return text.translate(_PICTURES)
