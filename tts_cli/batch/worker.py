"""Workers of a batch over small models: each solves one problem at a time, in this process or in one of its own.

Processes, because the searches' own Python runs on one core at a time within one. A line of JSON goes each way: the
settings first; then a problem in, a record out, until the input ends, which it does when the parent dies. A failure
that ends the run is a line {"failed": ...}.
"""

from __future__ import annotations

import json
import logging
import sys
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record, RecordError
from tts_cli.errors import ModelError, TtsError, UsageError, log_tracebacks
from tts_cli.search.methods import load_plugins
from tts_cli.worker_process import WorkerProcess, requests_and_reply

if TYPE_CHECKING:
    from tts_cli.models.load import ModelPair

SEQUENCES = 32  # of each model
PATIENCE = 10_000  # decodes for which the PRM waits: nobody watches, and all scores together are quicker worked out
ERRORS = {error.__name__: error for error in (TtsError, UsageError, ModelError)}


class Worker(Protocol):
    """Solves one problem at a time, asked by one thread."""

    def solve(self, problem: Problem) -> Record | None:
        """Its record; None after `stop`. Raises what ends a run."""
        ...

    def stop(self) -> None:
        """From another thread: end the problem under way soon, and solve no further one."""
        ...


class LocalWorker:
    """Models in this process; `stack` closes them. `models`: those that the settings mean, where they are known."""

    def __init__(self, settings: Settings, stack: ExitStack, models: ModelPair | None = None) -> None:
        from tts_cli.search.driver import PRM_PATIENCE
        from tts_cli.solver import Solver

        limited = settings.max_time is not None or settings.max_flops is not None  # scores must be there by then
        self._patience = PRM_PATIENCE if limited else PATIENCE
        self._solver = stack.enter_context(Solver(settings, models=models, sequences=SEQUENCES))
        self._stopped = False

    def solve(self, problem: Problem) -> Record | None:
        """See Worker."""
        records = self._solver.solve_many([problem], should_stop=lambda: self._stopped, prm_patience=self._patience)
        return next(records, None)

    def stop(self) -> None:
        self._stopped = True


class ProcessWorker:
    """A process of its own, which loads its models while others do so too; `stack` ends it."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._stopped = False
        debug = ["--debug"] if logging.getLogger("tts_cli").isEnabledFor(logging.DEBUG) else []
        self.process = WorkerProcess("tts_cli.batch.worker", *debug)
        stack.callback(self.process.kill)
        self.process.send(settings.model_dump_json())

    def solve(self, problem: Problem) -> Record | None:
        """See Worker."""
        self.process.send(json.dumps(asdict(problem) | {"error": problem.error and problem.error.model_dump()}))
        line = self.process.receive()
        if line is not None and not line.startswith('{"failed"'):
            return Record.model_validate_json(line)
        if self._stopped:
            return None
        raise _failure(line)

    def stop(self) -> None:
        self._stopped = True
        self.process.kill()


def _failure(line: str | None) -> TtsError:
    """What the process said last, as an error of this one."""
    if line is None:
        hint = "It may have run out of memory. Try again with --in-flight 1."
        return TtsError("A process that solves problems ended without a word.", hint)
    failed = json.loads(line)["failed"]
    return ERRORS[failed["type"]](failed["what"], failed["hint"])


def serve() -> None:
    """The process's side, until its input ends."""
    requests, reply = requests_and_reply()
    if "--debug" in sys.argv:
        log_tracebacks()
    try:
        load_plugins()  # before the settings, which may name the method of one
        with ExitStack() as stack:
            worker = LocalWorker(Settings.model_validate_json(next(requests)), stack)
            for line in requests:
                fields = json.loads(line)
                error = fields.pop("error")
                record = worker.solve(Problem(**fields, error=RecordError(**error) if error else None))
                assert record is not None, "nobody stops a worker from within"
                reply(record.model_dump_json())
    except TtsError as error:
        kind = next(name for name, known in reversed(ERRORS.items()) if isinstance(error, known))
        reply(json.dumps({"failed": {"type": kind, "what": error.what, "hint": error.hint}}))


if __name__ == "__main__":
    serve()
