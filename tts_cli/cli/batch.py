"""`tts batch`: many problems in, one record a line out. With --output the file is the journal of the run.

Reads rows as they are wanted, keeps as many problems under way as the KV pool holds, and holds no more in memory
than those, a bounded number of finished records, and one small entry per row.
"""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tts_cli.cli.channels import Channels
from tts_cli.cli.options import ALL_SETTINGS, Command
from tts_cli.cli.signals import Interruption
from tts_cli.config import Settings, resolve

if TYPE_CHECKING:
    from tts_cli.batch.resume import Resume
    from tts_cli.cli.view.progress import Progress
    from tts_cli.data.record import Problem, Record
    from tts_cli.data.rows import Row
    from tts_cli.models.load import ModelPair
    from tts_cli.solving.ordering import InOrder

    Problems = Iterator[Problem | None]
    Records = Generator[Record, None, None]

EPILOG = """Examples:

  tts batch problems.jsonl -o answers.jsonl

  cat problems.txt | tts batch | jq -r .answer

An existing answers.jsonl is continued: give the same command again after a crash, Ctrl-C or a full disk. Rows are \
matched by id, problem, settings and models; what differs is solved again.
"""
STOPPING = "Stopping: what is finished is being written. Ctrl-C again ends at once."
OUTCOMES = {"answered": "green", "abstained": "yellow", "in error": "red"}
AHEAD = 4  # times the problems in flight: how far in-order output lets others run ahead of a slow one,
LEAST_AHEAD = 64  # but so many at least
ROW_FAILED = 3
COUNTED_BYTES = 64 << 20  # a larger input is not read twice for the sake of the time left

Input = Annotated[
    Path | None,
    typer.Argument(
        metavar="INPUT", show_default=False, help='.txt (a problem a line), .jsonl or .csv; none or "-": stdin.'
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE.jsonl", help="Continued if it is there. (default: stdout)"),
]
Format = Literal["txt", "jsonl", "csv"]
FormatFlag = Annotated[
    Format | None, typer.Option("--format", help="Input format. (default: by its name or first line)")
]
Unordered = Annotated[bool, typer.Option("--unordered", help="Write records as they are solved.")]
InFlight = Annotated[
    int | None,
    typer.Option("--in-flight", metavar="K", min=1, max=4096, help="Problems at once. (default: what the models hold)"),
]


def batch(
    channels: Channels,
    source: Input = None,
    output: OutputFile = None,
    format: FormatFlag = None,
    unordered: Unordered = False,
    in_flight: InFlight = None,
    **flags: Any,
) -> int:
    """Solve many problems and write one record a line."""
    run = BatchRun(resolve(flags), channels)
    with ExitStack() as stack:
        run.open(stack, source, format, output, ordered=not unordered)
        run.solve(stack, in_flight)
        run.close()
    if run.interruption.requested:
        run.say_how_to_resume(channels.arguments, source, output)
    return run.exit_code


class BatchRun:
    """One batch: `open`, `solve`, `close`."""

    def __init__(self, chosen: Settings, channels: Channels) -> None:
        self.chosen, self.channels = chosen, channels
        self.view: Progress | None = None
        self.interruption = Interruption(self._stopping)
        self.errors = 0
        self.order: InOrder | None = None
        self._taken_all = False

    @property
    def exit_code(self) -> int:
        """130 or 143 after a signal that left rows undone, 3 where a row ended in an error, else 0."""
        if self.interruption.exit_code is not None and not self._complete:
            return self.interruption.exit_code
        return ROW_FAILED if self.errors else 0

    @property
    def _complete(self) -> bool:
        return self._taken_all and not self._under_way

    @property
    def _under_way(self) -> int:
        return self.order.under_way if self.order is not None else 0

    def open(
        self, stack: ExitStack, source: Path | None, format: Format | None, output: Path | None, *, ordered: bool
    ) -> None:
        """Find the models' files, open input and output. Raises TtsError before anything costs time."""
        from tts_cli.batch import output as out
        from tts_cli.batch.resume import Resume

        source = None if str(source) == "-" else source
        from tts_cli.solver import models_of

        self.models: ModelPair = models_of(self.chosen)
        stack.enter_context(self.interruption)
        rows = self._rows(stack, source, format)
        write, journal = stack.enter_context(out.opened(output))
        self.resume: Resume = Resume(self.chosen, self.models, journal, self._note)
        self.ordered, self._write = ordered, write
        if self.channels.live and not (output is None and self.channels.rich_out):
            self.view = stack.enter_context(self._progress(source, format))
        self._pending = self._unsolved(rows)

    def _rows(self, stack: ExitStack, source: Path | None, format: Format | None) -> Iterator[Row | None]:
        from tts_cli.batch import nonblocking as feed
        from tts_cli.data.rows import open_rows

        opened = open_rows(source, format)
        if not feed.may_wait(source):
            return stack.enter_context(opened)
        rows = feed.nonblocking_rows(opened, lambda: self._under_way > 0, lambda: self.interruption.requested)
        if source is None:
            feed.let_go_of_stdin()
        return rows

    def _unsolved(self, rows: Iterator[Row | None]) -> Problems:
        """The rows that must be solved; None where one has to wait for a next one."""
        for row in rows:
            problem = None if row is None else self.resume.problem_of(row)
            if row is not None and problem is None:
                self._count(self.resume.kept)
                continue
            yield problem
        self._taken_all = not self.interruption.requested

    def solve(self, stack: ExitStack, in_flight: int | None) -> None:
        """Load the models, unless nothing is to be solved, and solve; a signal ends it with what is finished."""

        from tts_cli.batch import worker_process

        first = next(self._pending, None)
        if first is None:
            return
        self.channels.introduce(self.models.policy)
        start = self._start_apart if worker_process.are_small(self.models) else self._start_together
        with closing(start(chain([first], self._pending), stack, in_flight)) as records:
            self.interruption.arm()
            self._write_all(records)

    def _start_apart(self, problems: Problems, stack: ExitStack, in_flight: int | None) -> Records:
        """Small models: each problem alone, several at a time."""
        from tts_cli.batch import worker_process
        from tts_cli.batch.workers import AT_ONCE, solve_apart

        workers = worker_process.opened(self.chosen, stack, in_flight)
        return solve_apart(
            self._admitted(problems, AT_ONCE * len(workers)),
            workers,
            should_stop=lambda: self.interruption.requested,
            on_advance=self.view.tick if self.view else _ignore,
        )

    def _start_together(self, problems: Problems, stack: ExitStack, in_flight: int | None) -> Records:
        """Large models: as many problems in one decode loop as the KV pool holds."""
        from tts_cli.solver import Solver

        solver = stack.enter_context(Solver(self.chosen, models=self.models))
        at_once = in_flight or solver.capacity
        return solver.solve_many(
            self._admitted(problems, at_once),
            ordered=False,
            should_stop=lambda: self.interruption.requested,
            on_decode=self.view.tick if self.view else _ignore,
            in_flight=at_once,
        )

    def _admitted(self, problems: Problems, at_once: int) -> Problems:
        """Those problems, as far as the order lets them run ahead."""
        from tts_cli.solving.ordering import InOrder

        self.order = InOrder(max(LEAST_AHEAD, AHEAD * at_once) if self.ordered else None)
        return self.order.admit(problems)

    def _write_all(self, records: Records) -> None:
        """Every record as soon as it may be; at a stop, a failure too, those that waited for others."""
        assert self.order is not None
        try:
            for record in records:
                for ready in self.order.put(record):
                    self._write(ready)
                self._count(record.finish)
                if self.view is not None:
                    self.view.spend(record.cost.policy_tokens + record.cost.prm_tokens)
        finally:
            for ready in self.order.rest():
                self._write(ready)

    def close(self) -> None:
        """Put the file in order once all rows are in it."""
        if self._complete:
            self.resume.settle(ordered=self.ordered)

    def say_how_to_resume(self, arguments: tuple[str, ...], source: Path | None, output: Path | None) -> None:
        """After a stop."""
        command = shlex.join(["tts", *arguments])
        if self._complete:
            return
        if not self.resume.possible:
            self.channels.note("Stopped. With --output FILE the same command can be continued.")
        elif source is None or str(source) == "-":
            self.channels.note(f"Stopped. {output} is continued by the same input to:\n  {command}")
        else:
            self.channels.note(f"Stopped. {output} is continued by:\n  {command}")

    def _count(self, finish: str) -> None:
        self.errors += finish == "error"
        if self.view is not None:
            self.view.finish({"answered": "answered", "error": "in error"}.get(finish, "abstained"))

    def _progress(self, source: Path | None, format: Format | None) -> Progress:
        from tts_cli.cli.view.progress import Progress

        return Progress(self.channels.console(stderr=True), OUTCOMES, total=_rows_in(source, format))

    def _note(self, text: str) -> None:
        if self.view is not None:
            self.view.say(text)
        else:
            self.channels.note(text)

    def _stopping(self) -> None:
        """Called by the signal thread: the line is drawn by the main thread, a plain note can be written here."""
        if self.view is not None:
            self.view.note = STOPPING
        else:
            self.channels.note(STOPPING)


def _rows_in(source: Path | None, format: Format | None) -> int | None:
    """How many there are; None where counting would take long or eat them up."""
    from tts_cli.data.rows import open_rows

    if source is None or not source.is_file() or source.stat().st_size > COUNTED_BYTES:
        return None
    with open_rows(source, format) as rows:
        return sum(1 for _ in rows)


def _ignore(*_: object) -> None:
    """Where there is no view."""


COMMAND = Command(batch, ALL_SETTINGS, EPILOG, has_json=False)
