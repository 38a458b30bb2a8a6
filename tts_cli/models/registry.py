"""Reads the registry: the models.yaml that ships, with the user's own merged over it.

An entry, format or prompt of the user's file replaces, field by field, the one of the same name. Where model
files lie is `files.py`'s business; nothing here loads a model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tts_cli.errors import UsageError
from tts_cli.models.entry import ModelEntry, PromptStyle
from tts_cli.models.files import is_file
from tts_cli.models.prm.formats import PrmFormat
from tts_cli.paths import models_file

SHIPPED = Path(__file__).parent.parent / "models.yaml"
SECTIONS = ("models", "formats", "prompts")
GENERIC = "generic"

Raw = dict[str, dict[str, dict[str, Any]]]  # section -> name -> fields
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that models.yaml declares, by name."""

    models: Mapping[str, ModelEntry]
    formats: Mapping[str, PrmFormat]
    prompts: Mapping[str, PromptStyle]

    def entry(self, name: str) -> ModelEntry:
        """The entry of this name. Raises UsageError that suggests close names."""
        if name not in self.models:
            raise UsageError(f"There is no model named '{name}'.", _close("model", name, self.models))
        return self.models[name]

    def format(self, name: str) -> PrmFormat:
        """The PRM format of this name. Raises UsageError that lists the known ones."""
        if name not in self.formats:
            raise UsageError(f"There is no PRM format named '{name}'.", f"Known formats: {', '.join(self.formats)}.")
        return self.formats[name]

    def family_of(self, name: str) -> str | None:
        """The family of a policy that is not in the registry, by what its name says; None: no known one."""
        plain = name.lower().replace(" ", "-").replace("_", "-")
        styles = self.prompts.items()
        return next((family for family, style in styles if any(part in plain for part in style.match)), None)

    def prompt_for(self, name: str) -> PromptStyle:
        """How a policy that is not in the registry is asked, by the family that its name tells."""
        return self.prompts[self.family_of(name) or GENERIC]


def load() -> dict[str, ModelEntry]:
    """All models by name, in the order of the files. Raises UsageError for a malformed file."""
    return dict(read().models)


def read() -> Registry:
    """The whole registry. Raises UsageError for a malformed file."""
    user = models_file()
    sources = [SHIPPED, user] if is_file(user) or os.environ.get("TTS_MODELS_FILE") else [SHIPPED]
    raw: Raw = {section: {} for section in SECTIONS}
    for source in sources:
        _merge(raw, _parse(source))
    where = sources[-1]
    formats = {name: _check(PrmFormat, where, "formats", name, it) for name, it in raw["formats"].items()}
    prompts = {name: _check(PromptStyle, where, "prompts", name, it) for name, it in raw["prompts"].items()}
    models = {name: _entry(where, name, it, formats, prompts) for name, it in raw["models"].items()}
    return Registry(models, formats, prompts)


def _parse(path: Path) -> Raw:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _malformed(f"{path}{where}", str(error.problem)) from error
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise _malformed(str(path), str(error).splitlines()[0]) from error
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


def _merge(into: Raw, over: Raw) -> None:
    for section, entries in over.items():
        for name, fields in entries.items():
            into[section][name] = {**into[section].get(name, {}), **fields}


def _entry(
    path: Path,
    name: str,
    fields: Mapping[str, Any],
    formats: Mapping[str, PrmFormat],
    prompts: Mapping[str, PromptStyle],
) -> ModelEntry:
    """A model's entry; its `format` and `prompt` may be the name of one, or be written out in place."""
    resolved = {**fields, "name": name}
    for field, known in (("format", formats), ("prompt", prompts)):
        value = resolved.get(field)
        if isinstance(value, str):
            if value not in known:
                raise _malformed(f"{path}, models, {name}", f"there is no {field} '{value}', only {', '.join(known)}")
            resolved[field] = known[value]
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


def _close(what: str, name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{hint}`tts models list` names every {what}; a file is given as {what.upper()}.gguf with its path."
