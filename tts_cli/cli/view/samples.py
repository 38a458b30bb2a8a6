"""Independent samples, one below the other: how far each is, what it answers, and the end of its text.

     2  ■ 72      143  In total she sold 48 + 24 = [72] clips.
     3             87  …so in May she sold half as many, which is

The order is that of the samples, so that none moves when another ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from tts_cli.analysis.tree import TreeState, TreeStep
from tts_cli.cli.view import parts
from tts_cli.cli.view.layout import path_of, with_under_way
from tts_cli.cli.view.wrapping import shares, tail
from tts_cli.search.events import StepUnderWay
from tts_cli.search.methods import METHODS

FINISHED_LINES = 2  # of a sample that has ended, while others are being written
LONGEST_ANSWER = 12
STATUS = ("finished", "being written", "waiting")
COLOURS = ("bold green", "blue", "magenta", "cyan")  # of answers, the leading one first


@dataclass(frozen=True, slots=True)
class Sample:
    """Where one or several equal samples stand: their last step, all steps, tokens, PRM score."""

    end: TreeStep
    path: list[TreeStep]
    tokens: int
    score: float | None

    @property
    def texts(self) -> list[str]:
        return [step.text for step in self.path]

    @property
    def writing(self) -> bool:
        return self.end.number < 0

    @property
    def status(self) -> str:
        ended = self.end.solution or self.end.finish in ("length", "context")
        return STATUS[1 if self.writing else 0 if ended else 2]

    @property
    def place(self) -> tuple[int, bool, int]:
        numbers = [branch for branch in self.end.branches if branch is not None]
        return (min(numbers, default=0), self.writing, abs(self.end.number))


def picture(
    state: TreeState, under_way: Sequence[StepUnderWay], answers: Sequence[str], width: int, room: int
) -> tuple[list[Text], str]:
    """At most `room` lines, and what they leave out. `answers`: the leading one first."""
    steps, ends = with_under_way(state, under_way)
    samples = [_sample(path_of(steps, end.number), end) for end in ends]
    samples.sort(key=_importance)
    shown, left_out = sorted(samples[:room], key=lambda sample: sample.place), samples[room:]
    if not samples:
        return [Text("reading the problem" if state.started else "", style="dim")], ""
    if len(samples) == 1:
        return [Text(line) for line in tail(samples[0].texts, width, room)], ""
    rows = [SampleRow(state, sample, answers, width) for sample in shown]
    busy = any(sample.writing for sample in shown)
    wanted = [row.wanted(FINISHED_LINES if busy and not row.sample.writing else room) for row in rows]
    lines = [line for row, most in zip(rows, shares(wanted, room), strict=True) for line in row.lines(most)]
    return lines, _listed(Counter(sample.status for sample in left_out))


def _listed(counts: Counter[str]) -> str:
    """2 more finished, 3 more being written"""
    return ", ".join(f"{counts[what]} more {what}" for what in STATUS if counts[what])


def _sample(path: list[TreeStep], end: TreeStep) -> Sample:
    scores = [step.score for step in path if step.score is not None]
    score = end.solution_score if end.solution_score is not None else scores[-1] if scores else None
    return Sample(end, path, sum(step.tokens for step in path), score)


def _importance(sample: Sample) -> tuple[bool, bool, float, tuple[int, bool, int]]:
    """Smaller first: what has text and is being written, then what is finished, then what waits for its turn."""
    return (sample.tokens == 0, not sample.writing, -(sample.score or 0.0), sample.place)


class SampleRow:
    """The columns of one sample; the text takes what they leave."""

    def __init__(self, state: TreeState, sample: Sample, answers: Sequence[str], width: int) -> None:
        self.sample = sample
        self._answers = answers
        self._columns = Text()
        method = METHODS.get(state.started.method) if state.started else None
        numbered = method is not None and method.samples == "independent" and None not in sample.end.branches
        if state.started and numbered and width >= 50:
            digits = len(str(state.started.budget))
            self._columns.append(f"{sample.place[0] + 1:>{digits}}  ", style="dim")
        self._columns.append_text(self._outcome(min(max(map(len, answers), default=0), LONGEST_ANSWER, width // 6)))
        if width >= 50:
            self._columns.append(f"{sample.tokens:>5} tok  ", style="dim")
        if state.started and state.started.prm and width >= 70:
            self._columns.append_text(parts.score_cell(sample.score, 4)).append("  ")
        self._width = max(width - self._columns.cell_len, 1)

    def wanted(self, most: int) -> int:
        return max(1, len(tail(self.sample.texts, self._width, most)))

    def lines(self, most: int) -> list[Text]:
        marks = parts.times(self.sample.end.count)
        texts = tail(self.sample.texts, self._width - marks.cell_len, most) or [""]
        style = "dim" if self.sample.writing else ""
        first = self._columns.copy().append(texts[0], style=style).append_text(marks)
        pad = " " * self._columns.cell_len
        return [first, *(Text(pad).append(text, style=style) for text in texts[1:])]

    def _outcome(self, width: int) -> Text:
        """The answer, marked and in the colour of its rank; why there is none; or nothing yet."""
        end, size = self.sample.end, max(width, 3)
        if end.solution and end.answer is not None:
            answer = " ".join(end.answer.split())
            shown = parts.fit(Text(parts.one_line(answer, 60), style=colour(self._answers, answer)), size)
            cell = Text("■ ", style=colour(self._answers, answer)).append_text(shown)
        elif end.solution or end.finish in ("length", "context"):
            cell = Text("□ –" if end.solution else "□ cut", style="red")
        else:
            cell = Text("")
        cell.truncate(size + 2)
        cell.pad_right(size + 4 - cell.cell_len)
        return cell


def colour(answers: Sequence[str], answer: str) -> str:
    """Of an answer, by its place in the vote; none beyond the first few."""
    place = answers.index(answer) if answer in answers else len(COLOURS)
    return COLOURS[place] if place < len(COLOURS) else ""
