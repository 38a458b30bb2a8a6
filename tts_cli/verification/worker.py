"""The judge's worker process where answers are put into their problems, too.

    {"problem": "<text>", "answer": "<text>"}  ->  {"opinion": "right" | "wrong" | "no opinion"}

All else is as in `tts_cli.answers.worker`.
"""

from __future__ import annotations

from typing import Any

from tts_cli.answers import worker
from tts_cli.verification.opinion import opinion


def answer(request: dict[str, str]) -> dict[str, Any]:
    if "problem" not in request:
        return worker.answer(request)
    return {"opinion": opinion(request["problem"], request["answer"])}


if __name__ == "__main__":
    worker.serve(answer)
