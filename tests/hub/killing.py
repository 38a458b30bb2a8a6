"""Pulls in processes of their own that are killed with SIGKILL at random moments, until one ends by itself."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from tests.hub.fake_hub import REPO, FakeHub

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tts_cli", "models", "pull", "--yes", "--quiet", f"hf:{REPO}"]


def start(hub: FakeHub, models: Path) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "HF_"))}
    mine = {"HF_ENDPOINT": hub.url, "TTS_MODELS_DIR": str(models), "HF_HOME": str(models / "none")}
    env = kept | mine | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(COMMAND, env=env, cwd=models, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_at(hub: FakeHub, models: Path, count: int) -> None:
    """Kill a pull once the Hub has sent so many bytes in all. It is an error if it ends before."""
    process = start(hub, models)
    try:
        while hub.sent < count:
            if process.poll() is not None:
                raise AssertionError(process.communicate())
            try:
                process.wait(0.002)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()
        process.communicate()


def pull_through_kills(hub: FakeHub, models: Path, size: int, kills: int, seed: int) -> Path:
    """The path that the last, unharmed pull prints."""
    for count in sorted(random.Random(seed).sample(range(1, int(0.97 * size)), kills)):
        kill_at(hub, models, max(count, hub.sent + 1))
    process = start(hub, models)
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return Path(out.strip())
