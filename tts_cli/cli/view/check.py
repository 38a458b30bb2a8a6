"""A person's solution as it was checked: each step with its score and what is false in it, the first doubtful marked.

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
from tts_cli.data.checked import CheckedSolution, CheckedStep

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
    by = "the calculator alone" if checked.prm is None else f"{parts.verbatim(checked.prm)}, {spent}"
    found = Text(_found(checked, threshold), style="bold green" if first is None else "bold red")
    steps = _steps(checked, first, threshold)
    return Padding(Group(head, Text(), steps, Text(), Text(by, style="dim"), Text(), found), (1, 1, 1, 1))


def _steps(checked: CheckedSolution, first: int | None, threshold: float) -> Table:
    """Mark and number, score with bar, text."""
    table = parts.step_table()
    for place, step in enumerate(checked.steps, start=1):
        number = Text(f"▶ {place}", style="bold red") if place == first else Text(str(place), style="dim")
        # What comes after the first doubtful step rests on it.
        style = "" if first is None or place < first else "bold" if place == first else "dim"
        text = Text(parts.shown(step.text.translate(_PICTURES)), style=style)
        if step.false_equality is not None:
            text.append(f"\n{_one_line(str(step.false_equality))}", style="red")
        table.add_row(number, _score(step, threshold), text)
    return table


def _score(step: CheckedStep, threshold: float) -> Text:
    """Red is what is under the threshold, and nothing else: it may be far from 0.5."""
    if step.score is None:
        return Text()
    color = "red" if step.below(threshold) else "yellow" if step.score < 0.5 else "green"
    return Text(f"{step.score:.3f} ").append(parts.bar(step.score, BAR), style=color)


def _found(checked: CheckedSolution, threshold: float) -> str:
    """One sentence; it never says that a solution is right, as neither PRM nor calculator can know."""
    first = checked.first_doubtful(threshold)
    if first is None:
        why = "the calculator finds no false equality" if checked.prm is None else f"all score {threshold:g} or more"
        return f"No doubtful step: {why}."
    false = checked.steps[first - 1].false_equality
    why = f"it scores below {threshold:g}" if false is None else _one_line(str(false))
    return f"Step {first} is the first doubtful one: {why}."


def plain(checked: CheckedSolution, threshold: float) -> str:
    """For a pipe or a file: a line a step, `>` at the first doubtful one; the last line says what was found."""
    first, width = checked.first_doubtful(threshold), len(str(len(checked.steps)))
    lines = []
    for place, step in enumerate(checked.steps, start=1):
        mark = ">" if place == first else " "
        score = "" if step.score is None else f"{step.score:.3f}  "
        false = "" if step.false_equality is None else f"  [{_one_line(str(step.false_equality))}]"
        lines.append(f"{mark} {place:>{width}}  {score}{_one_line(step.text)}{false}\n")
    return "".join(lines) + f"\n{_found(checked, threshold)}\n"


def _one_line(text: str) -> str:
    return " ".join(safe_text(text.translate(_PICTURES)).split())
