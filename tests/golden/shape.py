"""Whether two records are alike in form: for outputs of models, whose texts depend on the CPU."""

from __future__ import annotations

import json
from typing import Any

from tests.golden.recording import Section, read

NOTHING: Any = object()


def differences(old: str, new: str) -> list[str]:
    """Where two records differ in form: commands, exit codes, streams and files that are there, and what is in them."""
    before, now = read(old), read(new)
    heads = [[head for head, _ in sections] for sections in (before, now)]
    if heads[0] != heads[1]:
        return [f"recorded: {heads[0]}", f"now: {heads[1]}"]
    found, command = [], ""
    for section, other in zip(before, now, strict=True):
        command = section[0] if section[0].startswith("$ tts") else command
        if not _alike(command, section, other):
            found.append(f"{command}, {section[0]} is of another form")
    return found


def _alike(command: str, old: Section, new: Section) -> bool:
    """Documents by their keys, bare answers and stderr by the number of lines; what else is there may be any text."""
    documents = [_documents(body) for _, body in (old, new)]
    if documents[0] is not None or documents[1] is not None:
        return same_form(*documents)
    bare = command.startswith("$ tts solve") and {"-q", "--quiet"} & set(command.split())
    if old[0] == "stderr:" or (old[0] == "stdout:" and bare):
        return len(old[1]) == len(new[1])
    return True


def _documents(lines: list[str]) -> list[Any] | None:
    """One JSON document, or one on each line; None where there is none."""
    for texts in (["\n".join(lines)], lines):
        try:
            found = [json.loads(text) for text in texts]
        except ValueError:
            continue
        return found if any(isinstance(one, dict | list) for one in found) else None
    return None


def same_form(old: Any, new: Any) -> bool:
    """The same keys at every depth. What may be absent (null, an empty list) may be there in the other one."""
    if old is None or new is None:
        return True
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same_form(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return _same_items(old, new)
    return isinstance(old, dict | list) == isinstance(new, dict | list)


def _same_items(old: list[Any], new: list[Any]) -> bool:
    """One of each kind; events are of several kinds, by their name."""
    first, other = ({_kind(one): one for one in items} for items in (old, new))
    return all(same_form(first[kind], other[kind]) for kind in first.keys() & other.keys())


def _kind(item: Any) -> str:
    return str(item.get("event")) if isinstance(item, dict) else type(item).__name__
