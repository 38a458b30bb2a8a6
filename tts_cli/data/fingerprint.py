"""Fingerprints: what a record was made from, so that a later run knows whether it would make the same one.

`SETTINGS.PROBLEM`, two hashes of 16 hexadecimal digits. Model files enter by what is in them, not by name or date.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

_BLOCK = 1 << 16
_BLOCKS = 64  # 4 MiB in all: a fraction of a second even from a slow disk


def of_settings(settings: dict[str, Any]) -> str:
    """Of whatever JSON can hold; the order of the keys does not matter."""
    return _digest(json.dumps(settings, sort_keys=True).encode())


def of_problem(text: str) -> str:
    return _digest(text.encode("utf-8", "surrogatepass"))


def of_row(settings: str, problem: str) -> str:
    """A record's fingerprint, from the two above."""
    return f"{settings}.{problem}"


def settings_part(fingerprint: str | None) -> str | None:
    return fingerprint.partition(".")[0] if fingerprint else None


def of_file(path: Path) -> str:
    """Of a large file: its size, and blocks spread evenly over it, the first and the last among them.
    Other weights differ everywhere, so some bytes show as much as all. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        digest.update(f"{size}\n".encode())
        last = max(0, size - _BLOCK)
        for offset in sorted({last * i // (_BLOCKS - 1) for i in range(_BLOCKS)}):
            file.seek(offset)
            digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:16]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
