"""A station of a batch (strategy.stations): small models, one problem at a time, here or in a process of its own.

Processes, because the searches' own Python runs on one core at a time within one. The protocol is a line of JSON
each way: the settings first; then a problem in, a record out, until the input ends, which it does when the parent dies.
A failure that ends the run is a line {"failed": ...}.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record, RecordError
from tts_cli.errors import ModelError, TtsError, UsageError

if TYPE_CHECKING:
    from tts_cli.models.load import ModelPair

SMALL_FILE = 64 << 20  # bytes
MOST = 4  # stations: each is a process with its own models, some 250 MiB
SEQUENCES = 32  # of each model
PATIENCE = 10_000  # decodes for which the PRM waits: nobody watches, and all scores together are quicker worked out
ERRORS = {error.__name__: error for error in (TtsError, UsageError, ModelError)}


def are_small(models: ModelPair) -> bool:
    """Are both models so small that a problem is solved as fast alone (see workers.py)? Raises ModelError."""
    from tts_cli.models.registry import locate

    loaded = [entry for entry in (models.policy, models.prm) if entry is not None]
    return all(locate(entry).stat().st_size <= SMALL_FILE for entry in loaded)


def opened(chosen: Settings, stack: ExitStack, at_most: int | None) -> list[LocalWorker] | list[ProcessWorker]:
    """As many stations as there are threads for, at most `at_most`; `stack` closes them. Raises TtsError."""
    from tts_cli.engine.library import physical_cores

    count = min(chosen.threads or physical_cores(), at_most or MOST, MOST)
    alone = chosen.model_copy(update={"threads": 1})
    if count == 1:
        return [LocalWorker(alone, stack)]
    return [stack.enter_context(ProcessWorker(alone)) for _ in range(count)]


class LocalWorker:
    """Models in this process; `stack` closes them."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        from tts_cli.search.driver import PRM_PATIENCE
        from tts_cli.solver import Solver

        limited = settings.max_time is not None or settings.max_flops is not None  # scores must be there by then
        self._patience = PRM_PATIENCE if limited else PATIENCE
        self._solver = stack.enter_context(Solver(settings, sequences=SEQUENCES))
        self._stopped = False

    def solve(self, problem: Problem) -> Record | None:
        """See workers.Worker."""
        records = self._solver.solve_many([problem], should_stop=lambda: self._stopped, prm_patience=self._patience)
        return next(records, None)

    def stop(self) -> None:
        self._stopped = True


class ProcessWorker:
    """A process of its own, which loads its models while others do so too."""

    def __init__(self, chosen: Settings) -> None:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._stopped = False
        self._process = subprocess.Popen(
            # -P keeps the current directory off sys.path: what lies there must not be imported.
            [sys.executable, "-P", "-m", "tts_cli.batch.worker_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C in the terminal goes to the parent alone
        )
        self._send(chosen.model_dump_json())

    def __enter__(self) -> ProcessWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)

    def solve(self, problem: Problem) -> Record | None:
        """See workers.Worker."""
        self._send(json.dumps(asdict(problem) | {"error": problem.error and problem.error.model_dump()}))
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line.endswith("\n") and not line.startswith('{"failed"'):
            return Record.model_validate_json(line)
        if self._stopped:
            return None
        raise _failure(line)

    def stop(self) -> None:
        self._stopped = True
        self._process.kill()

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:  # it has ended; why is found out when its reply is read
            return


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except OSError:  # what was left unwritten has no reader any more
        return


def _failure(line: str) -> TtsError:
    """What the process said last, as an error of this one."""
    if not line.endswith("\n"):
        hint = "It may have run out of memory. Try again with --in-flight 1."
        return TtsError("A process that solves problems ended without a word.", hint)
    failed = json.loads(line)["failed"]
    return ERRORS[failed["type"]](failed["what"], failed["hint"])


def serve(requests: TextIO, replies: TextIO) -> None:
    """The process's side."""
    try:
        with ExitStack() as stack:
            worker = LocalWorker(Settings.model_validate_json(requests.readline()), stack)
            for line in requests:
                record = worker.solve(_problem(line))
                assert record is not None, "nobody stops a station from within"
                _reply(replies, record.model_dump_json())
    except TtsError as error:
        kind = next(name for name, known in reversed(ERRORS.items()) if isinstance(error, known))
        _reply(replies, json.dumps({"failed": {"type": kind, "what": error.what, "hint": error.hint}}))


def _problem(line: str) -> Problem:
    fields = json.loads(line)
    error = fields.pop("error")
    return Problem(**fields, error=RecordError(**error) if error else None)


def _reply(replies: TextIO, line: str) -> None:
    replies.write(line + "\n")
    replies.flush()


def main() -> None:
    """Until the parent closes the pipe, or is gone."""
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    replies, sys.stdout = sys.stdout, sys.stderr  # a stray print must not break the protocol
    try:
        serve(sys.stdin, replies)
    except BrokenPipeError:
        os._exit(1)


if __name__ == "__main__":
    main()
