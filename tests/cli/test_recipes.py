"""Every line of the recipes in docs/batch.md is run as it stands, with the bundled models, on an empty account."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Program
from tests.cli.scripted import PROBLEM

PAGE = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0].splitlines()
PROBLEMS = [PROBLEM, "Compute 2 + 3.", "Compute 4 * 5."]
ANSWERS = "65\n5\n20\n"


@pytest.fixture
def folder(tts: Program) -> Path:
    """Problems with one that cannot be read, and what a batch that was killed left of the answers."""
    rows = [json.dumps({"id": f"p{number}", "problem": text}) for number, text in enumerate(PROBLEMS)]
    (tts.work / "problems.txt").write_text("\n".join(PROBLEMS) + "\n")
    (tts.work / "problems.jsonl").write_text("\n".join([*rows, "nonsense"]) + "\n")
    shim = tts.home / "bin" / "tts"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {" ".join(tts.command())} "$@"\n')
    shim.chmod(0o755)
    return tts.work


def run(recipe: str, tts: Program, p: str = PROBLEM) -> subprocess.CompletedProcess[str]:
    if "jq" in recipe and shutil.which("jq") is None:
        pytest.skip("there is no jq on this machine")
    kept = {name: value for name, value in tts.env.items() if not name.startswith("TTS_")}
    env = kept | {"PATH": f"{tts.home / 'bin'}{os.pathsep}{tts.env['PATH']}", "TTS_THREADS": "2", "p": p}
    command = ["bash", "-o", "pipefail", "-c", recipe]
    return subprocess.run(command, cwd=tts.work, env=env, capture_output=True, text=True, timeout=120, check=False)


def recipe(*parts: str) -> str:
    """The one recipe that holds all parts."""
    (found,) = [line for line in RECIPES if all(part in line for part in parts)]
    return found


def test_every_recipe_is_tested() -> None:
    tested = [
        recipe("cat", "jq -r .answer"),
        recipe("tts batch", "-o answers.jsonl"),
        recipe("select(.confidence"),
        recipe("select(.error)"),
        recipe("||"),
        recipe("xargs"),
    ]
    assert sorted(tested) == sorted(RECIPES)


def test_answers_by_a_pipe(tts: Program, folder: Path) -> None:
    done = run(recipe("cat", "jq -r .answer"), tts)
    assert (done.returncode, done.stdout) == (0, ANSWERS), done.stderr


def test_a_batch_goes_on_after_a_kill_and_its_records_are_filtered(tts: Program, folder: Path) -> None:
    batch = recipe("tts batch", "-o answers.jsonl")
    answers = folder / "answers.jsonl"
    assert run(batch, tts).returncode == 3
    whole = answers.read_text()
    answers.write_text(whole[: len(whole) // 2])
    assert run(batch, tts).returncode == 3
    rows, before = ([json.loads(line) for line in text.splitlines()] for text in (answers.read_text(), whole))
    assert [(row["id"], row["answer"], row["votes"]) for row in rows] == [
        (row["id"], row["answer"], row["votes"]) for row in before
    ]
    sure = [f"{row['id']}\t{row['answer']}" for row in rows if (row["confidence"] or 0) >= 0.9]
    assert run(recipe("select(.confidence"), tts).stdout.splitlines() == sure != []
    assert run(recipe("select(.error)"), tts).stdout.startswith("4\tRow 4: it is not JSON")


def test_the_answer_or_what_to_do_without(tts: Program, folder: Path) -> None:
    assert run(recipe("||"), tts).stdout == "65\n"
    assert run(recipe("||"), tts, p="").stdout == "no answer\n"


def test_xargs(tts: Program, folder: Path) -> None:
    assert run(recipe("xargs"), tts).stdout == ANSWERS
