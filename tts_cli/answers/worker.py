"""The process that runs math-verify and SymPy: one JSON request a line on stdin, one JSON reply a line on stdout.

    {"a": "<latex>", "b": "<latex>"}           ->  {"equal": true | false}
    {"problem": "<text>", "answer": "<text>"}  ->  {"opinion": "right" | "wrong" | "no opinion"}

Started and watched by `judge.py`, never imported by it: SymPy takes most of a second to load, may need any amount
of time or memory for a hostile pair, and math-verify wants a main thread of its own. Time limits are the
parent's business; the alarm below only ends a worker whose parent has died meanwhile.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

_DECIMALS = 12  # to how many decimals math-verify may round what it cannot decide exactly


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


def serve(requests: Iterable[str], replies: TextIO, alarm: float) -> None:
    """Answers requests until the input ends, which it does when the parent dies."""
    for line in requests:
        _alarm(alarm)
        request = json.loads(line)
        reply: dict[str, Any]
        try:
            reply = _answered(request)
        except (MemoryError, RecursionError, Exception) as error:  # SymPy raises whatever it likes
            reply = {"equal": False, "opinion": "no opinion", "error": type(error).__name__}
        _alarm(0)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _answered(request: dict[str, str]) -> dict[str, Any]:
    if "problem" not in request:
        return {"equal": equal(request["a"], request["b"])}
    from tts_cli.verification.opinion import opinion

    return {"opinion": opinion(request["problem"], request["answer"])}


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def main(memory: int, alarm: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    logging.disable(logging.CRITICAL)
    equal(r"\sin x", r"\cos x")  # loads SymPy and builds the parser's tables before the clock runs
    limit_memory(memory)
    replies = sys.stdout
    sys.stdout = sys.stderr  # a stray print must not break the protocol
    replies.write('{"ready": true}\n')
    replies.flush()
    serve(sys.stdin, replies, alarm)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
