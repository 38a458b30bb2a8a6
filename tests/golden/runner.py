"""Runs command lines of `tts` in this process and keeps what they print and write.

    PYTHONPATH=CHECKOUT python -P runner.py JOB.json

Started by its path, so that nothing but the checkout on PYTHONPATH is imported. JOB.json holds a `package` (the
checkout), a `root` to work in and `cases`; the results go to RESULT.json beside it.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tts_cli
from tts_cli.cli import app

KEPT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
ENVIRONMENT = {"LANG": "C.UTF-8", "COLUMNS": "80", "NO_COLOR": "1", "TERM": "xterm-256color", "TZ": "UTC"}


def main(job: Path) -> None:
    """Run all cases of the job, one after the other."""
    plan = json.loads(job.read_text())
    found = Path(tts_cli.__file__).resolve().parents[1]
    if found != Path(plan["package"]):
        sys.exit(f"tts_cli is that of {found}, not of {plan['package']}")
    inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
    results = {case["name"]: run_case(case, Path(plan["root"]), inherited) for case in plan["cases"]}
    (job.parent / "RESULT.json").write_text(json.dumps(results))


def run_case(case: dict[str, Any], root: Path, inherited: dict[str, str]) -> dict[str, Any]:
    """The commands of one case in a fresh home; what each printed, and the files that are there in the end."""
    home = root / case["name"]
    work = home / "work"
    work.mkdir(parents=True)
    for source in case["files"]:
        shutil.copy(source, work)
    os.environ.clear()
    os.environ.update(inherited | ENVIRONMENT | {"HOME": str(home)} | case["env"])
    os.chdir(work)
    before = set(home.rglob("*"))
    begin = time.perf_counter()
    commands = [run_command(command, case, root) for command in case["commands"]]
    written = sorted(path for path in set(home.rglob("*")) - before if path.is_file())
    return {
        "seconds": time.perf_counter() - begin,
        "home": str(home),
        "commands": commands,
        "files": {str(path.relative_to(home)): content(path) for path in written},
    }


def content(path: Path) -> str | None:
    """A file's text; None where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def run_command(arguments: list[str], case: dict[str, Any], root: Path) -> dict[str, Any]:
    """Exit code and both streams."""
    if case["apart"]:
        command = [sys.executable, "-m", "tts_cli", *arguments]
        done = subprocess.run(command, input=case["stdin"].encode(), capture_output=True, check=False)
        return {"code": done.returncode, "stdout": text(done.stdout), "stderr": text(done.stderr)}
    paths = {name: root / f"{name}.txt" for name in ("stdin", "stdout", "stderr")}
    paths["stdin"].write_text(case["stdin"], encoding="utf-8")
    with terminal(paths["stdout"]) if case["terminal"] else opened(paths["stdout"]) as out, streams(out, paths):
        code = app.run(list(arguments))
    return {"code": code, "stdout": text(paths["stdout"].read_bytes()), "stderr": text(paths["stderr"].read_bytes())}


def text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


@contextmanager
def opened(path: Path) -> Iterator[int]:
    with path.open("wb") as file:
        yield file.fileno()


@contextmanager
def terminal(path: Path) -> Iterator[int]:
    """A pseudo-terminal, what is written to which ends in the file."""
    master, slave = pty.openpty()
    seen: list[bytes] = []
    reader = threading.Thread(target=read_all, args=(master, seen))
    reader.start()
    try:
        yield slave
    finally:
        os.close(slave)
        reader.join()
        os.close(master)
        path.write_bytes(b"".join(seen).replace(b"\r\n", b"\n"))


def read_all(descriptor: int, seen: list[bytes]) -> None:
    """Until nobody can write to it any more, which Linux tells by an error."""
    try:
        while data := os.read(descriptor, 65536):
            seen.append(data)
    except OSError:
        return


@contextmanager
def streams(out: int, paths: dict[str, Path]) -> Iterator[None]:
    """Descriptors 0, 1 and 2, and Python's streams on them, for the time of one command."""
    kept, objects = [os.dup(number) for number in range(3)], (sys.stdin, sys.stdout, sys.stderr)
    with paths["stdin"].open("rb") as source, paths["stderr"].open("wb") as errors:
        for number, descriptor in enumerate((source.fileno(), out, errors.fileno())):
            os.dup2(descriptor, number)
    sys.stdin, sys.stdout, sys.stderr = (open(i, mode, encoding="utf-8", closefd=False) for i, mode in enumerate("rww"))  # noqa: SIM115
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdin, sys.stdout, sys.stderr = objects
        for number, descriptor in enumerate(kept):
            os.dup2(descriptor, number)
            os.close(descriptor)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
