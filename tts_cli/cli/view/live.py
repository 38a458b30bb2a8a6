"""The tree while it grows, on stderr: never taller than the terminal, never more than a few frames a second.

Paced by what frames cost: in the long run at most one part in forty of the time goes into drawing, so that decoding is
not slowed measurably.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tts_cli.analysis.tree import TreeState
from tts_cli.cli.view import layout, parts
from tts_cli.cli.view.display import Display
from tts_cli.costs import flops, human, seconds
from tts_cli.search.events import Event
from tts_cli.search.methods import METHODS

if TYPE_CHECKING:
    from tts_cli.config import Settings
    from tts_cli.solver import Solver

FRAME_SECONDS = 0.1
DRAWING_SHARE = 1 / 40
FREE_SECONDS = 0.05  # of drawing; the first frames take long, because they load half of Rich


@dataclass(frozen=True)
class LiveLimits:
    """What the footer counts down to, and what a token costs. Parameters are counts, not billions."""

    select: str = "weighted"
    max_time: float | None = None
    max_flops: float | None = None
    policy_parameters: int = 0
    prm_parameters: int = 0

    def flops(self, state: TreeState) -> float:
        policy = state.spent.policy_prompt_tokens + state.spent.policy_tokens
        return flops(self.policy_parameters, policy) + flops(self.prm_parameters, state.spent.prm_tokens)


class LiveTree(Display):
    """The tree of one search, until the final picture takes its place."""

    def __init__(
        self, console: Console, limits: LiveLimits = LiveLimits(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(console, clock)
        self.state, self.limits = TreeState(), limits
        self._started = self._opened = clock()
        self._drawing = 0.0

    def show_limits(self, settings: Settings, solver: Solver) -> None:
        """Once the models are loaded: what the footer counts down to, and how answers lead in the vote."""
        self.limits = LiveLimits(
            select=solver.vote[1],
            max_time=settings.max_time,
            max_flops=settings.max_flops,
            policy_parameters=solver.policy.parameters,
            prm_parameters=solver.prm.parameters if solver.prm is not None else 0,
        )

    def listen(self, event: Event) -> None:
        if self.state.started is None:
            self._started = self.clock()
        self.state.apply(event)

    def draw(self) -> None:
        before = self.clock()
        size = self.console.size
        picture = frame(self.state, self.limits, before - self._started, size.width, size.height - 1, self.note)
        self.live.update(picture, refresh=True)
        after = self.clock()
        self._drawing += after - before
        earned_at = self._opened + (self._drawing - FREE_SECONDS) / DRAWING_SHARE
        self.next_frame = max(after + FRAME_SECONDS, earned_at)


def frame(state: TreeState, limits: LiveLimits, elapsed: float, width: int, height: int, note: str = "") -> Text:
    """One picture of at most `height` lines of at most `width` cells."""
    problem = Text(parts.one_line(state.started.problem) if state.started else "", style="italic")
    head = [_title(state), problem, *_decision(state)]
    foot = [_vote(state, limits, width), _progress(state, limits, elapsed)]
    if note:
        foot.append(Text(note, style="bold yellow"))
    room = max(height - len(head) - len(foot) - 1, 1)
    rows, hidden = layout.rows(state, room)
    folded = [f"{hidden} more branches"] * (hidden > 0) + [f"{state.pruned} pruned"] * (state.pruned > 0)
    below = Text("+ " + ", ".join(folded) if folded else "", style="dim")  # always a line: the picture does not jump
    lines = [*head, *(_row(row, width) for row in rows), below, *foot]
    lines = [parts.fit(line, width) for line in lines][-max(height, 1) :]
    return Text("\n", no_wrap=True, overflow="crop").join(lines)


def _title(state: TreeState) -> Text:
    started = state.started
    if started is None:
        return Text("loading the models", style="dim")
    models = started.policy + (f" + {started.prm}" if started.prm else "")
    text = Text.assemble((started.method, "bold cyan"))
    most = "at most " if started.method == "auto" else ""
    text.append(f"  {most}N = {started.budget}", style="bold")
    if started.method in METHODS and METHODS[started.method].grows_trees:
        text.append(f"  M = {started.beam_width}")
    return text.append(f"  {parts.verbatim(models)}", style="dim")


def _decision(state: TreeState) -> list[Text]:
    """One line for `auto`, from the start, so that the picture does not jump."""
    if state.started is None or state.started.method != "auto":
        return []
    found = state.decided
    if found is None:
        return [Text("the first samples will show", style="dim")]
    chance, why = None, found.why
    if found.confidence is not None:
        chance = f"chance {found.confidence:.0%} after {found.samples} samples"
        why = why.partition(", and ")[2] or why  # what comes before it says the chance again
    return [Text(parts.verbatim(" · ".join(part for part in (found.difficulty, chance, why) if part)), style="cyan")]


def _row(row: layout.TreeRow, width: int) -> Text:
    """score, bar, tree, text, and at the right edge what was folded away here"""
    step = row.step
    line = parts.score_cell(step.score, 8 if width >= 60 else 4).append("  ")
    line.append(row.guide, style="dim")
    if row.above:
        line.append(f"⋮{row.above} ", style="dim")
    line.append(parts.one_line(step.text))
    marks = parts.times(step.count)
    if step.solution:
        marks.append(" ■", style="bold")
    elif step.finish in ("length", "context"):
        marks.append(" (cut)", style="red")
    folded = Text(f" {row.pruned} pruned" if row.pruned else "", style="dim")
    line = parts.fit(line, width - marks.cell_len - folded.cell_len).append_text(marks)
    line.pad_right(max(width - line.cell_len - folded.cell_len, 0) if row.pruned else 0)
    return line.append_text(folded)


def _vote(state: TreeState, limits: LiveLimits, width: int) -> Text:
    """The leading answer first, then as many others as the line holds."""
    tallies = state.tally(limits.select)
    line = Text.assemble(("vote  ", "bold"))
    if not tallies:
        return line.append("no answer yet", style="dim")
    total = sum(tally.count for tally in tallies)
    for place, tally in enumerate(tallies):
        part = Text.assemble((parts.one_line(tally.answer, 60), "bold green" if place == 0 else ""))
        part.append(" " + parts.bar(tally.count / total, 6).rstrip(), style="green" if place == 0 else "blue")
        part.append(f" {tally.count}" + (f" ({tally.weight:.1f})" if tally.weight else "") + "   ", style="dim")
        if place and line.cell_len + part.cell_len > width:
            break
        line.append_text(part)
    return line


def _progress(state: TreeState, limits: LiveLimits, elapsed: float) -> Text:
    """Spent and remaining: solutions (of N, where that is settled), time, compute; then the speed."""
    budget = f"/{state.started.budget}" if state.started and state.started.method != "auto" else ""
    sampled = max(state.spent.policy_tokens, state.sampled_tokens)
    spent = limits.flops(state)
    items = [
        f"{state.finished}{budget} solution{'' if state.finished == 1 and not budget else 's'}",
        seconds(elapsed) + (f" of {seconds(limits.max_time)}" if limits.max_time else ""),
        f"{human(sampled / elapsed) if elapsed > 0.2 else '–'} tok/s",
        f"{human(sampled + state.spent.prm_tokens)} tokens",
    ]
    if spent or limits.max_flops:
        items.append(human(spent) + (f" of {human(limits.max_flops)}" if limits.max_flops else "") + "FLOP")
    return Text(" · ".join(items), style="dim")
