"""A person's solution as the PRM scored it: each step with its score, the first doubtful one marked.

The text is a person's own, so control characters, which cannot be seen, are shown as their pictures.
"""

from __future__ import annotations

import json

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.view import parts
from tts_cli.cli.view.text import safe_text
from tts_cli.costs import human
from tts_cli.data.checked import CheckedSolution

BAR = 8
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}


def present(channels: Channels, checked: CheckedSolution, threshold: float) -> None:
    """As one JSON document, the number of the first doubtful step alone (`--quiet`), drawn, or as plain text."""
    if channels.json:
        emit_json(json.dumps(checked.to_json(threshold), ensure_ascii=False))
    elif channels.quiet:
        first = checked.first_doubtful(threshold)
        emit("" if first is None else f"{first}\n")
    elif channels.rich_out:
        channels.draw(picture(checked, threshold))
    else:
        emit(plain(checked, threshold))


def picture(checked: CheckedSolution, threshold: float) -> RenderableType:
    """For a terminal: problem, steps, and what was found last."""
    first = checked.first_doubtful(threshold)
    head = Text(parts.shown(checked.problem[:2000].translate(_PICTURES)), style="italic")
    spent = f"{checked.prm_tokens} tokens, {human(checked.flops)}FLOP"
    how = Text(f"{parts.verbatim(checked.prm)}, {spent}", style="dim")
    found = Text(_found(first, threshold), style="bold green" if first is None else "bold red")
    return Padding(Group(head, Text(), _steps(checked, first, threshold), Text(), how, Text(), found), (1, 1, 1, 1))


def _steps(checked: CheckedSolution, first: int | None, threshold: float) -> Table:
    """Mark and number, score with bar, text."""
    table = parts.step_table()
    for place, step in enumerate(checked.steps, start=1):
        number = Text(f"▶ {place}", style="bold red") if place == first else Text(str(place), style="dim")
        # What comes after the first doubtful step rests on it.
        style = "" if first is None or place < first else "bold" if place == first else "dim"
        # Red is what is under the threshold, and nothing else: it may be far from 0.5.
        color = "red" if step.score < threshold else "yellow" if step.score < 0.5 else "green"
        score = Text(f"{step.score:.3f} ").append(parts.bar(step.score, BAR), style=color)
        table.add_row(number, score, Text(parts.shown(step.text.translate(_PICTURES)), style=style))
    return table


def _found(first: int | None, threshold: float) -> str:
    """One sentence; it never says that a solution is right, as the PRM cannot know."""
    if first is None:
        return f"No doubtful step: all score {threshold:g} or more."
    return f"Step {first} is the first doubtful one: it scores below {threshold:g}."


def plain(checked: CheckedSolution, threshold: float) -> str:
    """For a pipe or a file: a line a step, `>` at the first doubtful one; the last line says what was found."""
    first, width = checked.first_doubtful(threshold), len(str(len(checked.steps)))
    lines = []
    for place, step in enumerate(checked.steps, start=1):
        mark = ">" if place == first else " "
        text = " ".join(safe_text(step.text.translate(_PICTURES)).split())
        lines.append(f"{mark} {place:>{width}}  {step.score:.3f}  {text}\n")
    return "".join(lines) + f"\n{_found(first, threshold)}\n"
