"""A tree of steps: its best branches, and below each what is being written after it.

0.97 ███████▊  ├─ First, find how many clips she sold in May: half as
               │  many as in April, which is 48 / 2 = 24.
       34 tok  │  ├─ Next, add the two months: 48 +
       31 tok  │  └─ …all in all that makes 48 + 24 =
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tts_cli.analysis.tree import TreeState
from tts_cli.cli.view import parts
from tts_cli.cli.view.layout import TreeRow, rows
from tts_cli.cli.view.samples import colour
from tts_cli.cli.view.wrapping import head, shares, tail
from tts_cli.search.events import StepUnderWay

ROOM_FOR_TEXT = 4  # one line in so many is kept for further lines of steps, where there is enough to show


def picture(
    state: TreeState, under_way: Sequence[StepUnderWay], answers: Sequence[str], width: int, room: int
) -> tuple[list[Text], int]:
    """At most `room` lines, and how many branches they leave out."""
    found, hidden = rows(state, room, under_way)
    drawn = [BranchRow(row, answers, width) for row in found]
    longer = sum(row.wanted(2) - 1 for row in drawn if not row.row.writing)
    if hidden or len(found) + longer > room:
        found, hidden = rows(state, room - min(longer, room // ROOM_FOR_TEXT), under_way)
        drawn = [BranchRow(row, answers, width) for row in found]
    wanted = [row.wanted(room) for row in drawn]
    # A second line for what is complete comes before one for what is being written.
    first = shares([min(want, 1 if row.row.writing else 2) for row, want in zip(drawn, wanted, strict=True)], room)
    heights = shares(wanted, room, first)
    return [line for row, most in zip(drawn, heights, strict=True) for line in row.lines(most)], hidden


class BranchRow:
    """score, bar, tree, text, and at the right edge of its first line what was folded away here"""

    def __init__(self, row: TreeRow, answers: Sequence[str], width: int) -> None:
        self.row = row
        step = row.step
        bar = 8 if width >= 60 else 4
        if row.writing:
            self._begin = Text(f"{step.tokens} tok".rjust(bar + 5), style="dim")
        else:
            self._begin = parts.score_cell(step.score, bar)
        self._begin.append("  ").append(row.guide, style="dim")
        if row.above:
            self._begin.append(f"⋮{row.above} ", style="dim")
        self._marks = parts.times(step.count)
        if step.solution:
            answer = " ".join((step.answer or "").split())
            self._marks.append(" ■ " + parts.one_line(answer, 60), style=colour(answers, answer) or "bold")
        elif step.finish in ("length", "context"):
            self._marks.append(" (cut)", style="red")
        self._marks.append_text(parts.refuted(step.refuted))
        parts.fit(self._marks, max(width // 3, 7))
        counts = {"pruned": row.pruned, "refuted": row.refuted}
        self._folded = Text("".join(f" {count} {what}" for what, count in counts.items() if count), style="dim")
        self._next = Text(" " * (bar + 7)).append(row.inner, style="dim")
        self._next.pad_right(self._begin.cell_len - self._next.cell_len)
        self._width, self._line = width, width - self._begin.cell_len
        self._text = max(self._line - self._marks.cell_len - self._folded.cell_len, 1)

    def wanted(self, most: int) -> int:
        return max(1, len(self._texts(most)))

    def lines(self, most: int) -> list[Text]:
        texts = self._texts(most) or [""]
        style = "dim" if self.row.writing else ""
        lines = [self._begin.copy().append(texts[0], style=style)]
        lines += [self._next.copy().append(text, style=style) for text in texts[1:]]
        lines[-1].append_text(self._marks)
        gap = self._width - lines[0].cell_len - self._folded.cell_len
        lines[0].pad_right(max(gap, 0) if self._folded else 0)
        lines[0].append_text(self._folded)
        return lines

    def _texts(self, most: int) -> list[str]:
        text = self.row.step.text
        return tail([text], self._text, most) if self.row.writing else head(text, self._text, most)
