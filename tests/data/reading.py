"""Rows out of the text of a file, and what is wrong with a bad one."""

from __future__ import annotations

import io

from tts_cli.data.rows import Format, Row, read_rows


def read(data: bytes | str, format: Format = "jsonl") -> list[Row]:
    return list(read_rows(io.BytesIO(data.encode() if isinstance(data, str) else data), format))


def one(data: bytes | str, format: Format = "jsonl") -> Row:
    (row,) = read(data, format)
    return row


def says(row: Row) -> str:
    """What is wrong with a bad row."""
    assert row.error is not None
    assert row.error.kind == "bad-row"
    assert row.error.message.startswith(f"Row {row.number}: ") and row.error.message.endswith(".")
    return row.error.message
