"""What the fields of an input row mean: its problem, its reference, its id, its level and subject.

A problem is a text, or the last user message of a chat. A reference is read here, once, as `tts grade` reads it: of a
whole solution that marks its answer only that answer is left. Formats, and rows as a whole, are those of `rows`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tts_cli.answers.extract import stated
from tts_cli.data.json_line import ExactFloat

PROBLEM = ("problem", "question", "prompt")
MESSAGES = "messages"
REFERENCE = ("answer", "final_answer", "extracted_groundtruth")
_LONGEST_PLAIN = 50  # characters of a number that is written without its exponent


class BadField(ValueError):
    """What is wrong with a field, in words that follow "Row 3: "."""


def take_problem(fields: dict[str, Any]) -> str:
    """Remove the problem and return it. Raises BadField where there is none."""
    name, value = _take(fields, (*PROBLEM, MESSAGES))
    if name is None:
        raise BadField("it has no problem (nor question, nor prompt)")
    text = _last_user_message(name, value) if isinstance(value, list) else value
    if not isinstance(text, str):
        raise BadField(f"its {name} is not a text, nor a list of chat messages")
    if not text.strip():
        raise BadField(f"its {name} is empty")
    return text.strip()


def take_reference(fields: dict[str, Any]) -> str | None:
    """Remove the answer to compare with and return it as it is compared. Raises BadField."""
    name, value = _take(fields, REFERENCE)
    return answer_text(name, value, read=stated)


def take_text(fields: dict[str, Any], name: str) -> str | None:
    """Remove a field and return it as a text; None for nothing. Raises BadField."""
    found, value = _take(fields, (name,))
    if isinstance(value, bool):
        raise BadField(f"its {found} is neither a text nor a number")
    return _as_text(found, value)


def answer_text(name: str | None, value: Any, read: Callable[[str], str] = str) -> str | None:
    """The answer in a field as text; several in a list, each read by itself, are one answer with commas; None for none.
    Raises BadField for what is no text, number or truth value."""
    values = value if isinstance(value, list) else [value]
    texts = [_as_text(name, value) for value in values]
    return ", ".join(read(text) for text in texts if text) or None


def _as_text(name: str | None, value: Any) -> str | None:
    """None for nothing; numbers as they were written, digit by digit. Raises BadField."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, ExactFloat):
        plain = format(Decimal(value.text), "f")
        return plain if len(plain) <= _LONGEST_PLAIN else value.text
    if not isinstance(value, str | int | float):
        raise BadField(f"its {name} is neither a text nor a number")
    return str(value).strip() or None


def _last_user_message(name: str, messages: list[Any]) -> str:
    """The text of it; of several parts all texts, one below the other. Raises BadField."""
    if not all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in messages):
        raise BadField(f"its {name} is not a text, nor a list of chat messages")
    asked = [one for one in messages if one["role"].lower() == "user"]
    if not asked:
        raise BadField(f"its {name} is a list of messages without one of the user")
    content = asked[-1].get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = [one.get("text") if isinstance(one, dict) and one.get("type") == "text" else None for one in parts]
    if not all(isinstance(text, str) for text in texts):
        raise BadField(f"its last user message in {name} holds something other than text")
    return "\n".join(map(str, texts))


def _take(fields: dict[str, Any], names: tuple[str, ...]) -> tuple[str | None, Any]:
    """Remove the first field that has one of the names (in any case) and a value; (None, None) if none has."""
    keys = {key.strip().lower(): key for key in reversed(fields)} | {key: key for key in fields if key in names}
    present = [keys[name] for name in names if name in keys]
    for key in present:
        if fields[key] is not None:
            return key, fields.pop(key)
    return (present[0], fields.pop(present[0])) if present else (None, None)
