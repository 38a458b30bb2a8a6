"""The tree while it grows, on stderr: never taller than the terminal, never more than a few frames a second.

Paced by what frames cost: in the long run at most one part in forty of the time goes into drawing, so that decoding is
not slowed measurably.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tts_cli.analysis.tree import Tally, TreeState
from tts_cli.cli.view import branching, parts, samples, wrapping
from tts_cli.cli.view.display import Display, Speed
from tts_cli.costs import flops, human, seconds
from tts_cli.protocols import Contention
from tts_cli.search.events import Event, StepUnderWay
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


@dataclass(frozen=True, slots=True)
class Now:
    """What no event says: the steps that are being written, tokens per second, what other programs take from the
    machine."""

    under_way: Sequence[StepUnderWay] = ()
    contention: Contention | None = None
    speed: float | None = None


class LiveTree(Display):
    """The tree of one search, until the final picture takes its place."""

    def __init__(
        self, console: Console, limits: LiveLimits = LiveLimits(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(console, clock)
        self.state, self.limits = TreeState(), limits
        self._started = self._opened = clock()
        self._drawing = 0.0
        self._speed = Speed()
        self.look: Callable[[], Now] = Now  # at what goes on in the solver

    def show_limits(self, settings: Settings, solver: Solver) -> None:
        """Once the models are loaded: what the footer counts down to, how answers lead in the vote, what is written."""
        self.look = lambda: Now(solver.steps_under_way(), solver.contention())
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
        elapsed, now = before - self._started, self.look()
        now = replace(now, speed=self._speed.at(before, self.state.sampled_so_far))
        picture = frame(self.state, self.limits, elapsed, size.width, size.height - 1, self.note, now)
        self.live.update(picture, refresh=True)
        after = self.clock()
        self._drawing += after - before
        earned_at = self._opened + (self._drawing - FREE_SECONDS) / DRAWING_SHARE
        self.next_frame = max(after + FRAME_SECONDS, earned_at)


def frame(
    state: TreeState,
    limits: LiveLimits,
    elapsed: float,
    width: int,
    height: int,
    note: str = "",
    now: Now = Now(),
) -> Text:
    """One picture of at most `height` lines of at most `width` cells."""
    problem = wrapping.head(state.started.problem[:2000] if state.started else "", width, max(height // 12, 1))
    head = [_title(state), *(Text(line, style="italic") for line in problem or [""]), *_decision(state)]
    votes = _vote(state, limits, width, max(height // 6, 1))
    foot = [*votes, *_refuted(state), *_progress(state, limits, elapsed, width, now)]
    if note:
        foot.append(Text(note, style="bold yellow"))
    room = max(height - len(head) - len(foot) - 1, 1)
    body, folded = _body(state, limits, now, width, room)
    below = Text(f"+ {folded}" if folded else "", style="dim")  # always a line: the picture does not jump
    lines = [parts.fit(line, width) for line in [*head, *body, below, *foot]][-max(height, 1) :]
    return Text("\n", no_wrap=True, overflow="crop").join(lines)


def _body(state: TreeState, limits: LiveLimits, now: Now, width: int, room: int) -> tuple[list[Text], str]:
    """What the search has written and is writing, and what of it is left out."""
    answers = [tally.answer for tally in state.tally(limits.select)]
    if state.started is None or state.started.method not in METHODS or not METHODS[state.started.method].grows_trees:
        lines, hidden = samples.picture(state, now.under_way, answers, width, room)
    else:
        lines, branches = branching.picture(state, now.under_way, answers, width, room)
        hidden = f"{branches} more branches" if branches else ""
    return lines, ", ".join(part for part in (hidden, f"{state.pruned} pruned" if state.pruned else "") if part)


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


def _vote(state: TreeState, limits: LiveLimits, width: int, most: int) -> list[Text]:
    """The leading answers, one on each of at most `most` lines; on a single one as many as it holds."""
    tallies = state.tally(limits.select)
    if not tallies:
        return [Text.assemble(("vote  ", "bold"), ("no answer yet", "dim"))]
    total = sum(tally.count for tally in tallies)
    answers = [tally.answer for tally in tallies]
    if most < 3:
        return [_vote_line(tallies, total, width)]
    shown = tallies if len(tallies) <= most else tallies[: most - 1]
    size = min(max(cell_len(parts.one_line(tally.answer, 60)) for tally in shown), width // 3)
    lines = []
    for place, tally in enumerate(shown):
        answer = parts.fit(Text(parts.one_line(tally.answer, 60), style=samples.colour(answers, tally.answer)), size)
        answer.pad_right(size - answer.cell_len + 2)
        line = Text("      " if place else "vote  ", style="bold").append_text(answer)
        bar = parts.bar(tally.count / total, 16 if width >= 60 else 8)
        line.append(bar, style=samples.colour(answers, tally.answer))
        lines.append(line.append(f"{tally.count:>4}" + _weight(tally), style="dim"))
    if len(shown) < len(tallies):
        rest = tallies[len(shown) :]
        lines.append(Text(f"      {len(rest)} more answers, {sum(t.count for t in rest)} votes", style="dim"))
    return lines


def _vote_line(tallies: Sequence[Tally], total: int, width: int) -> Text:
    line = Text.assemble(("vote  ", "bold"))
    for place, tally in enumerate(tallies):
        part = Text.assemble((parts.one_line(tally.answer, 60), "bold green" if place == 0 else ""))
        part.append(" " + parts.bar(tally.count / total, 6).rstrip(), style="green" if place == 0 else "blue")
        part.append(f" {tally.count}{_weight(tally)}   ", style="dim")
        if place and line.cell_len + part.cell_len > width:
            break
        line.append_text(part)
    return line


def _weight(tally: Tally) -> str:
    return f" ({tally.weight:.1f})" if tally.weight else ""


def _refuted(state: TreeState) -> list[Text]:
    """What the calculator found, on one line, once it has found something."""
    if not state.refuted:
        return []
    number = len(state.refuted)
    line = Text.assemble(("false ", "bold"), (f"{number} step{'' if number == 1 else 's'}, the last: ", "dim"))
    return [line.append(parts.false_equality(state.refuted[-1]), style="red")]


def _progress(state: TreeState, limits: LiveLimits, elapsed: float, width: int, now: Now) -> list[Text]:
    """Spent and remaining: solutions (of N, where that is settled), time, speed, compute; what does not fit is left out
    from the end. What slows the models down stands below, with the speed."""
    budget = f"/{state.started.budget}" if state.started and state.started.method != "auto" else ""
    spent, mean = limits.flops(state), state.sampled_so_far / elapsed if elapsed > 0.2 else None
    speed = mean if now.speed is None else now.speed
    items = [
        f"{state.finished}{budget} solution{'' if state.finished == 1 and not budget else 's'}",
        seconds(elapsed) + (f" of {seconds(limits.max_time)}" if limits.max_time else ""),
        f"{human(speed) if speed is not None else '–'} tok/s",
        f"{human(state.sampled_so_far + state.spent.prm_tokens)} tokens",
    ]
    if spent or limits.max_flops:
        items.append(human(spent) + (f" of {human(limits.max_flops)}" if limits.max_flops else "") + "FLOP")
    reason: list[Text] = []
    if (busy := now.contention) is not None:
        why = f"{items.pop(2)} · other programs use {busy.others:.1f} of {busy.cores} cores"
        reason.append(Text(why, style="yellow"))
    while len(" · ".join(items)) > width and len(items) > 1:
        items.pop()
    return [Text(" · ".join(items), style="dim"), *reason]
