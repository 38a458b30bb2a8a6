"""Settings: all that a person may set about solving, each described once.

A field of `Settings` gives the type, the bounds, the default and the help text; the command line's flags, TTS_*
variables, the keys of tts.yaml, the record's fingerprint and the reference in docs/ are all made from it. `resolve`
merges them: flag, then TTS_* variable, then ./tts.yaml, then the user's file, then the default. What depends on loaded
models (a method that needs a PRM, say) is not judged here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from tts_cli.answers.vote import Aggregate, Select
from tts_cli.errors import UsageError, reason
from tts_cli.paths import config_files
from tts_cli.protocols import Sampling
from tts_cli.search.methods import METHODS

Effort = Literal["low", "normal", "high", "max"]
MAX_BUDGET = 4096
_DEFAULT = Sampling()
_AGGREGATE: Aggregate = "last"

SEARCH, MODELS, SAMPLING, LIMITS = "Search", "Models", "Sampling", "Limits"
"""The groups of the help."""


def methods() -> tuple[str, ...]:
    """What `method` may be.

    >>> methods()[:2]
    ('auto', 'greedy')
    """
    return ("auto", *METHODS)


def _known_method(name: str) -> str:
    if name not in methods():
        *most, last = map(repr, methods())
        raise ValueError(f"should be {', '.join(most)} or {last}")
    return name


def _setting(panel: str, default: Any, help: str, *, metavar: str | None = None, **bounds: Any) -> Any:
    return Field(default, description=help, json_schema_extra={"panel": panel, "metavar": metavar}, **bounds)


class Settings(BaseModel):
    """Everything about solving that can be set. None means: not set, the models or the strategy decide.

    Raises UsageError, naming the setting, for a value that cannot be used.

    >>> Settings(method="beam", budget=16).budget
    16
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: Annotated[str, AfterValidator(_known_method)] = _setting(
        SEARCH, "auto", "How to search; auto chooses method and budget."
    )
    budget: int | None = _setting(
        SEARCH, None, "Candidate solutions (or steps) alive per problem.", metavar="N", ge=1, le=MAX_BUDGET
    )
    beam_width: int = _setting(SEARCH, 4, "Children per kept node.", metavar="M", ge=1, le=256)
    policy: str = _setting(MODELS, "nano", "Writes the steps.", metavar="NAME|FILE.gguf", min_length=1)
    prm: str | None = _setting(
        MODELS, None, "Scores the steps. (default: the policy's own)", metavar="NAME|FILE.gguf|none", min_length=1
    )
    prm_format: str | None = _setting(
        MODELS,
        None,
        "How a PRM file is read; reader and judge: any model is one. (default: what the file says)",
        metavar="NAME",
        min_length=1,
    )
    aggregate: Aggregate | None = _setting(
        SEARCH, None, f"Step scores to the score of a solution. (default: what suits the PRM, else {_AGGREGATE})"
    )
    select: Select = _setting(SEARCH, "weighted", "Scored solutions to the answer.")
    temperature: float | None = _setting(
        SAMPLING,
        None,
        f"Sampling temperature; 0: the likeliest token. (default: the policy's own, else {_DEFAULT.temperature:g})",
        ge=0,
        le=10,
        allow_inf_nan=False,
    )
    top_p: float | None = _setting(
        SAMPLING,
        None,
        f"Nucleus sampling. (default: the policy's own, else {_DEFAULT.top_p:g})",
        gt=0,
        le=1,
        allow_inf_nan=False,
    )
    max_tokens: int = _setting(SAMPLING, 2048, "Most tokens of one solution.", ge=1)
    max_step_tokens: int | None = _setting(
        SAMPLING, None, f"Most tokens of one step. (default: the policy's own, else {_DEFAULT.max_step_tokens})", ge=1
    )
    max_steps: int = _setting(SAMPLING, 40, "Most steps of one solution.", ge=1, le=1000)
    effort: Effort = _setting(SEARCH, "normal", "How readily `auto` spends more compute.")
    max_time: float | None = _setting(
        LIMITS, None, "Answer with the best found by then.", metavar="SECONDS", gt=0, allow_inf_nan=False
    )
    max_flops: float | None = _setting(
        LIMITS, None, "Answer with the best found for this compute.", metavar="X", gt=0, allow_inf_nan=False
    )
    min_confidence: float | None = _setting(
        LIMITS,
        None,
        "Below it, or with too few votes for it: no answer, exit code 3.",
        metavar="P",
        ge=0,
        le=1,
        allow_inf_nan=False,
    )
    seed: int = _setting(SEARCH, 0, "Same seed, machine and flags: same answer.", metavar="S", ge=0, lt=2**63)
    verify: bool = _setting(SEARCH, False, "Substitute answers back into the problem; provably wrong ones do not vote.")
    calculator: bool = _setting(
        SEARCH, True, "Steps that state a provably false equality are drawn again and do not vote. (default: on)"
    )
    profile: str | None = _setting(
        SEARCH,
        None,
        "Calibration profile for `auto`, written by `tts calibrate`. (default: the one for these models)",
        metavar="FILE|none",
        min_length=1,
    )
    threads: int | None = _setting(MODELS, None, "CPU threads. (default: physical cores)", metavar="T", ge=1, le=4096)
    gpu_layers: int = _setting(MODELS, -1, "Layers on the GPU; -1: all.", metavar="L", ge=-1, le=100_000)
    ctx_size: int = _setting(MODELS, 0, "Tokens that all branches share; 0: auto.", metavar="C", ge=0, le=2**30)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads `yes` and `off` as truth values, which Pydantic would take for the numbers 1 and 0."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        kinds = get_args(annotation) or (annotation,)
        if isinstance(value, bool) and (int in kinds or float in kinds):
            raise ValueError("should be a number, not a truth value (true, false, yes, no, on, off)")
        return value

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingError.of(error) from error

    @property
    def sampling(self) -> Sampling:
        """How tokens are drawn, with the tool's own defaults for what is not set."""
        return Sampling(
            temperature=_DEFAULT.temperature if self.temperature is None else self.temperature,
            top_p=_DEFAULT.top_p if self.top_p is None else self.top_p,
            max_step_tokens=self.max_step_tokens or _DEFAULT.max_step_tokens,
        )

    @property
    def aggregation(self) -> Aggregate:
        """How step scores become the score of a solution, with the tool's own default where it is not set."""
        return self.aggregate or _AGGREGATE

    def with_defaults(self, **own: float | str | None) -> Settings:
        """What is not set, as a model's own defaults have it. Raises UsageError for one that cannot be used.

        >>> Settings(top_p=0.9).with_defaults(temperature=0.6, top_p=0.5).sampling
        Sampling(temperature=0.6, top_p=0.9, max_step_tokens=256)
        """
        missing = {name: value for name, value in own.items() if getattr(self, name) is None and value is not None}
        return self.model_copy(update=Settings(**missing).model_dump(include=set(missing)))

    def fingerprinted(self) -> dict[str, Any]:
        """What a record depends on, beside the models: not where or how fast it is computed.

        Without the calculator it is what it was before there was one, so that such records are still known.
        """
        without = set() if self.calculator else {"calculator"}
        fields = self.model_dump(exclude=_ELSEWHERE | set(_SAMPLED) | without) | {"aggregate": self.aggregation}
        return {**fields, "sampling": {name: getattr(self.sampling, name) for name in _SAMPLED}}


_SAMPLED = ("temperature", "top_p", "max_step_tokens")
_ELSEWHERE = {"policy", "prm", "prm_format", "profile", "threads", "gpu_layers", "ctx_size"}


class SettingError(UsageError):
    """A value that cannot be used. `name`: of the setting; `wanted`: what it should be; `where`: who set it."""

    def __init__(self, name: str, value: Any, wanted: str, where: str | None = None) -> None:
        self.name, self.value, self.wanted = name, value, wanted
        end = "" if wanted.endswith((".", "?")) else "."
        super().__init__(
            f"{where or flag_name(name)} is {value!r}, but it {wanted}{end}",
            "`--help` after the command lists what it may be.",
        )

    @classmethod
    def of(cls, error: ValidationError) -> SettingError:
        """From the first thing that is wrong."""
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            return cls(name, first["input"], f"is no setting; {_close(name)}")
        wanted = first["msg"].removeprefix("Value error, ").removeprefix("Input ").split(", unable")[0]
        return cls(name, first["input"], wanted)


def resolve(
    flags: Mapping[str, Any], environ: Mapping[str, str] | None = None, files: Iterable[Path] | None = None
) -> Settings:
    """Merge all origins; a flag that is None was not given. Raises UsageError, naming the origin of a bad value."""
    origins: dict[str, tuple[str, Any]] = {}  # setting -> where it was set, and to what
    for path in reversed(list(config_files() if files is None else files)):
        origins |= _from_file(path)
    origins |= _from_environment(os.environ if environ is None else environ)
    origins |= {name: (flag_name(name), value) for name, value in flags.items() if value is not None}
    try:
        return Settings(**{name: value for name, (_, value) in origins.items()})
    except SettingError as error:
        where, value = origins[error.name]
        raise SettingError(error.name, value, error.wanted, where) from error


def environment_names() -> dict[str, str]:
    """TTS_BUDGET -> budget, and so on."""
    return {"TTS_" + name.upper(): name for name in Settings.model_fields}


def flag_name(name: str) -> str:
    """beam_width -> --beam-width"""
    return "--" + name.replace("_", "-")


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    """TTS_BUDGET=16 and so on. Other TTS_* variables belong to other programs and are left alone."""
    return {name: (key, environ[key]) for key, name in environment_names().items() if environ.get(key)}


def _from_file(path: Path) -> dict[str, tuple[str, Any]]:
    """The keys of one YAML file, `-` and `_` alike; an absent file has none. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The config file {path} cannot be read: {reason(error)}.", "Mend it or move it away."
        ) from error
    values = {_known_key(str(key), path): value for key, value in _parse(text, path).items()}
    return {name: (f"{path}: {name}", value) for name, value in values.items() if value is not None}


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


def _known_key(key: str, path: Path) -> str:
    name = key.replace("-", "_")
    if name in Settings.model_fields:
        return name
    hint = _close(name)
    raise UsageError(f"The config file {path} has an unknown key {key!r}.", hint[0].upper() + hint[1:])


def _close(name: str) -> str:
    close = get_close_matches(name, Settings.model_fields, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"known keys: {', '.join(Settings.model_fields)}."
