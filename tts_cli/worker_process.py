"""A module of this package that runs as a process of its own and answers requests: a line of text each way.

    parent: WorkerProcess("tts_cli.some.module") ── send(line) ──►  child: for line in requests: ...
                                                 ◄─ receive() ───           reply(line)

Covers starting, sending, receiving with or without a deadline, ending, and a limit on memory. What stands in a line is
for the two sides to agree on. The child's input ends when its parent does, whatever ended it. Untested on Windows.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path


class WorkerProcess:
    """The parent's side. Raises OSError where the process cannot be started.

    `silent`: what the process writes on stderr is dropped.
    """

    def __init__(self, module: str, *arguments: str, silent: bool = False) -> None:
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            # -P keeps the current directory off sys.path: what lies there must not be imported.
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if silent else None,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path},
            # Ctrl-C in the terminal goes to the parent alone.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # Pipes cannot be waited for on every system; a queue can.
        threading.Thread(target=self._read, name="replies", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, line: str) -> None:
        """A process that has ended takes it as well: `receive` is where that is noticed."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def receive(self, deadline: float | None = None) -> str | None:
        """The next line; None when the process has ended, or when there is none by `deadline` (time.monotonic)."""
        try:
            line = self._lines.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None
        if line is None:
            self._lines.put(None)  # for those who ask again
        return line

    def kill(self) -> None:
        """End the process at once and reap it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was left unwritten has no reader any more
                assert pipe is not None
                pipe.close()

    def _read(self) -> None:
        """Whole lines only: half of one means that the process was killed while it wrote."""
        assert self._process.stdout is not None
        with suppress(ValueError):  # closed by `kill`
            for line in self._process.stdout:
                if line.endswith("\n"):
                    self._lines.put(line)
        self._lines.put(None)


def requests_and_reply() -> tuple[Iterator[str], Callable[[str], None]]:
    """The child's side: the lines that come in, and what sends one back. A stray print goes to stderr from here on."""
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    replies, sys.stdout = sys.stdout, sys.stderr

    def reply(line: str) -> None:
        try:
            replies.write(line + "\n")
            replies.flush()
        except BrokenPipeError:  # the parent is gone, and with it everybody who would read more
            os._exit(1)

    return iter(sys.stdin), reply


def limit_memory(limit: int) -> None:
    """Caps the address space (bytes) where the platform knows such a limit."""
    try:
        import resource
    except ImportError:  # Windows
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    except (ValueError, OSError):  # macOS refuses some limits
        return
