"""The process that runs SymPy: one JSON request a line on stdin, one JSON reply a line on stdout.

    {"a": <tree>, "b": <tree>}  ->  {"equal": true | false}, or {"error": "<what was raised>"}

The trees are `expression.to_json`'s. Started and watched by `judge.py`, never imported by it: SymPy takes most of a
second to load, and may need any amount of time or memory for a hostile pair. Time limits are the
parent's business; the alarm below only ends a worker whose parent has died meanwhile. `tts_cli.verification.worker`
answers further requests in the same way.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

from tts_cli.answers.reading.expression import Apply, Name, from_json
from tts_cli.answers.symbolic import equal
from tts_cli.worker_process import limit_memory, requests_and_reply


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The reply to a request; raises whatever SymPy raises."""
    return {"equal": equal(from_json(request["a"]), from_json(request["b"]))}


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer requests until the input ends. Arguments of the process: bytes of memory, seconds for one request."""
    memory, alarm = int(sys.argv[1]), float(sys.argv[2])
    requests, reply = requests_and_reply()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    logging.disable(logging.CRITICAL)
    equal(Apply("sin", (Name("x"),)), Apply("cos", (Name("x"),)))  # fills SymPy's tables before the clock runs
    limit_memory(memory)
    reply('{"ready": true}')
    for line in requests:
        _alarm(alarm)
        try:
            answered = answer(json.loads(line))
        except (MemoryError, RecursionError, Exception) as error:  # SymPy raises whatever it likes
            answered = {"error": type(error).__name__}
        _alarm(0)
        reply(json.dumps(answered))


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    serve(answer)
