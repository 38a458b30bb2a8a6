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
from tts_cli.protocols import ModelFacts
from tts_cli.search.methods import METHODS

BUDGETS = (1, 4, 16)
_EDGE = 1 << 20  # bytes


def default_methods(*, has_prm: bool) -> tuple[str, ...]:
    """What is measured unless something else is asked for: all whose budget is what it says."""
    methods = (one for one in METHODS.values() if one.samples != "adaptive" and (has_prm or not one.needs_prm))
    return tuple(one.name for one in methods)


@dataclass(frozen=True, slots=True)
class EvalConfig:
    """`dataset`: a name or a path; `flags`: the solving flags by name, as they were resolved."""

    dataset: str
    methods: tuple[str, ...]
    budgets: tuple[int, ...]
    limit: int | None
    shuffle: bool
    prm_quality: bool
    flags: dict[str, Any]


def stored_question(store: Store) -> EvalConfig | None:
    """What the store was last asked; None for a new one."""
    fields = store.about("question")
    if fields is None:
        return None
    return EvalConfig(**fields | {"methods": tuple(fields["methods"]), "budgets": tuple(fields["budgets"])})


def keep(store: Store, question: EvalConfig, origin: Mapping[str, Any]) -> None:
    """Check that the samples will have one origin, and remember. Raises UsageError, naming what differs."""
    before = store.about("origin") or {}
    merged = {name: _with_content(value, before.get(name)) for name, value in origin.items()}
    for name, value in merged.items():
        if before and value != before.get(name):
            raise UsageError(
                f"The samples in this --out were made with another {name}: {_shown(before.get(name))}, "
                f"not {_shown(value)}.",
                "Name another --out for these settings; without DATASET and flags the old ones go on.",
            )
    store.set_about(question=asdict(question), origin=merged)


def _with_content(now: Any, before: Any) -> Any:
    """A model whose file is gone is taken for the one that it was: its samples can still be counted."""
    if isinstance(now, dict) and isinstance(before, dict) and now["content"] is None:
        return now | {"content": before["content"]}
    return now


def stored_models(store: Store, with_prm: bool) -> tuple[ModelFacts, ModelFacts | None] | None:
    """What is known of the models from an earlier run; None where that is not enough."""
    policy, prm = (ModelFacts(**facts) if facts else None for facts in store.about("models") or (None, None))
    if policy is None or (with_prm and prm is None):
        return None
    return policy, prm if with_prm else None


def keep_models(store: Store, policy: ModelFacts, prm: ModelFacts | None) -> None:
    """Remember them; a PRM that is not used now is not forgotten."""
    known = stored_models(store, with_prm=True)
    store.set_about(models=[asdict(policy), asdict(prm) if prm else asdict(known[1]) if known and known[1] else None])


def _shown(value: Any) -> Any:
    return f"{value['name']} ({str(value['content'])[:8]})" if isinstance(value, dict) else value


def fingerprint(file: Path) -> str:
    """A name for a model file's content that is cheap to come by: its size, its first and its last MiB."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(_EDGE)
        stream.seek(max(0, size - _EDGE))
        return sha256(b"%d/" % size + head + stream.read(_EDGE)).hexdigest()


def select_rows(rows: Iterable[Row], question: EvalConfig) -> list[Row]:
    """The first `limit` rows, of all rows shuffled by the seed if that was asked for."""
    if question.shuffle:
        shuffled = list(rows)
        random.Random(question.flags["seed"]).shuffle(shuffled)
        rows = shuffled
    return list(islice(rows, question.limit))
