"""Where model files lie: in the package (nano), then in the user's models directory."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from tts_cli.errors import ModelError
from tts_cli.models.entry import ModelEntry

PACKAGED = Path(__file__).parent.parent / "nano"


def models_dir() -> Path:
    """Where downloaded models are kept: TTS_MODELS_DIR, else `models` in the user's data directory."""
    override = os.environ.get("TTS_MODELS_DIR")
    return Path(override).expanduser() if override else Path(platformdirs.user_data_dir("tts")) / "models"


def find(entry: ModelEntry) -> Path | None:
    """The entry's model file, or None where it is not on this machine."""
    if entry.file is None:
        return None
    file = Path(entry.file).expanduser()
    places = [PACKAGED / file, models_dir() / file]  # an absolute `file` stays itself
    return next((place for place in places if place.is_file()), None)


def locate(entry: ModelEntry) -> Path:
    """The entry's model file. Raises ModelError that says how to come by it."""
    path = find(entry)
    if path is not None:
        return path
    if entry.file is not None and Path(entry.file).expanduser().is_absolute():
        raise ModelError(f"There is no model file {entry.file}.", "Check the path, or name one of `tts models list`.")
    raise ModelError(f"The model '{entry.name}' is not on this machine.", how_to_get(entry))


def how_to_get(entry: ModelEntry) -> str:
    """One sentence: what a person does to have this model."""
    if entry.file is None:
        source = f" of {entry.repo}" if entry.repo else ""
        return entry.get or f"Get a GGUF file{source} and pass it as `--{entry.role} FILE.gguf`."
    source = f" (of {entry.repo})" if entry.repo else ""
    return f"Put its file {entry.file}{source} into {models_dir()}, or pass it as `--{entry.role} FILE.gguf`."
