"""What belongs to a model in the models directory: what `tts models remove` takes away, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from glob import escape
from pathlib import Path

from tts_cli.errors import ModelError, UsageError
from tts_cli.hub import pulled, reference
from tts_cli.models.registry import find_file, read, side_file
from tts_cli.paths import models_dir


def files_of(name: str) -> list[Path]:
    """The GGUF (all parts of a split one), its head, the record of a pull, and what an import or a pull that was cut
    off has left. `name`: as `tts models list` has it, or hf:USER/REPO.. of what was pulled. Raises UsageError for what
    does not lie in the models directory itself, ModelError where there is no such model."""
    path = _gguf(name)
    if path.parent != models_dir():
        what = f"{name} is not in the models directory, but {path}"
        raise UsageError(f"{what}.", f"`tts models remove` takes names of files in {models_dir()}.")
    found = [one for part in _parts(path) for one in _around(part) if os.path.lexists(one)]
    if not found:
        raise ModelError(f"There is no model {path}.", "`tts models list` names every model.")
    return found


def _gguf(name: str) -> Path:
    if name.startswith(reference.PREFIX):
        path = pulled.find(reference.parse(name))
    elif (entry := read().models.get(name)) is not None:
        path = find_file(entry)
    else:
        return models_dir() / f"{name}.gguf"
    if path is None:
        raise ModelError(f"The model '{name}' is not on this machine.", "There is nothing to remove.")
    return path


def _parts(path: Path) -> list[Path]:
    """All parts of a split model, of which `path` is one."""
    base, part = reference.split_of(path.name)
    if part is None:
        return [path]
    beside = sorted(path.parent.glob(f"{escape(base)}*{reference.SUFFIX}"))
    return [one for one in beside if reference.split_of(one.name) == (base, (_number(one), part[1]))] or [path]


def _number(path: Path) -> int:
    _, part = reference.split_of(path.name)
    return part[0] if part else 0


def _around(path: Path) -> Iterator[Path]:
    """A file, and what may lie beside it on its account."""
    yield from (path, side_file(path), pulled.record_file(path), path.with_name(f".{path.name}.lock"))
    yield from sorted(path.parent.glob(f".{escape(path.name)}.*.part"))
