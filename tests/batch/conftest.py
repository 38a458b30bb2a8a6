"""The program and its small models, as in tests/cli."""

from tests.cli.conftest import here, model_files, tts

__all__ = ["here", "model_files", "tts"]
