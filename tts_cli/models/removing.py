"""What belongs to a model in the models directory: what `tts models remove` takes away, and nothing else."""

from __future__ import annotations

import os
from glob import escape
from pathlib import Path

from tts_cli.errors import ModelError, UsageError
from tts_cli.models.registry import find_file, read, side_file
from tts_cli.paths import models_dir


def files_of(name: str) -> list[Path]:
    """The GGUF, its head, and what an import that was cut off has left. Raises UsageError for what does not lie in the
    models directory itself, ModelError where there is no such model."""
    known = read()
    entry = known.models.get(name)
    path = find_file(entry) if entry is not None else models_dir() / f"{name}.gguf"
    if entry is not None and path is None:
        raise ModelError(f"The model '{name}' is not on this machine.", "There is nothing to remove.")
    assert path is not None
    if path.parent != models_dir():
        what = f"{name} is not in the models directory, but {path}"
        raise UsageError(f"{what}.", f"`tts models remove` takes names of files in {models_dir()}.")
    found = [path, side_file(path), *sorted(path.parent.glob(f".{escape(path.name)}.*.part"))]
    found = [one for one in found if os.path.lexists(one)]
    if not found:
        raise ModelError(f"There is no model {path}.", "`tts models list` names every model.")
    return found
