"""What the verifier may say, and whether it is worth asking: no SymPy in this process.

A problem is checkable where `verify_statement` understands it to its last word. `verify_opinion`, in the worker
process, then puts an answer in. Whether a problem is solved well, and problems that are stories, are not its subject.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

from tts_cli.verification.statement import read

Opinion = Literal["right", "wrong", "no opinion"]
OPINIONS: tuple[Opinion, ...] = get_args(Opinion)


@lru_cache(maxsize=64)
def is_checkable(problem: str) -> bool:
    """Whether the verifier understands what the problem asks of its answer."""
    return read(problem) is not None
