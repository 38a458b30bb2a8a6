"""JSON objects out of lines: JSONL, and a JSON list of objects, on one line or over many.

What the fields of an object mean is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from tts_cli.data.json_line import parse, parse_object
from tts_cli.errors import UsageError

TOO_LONG = "the line is too long (over 16 MiB; of a JSON list jq -c '.[]' makes a line for each object)"
_MOST_LIST = 256 * 2**20  # bytes of a list over many lines, which is read as a whole
_LIST = re.compile(rb"\s*\[\s*(?:\{|$)")
_SPLIT = "`jq -c '.[]' FILE > FILE.jsonl` makes JSONL of a JSON list, with a line for each object."


def is_json(line: bytes) -> bool:
    """Whether input that begins with this line is JSON: an object, or a list of objects."""
    return line.lstrip().startswith(b"{") or _LIST.match(line) is not None


def json_records(lines: Iterator[bytes | None]) -> Iterator[dict[str, Any] | str]:
    """The fields of each object, or a text that says why there are none. Raises UsageError for an object or a list
    that begins on the first line and is nothing that can be read."""
    first = next((line for line in lines if line is None or line.strip()), b"")
    if first is not None and first.strip() == b"{":
        raise UsageError(
            "The input is JSON whose objects take several lines.",
            "`jq -c . FILE > FILE.jsonl` makes JSONL of it, with a line for each object.",
        )
    if first is not None and _LIST.match(first):
        yield from _listed(first, lines)
        return
    for line in chain([first], lines):
        if line is None:
            yield TOO_LONG
        elif line.strip():
            try:
                yield parse_object(line)
            except ValueError as error:
                yield str(error)


def _listed(first: bytes, lines: Iterator[bytes | None]) -> Iterator[dict[str, Any] | str]:
    document = bytearray(first)
    for line in lines:
        document += line or b""
        if line is None or len(document) > _MOST_LIST:
            raise UsageError("The input is a JSON list that is too long to be read at once.", _SPLIT)
    try:
        values = parse(bytes(document))
    except ValueError as error:
        raise UsageError(f"The input looks like a JSON list, but {error}.", _SPLIT) from error
    for value in values:
        yield value if isinstance(value, dict) else "it is not a JSON object"
