"""What `tts eval` and `tts calibrate` share: consent to a download, and sampling with a line of progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tts_cli.cli.channels import Channels
from tts_cli.cli.signals import Interruption

if TYPE_CHECKING:
    from tts_cli.cli.view.progress import Progress
    from tts_cli.data.rows import Row
    from tts_cli.evaluation.conditions import SearchJob
    from tts_cli.evaluation.run import EvalRun


def asker(yes: bool) -> Callable[[str], bool]:
    """A function that asks a question and returns whether the answer was yes; `yes`: without asking.

    It asks on stderr and stdin, as the result keeps stdout to itself; where these are no terminals, the answer is no.
    """

    def ask(question: str) -> bool:
        if yes or not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
            return yes
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask


def sample(evaluation: EvalRun, rows: Sequence[Row], channels: Channels, again: str | None) -> int | None:
    """Run the searches that are not stored. None once all are there, else the exit code of the signal that ended it.

    `again`: the command that goes on where this one stopped.
    """
    note_prose(rows, channels)
    with ExitStack() as stack:
        interruption = Interruption(lambda: channels.note("Stopping; Ctrl-C again ends at once."))
        stack.enter_context(interruption)
        progress = _SamplingProgress(channels, interruption, stack)
        complete = evaluation.sample(
            rows,
            on_load=channels.introduce,
            on_note=channels.note,
            on_start=progress.start,
            on_decode=progress.decoded,
            on_ended=progress.ended,
            should_stop=lambda: interruption.requested,
        )
    if complete:
        return None
    channels.note("Stopped." + (f" What is finished is kept; go on with: {again}" if again else ""))
    return interruption.exit_code or 1


def note_prose(rows: Sequence[Row], channels: Channels) -> None:
    """Warn, before an hour of sampling, of references that no answer can equal."""
    from tts_cli.evaluation.grading import is_prose

    prose = [row for row in rows if is_prose(row)]
    if prose:
        channels.note(
            f"warning: the reference of {len(prose)} of {len(rows)} rows (first: row {prose[0].number}) is a text that "
            'marks no answer, so no answer will equal it. Mark it: "#### 72", \\boxed{72} or "The answer is 72."'
        )


def note_nothing_right(rows: Sequence[Row], channels: Channels) -> None:
    """Warn where not one answer of any method was right: the references may be something else than answers."""
    number, reference = next((row.number, row.reference[:60]) for row in rows if row.reference is not None)
    channels.note(
        f"warning: not one answer equals its reference. That of row {number} is {reference!r}; "
        "if that is no answer, the accuracy says nothing."
    )


class _SamplingProgress:
    """The line on stderr, where that is a terminal. Once sampling has started, a signal stops it gently."""

    def __init__(self, channels: Channels, interruption: Interruption, stack: ExitStack) -> None:
        self._channels, self._interruption, self._stack = channels, interruption, stack
        self._line: Progress | None = None

    def start(self, searches: int, total: int) -> None:
        if self._channels.live:
            from tts_cli.cli.view.progress import Progress

            console = self._channels.console(stderr=True)
            self._line = self._stack.enter_context(Progress(console, {}, total=total, done=total - searches))
        self._interruption.arm()

    def decoded(self, tokens: int) -> None:
        if self._line is not None:
            self._line.spend(tokens)
            self._line.tick()

    def ended(self, job: SearchJob) -> None:
        if self._line is not None:
            self._line.finish()
