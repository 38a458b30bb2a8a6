"""The registry of models: what models.yaml says of each, and where their files are.

1. The models.yaml that ships is read first. The user's own is merged over it: an entry, format or prompt replaces,
   field by field, the one of the same name.
2. YAML becomes checked data (`ModelEntry`, `PrmFormat`, `PromptStyle`), or a UsageError that names file and line.
3. A model's file is looked for in the package (nano), then in the user's models directory; one that `tts models pull`
   fetched, by the record beside it.

A run reads it once, and hands the `Registry` on. Nothing here loads a model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from tts_cli.errors import ModelError, UsageError, reason
from tts_cli.hub import pulled
from tts_cli.hub.reference import PREFIX, Reference, parse
from tts_cli.models.prm.formats import PrmFormat
from tts_cli.models.prompts import PromptStyle
from tts_cli.paths import PACKAGED, expand, models_dir, models_file

SHIPPED = Path(__file__).parent.parent / "models.yaml"
SECTIONS = ("models", "formats", "prompts")
GENERIC = "generic"
NAMES_IN_METADATA = ("general.name", "general.basename", "general.finetune")

Role = Literal["policy", "prm"]
Raw = dict[str, dict[str, dict[str, Any]]]  # section -> name -> fields
M = TypeVar("M", bound=BaseModel)


class SamplingDefaults(BaseModel):
    """Sampling that suits one policy; where a value is None the tool's own default holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(default=None, ge=0, strict=True)  # strict: `yes` is no number
    top_p: float | None = Field(default=None, gt=0, le=1, strict=True)
    max_step_tokens: int | None = Field(default=None, gt=0, strict=True)


class ModelEntry(BaseModel):
    """One model of the registry. What is not known is None, never guessed.

    `file` is a name in the models directory or a path; an entry without one says in `get` how to come by the file.
    `family` is what the paper's table goes by, `prm` the PRM that suits a policy, `head` the file of a head that reads
    this model's states. `measured` is a short figure of how
    good the model is, `measured_by` the command that found it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    description: str = ""
    file: str | None = None
    repo: str | None = None  # the model's id at its publisher
    get: str | None = None
    pull: str | None = None  # hf:USER/REPO:QUANT, a GGUF of it at the Hub
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
    head: str | None = None


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that models.yaml declares, by name."""

    models: Mapping[str, ModelEntry]
    formats: Mapping[str, PrmFormat]
    prompts: Mapping[str, PromptStyle]

    def entry(self, name: str) -> ModelEntry:
        """The entry of this name. Raises UsageError that suggests close names."""
        if name not in self.models:
            near = get_close_matches(name, self.models, n=3, cutoff=0.5)
            hint = f"Did you mean {' or '.join(near)}? " if near else ""
            listed = "`tts models list` names every model; a file is given as MODEL.gguf with its path."
            raise UsageError(f"There is no model named '{name}'.", hint + listed)
        return self.models[name]

    def format(self, name: str) -> PrmFormat:
        """The PRM format of this name. Raises UsageError that lists the known ones."""
        if name not in self.formats:
            raise UsageError(f"There is no PRM format named '{name}'.", f"Known formats: {', '.join(self.formats)}.")
        return self.formats[name]

    def family_of(self, name: str, metadata: Mapping[str, Any] = MappingProxyType({})) -> str | None:
        """The family of a policy that is not in the registry; None: no known one.

        The first of these that names one decides: what the metadata of its file calls it, the name of the file, the
        architecture. That comes last, as it is shared: the DeepSeek-R1 distilled into Qwen is a `qwen2`.
        """
        texts = [str(metadata.get(key, "")) for key in NAMES_IN_METADATA]
        for text in (*texts, name, str(metadata.get("general.architecture", ""))):
            plain = text.lower().replace(" ", "-").replace("_", "-")
            for family, style in self.prompts.items():
                if any(part in plain for part in style.match):
                    return family
        return None

    def prompt_for(self, name: str, metadata: Mapping[str, Any] = MappingProxyType({})) -> PromptStyle:
        """How a policy that is not in the registry is asked: by its family."""
        return self.prompts[self.family_of(name, metadata) or GENERIC]


def read() -> Registry:
    """The whole registry: once a run, as it takes some 20 ms. Raises UsageError for a malformed file.

    >>> read().entry("nano").prm
    'nano-prm'
    """
    user = models_file()
    sources = [SHIPPED, user] if is_file(user) or os.environ.get("TTS_MODELS_FILE") else [SHIPPED]
    raw: Raw = {section: {} for section in SECTIONS}
    for source in sources:
        for section, entries in _parse(source).items():
            for name, fields in entries.items():
                raw[section][name] = {**raw[section].get(name, {}), **fields}
    where = sources[-1]
    formats = {name: _check(PrmFormat, where, "formats", name, it) for name, it in raw["formats"].items()}
    prompts = {name: _check(PromptStyle, where, "prompts", name, it) for name, it in raw["prompts"].items()}
    models = {name: _entry(where, name, it, format=formats, prompt=prompts) for name, it in raw["models"].items()}
    return Registry(models, formats, prompts)


def _parse(path: Path) -> Raw:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _malformed(f"{path}{where}", str(error.problem)) from error
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise _malformed(str(path), reason(error)) from error
    return _shape(path, data)


def _shape(path: Path, data: Any) -> Raw:
    """The parsed YAML, once it is known to be sections of named mappings."""
    if not isinstance(data, dict):
        raise _malformed(str(path), f"it must hold the sections {', '.join(SECTIONS)}")
    for section, entries in data.items():
        if section not in SECTIONS:
            raise _malformed(str(path), f"there is no section '{section}', only {', '.join(SECTIONS)}")
        if not isinstance(entries, dict):
            raise _malformed(f"{path}, {section}", "it must map names to entries")
        for name, fields in entries.items():
            if not isinstance(name, str) or not isinstance(fields, dict):
                raise _malformed(f"{path}, {section}, {name}", "it must be a name with fields")
    return data


def _entry(path: Path, name: str, fields: Mapping[str, Any], **known: Mapping[str, BaseModel]) -> ModelEntry:
    """A model's entry; its `format` and `prompt` may be the name of one, or be written out in place."""
    resolved = {**fields, "name": name}
    for field, named in known.items():
        value = resolved.get(field)
        if isinstance(value, str):
            if value not in named:
                raise _malformed(f"{path}, models, {name}", f"there is no {field} '{value}', only {', '.join(named)}")
            resolved[field] = named[value]
    return _check(ModelEntry, path, "models", name, resolved)


def _check(kind: type[M], path: Path, section: str, name: str, fields: Mapping[str, Any]) -> M:
    try:
        return kind.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        where = ", ".join(str(part) for part in (path, section, name, *first["loc"]))
        raise _malformed(where, first["msg"]) from error


def _malformed(where: str, why: str) -> UsageError:
    return UsageError(f"The model registry cannot be read ({where}): {why}.", "Mend that file, or move it away.")


# --- model files ---

SIDE_SUFFIX = ".head.safetensors"
"""What the file of a published head has in place of its backbone's `.gguf`."""


def side_file(backbone: Path) -> Path:
    """Where the published head of a GGUF file is: `model.head.safetensors` beside `model.gguf`."""
    return backbone.with_name(backbone.name.removesuffix(".gguf") + SIDE_SUFFIX)


def installed(name: str) -> Path | None:
    """The GGUF file of this name in the models directory, which needs no entry; None where there is none."""
    path = models_dir() / f"{name}.gguf"
    return path if path.parent == models_dir() and is_file(path) else None


def all_installed() -> list[Path]:
    """All GGUF files of the models directory; [] where there is no such directory."""
    try:
        return sorted(path for path in models_dir().glob("*.gguf") if not path.name.startswith(".") and is_file(path))
    except OSError:
        return []


def find_file(entry: ModelEntry) -> Path | None:
    """The entry's model file, or None where it is not on this machine."""
    if entry.file is None:
        return pulled.find(parse(entry.pull)) if entry.pull else None
    file = expand(entry.file)
    places = [PACKAGED / file, models_dir() / file]  # an absolute `file` stays itself
    return next((place for place in places if is_file(place)), None)


def hub_reference(name: str) -> Reference:
    """What `tts models pull` fetches for this name or `hf:...`. Raises UsageError."""
    if name.startswith(PREFIX):
        return parse(name)
    entry = read().entry(name)
    if entry.pull is None:
        hint = how_to_get(entry) if find_file(entry) is None else f"It is here: {find_file(entry)}."
        raise UsageError(f"The registry names no GGUF at the Hub for '{name}'.", hint)
    return parse(entry.pull)


def pulled_file(name: str) -> Path:
    """The pulled file of an `hf:...`. Raises UsageError for a malformed one, ModelError where it is not here."""
    if (path := pulled.find(parse(name))) is not None:
        return path
    raise ModelError(f"The model {name} is not on this machine.", f"`tts models pull {name}` fetches it.")


def locate(entry: ModelEntry) -> Path:
    """The entry's model file. Raises ModelError that says how to come by it."""
    if (path := find_file(entry)) is not None:
        return path
    if entry.file is not None and expand(entry.file).is_absolute():
        raise ModelError(f"There is no model file {entry.file}.", "Check the path, or name one of `tts models list`.")
    raise ModelError(f"The model '{entry.name}' is not on this machine.", how_to_get(entry))


def is_file(path: Path) -> bool:
    """True for a file that can be seen; False too where the path itself is impossible (too long, say)."""
    try:
        return path.is_file()
    except OSError:
        return False


def how_to_get(entry: ModelEntry) -> str:
    """One sentence: what a person does to have this model."""
    if entry.pull is not None:
        return f"`tts models pull {entry.name}` fetches it; or pass a GGUF of it as `--{entry.role} FILE.gguf`."
    if entry.file is None:
        source = f" of {entry.repo}" if entry.repo else ""
        return entry.get or f"Get a GGUF file{source} and pass it as `--{entry.role} FILE.gguf`."
    source = f" (of {entry.repo})" if entry.repo else ""
    return f"Put its file {entry.file}{source} into {models_dir()}, or pass it as `--{entry.role} FILE.gguf`."
