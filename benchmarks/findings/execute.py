"""Runs the evaluations one after another. Each says its command first, and each goes on where it was stopped.

Nothing is skipped here: `tts eval` samples only what its folder does not hold, refuses samples of other models, and
counts anew, without a model where nothing is missing.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.findings.plan import Part, budgets_of, eval_command, world_command, world_file


@dataclass(frozen=True, slots=True)
class Job:
    """One process: what a reader would type, what is run, and the file that takes its stdout."""

    shown: str
    arguments: list[str]
    target: Path | None = None


def jobs(
    parts: Sequence[Part], policies: Sequence[str], runs: Path, limit: int, budgets: Sequence[int]
) -> Iterator[Job]:
    """All of them in order; a part with none of the budgets is left out."""
    for part in parts:
        if not budgets_of(part, budgets):
            continue
        if part.world:
            command, target = world_command(part, limit), runs / world_file(part)
            yield Job(f"python {shlex.join(command)} > {shlex.quote(str(target))}", command, target)
        for policy in policies:
            command = eval_command(part, policy, runs, limit, budgets)
            yield Job(f"tts {shlex.join(command)}", ["-m", "tts_cli", *command])


def execute(todo: Sequence[Job], say: Callable[[str], None]) -> int:
    """Until all are done or one fails; its exit code."""
    for job in todo:
        say(f"$ {job.shown}")
        code = _write(job.arguments, job.target) if job.target else _call(job.arguments)
        if code:
            return code
    return 0


def _write(arguments: Sequence[str], target: Path) -> int:
    """The process's stdout as a file, written only when it is whole."""
    done = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE)
    if done.returncode == 0:
        target.write_bytes(done.stdout)
    return done.returncode


def _call(arguments: Sequence[str]) -> int:
    """Ctrl-C reaches both processes: the evaluation ends in its own time, so it is waited for."""
    with subprocess.Popen([sys.executable, *arguments]) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
