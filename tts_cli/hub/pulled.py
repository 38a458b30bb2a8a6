"""What has been pulled: beside each file a record of where it is from, so that `hf:...` finds it without the Hub."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tts_cli.errors import TtsError, UsageError
from tts_cli.hub.reference import PREFIX, Reference, split_of
from tts_cli.paths import models_dir


@dataclass(frozen=True, slots=True)
class PulledFile:
    """`path` in the repository at a `revision`, `size` in bytes."""

    repo: str
    path: str
    revision: str
    size: int
    sha256: str | None


def find(reference: Reference) -> Path | None:
    """The pulled file that is meant, of a split model the first; None where there is none. Raises UsageError where
    several are."""
    found: dict[str, Path] = {}
    for place in sorted(models_dir().glob(".*.json")):
        target = place.with_name(place.name[1 : -len(".json")])
        record = read_record(target)
        if record is not None and record.repo == reference.repo and target.is_file():
            _, part = split_of(record.path)
            if (part is None or part[0] == 1) and reference.matches(record.path):
                found[record.path] = target
    if len(found) > 1:
        listed = ", ".join(f"{PREFIX}{reference.repo}/{path}" for path in found)
        raise UsageError(f"{reference} is ambiguous.", f"Pulled are: {listed}.")
    return next(iter(found.values()), None)


def read_record(target: Path) -> PulledFile | None:
    """None where there is none that can be read: the file is then one that a person put there."""
    try:
        return PulledFile(**json.loads(record_file(target).read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def write_record(target: Path, record: PulledFile) -> None:
    if read_record(target) != record:
        write_json(record_file(target), asdict(record))


def record_file(target: Path) -> Path:
    return target.with_name(f".{target.name}.json")


def other_file(target: Path, record: PulledFile | None) -> TtsError:
    """The error that says that the name is taken."""
    of = f"{PREFIX}{record.repo} at {record.revision[:8]}" if record else "unknown origin"
    hint = f"`tts models remove {target.stem}` takes it away; or set TTS_MODELS_DIR to another folder."
    return TtsError(f"{target} is another file of that name, of {of}.", hint)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Whole or not at all, also after a power cut. Raises OSError."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
