"""How much a reader has to open: counted, so that it grows only on purpose."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tts_cli

PACKAGE = Path(tts_cli.__file__).parent
MOST_LINES = 32_500  # 430 of them read published PRMs, 880 import them, 900 pull models from the Hub
MOST_FILES = 62  # loading.py, which solver.py had no room for; models_pull.py, which looks for what is missing
MOST_LINES_OF_A_FILE = 400

# Which files of the package have a function (no module's or class's body) entered by one command.
TRACED = """
import ast, sys, threading
entered = {}
def note(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(sys.argv[1]):
        entered.setdefault(code.co_filename, set()).add(code.co_name)
from tts_cli.cli.app import run
threading.setprofile(note)
sys.setprofile(note)
code = run(sys.argv[2:])
sys.setprofile(None)
assert code == 0
for file, names in sorted(entered.items()):
    classes = {node.name for node in ast.walk(ast.parse(open(file).read())) if isinstance(node, ast.ClassDef)}
    if names - classes - {"<module>", "<lambda>", "<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>"}:
        print(file, file=sys.stderr)
"""


def test_a_beam_search_can_be_read_in_few_files() -> None:
    command = [
        "solve",
        "--quiet",
        "--no-calculator",
        "--threads",
        "1",
        "--method",
        "beam",
        "--budget",
        "4",
        "What is 5/6 - 1/4?",
    ]
    arguments = [sys.executable, "-c", TRACED, f"{PACKAGE}/", *command]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    entered = [line.removeprefix(f"{PACKAGE}/") for line in done.stderr.splitlines()]
    assert "search/beam.py" in entered and "engine/scheduler.py" in entered
    assert len(entered) <= MOST_FILES, entered


def test_the_package_does_not_grow_unnoticed() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert sum(lines.values()) < MOST_LINES
    assert {path.name: count for path, count in lines.items() if count > MOST_LINES_OF_A_FILE} == {}
