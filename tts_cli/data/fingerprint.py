"""Fingerprints: what a record was made from, so that a later run knows whether it would make the same one.

`SETTINGS.PROBLEM`, two hashes of 16 hexadecimal digits. Model files enter by what is in them
(models/content.py), not by name or date.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


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


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
