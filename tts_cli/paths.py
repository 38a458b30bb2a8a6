"""Where files of the user's lie: configuration, models, profiles, data, state. Each can be moved by a variable."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APP = "tts"
PACKAGED = Path(__file__).parent / "nano"
"""What ships: the nano models, their profiles, the nano test set."""


def config_files() -> list[Path]:
    """The config files that may exist, strongest first."""
    return [Path("tts.yaml"), platformdirs.user_config_path(APP) / "config.yaml"]


def models_file() -> Path:
    """The user's registry: TTS_MODELS_FILE, else models.yaml in the user's configuration directory."""
    return _overridden("TTS_MODELS_FILE") or platformdirs.user_config_path(APP) / "models.yaml"


def models_dir() -> Path:
    """Where downloaded models are kept: TTS_MODELS_DIR, else `models` in the user's data directory."""
    return _overridden("TTS_MODELS_DIR") or platformdirs.user_data_path(APP) / "models"


def profiles_dir() -> Path:
    """Where `tts calibrate` puts profiles: TTS_PROFILES_DIR, else `profiles` in the user's data directory."""
    return _overridden("TTS_PROFILES_DIR") or platformdirs.user_data_path(APP) / "profiles"


def datasets_dir() -> Path:
    """Where fetched data sets are kept: TTS_DATA_DIR, else `datasets` in the user's data directory."""
    return _overridden("TTS_DATA_DIR") or platformdirs.user_data_path(APP) / "datasets"


def state_dir() -> Path:
    """What the program remembers between runs."""
    return platformdirs.user_state_path(APP)


def expand(text: str) -> Path:
    """A path with `~` as the home directory; left as it is where there is no such home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _overridden(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return expand(value) if value else None
