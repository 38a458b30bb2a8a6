"""Does what the documentation shows: writes its files, runs its Python as one script and its commands one by one.

A block whose fence names a file (```` ```yaml models.yaml ````) is that file. Python blocks of a page belong together;
`print(...)  # 65`, or a comment line after a block's code, says a line that is printed. Lines after `$ ` in console
blocks are commands. Blocks of any other language are only shown.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    """What a reader types."""
    return [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]


def script(page: Path) -> str:
    """The page's Python blocks on the lines where they stand, so that a traceback names the page's line."""
    lines, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        lines.append(line if inside and not line.startswith("```") else "")
        if line.startswith("```"):
            inside = line == "```python"
    return "\n".join(lines) + "\n"


def promised(text: str) -> list[str]:
    """The lines that a script says it prints."""
    return re.findall(r"^(?:\s*print\(.*\)  )?# (.+)$", text, re.MULTILINE)


def write_files(page: Path, home: Path) -> None:
    """The files that the page shows."""
    named = re.findall(r"^```\w+ (\S+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for name, content in named:
        (home / name).write_text(content, encoding="utf-8")


def run(home: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """As a reader with an empty home, whose `tts` is this interpreter's."""
    shim = home / "bin" / "tts"
    if not shim.exists():
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tts_cli "$@"\n')
        shim.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "TTS_"))}
    path = {"HOME": str(home), "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        cwd=home,
        env=kept | path | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )


def run_script(page: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """The page's Python."""
    path = home / "example.py"
    path.write_text(script(page), encoding="utf-8")
    return run(home, sys.executable, str(path))
