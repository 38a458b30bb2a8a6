"""`tts solve`: one problem, from the text to the answer on stdout."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli import config as settings
from tts_cli.cli import first_run, problem
from tts_cli.cli import options as opt
from tts_cli.cli.channels import Channels
from tts_cli.cli.show import present
from tts_cli.cli.signals import Interruption
from tts_cli.errors import TtsError

if TYPE_CHECKING:
    from tts_cli.cli.view.live import LiveTree
    from tts_cli.data.record import Record
    from tts_cli.solving.solve import Solved

EPILOG = """Examples:

  tts solve "Compute 37 + 4 * (12 - 5)."

  tts solve -q --method beam -n 16 < problem.txt

  tts solve --policy qwen.gguf --trace search.json "..."

Every search flag can also be set as TTS_FLAG in the environment, or as a line `flag: value` in ./tts.yaml \
or in the file that `tts doctor` names.
"""
STOPPING = "Stopping: the best answer so far follows. Ctrl-C again ends at once."
Problem = Annotated[
    str | None, typer.Argument(metavar="PROBLEM", show_default=False, help='The problem; none or "-": all of stdin.')
]


@opt.with_flags(*opt.FLAGS)
def solve(
    context: typer.Context,
    problem_text: Problem = None,
    *,
    trace: opt.TraceFlag = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    debug: opt.Debug = False,
    **flags: Any,
) -> int:
    """Solve one problem and print the answer."""
    context.obj.merge(debug=debug, no_color=no_color)
    chosen = settings.resolve(flags)
    channels = Channels(quiet, as_json, context.obj.no_color)
    text = problem.read(problem_text)
    if trace is not None:
        from tts_cli.data.files import check_writable

        check_writable(trace, "The trace")
    run = SolveRun(chosen, channels)
    solved = run.search(text)
    run.conclude(solved, trace)
    return run.exit_code(solved.record)


class SolveRun:
    """One search with its view and its interruption: `search`, `conclude`, `exit_code`."""

    def __init__(self, chosen: settings.Settings, channels: Channels) -> None:
        self.chosen, self.channels = chosen, channels
        self.view: LiveTree | None = None
        self.interruption = Interruption(self._stopping)

    def search(self, text: str) -> Solved:
        """Load the models and search; a signal ends it early, with what it has. Raises TtsError."""
        from tts_cli import solver as setup
        from tts_cli.solving.solve import solve as strategy_solve

        entries = setup.entries(self.chosen)
        first_run.tell_once(entries.policy, self.channels)
        with ExitStack() as stack:
            stack.enter_context(self.interruption)
            if self.channels.live:
                self.view = stack.enter_context(self._live_tree())
            policy, prm = setup.load(self.chosen, entries, stack)
            known = setup.known(self.chosen, entries, policy, prm)
            if self.view is not None:
                self.view.limits = setup.limits(self.chosen, known, policy, prm)
            self.interruption.arm()
            return strategy_solve(
                text,
                setup.solve_settings(self.chosen, entries),
                policy,
                prm,
                known=known,
                listener=self.view.listen if self.view else _ignore,
                should_stop=lambda: self.interruption.requested,
                on_advance=self.view.tick if self.view else _ignore,
            )

    def conclude(self, solved: Solved, trace: Path | None) -> None:
        """Save the trace, then print; the answer is printed even where the trace could not be written."""
        from tts_cli.cli.view.tree_state import TreeState

        failed: TtsError | None = None
        if trace is not None:
            try:
                self._save(trace, solved)
            except TtsError as error:
                failed = error
        if not (self.channels.rich_out or self.channels.json):
            self._sum_up(solved.record)
        present(self.channels, solved.record, TreeState(solved.events))
        if failed is not None:
            raise failed

    def exit_code(self, record: Record) -> int:
        """130 or 143 after a signal, 3 without an answer, else 0."""
        if self.interruption.exit_code is not None:
            return self.interruption.exit_code
        return 0 if record.answer is not None else 3

    def _live_tree(self) -> LiveTree:
        from tts_cli.cli.view.live import LiveTree

        return LiveTree(self.channels.console(stderr=True))

    def _stopping(self) -> None:
        """Called by the signal thread: the view is drawn by the main thread, a plain note can be written here."""
        if self.view is not None:
            self.view.note = STOPPING
        else:
            self.channels.note(STOPPING)

    def _save(self, path: Path, solved: Solved) -> None:
        from tts_cli.data import trace
        from tts_cli.solving.solve import trace_of

        trace.save(path, trace_of(solved, self.chosen.model_dump(mode="json", exclude_none=True)))

    def _sum_up(self, record: Record) -> None:
        from tts_cli.cli.view import plain

        self.channels.note(plain.summary(record))


def _ignore(*_: object) -> None:
    """No view: nobody looks."""
