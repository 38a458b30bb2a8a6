"""What an evaluation is asked: `EvalConfig`, how a command changes the stored one, and what samples come from.

An evaluation's samples are kept with two things. `config` may change from run to run over the same samples (methods,
budgets, limit, how to vote), so that `tts eval --out DIR` goes on without being given it again. `origin` is what the
samples came from; samples of different origins are never mixed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictInt, field_validator

from tts_cli import config
from tts_cli.config import MAX_BUDGET, Settings
from tts_cli.data.datasets import NAMES
from tts_cli.data.rows import Row
from tts_cli.errors import UsageError
from tts_cli.evaluation.store import Store, no_dataset
from tts_cli.models.content import of_file
from tts_cli.models.load import ModelPair
from tts_cli.models.registry import ModelEntry, find_file
from tts_cli.protocols import ModelFacts
from tts_cli.search.methods import METHODS, load_plugins

BUDGETS = (1, 4, 16)

# Settings that are no part of a config: what another field says, and what a machine may set as it likes.
_NOT_ASKED = {"method", "budget", "max_time", "max_flops", "threads", "gpu_layers"}


class EvalConfig(BaseModel):
    """Which problems are searched by which methods at which budgets.

    `dataset`: a name or a path. `methods`: none means all whose cost the budget settles. `limit`: the first so many
    rows, or with `shuffle` so many at random (by the seed). `prm_quality`: measure the PRM, too. `settings`: as for one
    problem; its method, budget and limits play no part. Raises UsageError for methods and budgets that cannot be used.

    >>> EvalConfig(dataset="nano", methods=("greedy", "majority"), budgets=(16, 4)).budgets
    (4, 16)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    dataset: str
    methods: tuple[str, ...] = ()
    budgets: tuple[StrictInt, ...] = BUDGETS
    limit: StrictInt | None = None
    shuffle: bool = False
    prm_quality: bool = False
    settings: Settings = Settings()

    @field_validator("methods")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return method_names(names) if names else names

    @field_validator("budgets")
    @classmethod
    def _ascending(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        return budget_numbers(map(str, numbers))


def method_names(parts: Iterable[str]) -> tuple[str, ...]:
    """Names of methods, those of installed packages too, each once. Raises UsageError."""
    load_plugins()
    names = [part.strip() for part in parts if part.strip()]
    for name in names:
        if name not in config.methods():
            close = get_close_matches(name, config.methods(), n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Choose from: {', '.join(config.methods())}."
            raise UsageError(f"--methods has no choice {name!r}", hint)
    if not names:
        raise UsageError("--methods names nothing", "Example: --methods majority,beam")
    return tuple(dict.fromkeys(names))


def budget_numbers(parts: Iterable[str]) -> tuple[int, ...]:
    """Budgets, ascending. Raises UsageError."""
    texts = [part.strip() for part in parts if part.strip()]
    for text in texts:
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:5]) <= MAX_BUDGET:
            raise UsageError(f"--budgets {text!r} is not a number from 1 to {MAX_BUDGET}", "Example: --budgets 1,4,16")
    if not texts:
        raise UsageError("--budgets names nothing", "Example: --budgets 1,4,16")
    return tuple(sorted({int(text) for text in texts}))


def default_methods(*, has_prm: bool) -> tuple[str, ...]:
    """All methods whose cost the budget settles, without a PRM those that need none."""
    found = (one for one in METHODS.values() if one.samples != "adaptive" and (has_prm or not one.needs_prm))
    return tuple(one.name for one in found)


def resolve(
    before: EvalConfig | None,
    flags: Mapping[str, Any],
    *,
    dataset: str | None = None,
    methods: tuple[str, ...] | None = None,
    budgets: tuple[int, ...] | None = None,
    limit: int | None = None,
    shuffle: bool | None = None,
    prm_quality: bool = False,
) -> EvalConfig:
    """What is asked now: with a data set something new, without one the same as `before`, changed by what is given.

    `flags`: settings by name; None, here and elsewhere, means "not given". Raises UsageError.
    """
    old = before if dataset is None else None
    given = {name: value for name, value in flags.items() if value is not None}
    settings = config.resolve({**(_kept_settings(old) if old else {}), **given})
    settings = settings.model_copy(update={"method": "auto"})  # `methods` says which
    base = old or _fresh(dataset, prm_quality_alone=prm_quality and methods is None)
    if prm_quality and methods is None:
        methods = (*base.methods, "best-of-n")
    changes = {"methods": methods, "budgets": budgets, "limit": limit, "shuffle": shuffle}
    changed = {name: value for name, value in changes.items() if value is not None}
    quality = {"prm_quality": prm_quality or base.prm_quality}
    asked = EvalConfig.model_validate({**dict(base), **changed, **quality, "settings": settings})
    if asked.prm_quality and "best-of-n" not in asked.methods:
        raise UsageError("--prm-quality needs scored samples.", "Add best-of-n to --methods.")
    return asked


def _kept_settings(old: EvalConfig) -> dict[str, Any]:
    return old.settings.model_dump(mode="json", exclude_none=True, exclude=_NOT_ASKED)


def _fresh(dataset: str | None, *, prm_quality_alone: bool) -> EvalConfig:
    """The defaults; to measure the PRM alone only what that needs. Raises UsageError without a data set."""
    if dataset is None:
        raise no_dataset(None)
    if dataset not in (*NAMES, "-"):  # a file by its whole path: it may be asked for again from another directory
        dataset = str(Path(dataset).absolute())
    if prm_quality_alone:
        return EvalConfig(dataset=dataset, methods=("best-of-n",), budgets=BUDGETS[-1:])
    return EvalConfig(dataset=dataset)


def select_rows(rows: Iterable[Row], asked: EvalConfig) -> list[Row]:
    """The first `limit` rows, of all rows shuffled by the seed if that was asked for."""
    if asked.shuffle:
        shuffled = list(rows)
        random.Random(asked.settings.seed).shuffle(shuffled)
        rows = shuffled
    return list(islice(rows, asked.limit))


def needed_models(asked: EvalConfig, found: ModelPair) -> ModelPair:
    """The models' entries, without a PRM that no method asks. Raises UsageError where one is needed."""
    guided = [name for name in asked.methods if name in METHODS and METHODS[name].needs_prm]
    if guided and found.prm is None:
        raise UsageError(
            f"{guided[0]} needs a PRM to score its steps, and there is none",
            "Give one with --prm, or leave it out of --methods.",
        )
    return found if guided or "auto" in asked.methods else replace(found, prm=None)


# What a store keeps of it


def stored_config(store: Store) -> EvalConfig | None:
    """What the store was last asked; None for a new one. One from before there was a calculator goes on without."""
    fields = store.about("config")
    if fields is None:
        return None
    return EvalConfig.model_validate({**fields, "settings": {"calculator": False, **fields.get("settings", {})}})


def keep(store: Store, asked: EvalConfig, origin: Mapping[str, Any]) -> None:
    """Check that the samples will have one origin, and keep both. Raises UsageError, naming what differs.
    What was sampled without a PRM goes with that of any PRM: no draw depends on it."""
    found = store.about("origin")
    before = {"calculator": False, **found} if found else {}  # one from before there was a calculator had none
    merged = {**origin, "prm": origin["prm"] or before.get("prm")}
    for role in ("policy", "prm"):  # one whose file is gone is taken for the one that it was
        if merged[role] and before.get(role) and merged[role]["content"] is None:
            merged[role] = merged[role] | {"content": before[role]["content"]}
    for name, value in merged.items():
        if before and value != before.get(name) and (name != "prm" or before[name]):
            raise UsageError(
                f"The samples in this --out were made with another {name}: {_shown(before.get(name))}, "
                f"not {_shown(value)}.",
                "Name another --out for these settings; without DATASET and flags the old ones go on.",
            )
    fields = asked.model_dump(mode="json", exclude={"settings"})
    store.set_about(config={**fields, "settings": _kept_settings(asked)}, origin=merged)


def origin(found: ModelPair, settings: Settings) -> dict[str, Any]:
    """What the samples come from; another value of any of these gives other samples."""
    sampling = settings.sampling
    return {
        "policy": _model(found.policy),
        "prm": _model(found.prm, settings.prm_format) if found.prm else None,
        "temperature": sampling.temperature,
        "top-p": sampling.top_p,
        "max-step-tokens": sampling.max_step_tokens,
        "max-steps": settings.max_steps,
        "max-tokens": settings.max_tokens,
        "ctx-size": settings.ctx_size,
        "seed": settings.seed,
        "calculator": settings.calculator,
    }


def _model(entry: ModelEntry, format: str | None = None) -> dict[str, Any]:
    """Its name, its content, and how it is asked. The content is None where the file is not there (any more)."""
    file = find_file(entry)
    asked = entry.model_dump(mode="json", include={"prompt", "separator", "format"})
    return {"name": entry.name, "content": of_file(file) if file else None, "asked": asked, "format": format}


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value['name']} ({str(value['content'])[:8]})" if isinstance(value, dict) else value


def stored_models(store: Store, with_prm: bool) -> tuple[ModelFacts, ModelFacts | None] | None:
    """What is known of the models from an earlier run; None where that is not enough."""
    policy, prm = (ModelFacts(**facts) if facts else None for facts in store.about("models") or (None, None))
    if policy is None or (with_prm and prm is None):
        return None
    return policy, prm if with_prm else None


def keep_models(store: Store, policy: ModelFacts, prm: ModelFacts | None) -> None:
    """Keep the facts; those of a PRM that is not used now stay."""
    known = stored_models(store, with_prm=True)
    prm = prm or (known[1] if known else None)
    store.set_about(models=[asdict(policy), asdict(prm) if prm else None])
