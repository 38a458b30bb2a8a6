"""Problem files in: text (one problem a line), JSONL and CSV become rows, one at a time, whatever they hold.

A row that cannot be used is a row with an error; nothing that stands in a file stops the rows after it. Covers
reading and naming the fields; solving and writing records is done elsewhere, and no answer is judged here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal

from tts_cli.data.csv_records import CsvRecords
from tts_cli.data.files import CHECK
from tts_cli.data.json_line import parse_object
from tts_cli.data.lines import MOST_BYTES, read_lines
from tts_cli.data.record import RecordError
from tts_cli.errors import TtsError, UsageError, reason

Format = Literal["txt", "jsonl", "csv"]
Lines = Iterator[bytes | None]  # None: one that is too long
Records = Iterator[dict[str, Any] | str]  # a text says why there are no fields

PROBLEM = ("problem", "question", "prompt")
REFERENCE = ("answer", "final_answer", "extracted_groundtruth")
SUFFIXES: dict[str, Format] = {".txt": "txt", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv"}
_DELIMITERS = ",;\t"  # the first one that makes a header with a problem column
_HEADER_HINT = "Name its columns in the first line, for example: id,problem,answer"
_NOT_UTF8 = re.compile("[\ud800-\udfff]")  # what surrogateescape leaves
TOO_LONG = "the line is too long (over 16 MiB)"
EXAMPLE = 'Example: echo "Compute 37 + 4 * (12 - 5)." | tts batch'


@dataclass(frozen=True, slots=True)
class Row:
    """One problem of a file, or what is wrong with it.
    `number` counts from 1, without blank lines. `problem` is "" where there is none; `input` holds the fields
    that have no meaning here, to be carried through; `error` is set (kind "bad-row") where it cannot be solved."""

    number: int
    id: str
    problem: str
    reference: str | None = None
    level: str | None = None
    subject: str | None = None
    input: dict[str, Any] | None = None
    error: RecordError | None = None


class _BadField(ValueError):
    """What is wrong with a field; caught where rows are made."""


@contextmanager
def open_rows(source: Path | None, format: Format | None = None) -> Iterator[Iterator[Row]]:
    """The rows of a file, or of stdin for None and "-". Without `format` the suffix decides, else the first line:
    `{` begins JSONL, anything else text. Raises TtsError, and UsageError for what is no problem file."""
    if source is None or str(source) == "-":
        if sys.stdin is None or (source is None and sys.stdin.isatty()):
            raise UsageError("No problems were given.", EXAMPLE)
        yield _rows(read_lines(sys.stdin.buffer), format)
        return
    format = format or _by_suffix(source)
    try:
        file = source.open("rb")
    except (OSError, ValueError) as error:
        raise TtsError(f"{source} cannot be read: {reason(error)}.", CHECK) from error
    with file:
        rows = _rows(read_lines(file), format)
        if source.is_file():  # one that cannot be used is refused at once: its first row is read now
            first = next(rows, None)
            rows = iter(()) if first is None else chain([first], rows)
        yield rows


def read_rows(stream: BinaryIO, format: Format) -> Iterator[Row]:
    """The rows of a stream, lazily: each is there as soon as its line is, and none is kept."""
    return _rows(read_lines(stream), format)


def _rows(lines: Lines, format: Format | None) -> Iterator[Row]:
    if format is None:
        first = next((line for line in lines if line is None or line.strip()), b"")
        format = "jsonl" if first and first.lstrip().startswith(b"{") else "txt"
        lines = chain([first], lines)
    for number, record in enumerate(_RECORDS[format](lines), start=1):
        yield _row(number, record)


def _by_suffix(path: Path) -> Format | None:
    """None where the first line must decide: no suffix, or a pipe. Raises UsageError for a suffix of other files."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES or not suffix or not path.is_file():
        return SUFFIXES.get(suffix)
    hint = "jq -c '.[]' makes JSONL of a JSON list." if suffix == ".json" else "Say what it holds with --format."
    raise UsageError(f"{path} is not named like a problem file ({', '.join(SUFFIXES)}).", hint)


def _row(number: int, record: dict[str, Any] | str) -> Row:
    """A record is the fields by name, or a text that says why there are none."""
    if isinstance(record, str):
        return Row(number, str(number), "", error=RecordError(kind="bad-row", message=f"Row {number}: {record}."))
    fields = dict(record)
    found: dict[str, str | None] = {}
    wrong: list[str] = []
    for name, read in _READERS.items():
        try:
            found[name] = read(fields)
        except _BadField as bad:
            wrong.append(str(bad))
    error = RecordError(kind="bad-row", message=f"Row {number}: {wrong[0]}.") if wrong else None
    id, problem = found.get("id") or str(number), found.get("problem") or ""
    reference, level, subject = (found.get(name) for name in ("reference", "level", "subject"))
    return Row(number, id, problem, reference, level, subject, fields or None, error)


def _problem(fields: dict[str, Any]) -> str:
    name, value = _take(fields, PROBLEM)
    if name is None:
        raise _BadField("it has no problem (nor question, nor prompt)")
    if not isinstance(value, str):
        raise _BadField(f"its {name} is not a text")
    if not value.strip():
        raise _BadField(f"its {name} is empty")
    return value.strip()


def answer_text(name: str | None, value: Any) -> str | None:
    """The answer in a field as text; several in a list are one answer with commas; None for none.
    Raises ValueError for what is neither text nor number."""
    values = value if isinstance(value, list) else [value]
    texts = [_as_text(name, value) for value in values]
    return ", ".join(text for text in texts if text) or None


def _as_text(name: str | None, value: Any) -> str | None:
    """None for nothing; numbers as they print. Raises _BadField for what is neither text nor number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _BadField(f"its {name} is neither a text nor a number")
    return str(value).strip() or None


def _take(fields: dict[str, Any], names: tuple[str, ...]) -> tuple[str | None, Any]:
    """Remove the first field that has one of the names (in any case) and a value; (None, None) if none has."""
    keys = {key.strip().lower(): key for key in reversed(fields)} | {key: key for key in fields if key in names}
    present = [keys[name] for name in names if name in keys]
    for key in present:
        if fields[key] is not None:
            return key, fields.pop(key)
    return (present[0], fields.pop(present[0])) if present else (None, None)


def _text_object(line: bytes) -> dict[str, Any]:
    try:
        return {"problem": line.decode("utf-8")}
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (at byte {error.start + 1})") from error


def _line_records(read: Callable[[bytes], dict[str, Any]], lines: Lines) -> Records:
    for line in lines:
        if line is None:
            yield TOO_LONG
        elif line.strip():
            try:
                yield read(line)
            except ValueError as error:
                yield str(error)


def _csv_records(lines: Lines) -> Records:
    """Raises UsageError for a first line that names no problem column."""
    first = next((line for line in lines if line is None or line.strip()), b"")
    if first == b"":
        return
    delimiter = next((mark for mark in _DELIMITERS if _names_a_problem(first, mark)), ",")
    records = CsvRecords(chain([first], lines), delimiter, MOST_BYTES)
    header = _header(next(records))
    for record in records:
        if isinstance(record, str) or any(field.strip() for field in record):
            yield record if isinstance(record, str) else _csv_record(header, record)


def _names_a_problem(line: bytes | None, delimiter: str) -> bool:
    header = next(CsvRecords(iter([line]), delimiter, MOST_BYTES))
    return isinstance(header, list) and any(name.strip().lower() in PROBLEM for name in header)


def _header(record: list[str] | str) -> list[str]:
    if isinstance(record, str):
        raise UsageError(f"The header of the CSV file cannot be read: {record}.", _HEADER_HINT)
    names = [name.strip() or f"column {i}" for i, name in enumerate(record, start=1)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"The CSV file has two columns named {twice!r}.", "Rename one of them.")
    if not any(name.lower() in PROBLEM for name in names):
        wanted, found = ", ".join(PROBLEM), ", ".join(names)[:200]
        raise UsageError(f"The CSV file has no column {wanted} (its first line: {found}).", _HEADER_HINT)
    return names


def _csv_record(header: list[str], record: list[str]) -> dict[str, Any] | str:
    if any(_NOT_UTF8.search(field) for field in record):
        return "it is not UTF-8 text"
    extra = record[len(header) :]
    if any(field.strip() for field in extra):
        counts = f"it has {len(record)} fields, but the header has {len(header)}"
        return f"{counts} (a field that holds a comma needs quotes)"
    return dict(zip(header, record, strict=False))


_READERS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "problem": _problem,
    "id": lambda fields: _as_text(*_take(fields, ("id",))),
    "reference": lambda fields: answer_text(*_take(fields, REFERENCE)),
    "level": lambda fields: _as_text(*_take(fields, ("level",))),
    "subject": lambda fields: _as_text(*_take(fields, ("subject",))),
}
_RECORDS: dict[Format, Callable[[Lines], Records]] = {
    "txt": partial(_line_records, _text_object),
    "jsonl": partial(_line_records, parse_object),
    "csv": _csv_records,
}
