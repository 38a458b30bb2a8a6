"""A profile: what `tts calibrate` measured for one pair of models, and `auto` goes by.

A YAML file for people to read: which model files, on which data, when, with what figures, and the fitted numbers. It
is used only with the very files that it was made with. This module covers the format and finding the one that fits;
evaluation/calibrate.py makes it, and rules.py decides by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tts_cli.answers import Aggregate, Select
from tts_cli.config import Settings
from tts_cli.errors import TtsError, UsageError, reason
from tts_cli.search.best_first import HYPERPARAMETERS, Start
from tts_cli.strategy.features import FEATURES
from tts_cli.strategy.logistic import Logistic
from tts_cli.strategy.mixture import Mixture

VERSION = 3


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelFile(_Part):
    """`content`: the file's fingerprint (models.content.of_file)."""

    name: str
    content: str
    parameters: int


class Data(_Part):
    """The labelled problems. `content`: a hash of their texts and answers."""

    name: str
    problems: int
    content: str


class LaterStage(_Part):
    """What going on to a later stage costs, in FLOPs more per problem, and whether the leading answer is right then."""

    flops: float = Field(gt=0)
    right: Logistic


class Stage(_Part):
    """What is known after so many samples. `read`: best-first search has had the PRM score what it needs.

    All but `flops` and `solved` is of problems where no solution has convinced the PRM so far. `right`: whether the
    leading answer is right. `later`: what further stages would bring, by their names. `flops`: mean per problem until
    then. `solved`: P(one sample is right), for the first stages only.
    """

    samples: int = Field(ge=1)
    read: bool
    flops: float = Field(gt=0)
    right: Logistic
    later: dict[str, LaterStage]
    solved: Logistic | None = None

    @property
    def name(self) -> str:
        return name_of(self.samples, self.read)


def name_of(samples: int, read: bool) -> str:
    """How `later` names a stage."""
    return f"{samples} {'read' if read else 'drawn'}"


class Voting(_Part):
    """How the solutions of best-first search vote. `mixed`: weighed by the profile's mixture of judges."""

    aggregate: Aggregate
    select: Select
    mixed: bool = False


class Profile(_Part):
    """The file's content.

    `start` and `vote`: of best-first search, as they were worth most; `mixture`: the
    judges that were worth it in a vote of independent samples. `settings`: what samples and votes depend on
    beside the models (`samples_as`). `convinced`: whether the leading answer is right when a solution has convinced the
    PRM; `best_of_n`: whether it is after N samples that are all scored. `prm` None: votes and likelihoods alone.
    `solution_flops`: of one solution, written and scored. `figures`: for people.
    """

    format: Literal["tts-profile"]
    version: Literal[3]
    tts: str
    made: str
    data: Data
    policy: ModelFile
    prm: ModelFile | None
    settings: dict[str, float | str]
    start: Start
    vote: Voting
    mixture: Mixture | None = None
    features: tuple[str, ...]
    stages: tuple[Stage, ...] = Field(min_length=1)
    convinced: Logistic
    best_of_n: dict[int, Logistic]
    solution_flops: float = Field(gt=0)
    figures: dict[str, Any]

    @model_validator(mode="after")
    def _in_itself(self) -> Profile:
        """What a rule relies on; a person may have edited the file."""
        if self.vote.mixed and self.mixture is None:
            raise ValueError("it votes by a mixture, and there is none")
        order = [(stage.samples, stage.read) for stage in self.stages]
        if order != sorted(set(order)):
            raise ValueError("the stages do not ascend")
        names = [stage.name for stage in self.stages]
        for place, name in enumerate(names, 1):
            if not set(self.stages[place - 1].later) <= set(names[place:]):
                raise ValueError(f"stage {name} names a later one that is not there")
        if any(len(model.weights) != len(self.features) for model in self._models()):
            raise ValueError("a model has more or fewer weights than there are features")
        return self

    def _models(self) -> Iterator[Logistic]:
        for stage in self.stages:
            yield from (stage.right, *(one.right for one in stage.later.values()))
            if stage.solved is not None:
                yield stage.solved
        yield from (self.convinced, *self.best_of_n.values())

    def stage(self, samples: int, *, read: bool) -> Stage | None:
        return next((stage for stage in self.stages if (stage.samples, stage.read) == (samples, read)), None)

    @property
    def key(self) -> str:
        """A short name for what is in it."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:12]


def read(path: Path) -> Profile:
    """Raises UsageError where the file is not there, or is no profile that this version understands."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        ours = isinstance(content, dict) and content.get("format") == "tts-profile"
        if ours and content.get("version") != VERSION:
            raise OtherVersion(path, content)
        profile = Profile.model_validate(content)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The profile {path} cannot be read: {reason(error)}.", "Name a file of `tts calibrate`."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: also a date that is none
        raise UsageError(f"{path} is not a profile: {_first_line(error)}.", _MAKE) from error
    if profile.features != FEATURES:
        raise OtherVersion(path, profile.model_dump())
    return profile


_MAKE = "Make a new one with `tts calibrate DATASET`, or remove the file."


class OtherVersion(UsageError):
    """A profile that this version does not understand. `models`: the names of policy and PRM that are in it."""

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        super().__init__(f"The profile {path} was made by another version of tts ({content.get('tts')}).", _MAKE)
        named = (content.get(role) for role in ("policy", "prm"))
        self.models = tuple(one.get("name") if isinstance(one, Mapping) else None for one in named)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = "".join(f"{part}." for part in first["loc"])[:-1]
        what = first["msg"].removeprefix("Value error, ")
        return f"{where}: {what.lower()}" if where else what
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}: {getattr(error, 'problem', None) or 'no YAML'}"
    return next(iter(str(error).splitlines()), type(error).__name__)


def write(path: Path, profile: Profile) -> None:
    """Raises TtsError."""
    import yaml

    from tts_cli.data.files import write_atomically

    content = yaml.safe_dump(
        profile.model_dump(mode="json"), sort_keys=False, width=110, allow_unicode=True, default_flow_style=None
    )
    make_folder(path)
    write_atomically(path, content, "The profile")


def make_folder(path: Path) -> None:
    """The one that a profile will be in. Raises TtsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = reason(error)
        raise TtsError(f"The directory {path.parent} cannot be made: {why}.", "Name another --profile.") from error


def samples_as(settings: Settings) -> dict[str, float | str]:
    """What samples, scores and votes depend on beside the models, as a profile keeps it.

    `aggregate` and `select` are those of best-of-n's vote: with others it is not what was measured.
    """
    sampling = settings.sampling
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "aggregate": settings.aggregation,
        "select": settings.select,
        "calculator": "on" if settings.calculator else "off",
        **({"prm_format": settings.prm_format} if settings.prm_format else {}),
        **HYPERPARAMETERS,
    }


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something that a profile was made with is another here: `name` is "policy", "PRM" or that of a setting."""

    name: str
    made_with: ModelFile | float | str | None
    here: ModelFile | float | str


@dataclass(frozen=True, slots=True)
class Unfit:
    """A profile for models of these names that cannot be used. `mismatch` None: another version of tts made it."""

    file: str
    mismatch: Mismatch | None


def differs(
    profile: Profile, policy: ModelFile, prm: ModelFile | None, settings: dict[str, float | str]
) -> Mismatch | None:
    """Why it does not belong to these models and settings; None where it does."""
    if profile.policy.content != policy.content:
        return Mismatch("policy", profile.policy, policy)
    if profile.prm is None or prm is None:
        if profile.prm is not prm:
            return Mismatch("PRM", *(one.name if one else "none" for one in (profile.prm, prm)))
    elif profile.prm.content != prm.content:
        return Mismatch("PRM", profile.prm, prm)
    made_with = {"calculator": "off"} | profile.settings  # a file that does not say is older than the calculator
    for name, value in settings.items():
        if made_with.get(name) != value:
            return Mismatch(name, made_with.get(name), value)
    return None


def fitting(
    paths: Iterable[Path], policy: ModelFile, prm: ModelFile | None, settings: dict[str, float | str]
) -> tuple[Profile | None, Unfit | None]:
    """The first profile that was made with these files, or else the last one for models of these names.

    Raises UsageError for a broken one.
    """
    unfit = None
    for path in paths:
        try:
            profile = read(path)
        except OtherVersion as error:
            if error.models == (policy.name, prm and prm.name):
                unfit = Unfit(path.name, None)
            continue
        mismatch = differs(profile, policy, prm, settings)
        if mismatch is None:
            return profile, None
        if (profile.policy.name, profile.prm and profile.prm.name) == (policy.name, prm and prm.name):
            unfit = Unfit(path.name, mismatch)
    return None, unfit
