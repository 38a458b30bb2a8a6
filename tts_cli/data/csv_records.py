"""CSV records out of lines: a quoted field may hold line ends, and a quote that never closes costs one record.

Parsing is the standard library's; this module adds bounds and a way to go on after an error. Columns have no
meaning here.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

_OVERHEAD = 64  # bytes that a line costs in memory besides its text


class CsvRecords:
    """Iterator over records: the list of fields, or a text that says what is wrong.
    Bytes that are not UTF-8 arrive as lone surrogates (`surrogateescape`). No line is read before it is needed."""

    def __init__(self, lines: Iterator[bytes | None], delimiter: str, most: int) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._most = most
        self._again: deque[bytes | None] = deque()  # lines that an unclosed quote had swallowed

    def __iter__(self) -> Iterator[list[str] | str]:
        return self

    def __next__(self) -> list[str] | str:
        taken = [self._line()]
        limit = csv.field_size_limit(self._most)  # the library's own is 131,072, and holds for the whole process
        try:
            lines = self._lines_of_record(taken)
            return next(csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True, strict=True))
        except csv.Error as error:
            self._again.extendleft(reversed(taken[1:]))
            return str(error)
        finally:
            csv.field_size_limit(limit)

    def _lines_of_record(self, taken: list[bytes | None]) -> Iterator[str]:
        """The first line, and the next ones as long as a quote is open. Raises csv.Error where it stays open."""
        room = self._most
        while True:
            line = taken[-1]
            room -= _OVERHEAD + len(line or b"")
            if line is None or room < 0:
                raise csv.Error("a line is too long" if line is None else "a quoted field does not end")
            yield line.decode("utf-8", "surrogateescape")
            try:
                taken.append(self._line())
            except StopIteration:
                raise csv.Error("a quoted field does not end") from None

    def _line(self) -> bytes | None:
        return self._again.popleft() if self._again else next(self._lines)
