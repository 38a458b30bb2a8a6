"""Says once, on the first run with a demonstration model, what it is and is not. Remembered in the state directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tts_cli.paths import state_dir

if TYPE_CHECKING:
    from tts_cli.cli.channels import Channels
    from tts_cli.models.registry import ModelEntry


def tell_once(entry: ModelEntry, channels: Channels) -> None:
    """Print the registry's note on a demonstration model, unless this account was told before."""
    marker = _marker()
    if channels.quiet or not entry.demonstration or marker.exists():
        return
    channels.note(f"note: {' '.join((entry.note or entry.description).split())}")
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    except OSError:  # a read-only home: it is told again next time, no harm done
        return


def _marker() -> Path:
    return state_dir() / "told-about-nano"
