"""How a solving command is set up: flag, then TTS_* variable, then ./tts.yaml, then the user's file, then default.

Every value is checked by one model whatever its origin, and an error names that origin. Covers what can be
judged without loading a model; what depends on one (a method that needs a PRM) is the strategy's to refuse.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tts_cli.errors import UsageError

Method = Literal["auto", "greedy", "majority", "best-of-n", "beam", "dvts"]
Aggregate = Literal["last", "min", "mean", "prod"]
Select = Literal["weighted", "max", "majority"]
Effort = Literal["low", "normal", "high", "max"]

APP_DIR = "tts"  # the folder's name in the user's config and state directories


class Settings(BaseModel):
    """The resolved flags. None means: not set, the strategy or the engine decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: Method = "auto"
    budget: int | None = Field(None, ge=1, le=4096)
    beam_width: int = Field(4, ge=1, le=256)
    policy: str = Field("nano", min_length=1)
    prm: str | None = Field(None, min_length=1)
    prm_format: str | None = Field(None, min_length=1)
    aggregate: Aggregate = "last"
    select: Select = "weighted"
    temperature: float | None = Field(None, ge=0, le=10, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    max_tokens: int = Field(2048, ge=1)
    max_step_tokens: int | None = Field(None, ge=1)
    max_steps: int = Field(40, ge=1, le=1000)
    effort: Effort = "normal"
    max_time: float | None = Field(None, gt=0, allow_inf_nan=False)
    max_flops: float | None = Field(None, gt=0, allow_inf_nan=False)
    min_confidence: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    seed: int = Field(0, ge=0, lt=2**63)
    verify: bool = False
    profile: str | None = Field(None, min_length=1)
    threads: int | None = Field(None, ge=1, le=4096)
    gpu_layers: int = Field(-1, ge=-1, le=100_000)
    ctx_size: int = Field(0, ge=0, le=2**30)


@dataclass(frozen=True)
class Origin:
    """One value and where it was written, for messages."""

    where: str
    value: Any


def resolve(
    flags: Mapping[str, Any], environ: Mapping[str, str] | None = None, files: list[Path] | None = None
) -> Settings:
    """Merge all origins; a flag that is None was not given. Raises UsageError, naming the origin."""
    environ = os.environ if environ is None else environ
    found: dict[str, Origin] = {}
    for path in reversed(config_files() if files is None else files):
        found |= _from_file(path)
    found |= _from_environment(environ)
    found |= {name: Origin(flag_name(name), value) for name, value in flags.items() if value is not None}
    try:
        return Settings.model_validate({name: origin.value for name, origin in found.items()})
    except ValidationError as error:
        raise _bad_value(error, found) from error


def config_files() -> list[Path]:
    """The config files that may exist, strongest first."""
    from platformdirs import user_config_path

    return [Path("tts.yaml"), user_config_path(APP_DIR) / "config.yaml"]


def environment_names() -> dict[str, str]:
    """TTS_BUDGET -> budget, and so on."""
    return {"TTS_" + name.upper(): name for name in Settings.model_fields}


def flag_name(name: str) -> str:
    return "--" + name.replace("_", "-")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Origin]:
    """TTS_BUDGET=16 and so on. Other TTS_* variables belong to other programs and are left alone."""
    return {name: Origin(key, environ[key]) for key, name in environment_names().items() if environ.get(key)}


def _from_file(path: Path) -> dict[str, Origin]:
    """The keys of one YAML file, `-` and `_` alike; an absent file has none. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"The config file {path} cannot be read: {reason}.", "Mend it or move it away.") from error
    values = {_known(str(key), path): value for key, value in _parse(text, path).items()}
    return {name: Origin(f"{path}: {name}", value) for name, value in values.items() if value is not None}


def _parse(text: str, path: Path) -> dict[Any, Any]:
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise UsageError(f"The config file {path} is not YAML{line}.", "Write lines such as `budget: 16`.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"The config file {path} holds no `key: value` lines.", "Write lines such as `budget: 16`.")
    return content


def _known(key: str, path: Path) -> str:
    name = key.replace("-", "_")
    if name in Settings.model_fields:
        return name
    close = get_close_matches(name, Settings.model_fields, n=3)
    known = ", ".join(Settings.model_fields)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"Known keys: {known}."
    raise UsageError(f"The config file {path} has an unknown key {key!r}.", hint)


def _bad_value(error: ValidationError, found: Mapping[str, Origin]) -> UsageError:
    first = error.errors()[0]
    origin = found[str(first["loc"][0])]
    wanted = first["msg"].removeprefix("Input ").split(", unable")[0]
    return UsageError(
        f"{origin.where} is {origin.value!r}, but it {wanted}.", "`--help` after the command lists what it may be."
    )
