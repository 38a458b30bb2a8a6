"""The README stays true: its commands run, its set-up is what CI does, its files are there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def console_commands() -> list[str]:
    return [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """An empty home and work folder, shared by the commands as one reader would; `tts` is this interpreter's."""
    folder = tmp_path_factory.mktemp("readme")
    shim = folder / "bin" / "tts"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tts_cli "$@"\n')
    shim.chmod(0o755)
    return folder


def test_there_are_commands_to_run():
    assert len(console_commands()) >= 8


@pytest.mark.parametrize("command", console_commands())
def test_command_of_the_readme_runs(command, home):
    environment = {**os.environ, "HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    for name in [name for name in environment if name.startswith(("XDG_", "TTS_"))]:
        del environment[name]
    result = subprocess.run(
        ["bash", "-c", command], cwd=home, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    if "solve" in command and "37 + 4" in command:
        assert "65" in result.stdout


def test_set_up_commands_are_the_ones_that_ci_runs():
    script = (ROOT / ".ci" / "run").read_text()
    set_up = [line for block in blocks("sh") for line in block.splitlines() if line.startswith(("python3 -m venv",))]
    tests = [line for block in blocks("sh") for line in block.splitlines() if line.endswith("-m pytest")]
    assert len(set_up) == len(tests) == 1
    for command in set_up + tests:
        assert command in script.splitlines()


def test_files_that_the_readme_links_to_exist():
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert len(links) > 2
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []
