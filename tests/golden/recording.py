"""From cases to records: runs them with one checkout, and writes down what came of it as text.

A record is a list of sections: `$ tts ...` with its exit code and streams for each command, then the files that were
written. What belongs to a section is indented by two blanks, so that a record can be read back.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from tests.golden.case import INPUTS, Case
from tests.golden.normal import normalised

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
NOT_KEPT = ("samples.sqlite", "timing.json")  # the one holds seconds in binary, the other nothing else
UNENDED = "\\ no newline at the end"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # sums do not depend on the number of cores then

Section = tuple[str, list[str]]


def record(cases: Sequence[Case], package: Path = CHECKOUT) -> tuple[dict[str, str], dict[str, float]]:
    """The records by the cases' names, and the seconds that each took. `package`: the checkout whose program runs."""
    package, begun = package.resolve(), date.today()
    with tempfile.TemporaryDirectory(prefix="golden-") as folder:
        results = _run(cases, package, Path(folder).resolve())
    days = {begun, date.today()} - _profiled(package)
    lines = {case.name: case.lines for case in cases}
    texts = {}
    for name, result in results.items():
        places = {result["home"]: "<home>", str(package): "<package>"}
        texts[name] = written(_sections(lines[name], result, partial(normalised, places=places, days=days)))
    return texts, {name: result["seconds"] for name, result in results.items()}


def _profiled(package: Path) -> set[date]:
    """The days on which bundled profiles were made: what is printed of these is the same tomorrow."""
    profiles = (package / "tts_cli" / "nano" / "profiles").glob("*.yaml")
    found = (re.search(r"^made: '([\d-]+)'", path.read_text(), re.MULTILINE) for path in profiles)
    return {date.fromisoformat(one[1]) for one in found if one}


def _run(cases: Sequence[Case], package: Path, folder: Path) -> dict[str, Any]:
    """In a process that knows nothing of this checkout but `runner.py`."""
    jobs = [asdict(case) | {"commands": case.commands, "files": _files(case)} for case in cases]
    job = folder / "job.json"
    job.write_text(json.dumps({"package": str(package), "root": str(folder), "cases": jobs}))
    inherited = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment = inherited | {"PYTHONPATH": str(package), **ONE_THREAD}
    command = [sys.executable, "-P", str(HERE / "runner.py"), str(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the commands could not be run:\n{done.stderr}")
    found: dict[str, Any] = json.loads((folder / "RESULT.json").read_text())
    return found


def _files(case: Case) -> list[str]:
    return [str(INPUTS / name) for name in case.files]


def _sections(lines: Sequence[str], result: Mapping[str, Any], normal: Callable[[str], str]) -> list[Section]:
    found: list[Section] = []
    for line, ran in zip(lines, result["commands"], strict=True):
        found += [(f"$ tts {line}", []), (f"exit code: {ran['code']}", [])]
        texts = {name: normal(ran[name]) for name in ("stdout", "stderr")}
        found += [(f"{name}:", _lines(text)) for name, text in texts.items() if text]
    for name, text in result["files"].items():
        kept = text is not None and Path(name).name not in NOT_KEPT
        found.append((f"file {normal(name)}:", _lines(normal(text)) if kept else []))
    return found


def _lines(text: str) -> list[str]:
    """With a mark where the last one does not end."""
    lines = text.split("\n")
    return lines[:-1] if text.endswith("\n") or not text else [*lines, UNENDED]


def written(sections: Sequence[Section]) -> str:
    """Sections as the text of a record."""
    return "".join(f"{head}\n" + "".join(f"  {line}\n" for line in body) for head, body in sections)


def read(text: str) -> list[Section]:
    """The inverse of `written`."""
    found: list[Section] = []
    for line in text.split("\n")[:-1]:
        if line.startswith("  "):
            found[-1][1].append(line[2:])
        else:
            found.append((line, []))
    return found
