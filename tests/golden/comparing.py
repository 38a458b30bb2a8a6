"""How a difference between two records is shown."""

from __future__ import annotations

from difflib import unified_diff


def diff(name: str, old: str, new: str) -> str:
    """A unified diff, each part of it under the command that it belongs to; empty where there is no difference."""
    lines = [text.splitlines(keepends=True) for text in (old, new)]
    return "".join(unified_diff(*lines, f"old/{name}.txt", f"new/{name}.txt"))
