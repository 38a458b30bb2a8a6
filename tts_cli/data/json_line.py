"""One line of JSON, read so that whatever is accepted can be written again as JSON in UTF-8, and safe to be shown.

Stricter than the standard library: no NaN, no infinity, no key twice, no half of a surrogate pair.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, Self

_MOST_DIGITS = 4_000  # Python refuses to print integers much longer than this
# JSON leaves these as they are, and a terminal may take the C1 ones for escape sequences.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class ExactFloat(float):
    """A number with a fraction or an exponent; `text` is how it was written, with all digits."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse(line: bytes) -> Any:
    """The value of one JSON document. Raises ValueError, whose text says what "it" has wrong."""
    try:
        value = json.loads(
            line.decode("utf-8"),
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_printable,
            object_pairs_hook=_without_duplicates,
        )
        if _SURROGATE_ESCAPE.search(line):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} at character {error.pos + 1})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (at byte {error.start + 1})") from error
    except UnicodeEncodeError as error:
        raise ValueError("it holds half a character (a lone surrogate)") from error
    return value


def parse_object(line: bytes) -> dict[str, Any]:
    """The fields of a JSON object. Raises ValueError as `parse` does."""
    value = parse(line)
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value


def safe_json(document: str) -> str:
    """The same JSON without a character that a terminal would act upon."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"it holds {text}, which is not JSON")


def _finite(text: str) -> ExactFloat:
    value = ExactFloat(text)
    if math.isinf(value):
        raise ValueError("it holds a number that is too large")
    return value


def _printable(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("it holds a number that is too large")
    return int(text)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("it holds a key twice")
    return fields
