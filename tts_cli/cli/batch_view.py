"""What `tts batch` shows while it runs: notes and, on a terminal, a line of progress. Watches for signals, too."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tts_cli.batch.input import count_rows
from tts_cli.batch.run import BatchObserver
from tts_cli.cli.channels import Channels
from tts_cli.cli.notices import note_unread_stdin
from tts_cli.cli.signals import Interruption
from tts_cli.cli.view.progress import Progress
from tts_cli.data.record import Record
from tts_cli.data.rows import Format
from tts_cli.models.registry import ModelEntry

STOPPING = "Stopping: what is finished is being written. Ctrl-C again ends at once."
OUTCOMES = {"answered": "green", "abstained": "yellow", "in error": "red"}


class BatchView(BatchObserver):
    """A context manager. `on_terminal`: records go to the terminal that the line would be drawn on."""

    def __init__(self, channels: Channels, source: Path | None, format: Format | None, *, on_terminal: bool) -> None:
        self.interruption = Interruption(self._stopping)
        self._channels, self._source, self._format = channels, source, format
        self._drawn = channels.live and not on_terminal
        self._progress: Progress | None = None
        self._stack = ExitStack()

    def __enter__(self) -> BatchView:
        self._stack.enter_context(self.interruption)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def opened(self) -> None:
        if self._source is not None:
            note_unread_stdin(self._channels, f"the problems are taken from {self._source}")
        if self._drawn:
            total = count_rows(self._source, self._format)
            progress = Progress(self._channels.console(stderr=True), OUTCOMES, total=total)
            self._progress = self._stack.enter_context(progress)

    def note(self, text: str) -> None:
        (self._progress.say if self._progress else self._channels.note)(text)

    def loading(self, policy: ModelEntry) -> None:
        self._channels.introduce(policy)

    def loaded(self) -> None:
        self.interruption.arm()

    def kept(self, finish: str) -> None:
        if self._progress:
            self._progress.finish({"answered": "answered", "error": "in error"}.get(finish, "abstained"))

    def finished(self, record: Record) -> None:
        self.kept(record.finish)
        if self._progress:
            self._progress.spend(record.cost.policy_tokens + record.cost.prm_tokens)

    def advanced(self) -> None:
        if self._progress:
            self._progress.tick()

    def _stopping(self) -> None:
        """Called by the signal thread: the line is drawn by the main thread, a plain note can be written here."""
        if self._progress:
            self._progress.note = STOPPING
        else:
            self._channels.note(STOPPING)
