"""`tts solve --interactive`: the models stay loaded, and each line that is typed or piped in is a problem.

    line ── a problem ── search ── the answer, as `tts solve` prints it
         └─ :command ── settings, the last search, the end

Ctrl-C ends a search, with the best answer so far, and not the loop; at the prompt it drops the line. An error ends
neither. Prompt and notes go to stderr, so that stdout holds answers alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_cli.cli import errors
from tts_cli.cli.channels import Channels, is_capable_terminal
from tts_cli.cli.models_pull import pull_missing
from tts_cli.cli.problem import MOST_BYTES
from tts_cli.cli.signals import Interruption
from tts_cli.cli.solve import conclude, stop
from tts_cli.config import Settings, resolve
from tts_cli.errors import PromptTooLong, TtsError, UsageError
from tts_cli.paths import state_dir

if TYPE_CHECKING:
    from tts_cli.cli.view.live import LiveTree
    from tts_cli.solver import Solver
    from tts_cli.solving.solve import Solved

PROMPT, WITHIN = "> ", "| "
MOST_HISTORY = 1000  # lines

HELP = """\
A line is a problem. A problem of several lines stands between :block and an empty line. A command begins with a colon:
  :set NAME VALUE  changes a setting, as a flag of that name would: :set method beam; without VALUE its default
  :set             shows what was set
  :why             says how the last answer was found
  :trace FILE      saves the last search for `tts show`
  :quit            ends, as Ctrl-D does; Ctrl-C stops a search only"""


def run(channels: Channels, flags: dict[str, Any]) -> int:
    """Until the input ends. The exit code: 0, or that of SIGTERM."""
    with ExitStack() as stack:
        loop = Loop(channels, flags, stack.enter_context(ExitStack()))
        stack.enter_context(_history())
        pull_missing(channels, settings := resolve(flags))
        loop.load(settings)
        channels.note("A problem a line; :help for more, Ctrl-D to end.")
        for line in loop.lines():
            try:
                loop.take(line)
            except TtsError as error:
                errors.say(error.what, error.hint)
            if loop.exit_code is not None:
                return loop.exit_code
    return 0


@dataclass
class Loop:
    """What stays between two lines. `flags`: all that was set; `models` closes the solver. `exit_code`: not None once
    the loop is to end."""

    channels: Channels
    flags: dict[str, Any]
    models: ExitStack
    solver: Solver = field(init=False)
    last: Solved | None = None
    exit_code: int | None = None

    def load(self, settings: Settings) -> None:
        """Load the models that these settings mean in place of those before. Raises TtsError; then those stay."""
        from tts_cli.loading import models_of
        from tts_cli.solver import Solver

        found = models_of(settings)
        self.channels.introduce(found.policy)
        solver = Solver(settings, models=found, on_note=self.channels.note)
        self.models.close()
        self.solver = self.models.enter_context(solver)

    def lines(self) -> Iterator[str]:
        """What is typed or piped in, a block as one text, until the end of the input. Ctrl-C drops what was typed."""
        while True:
            try:
                line = _read(PROMPT)
                if line.strip() == ":block":
                    line = "\n".join(_block())
            except EOFError:
                return
            except KeyboardInterrupt:
                self.channels.note("")
                continue
            if line.strip():
                yield line.strip()

    def take(self, line: str) -> None:
        """Solve a problem, or do as a command says. Raises TtsError."""
        if not line.startswith(":"):
            self._solve(line)
            return
        name, _, rest = line[1:].partition(" ")
        command = _COMMANDS.get(name)
        if command is None:
            raise UsageError(f"There is no command :{name}.", "`:help` lists them all.")
        command(self, rest.strip())

    def _solve(self, text: str) -> None:
        _check(text)
        interruption = Interruption()
        with ExitStack() as stack:
            stack.enter_context(interruption)
            view = stack.enter_context(self._view()) if self.channels.live else None
            interruption.on_first = lambda: stop(self.solver, view, self.channels)
            interruption.arm()
            self.last = self.solver.search(
                text,
                on_event=view.listen if view else lambda event: None,
                on_decode=view.tick if view else lambda: None,
                should_stop=lambda: interruption.requested,
            )
        conclude(self.last, self.solver.settings, self.channels)
        if interruption.exit_code is not None and interruption.exit_code != 130:  # SIGTERM
            self.exit_code = interruption.exit_code

    def _view(self) -> LiveTree:
        from tts_cli.cli.view.live import LiveTree

        view = LiveTree(self.channels.console(stderr=True))
        view.show_limits(self.solver.settings, self.solver)
        return view

    # Commands

    def set(self, rest: str) -> None:
        """Change one setting, loading models only where others are meant; or show what was set."""
        name, _, value = rest.partition(" ")
        name = name.lstrip("-").replace("-", "_")
        if not name:
            given = {key: value for key, value in self.flags.items() if value is not None}
            self.channels.note("\n".join(f"{key}: {value}" for key, value in given.items()) or "Nothing was set.")
            return
        flags = {**self.flags, name: value.strip() or None}
        if name not in Settings.model_fields:
            flags[name] = value.strip()  # refused by name
        settings = resolve(flags)
        if self.solver.serves(settings):
            self.solver.change(settings)
        else:
            self.load(settings)
        self.flags = flags

    def why(self, rest: str) -> None:
        """How the last answer was found."""
        from tts_cli.cli.view.finished import summary

        record = self._last().record
        self.channels.note(f"{record.why}\n{summary(record)}")

    def trace(self, rest: str) -> None:
        """Save the last search."""
        from tts_cli.data.trace import save

        if not rest:
            raise UsageError("`:trace` needs the name of a file.", "Example: :trace search.json")
        save(
            Path(rest).expanduser(), self._last().trace(self.solver.settings.model_dump(mode="json", exclude_none=True))
        )
        self.channels.note(f"Written to {rest}.")

    def quit(self, rest: str) -> None:
        """End the loop."""
        self.exit_code = 0

    def help(self, rest: str) -> None:
        """List the commands."""
        self.channels.note(HELP)

    def _last(self) -> Solved:
        if self.last is None:
            raise UsageError("Nothing was solved so far.", "Type a problem first.")
        return self.last


_COMMANDS: dict[str, Callable[[Loop, str], None]] = {
    "set": Loop.set,
    "why": Loop.why,
    "trace": Loop.trace,
    "quit": Loop.quit,
    "help": Loop.help,
}


def _check(text: str) -> None:
    """Raises UsageError and PromptTooLong for what is no problem."""
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise UsageError("The problem is not valid UTF-8.", "Type or pipe in UTF-8.") from error
    if size > MOST_BYTES:
        raise PromptTooLong("The problem is longer than 16 MiB.", "Each line is a problem.")


def _block() -> Iterator[str]:
    """Lines up to an empty one, or to the end of the input."""
    with suppress(EOFError):
        while line := _read(WITHIN):
            yield line


def _read(prompt: str) -> str:
    """A line, edited by readline on a terminal. Raises EOFError at the end of the input."""
    if sys.stdin is None:
        raise EOFError
    if sys.stdin.isatty() and is_capable_terminal(sys.stdout):
        return input(prompt)
    if sys.stdin.isatty() and sys.stderr is not None:
        print(prompt, end="", file=sys.stderr, flush=True)
    line = sys.stdin.buffer.readline()
    if not line:
        raise EOFError
    return line.decode("utf-8", errors="surrogateescape").rstrip("\r\n")


@contextmanager
def _history() -> Iterator[None]:
    """Of what is typed on a terminal: kept in the state directory, where that can be written."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    path = state_dir() / "history"
    with suppress(OSError):  # none so far, or unreadable: it begins empty
        readline.read_history_file(path)
    try:
        yield
    finally:
        readline.set_history_length(MOST_HISTORY)
        with suppress(OSError):  # a read-only home
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)
