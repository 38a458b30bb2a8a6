"""What `tts eval` is asked: its flags, and for what was not given the store that it goes on with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_cli.cli import settings, setup
from tts_cli.errors import UsageError

if TYPE_CHECKING:
    from tts_cli.evaluation.question import Question
    from tts_cli.models.entry import ModelEntry
    from tts_cli.strategy.settings import SolveSettings

METHODS = ("auto", "greedy", "majority", "best-of-n", "beam", "dvts")
WITHOUT_PRM = ("greedy", "majority")
# Not part of a question: what another flag says here, and what a machine may set as it likes.
NOT_ASKED = {"method", "budget", "effort", "max_time", "max_flops", "threads", "gpu_layers"}


@dataclass(frozen=True)
class Asked:
    """The command line; None is "not given". `flags`: those that all solving commands share."""

    dataset: str | None
    methods: str | None
    budgets: str | None
    limit: int | None
    shuffle: bool | None
    prm_quality: bool
    flags: Mapping[str, Any]


def resolve(asked: Asked, before: Question | None) -> tuple[Question, settings.Settings]:
    """The whole question. Without a data set it is the stored one, changed by what was given. Raises UsageError."""
    from tts_cli.evaluation.question import BUDGETS, Question
    from tts_cli.evaluation.question import METHODS as ALL

    if asked.dataset is None and before is None:
        raise UsageError(
            "No data set was given, and --out holds no evaluation to go on with.",
            "Example: tts eval nano --limit 20",
        )
    old = before if asked.dataset is None else None
    chosen = settings.resolve({**(old.flags if old else {}), **_given(asked.flags)})
    methods = _methods(asked.methods)
    if methods is None and asked.prm_quality:
        methods = (*(old.methods if old else ()), "best-of-n")
    if methods is None:
        methods = old.methods if old else ALL if setup.entries(chosen).prm else WITHOUT_PRM
    default = (max(BUDGETS),) if asked.prm_quality and asked.methods is None else BUDGETS
    question = Question(
        dataset=asked.dataset if asked.dataset is not None else old.dataset if old else "",
        methods=tuple(dict.fromkeys(methods)),
        budgets=_budgets(asked.budgets) or (old.budgets if old else default),
        limit=asked.limit if asked.limit is not None or old is None else old.limit,
        shuffle=asked.shuffle if asked.shuffle is not None else old.shuffle if old else False,
        prm_quality=asked.prm_quality or (old.prm_quality if old else False),
        flags=chosen.model_dump(mode="json", exclude_none=True, exclude=NOT_ASKED),
    )
    return _checked(question), chosen


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}


def _checked(question: Question) -> Question:
    if question.prm_quality and "best-of-n" not in question.methods:
        raise UsageError("--prm-quality needs scored samples.", "Add best-of-n to --methods.")
    return question


def _methods(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in METHODS:
            close = get_close_matches(name, METHODS, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Choose from: {', '.join(METHODS)}."
            raise UsageError(f"--methods has no choice {name!r}", hint)
    return tuple(names) or _nothing("--methods", "majority,beam")


def _budgets(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        if not part.isascii() or not part.isdecimal() or not 1 <= int(part[:5]) <= 4096:
            raise UsageError(f"--budgets {part!r} is not a number from 1 to 4096", "Example: --budgets 1,4,16")
    return tuple(sorted({int(part) for part in parts})) or _nothing("--budgets", "1,4,16")


def _nothing(flag: str, example: str) -> Any:
    raise UsageError(f"{flag} names nothing", f"Example: {flag} {example}")


def needed_models(question: Question, chosen: settings.Settings) -> setup.Entries:
    """The models' entries, without a PRM that no method asks. Raises UsageError where one is needed."""
    from tts_cli.search import GUIDED

    found = setup.entries(chosen)
    guided = [method for method in question.methods if method in GUIDED]
    if guided and found.prm is None:
        raise UsageError(
            f"{guided[0]} needs a PRM to score its steps, and there is none",
            "Give one with --prm, or leave it out of --methods.",
        )
    return found if guided or "auto" in question.methods else setup.Entries(found.policy, None)


def origin(found: setup.Entries, chosen: settings.Settings, solving: SolveSettings) -> dict[str, Any]:
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
    from tts_cli.evaluation.question import fingerprint
    from tts_cli.models.files import find

    file: Path | None = find(entry)
    asked = entry.model_dump(mode="json", include={"prompt", "separator", "format"})
    return {"name": entry.name, "content": fingerprint(file) if file else None, "asked": asked, "format": format}
