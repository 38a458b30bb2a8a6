"""How a difference between two records is shown."""

from __future__ import annotations

import re
from difflib import unified_diff

FIELD = re.compile(r'(?<=,)(?= ?"\w+": ?)')


def diff(name: str, old: str, new: str) -> str:
    """A unified diff, in which documents have a line for each field; empty where there is no difference."""
    if old == new:
        return ""
    return "".join(unified_diff(_unfolded(old), _unfolded(new), f"old/{name}.txt", f"new/{name}.txt"))


def _unfolded(text: str) -> list[str]:
    return [part for line in text.splitlines() for part in FIELD.sub("\n      ", line + "\n").splitlines(keepends=True)]
