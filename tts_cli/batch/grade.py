"""Many pairs of answers: JSONL rows with "answer" and "reference" in, the same rows with "equal" out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from tts_cli.answers.judge import Judge
from tts_cli.data.fields import BadField, answer_text
from tts_cli.data.json_records import json_records
from tts_cli.data.lines import read_lines


def graded_rows(judge: Judge, stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Each row as soon as its line is there, with "equal": true, false, or null beside an "error" where it is unusable.
    Blank lines are no rows. No answer (null) equals no reference. Raises TtsError when reading fails."""
    for number, record in enumerate(json_records(read_lines(stream)), start=1):
        yield _graded(judge, number, record)


def _graded(judge: Judge, number: int, record: dict[str, Any] | str) -> dict[str, Any]:
    """`record`: the row, or what is wrong with its line."""
    row = {} if isinstance(record, str) else record
    try:
        if isinstance(record, str):
            raise BadField(record)
        missing = [name for name in ("answer", "reference") if name not in row]
        if missing:
            raise BadField(f"it has no {' and no '.join(missing)}")
        answer, reference = (answer_text(name, row[name]) for name in ("answer", "reference"))
        if reference is None:
            raise BadField("its reference is empty")
    except BadField as bad:
        return row | {"equal": None, "error": {"kind": "bad-row", "message": f"Row {number}: {bad}."}}
    return row | {"equal": answer is not None and judge.same(answer, reference)}
