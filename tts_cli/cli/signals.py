"""Ctrl-C and SIGTERM while a search runs: the first asks it to stop between two decodes, the second ends the program.

Python runs signal handlers only between byte codes, so a handler would wait for a decode that takes seconds.
The C-level handler however writes the signal's number to a socket at once, and a thread waits there; it runs
while llama.cpp computes, because ctypes lets go of the interpreter lock. Untested on Windows, where SIGTERM is only
what a process sends to itself.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType

SHOW_CURSOR = "\x1b[?25h"


class Interruption:
    """Context manager. Until `arm()` there is nothing to save: the first signal ends the program as well."""

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        self.signal: int | None = None
        self.on_first = on_first
        self._armed = False
        self._before: dict[int, object] = {}
        self._fd_before = -1

    @property
    def requested(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int | None:
        """130 after Ctrl-C, 143 after SIGTERM, None if neither came."""
        return None if self.signal is None else 128 + self.signal

    def arm(self) -> None:
        """From now on there may be an answer worth stopping gently for."""
        self._armed = True

    def __enter__(self) -> Interruption:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, _leave_to_the_thread)
        threading.Thread(target=self._watch, name="signals", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._fd_before)
        self._writer.close()  # the thread reads end-of-file and ends

    def _watch(self) -> None:
        with self._reader:
            while data := self._reader.recv(1):
                number = data[0]
                if number in (signal.SIGINT, signal.SIGTERM):
                    if self.signal is not None or not self._armed:
                        leave_now(128 + number)
                    self.signal = number
                    self.on_first()


def leave_now(code: int) -> None:
    """End the process without any clean-up but the terminal's cursor, which the live tree hides."""
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(sys.stderr.fileno(), (SHOW_CURSOR + "\n").encode())
    os._exit(code)


def _leave_to_the_thread(number: int, frame: FrameType | None) -> None:
    """A Python-level handler must be set for the C-level one to write to the socket."""
