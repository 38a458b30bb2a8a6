"""Problem files in: text (one problem a line), JSONL and CSV become rows, one at a time, whatever they hold.

A row that cannot be used is a row with an error; nothing that stands in a file stops the rows after it. Covers
reading and naming the fields; solving and writing records is done elsewhere, and no answer is judged here.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from tts_cli.data.csv_records import CsvRecords
from tts_cli.data.fields import PROBLEM, BadField, take_problem, take_reference, take_text
from tts_cli.data.files import CHECK
from tts_cli.data.foreign import way_to_jsonl
from tts_cli.data.json_records import TOO_LONG, is_json, json_records
from tts_cli.data.lines import MOST_BYTES, read_lines
from tts_cli.data.record import RecordError
from tts_cli.errors import TtsError, UsageError, reason

Format = Literal["txt", "jsonl", "csv"]
Lines = Iterator[bytes | None]  # None: one that is too long
Records = Iterator[dict[str, Any] | str]  # a text says why there are no fields

SUFFIXES: dict[str, Format] = {
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
}
_DELIMITERS = ",;\t"  # the first one that makes a header with a problem column
_HEADER_HINT = "Name its columns in the first line, for example: id,problem,answer"
_NOT_UTF8 = re.compile("[\ud800-\udfff]")  # what surrogateescape leaves
EXAMPLE = 'Example: echo "Compute 37 + 4 * (12 - 5)." | tts batch'


@dataclass(frozen=True, slots=True)
class Row:
    """One problem of a file, or what is wrong with it.
    `number` counts from 1, without blank lines. `problem` is "" where there is none. `reference` is what is compared:
    of a whole solution the answer that it marks. `labels` holds the fields that reference, level and subject were read
    from, as they stood; `input` those that have no meaning here, to be carried through. `error` is set (kind "bad-row")
    where it cannot be solved."""

    number: int
    id: str
    problem: str
    reference: str | None = None
    level: str | None = None
    subject: str | None = None
    input: dict[str, Any] | None = None
    error: RecordError | None = None
    labels: dict[str, Any] | None = None


@contextmanager
def open_rows(source: Path | None, format: Format | None = None) -> Iterator[Iterator[Row]]:
    """The rows of a file, or of stdin for None and "-". Without `format` the suffix decides, else the first line:
    `{` or `[{` begins JSON, anything else text. A file that is named .gz is decompressed. Raises TtsError, and
    UsageError for what is no problem file."""
    if source is None or str(source) == "-":
        if sys.stdin is None or (source is None and sys.stdin.isatty()):
            raise UsageError("No problems were given.", EXAMPLE)
        yield _rows(read_lines(sys.stdin.buffer), format)
        return
    format = format or _by_suffix(source)
    try:
        file = _opened(source)
    except (OSError, ValueError) as error:
        raise TtsError(f"{source} cannot be read: {reason(error)}.", CHECK) from error
    with file:
        rows = _rows(read_lines(file), format)
        if source.is_file():  # one that cannot be used is refused at once: its first row is read now
            first = next(rows, None)
            rows = iter(()) if first is None else chain([first], rows)
        yield rows


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def read_rows(stream: BinaryIO, format: Format) -> Iterator[Row]:
    """The rows of a stream, lazily: each is there as soon as its line is, and none is kept."""
    return _rows(read_lines(stream), format)


def _rows(lines: Lines, format: Format | None) -> Iterator[Row]:
    if format is None:
        first = next((line for line in lines if line is None or line.strip()), b"")
        format = "jsonl" if first and is_json(first) else "txt"
        lines = chain([first], lines)
    for number, record in enumerate(_RECORDS[format](lines), start=1):
        yield _row(number, record)


def _by_suffix(path: Path) -> Format | None:
    """None where the first line must decide: no suffix, or a pipe. Raises UsageError for a suffix of other files."""
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix in SUFFIXES or not suffix or not path.is_file():
        return SUFFIXES.get(suffix)
    hint = way_to_jsonl(suffix, path) or "Say what it holds with --format."
    raise UsageError(f"{path} is not named like a problem file ({', '.join(SUFFIXES)}).", hint)


def _row(number: int, record: dict[str, Any] | str) -> Row:
    """A record is the fields by name, or a text that says why there are none."""
    if isinstance(record, str):
        return Row(number, str(number), "", error=RecordError(kind="bad-row", message=f"Row {number}: {record}."))
    fields = dict(record)
    wrong: list[str] = []

    def found(take: Callable[[dict[str, Any]], str | None]) -> str | None:
        try:
            return take(fields)
        except BadField as bad:
            wrong.append(str(bad))
            return None

    problem, id = found(take_problem) or "", found(partial(take_text, name="id")) or str(number)
    before = dict(fields)
    reference = found(take_reference)
    level, subject = (found(partial(take_text, name=name)) for name in ("level", "subject"))
    labels = {name: value for name, value in before.items() if name not in fields}
    error = RecordError(kind="bad-row", message=f"Row {number}: {wrong[0]}.") if wrong else None
    return Row(number, id, problem, reference, level, subject, fields or None, error, labels or None)


def _text_records(lines: Lines) -> Records:
    for line in lines:
        if line is None:
            yield TOO_LONG
        elif line.strip():
            try:
                yield {"problem": line.decode("utf-8")}
            except UnicodeDecodeError as error:
                yield f"it is not UTF-8 text (at byte {error.start + 1})"


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


_RECORDS: dict[Format, Callable[[Lines], Records]] = {
    "txt": _text_records,
    "jsonl": json_records,
    "csv": _csv_records,
}
