"""What an evaluation is asked, as its store keeps it: so that `tts eval --out DIR` goes on without being told again.

Two parts: what may change from run to run over the same samples (methods, budgets, limit, how to vote), and `origin`,
what the samples came from. Samples of different origins are never mixed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from tts_cli.data.rows import Row
from tts_cli.errors import UsageError
from tts_cli.evaluation.store import Store

METHODS = ("greedy", "majority", "best-of-n", "beam", "dvts")
BUDGETS = (1, 4, 16)
_EDGE = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Question:
    """`dataset`: a name or a path; `flags`: the solving flags by name, as they were resolved."""

    dataset: str
    methods: tuple[str, ...]
    budgets: tuple[int, ...]
    limit: int | None
    shuffle: bool
    prm_quality: bool
    flags: dict[str, Any]


def stored_question(store: Store) -> Question | None:
    """What the store was last asked; None for a new one."""
    fields = store.about("question")
    if fields is None:
        return None
    return Question(**fields | {"methods": tuple(fields["methods"]), "budgets": tuple(fields["budgets"])})


def keep(store: Store, question: Question, origin: Mapping[str, Any]) -> None:
    """Check that the samples will have one origin, and remember. Raises UsageError, naming what differs."""
    before = store.about("origin")
    if before is not None:
        differing = [name for name in origin if origin[name] != before.get(name)]
        if differing:
            name = differing[0]
            raise UsageError(
                f"The samples in this --out were made with another {name}: {_shown(before.get(name))}, "
                f"not {_shown(origin[name])}.",
                "Name another --out for these settings; without DATASET and flags the old ones go on.",
            )
    store.set_about(question=asdict(question), origin=dict(origin))


def _shown(value: Any) -> Any:
    return value["name"] if isinstance(value, dict) else value


def fingerprint(file: Path) -> str:
    """A name for a model file's content that is cheap to come by: its size, its first and its last MiB."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(_EDGE)
        stream.seek(max(0, size - _EDGE))
        return sha256(b"%d/" % size + head + stream.read(_EDGE)).hexdigest()


def select_rows(rows: Iterable[Row], question: Question) -> list[Row]:
    """The first `limit` rows, of all rows shuffled by the seed if that was asked for."""
    if question.shuffle:
        shuffled = list(rows)
        random.Random(question.flags["seed"]).shuffle(shuffled)
        rows = shuffled
    return list(islice(rows, question.limit))
