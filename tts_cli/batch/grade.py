"""Many pairs of answers: JSONL rows with "answer" and "reference" in, the same rows with "equal" out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from tts_cli.answers.judge import Judge
from tts_cli.data.fields import answer_text
from tts_cli.data.json_line import parse_object
from tts_cli.data.lines import read_lines


def graded_rows(judge: Judge, stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Each row as soon as its line is there, with "equal": true, false, or null beside an "error" where it is unusable.
    Blank lines are no rows. No answer (null) equals no reference. Raises TtsError when reading fails."""
    lines = (line for line in read_lines(stream) if line is None or line.strip())
    for number, line in enumerate(lines, start=1):
        yield _graded(judge, number, line)


def _graded(judge: Judge, number: int, line: bytes | None) -> dict[str, Any]:
    row: dict[str, Any] = {}
    try:
        if line is None:
            raise ValueError("the line is too long")
        row = parse_object(line)
        missing = [name for name in ("answer", "reference") if name not in row]
        if missing:
            raise ValueError(f"it has no {' and no '.join(missing)}")
        answer, reference = (answer_text(name, row[name]) for name in ("answer", "reference"))
        if reference is None:
            raise ValueError("its reference is empty")
    except ValueError as error:
        return row | {"equal": None, "error": {"kind": "bad-row", "message": f"Row {number}: {error}."}}
    return row | {"equal": answer is not None and judge.same(answer, reference)}
