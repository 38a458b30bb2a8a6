"""The process that runs math-verify and SymPy: one JSON request a line on stdin, one JSON reply a line on stdout.

    {"a": "<latex>", "b": "<latex>"}  ->  {"equal": true | false}, or {"error": "<what was raised>"}

Started and watched by `judge.py`, never imported by it: SymPy takes most of a second to load, may need any amount
of time or memory for a hostile pair, and math-verify wants a main thread of its own. Time limits are the
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

from tts_cli.worker_process import limit_memory, requests_and_reply

_DECIMALS = 12  # to how many decimals math-verify may round what it cannot decide exactly


def equal(a: str, b: str) -> bool:
    """math-verify's judgement in either direction (it is not symmetric); False for what it cannot read."""
    from math_verify import verify

    first, second = _parse(a), _parse(b)
    if not first or not second:
        return False
    options: dict[str, Any] = {"float_rounding": _DECIMALS, "timeout_seconds": None}
    return bool(verify(first, second, **options) or verify(second, first, **options))


def _parse(text: str) -> list[Any]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse

    targets = (LatexExtractionConfig(), ExprExtractionConfig())
    found = parse(f"${text}$", targets, fallback_mode="no_fallback", parsing_timeout=None)
    return [value for value in found if not isinstance(value, str)]


def answer(request: dict[str, str]) -> dict[str, Any]:
    """The reply to a request; raises whatever SymPy raises."""
    return {"equal": equal(request["a"], request["b"])}


def serve(answer: Callable[[dict[str, str]], dict[str, Any]]) -> None:
    """Answer requests until the input ends. Arguments of the process: bytes of memory, seconds for one request."""
    memory, alarm = int(sys.argv[1]), float(sys.argv[2])
    requests, reply = requests_and_reply()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    logging.disable(logging.CRITICAL)
    equal(r"\sin x", r"\cos x")  # loads SymPy and builds the parser's tables before the clock runs
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
