"""`tts solve`: one problem, from the text to the answer on stdout."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli import problem
from tts_cli.cli.channels import Channels
from tts_cli.cli.notices import note_unread_stdin, note_unused_flags
from tts_cli.cli.options import ALL_SETTINGS, Command, TextCommand, TraceFlag
from tts_cli.cli.signals import Interruption
from tts_cli.config import Settings, resolve
from tts_cli.errors import TtsError, UsageError

if TYPE_CHECKING:
    from tts_cli.cli.view.live import LiveTree
    from tts_cli.solver import Solver
    from tts_cli.solving.solve import Solved

EPILOG = """Examples:

  tts solve "Compute 37 + 4 * (12 - 5)."

  tts solve -q --method beam -n 16 < problem.txt

  tts solve --policy qwen.gguf --trace search.json "..."

Every search flag can also be set as TTS_FLAG in the environment, or as a line `flag: value` in ./tts.yaml \
or in the file that `tts doctor` names.
"""
STOPPING = "Stopping: the best answer so far follows. Ctrl-C again ends at once."
InteractiveFlag = Annotated[
    bool,
    typer.Option(
        "--interactive", "-i", help="Keep the models loaded: a problem a line, an answer each; :help for more."
    ),
]
ProblemText = Annotated[str | None, typer.Argument(metavar="PROBLEM", help='The problem; none or "-": all of stdin.')]


def solve(
    channels: Channels,
    problem_text: ProblemText = None,
    *,
    interactive: InteractiveFlag = False,
    trace: TraceFlag = None,
    **flags: Any,
) -> int:
    """Solve one problem and print the answer."""
    settings = resolve(flags)
    if interactive:
        return _in_a_loop(channels, problem_text, trace, flags)
    text = problem.read(problem_text)
    note_unused_flags(channels, flags, settings)
    if problem_text not in (None, "-"):
        note_unread_stdin(channels, "the problem is taken from the argument")
    if trace is not None:
        from tts_cli.data.files import check_writable

        check_writable(trace, "The trace")
    interruption = Interruption()
    solved = _search(text, settings, channels, interruption)
    conclude(solved, settings, channels, trace)
    if interruption.exit_code is not None:
        return interruption.exit_code
    return 0 if solved.record.answer is not None else 3


def _in_a_loop(channels: Channels, problem_text: str | None, trace: Path | None, flags: dict[str, Any]) -> int:
    from tts_cli.cli.interactive import run

    if problem_text is not None or trace is not None:
        given = "a problem" if problem_text is not None else "--trace"
        raise UsageError(f"--interactive does not go with {given}.", "Type problems, and :trace FILE, at its prompt.")
    return run(channels, flags)


def _search(text: str, settings: Settings, channels: Channels, interruption: Interruption) -> Solved:
    """Load the models and search; a signal ends it early, with what it has. Raises TtsError."""
    from tts_cli.loading import models_of
    from tts_cli.solver import Solver

    models = models_of(settings)
    channels.introduce(models.policy)
    with ExitStack() as stack:
        view: LiveTree | None = None
        if channels.live:
            from tts_cli.cli.view.live import LiveTree

            view = LiveTree(channels.console(stderr=True))
        stack.enter_context(interruption)
        if view is not None:
            stack.enter_context(view)
        solver = stack.enter_context(Solver(settings, models=models, on_note=channels.note))
        if view is not None:
            view.show_limits(settings, solver)
        interruption.on_first = lambda: stop(solver, view, channels)
        interruption.arm()
        return solver.search(
            text,
            on_event=view.listen if view else lambda event: None,
            on_decode=view.tick if view else lambda: None,
            should_stop=lambda: interruption.requested,
        )


def stop(solver: Solver, view: LiveTree | None, channels: Channels) -> None:
    """Called by the signal thread: the view is drawn by the main thread, a plain note can be written here."""
    solver.cancel()  # the decode under way, too
    if view is not None:
        view.note = STOPPING
    else:
        channels.note(STOPPING)


def conclude(solved: Solved, settings: Settings, channels: Channels, trace: Path | None = None) -> None:
    """Save the trace, then print; the answer is printed even where the trace could not be written."""
    from tts_cli.analysis.tree import TreeState
    from tts_cli.cli.view import finished

    failed: TtsError | None = None
    if trace is not None:
        from tts_cli.data.trace import save

        try:
            save(trace, solved.trace(settings.model_dump(mode="json", exclude_none=True)))
        except TtsError as error:
            failed = error
    if not (channels.rich_out or channels.json or channels.quiet):
        channels.note(finished.summary(solved.record))
        if solved.record.finish == "low-confidence":
            channels.note(f"No answer is given: {solved.record.why}")
    tree = TreeState(solved.events)
    if tree.too_long:
        some = f"{len(tree.too_long)} of {len(tree.sampled)} steps, and all that follows them"
        channels.note(f"note: too long for the PRM's context, so without a score: {some}.")
    finished.present(channels, solved.record, lambda: tree)
    if failed is not None:
        raise failed


COMMAND = Command(solve, ALL_SETTINGS, EPILOG, kind=TextCommand)
