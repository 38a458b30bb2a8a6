"""Another program: threads that are busy until standard input ends, so also when whoever started them dies.

python -m benchmarks.speed.load 2
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SETTLE = 0.7  # seconds: until it is at work


def _work() -> None:
    import numpy as np

    values = np.linspace(0.0, 1.0, 200_000)
    while True:  # numpy lets other threads run meanwhile
        np.sin(values)


@contextmanager
def busy(threads: int) -> Iterator[None]:
    """A process with so many busy threads; it is ended whatever happens."""
    command = [sys.executable, "-m", "benchmarks.speed.load", str(threads)]
    # In a session of its own, as a program of another window is: Linux shares the cores out among sessions first.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        time.sleep(_SETTLE)
        if process.poll() is not None:
            raise RuntimeError("the load ended by itself")
        yield
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        threading.Thread(target=_work, daemon=True).start()
    sys.stdin.read()
    os._exit(0)
