"""What goes where: the result to stdout, everything else to stderr; rich on a terminal, plain text elsewhere.

The two streams are judged separately. Nothing is printed but through here (errors: see `errors.py`).
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from tts_cli.data.json_line import safe_json
from tts_cli.errors import TtsError, reason
from tts_cli.paths import state_dir

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tts_cli.models.registry import ModelEntry


@dataclass(frozen=True)
class Channels:
    """Decided once per command from the flags, the environment and the two streams.

    `arguments`: the command line, for messages that repeat it.
    """

    quiet: bool = False
    json: bool = False
    no_color: bool = False
    arguments: tuple[str, ...] = ()

    @property
    def rich_out(self) -> bool:
        """Is the result drawn for eyes?"""
        return not self.quiet and not self.json and is_capable_terminal(sys.stdout)

    @property
    def live(self) -> bool:
        """Is there a terminal to draw the growing tree on?"""
        return not self.quiet and is_capable_terminal(sys.stderr)

    def console(self, stderr: bool = False) -> Console:
        """A Rich console that never guesses: no markup, no highlighting, no emoji codes."""
        from rich.console import Console

        no_color = True if self.no_color else None  # None: Rich looks at NO_COLOR
        return Console(stderr=stderr, no_color=no_color, markup=False, highlight=False, emoji=False)

    def draw(self, renderable: RenderableType) -> None:
        """A rich result to stdout."""
        console = self.console()
        with console.capture() as capture:
            console.print(renderable)
        emit(capture.get())

    def note(self, text: str) -> None:
        """A line for the person at the keyboard; `--quiet` drops it."""
        if not self.quiet and sys.stderr is not None:
            print(text, file=sys.stderr, flush=True)

    def introduce(self, entry: ModelEntry) -> None:
        """Say what one should know of a model before it is loaded: that it is a base model, or for demonstration."""
        from tts_cli.models.load import lacks_chat_template

        if self.quiet:
            return
        if entry.role == "policy" and lacks_chat_template(entry):
            self.note(
                f"note: {entry.name} has no chat template, so a plain completion prompt is used. It is probably a base "
                "model, which may not follow instructions: an instruct model solves more."
            )
        if entry.demonstration:
            self._introduce_demonstration(entry)

    def _introduce_demonstration(self, entry: ModelEntry) -> None:
        """What it is and is not: once, which the state directory remembers."""
        marker = state_dir() / "nano-introduced"
        if marker.exists():
            return
        self.note(f"note: {' '.join((entry.note or entry.description).split())}")
        try:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        except OSError:  # a read-only home: it is said again next time, no harm done
            return


def emit(text: str) -> None:
    """The result, as it is, to stdout. A reader that went away is a BrokenPipeError; anything else a TtsError."""
    if sys.stdout is None:
        raise TtsError("The result cannot be written: standard output is closed.", "Redirect it to a file.")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()
        raise TtsError(
            f"The result cannot be written: {reason(error)}.", "Make room or redirect standard output to another place."
        ) from error


def silence_stdout() -> None:
    """What is still unwritten goes nowhere, so that the interpreter does not complain when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit_json(document: str) -> None:
    """One JSON document and a newline, with no character in it that a terminal would act upon."""
    if sys.stdout is not None and (sys.stdout.encoding or "").lower().replace("-", "") != "utf8":
        document = json.dumps(json.loads(document))  # other encodings get ASCII
    emit(safe_json(document) + "\n")


def is_capable_terminal(stream: TextIO | None) -> bool:
    """Does it show what is drawn?"""
    return stream is not None and stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
