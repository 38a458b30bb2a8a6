"""Where model files lie: in the package (nano), then in the user's models directory."""

from __future__ import annotations

from pathlib import Path

from tts_cli.errors import ModelError
from tts_cli.models.entry import ModelEntry
from tts_cli.paths import PACKAGED, expand, models_dir


def find(entry: ModelEntry) -> Path | None:
    """The entry's model file, or None where it is not on this machine."""
    if entry.file is None:
        return None
    file = expand(entry.file)
    places = [PACKAGED / file, models_dir() / file]  # an absolute `file` stays itself
    return next((place for place in places if is_file(place)), None)


def locate(entry: ModelEntry) -> Path:
    """The entry's model file. Raises ModelError that says how to come by it."""
    path = find(entry)
    if path is not None:
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
    if entry.file is None:
        source = f" of {entry.repo}" if entry.repo else ""
        return entry.get or f"Get a GGUF file{source} and pass it as `--{entry.role} FILE.gguf`."
    source = f" (of {entry.repo})" if entry.repo else ""
    return f"Put its file {entry.file}{source} into {models_dir()}, or pass it as `--{entry.role} FILE.gguf`."
