"""What the registry knows of one model, checked at the boundary where YAML becomes data."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from tts_cli.models.prm.formats import PrmFormat

Role = Literal["policy", "prm"]


class PromptStyle(BaseModel):
    """How a policy is asked: a system message (or none), and the user message around `{problem}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: tuple[str, ...] = ()  # a model whose name holds one of these (lower case) is asked like this
    system: str | None = None
    user: str = "{problem}"

    @field_validator("user")
    @classmethod
    def _holds_the_problem(cls, user: str) -> str:
        if user.count("{problem}") != 1:
            raise ValueError("must hold {problem} once")
        return user


class SamplingDefaults(BaseModel):
    """Sampling that suits one policy; what is None is left to the tool's own default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_step_tokens: PositiveInt | None = None


class ModelEntry(BaseModel):
    """One model of the registry. What is not known is None, never guessed.

    `file` is a name in the models directory or a path; an entry without one says in `get` how to come
    by the file. `family` is what the static strategy rule goes by, `prm` the PRM that suits a policy. `measured` is
    a short figure of how good the model is, `measured_by` the command that found it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    description: str = ""
    file: str | None = None
    repo: str | None = None  # the model's id at its publisher
    get: str | None = None
    url: str | None = None
    size: PositiveInt | None = None  # bytes
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    parameters: PositiveInt | None = None
    licence: str | None = None
    family: str | None = None
    demonstration: bool = False
    note: str | None = None
    measured: str | None = None
    measured_by: str | None = None
    prompt: PromptStyle | None = None
    separator: str = Field(default="\n\n", min_length=1)
    sampling: SamplingDefaults = SamplingDefaults()
    prm: str | None = None
    format: PrmFormat | None = None
