"""What `tts eval` is asked: its flags, and for what was not given the store that it goes on with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_cli import config
from tts_cli import solver as setup
from tts_cli.errors import UsageError
from tts_cli.search.methods import METHODS as SEARCH_METHODS

if TYPE_CHECKING:
    from tts_cli.config import Settings
    from tts_cli.evaluation.config import EvalConfig
    from tts_cli.models.load import ModelPair
    from tts_cli.models.registry import ModelEntry

# Not part of a question: what another flag says here, and what a machine may set as it likes.
NOT_ASKED = {"method", "budget", "max_time", "max_flops", "threads", "gpu_layers"}


@dataclass(frozen=True)
class EvalFlags:
    """The command line; None is "not given". `flags`: those that all solving commands share."""

    dataset: str | None
    methods: tuple[str, ...] | None
    budgets: tuple[int, ...] | None
    limit: int | None
    shuffle: bool | None
    prm_quality: bool
    flags: Mapping[str, Any]


def resolve(asked: EvalFlags, before: EvalConfig | None) -> tuple[EvalConfig, config.Settings]:
    """The whole question. Without a data set it is the stored one, changed by what was given. Raises UsageError."""
    old = before if asked.dataset is None else None
    given = {**(old.flags if old else {}), **_given(asked.flags)}
    chosen = config.resolve(given).model_copy(update={"method": "auto"})  # --methods is another question
    base = old or _fresh(asked, chosen)
    methods = asked.methods or base.methods
    if asked.prm_quality and asked.methods is None:
        methods = tuple(dict.fromkeys((*methods, "best-of-n")))
    question = replace(
        base,
        methods=methods,
        budgets=asked.budgets or base.budgets,
        limit=asked.limit or base.limit,
        shuffle=base.shuffle if asked.shuffle is None else asked.shuffle,
        prm_quality=asked.prm_quality or base.prm_quality,
        flags=chosen.model_dump(mode="json", exclude_none=True, exclude=NOT_ASKED),
    )
    if question.prm_quality and "best-of-n" not in question.methods:
        raise UsageError("--prm-quality needs scored samples.", "Add best-of-n to --methods.")
    return question, chosen


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}


def _fresh(asked: EvalFlags, chosen: config.Settings) -> EvalConfig:
    """The defaults; with --prm-quality alone only what that needs. Raises UsageError without a data set."""
    from tts_cli.evaluation.config import BUDGETS, EvalConfig, default_methods

    if asked.dataset is None:
        raise UsageError(
            "No data set was given, and --out holds no evaluation to go on with.", "Example: tts eval nano --limit 20"
        )
    if asked.prm_quality:
        methods: tuple[str, ...] = ("best-of-n",)
    else:
        methods = default_methods(has_prm=setup.models_of(chosen).prm is not None)
    budgets = BUDGETS[-1:] if asked.prm_quality and asked.methods is None else BUDGETS
    return EvalConfig(_findable(asked.dataset), methods, budgets, None, False, False, {})


def _findable(dataset: str) -> str:
    """A name as it is, a file by its whole path: it may be asked for again from another directory."""
    from tts_cli.data.datasets import NAMES

    return dataset if dataset in (*NAMES, "-") else str(Path(dataset).absolute())


def parse_methods(text: str | None) -> tuple[str, ...] | None:
    """Names with commas between. Raises UsageError."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in config.methods():
            close = get_close_matches(name, config.methods(), n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Choose from: {', '.join(config.methods())}."
            raise UsageError(f"--methods has no choice {name!r}", hint)
    return tuple(dict.fromkeys(names)) or _nothing("--methods", "majority,beam")


def parse_budgets(text: str | None) -> tuple[int, ...] | None:
    """Numbers with commas between, ascending. Raises UsageError."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        if not part.isascii() or not part.isdecimal() or not 1 <= int(part[:5]) <= 4096:
            raise UsageError(f"--budgets {part!r} is not a number from 1 to 4096", "Example: --budgets 1,4,16")
    return tuple(sorted({int(part) for part in parts})) or _nothing("--budgets", "1,4,16")


def _nothing(flag: str, example: str) -> Any:
    raise UsageError(f"{flag} names nothing", f"Example: {flag} {example}")


def needed_models(question: EvalConfig, chosen: config.Settings) -> ModelPair:
    """The models' entries, without a PRM that no method asks. Raises UsageError where one is needed."""

    found = setup.models_of(chosen)
    guided = [method for method in question.methods if method in SEARCH_METHODS and SEARCH_METHODS[method].needs_prm]
    if guided and found.prm is None:
        raise UsageError(
            f"{guided[0]} needs a PRM to score its steps, and there is none",
            "Give one with --prm, or leave it out of --methods.",
        )
    return found if guided or "auto" in question.methods else replace(found, prm=None)


def origin(found: ModelPair, chosen: config.Settings, solving: Settings) -> dict[str, Any]:
    """What the samples come from; another value of any of these gives other samples."""
    sampling = solving.sampling
    return {
        "policy": _model(found.policy),
        "prm": _model(found.prm, chosen.prm_format) if found.prm else None,
        "temperature": sampling.temperature,
        "top-p": sampling.top_p,
        "max-step-tokens": sampling.max_step_tokens,
        "max-steps": solving.max_steps,
        "max-tokens": solving.max_tokens,
        "ctx-size": chosen.ctx_size,
        "seed": solving.seed,
    }


def _model(entry: ModelEntry, format: str | None = None) -> dict[str, Any]:
    """Its name, its content, and how it is asked. The content is None where the file is not there (any more)."""
    from tts_cli.evaluation.config import fingerprint
    from tts_cli.models.registry import find_file

    file: Path | None = find_file(entry)
    asked = entry.model_dump(mode="json", include={"prompt", "separator", "format"})
    return {"name": entry.name, "content": fingerprint(file) if file else None, "asked": asked, "format": format}
