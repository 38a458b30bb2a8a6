"""One batch: rows in, records out, over an output that an earlier run may have begun.

    rows ─► resume: what is not done yet ─► executor: solved, several at a time ─► order ─► records

Rows are read as they are wanted; in memory are the problems under way, a bounded number of finished records, and one
small entry per row. Prints nothing and handles no signal: a caller watches with a `BatchObserver`, and ends the run
by `should_stop`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tts_cli.batch.executors import Executor, open_executor
from tts_cli.batch.input import rows_of
from tts_cli.batch.output import Write, opened
from tts_cli.batch.resume import Resume
from tts_cli.config import Settings
from tts_cli.data.journal import Journal
from tts_cli.data.record import Problem, Record
from tts_cli.data.rows import Format, Row
from tts_cli.loading import models_of
from tts_cli.models.registry import ModelEntry
from tts_cli.solving.ordering import InOrder


class BatchObserver:
    """What a caller gets to know while a batch runs; every method does nothing until it is overridden."""

    def note(self, text: str) -> None:
        """A sentence for the user, such as that an id occurs twice."""

    def opened(self) -> None:
        """Input and output are open, and rows are about to be read."""

    def loading(self, policy: ModelEntry) -> None:
        """There is something to solve: the models are about to be loaded."""

    def loaded(self) -> None:
        """Problems are about to be solved; a stop keeps what is finished from now on."""

    def kept(self, finish: str) -> None:
        """A row was done in an earlier run, which ended with this finish."""

    def finished(self, record: Record) -> None:
        """A row is solved. Its record is written, unless it waits for those before it."""

    def advanced(self) -> None:
        """Several times a second while problems are solved."""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """`errors`: rows whose record is an error, those of an earlier run among them; `first_error`: which is the first
    of them and why ("row 3: its problem is empty."). `complete`: each row has its record. `resumable`: the output is a
    file, which the same batch continues."""

    errors: int
    complete: bool
    resumable: bool
    first_error: str | None = None


class BatchRun:
    """Solves the rows of a file (None: of stdin) once; `output` is a file, pipe or device, or gets each record.

    `ordered`: records come in the order of their rows; `at_most`: problems under way. Settings as for `Solver`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     problems, answers = Path(folder, "problems.txt"), Path(folder, "answers.jsonl")
    ...     _ = problems.write_text("Compute 3 + 4.\\nCompute 2 + 3.\\n")
    ...     outcome = BatchRun(Settings(method="greedy", threads=1), problems, answers).run()
    ...     [Record.model_validate_json(line).answer for line in answers.read_text().splitlines()]
    ['7', '5']
    """

    def __init__(
        self,
        settings: Settings,
        source: Path | None,
        output: Path | Write,
        *,
        format: Format | None = None,
        ordered: bool = True,
        at_most: int | None = None,
        observer: BatchObserver | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.settings, self.source, self.output = settings, source, output
        self.format, self.ordered, self.at_most = format, ordered, at_most
        self.observer, self.should_stop = observer or BatchObserver(), should_stop
        self._order: InOrder | None = None
        self._numbers: dict[str, int] = {}  # of the rows under way, by id
        self._errors = 0
        self._first_error: tuple[int, str] | None = None  # the row's number, what is wrong
        self._took_all = False  # rows

    def run(self) -> BatchOutcome:
        """Raises TtsError for an input, an output, settings or models that cannot be used."""
        models = models_of(self.settings)
        with ExitStack() as stack:
            # 1. Open input and output before anything costs time.
            rows = rows_of(self.source, self.format, stack, busy=self._is_busy, should_stop=self.should_stop)
            write, journal = stack.enter_context(opened(self.output))
            resume = Resume(self.settings, models, journal, self.observer.note)
            self.observer.opened()
            # 2. Load the models, if there is anything to solve, and solve.
            problems = self._unsolved(rows, resume)
            if (first := next(problems, None)) is not None:
                self.observer.loading(models.policy)
                executor = open_executor(self.settings, models, stack, self.at_most, self.observer.note)
                self.observer.loaded()
                self._solve(chain([first], problems), executor, write)
            # 3. Put the file in order once all rows are in it.
            complete = self._took_all and not self._is_busy()
            if complete and journal is not None:
                self._note_others(journal)
                journal.settle(ordered=self.ordered)
        bad = self._first_error and "row {}: {}".format(*self._first_error)
        return BatchOutcome(self._errors, complete, resumable=journal is not None, first_error=bad)

    def _is_busy(self) -> bool:
        """Is a problem under way?"""
        return self._order is not None and self._order.under_way > 0

    def _unsolved(self, rows: Iterator[Row | None], resume: Resume) -> Iterator[Problem | None]:
        """The rows that must be solved; None where one has to wait for a next one."""
        for row in rows:
            if row is None:
                yield None
                continue
            found = resume.visit(row)
            if isinstance(found, Problem):
                self._numbers[found.id] = row.number
                yield found
            else:
                if found.finish == "error":
                    self._count_error(row.number, resume.error_of(found))
                self.observer.kept(found.finish)
        self._took_all = not self.should_stop()

    def _count_error(self, number: int, message: str) -> None:
        self._errors += 1
        if self._first_error is None or number < self._first_error[0]:
            self._first_error = number, message.removeprefix(f"Row {number}: ").partition("\n")[0]

    def _note_others(self, journal: Journal) -> None:
        """Say that the output holds more than the rows of this input."""
        if count := journal.not_visited:
            records = "1 record is" if count == 1 else f"{count} records are"
            self.observer.note(f"note: {records} kept in {journal.path} of rows that are not in this input.")

    def _solve(self, problems: Iterator[Problem | None], executor: Executor, write: Write) -> None:
        """Write every record as soon as it may be; at a stop, a failure too, those that waited for others."""
        order = self._order = InOrder.over(executor.at_once, ordered=self.ordered)
        records = executor.records(
            order.admit(problems), should_stop=self.should_stop, on_decode=self.observer.advanced
        )
        with closing(records):
            try:
                for record in records:
                    for ready in order.put(record):
                        write(ready)
                    number = self._numbers.pop(record.id)
                    if record.error is not None:
                        self._count_error(number, record.error.message)
                    self.observer.finished(record)
            finally:
                for ready in order.rest():
                    write(ready)
