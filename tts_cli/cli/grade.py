"""`tts grade`: are two answers the same? One pair as arguments, or many as JSONL on stdin."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.notices import note_unread_stdin
from tts_cli.cli.options import Command, TextCommand
from tts_cli.errors import UsageError

if TYPE_CHECKING:
    from tts_cli.answers.judge import Judge

EPILOG = """Exit codes: 0 the same, 3 different. With JSONL on stdin: 0 all rows graded, 3 a row could not be read. \
A text that marks its answer (\\boxed{...}, "The answer is ...", "####") stands for that answer."""
EXAMPLE = r"Example: tts grade '\frac{1}{2}' 0.5, or JSONL with answer and reference on stdin."
DIFFERENT = BAD_ROW = 3

Pair = Annotated[
    list[str] | None,
    typer.Argument(metavar="ANSWER REFERENCE", help="Two answers, LaTeX or plain; none: JSONL on stdin."),
]


class GradeCommand(TextCommand):
    """An argument such as -5 or -2q is an answer."""

    words_are_flags = False


def grade(channels: Channels, pair: Pair = None) -> int:
    """Say whether two answers are the same."""
    from tts_cli.answers.judge import Judge
    from tts_cli.cli.signals import Interruption

    texts = _checked(pair or [])
    with Interruption(), Judge() as judge:  # every row is out as soon as it is graded: a signal ends it at once
        if not texts:
            return _grade_rows(judge)
        answer, reference = texts
        note_unread_stdin(channels, "the two answers are taken from the arguments")
        equal = judge.same(answer, reference)
    if channels.json:
        emit_json(json.dumps({"answer": answer, "reference": reference, "equal": equal}, ensure_ascii=False))
    elif channels.rich_out:
        from rich.text import Text

        channels.draw(Text("equal", style="bold green") if equal else Text("different", style="bold red"))
    elif not channels.quiet:
        emit("equal\n" if equal else "different\n")
    return 0 if equal else DIFFERENT


def _checked(texts: list[str]) -> list[str]:
    if len(texts) not in (0, 2):
        raise UsageError(f"`tts grade` takes two answers, and got {len(texts)}.", EXAMPLE)
    for text in texts:
        if any("\ud800" <= char <= "\udfff" for char in text):  # the shell's undecodable bytes
            raise UsageError("An answer is not valid UTF-8.", "Convert it first, for example with: iconv -t utf-8")
    return texts


def _grade_rows(judge: Judge) -> int:
    from tts_cli.batch.grade import graded_rows

    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("There is nothing to grade.", EXAMPLE)
    code = 0
    for row in graded_rows(judge, sys.stdin.buffer):
        emit_json(json.dumps(row, ensure_ascii=False))
        code = BAD_ROW if row["equal"] is None else code
    return code


COMMAND = Command(grade, epilog=EPILOG, kind=GradeCommand)
