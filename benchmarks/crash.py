"""A batch that is killed again and again, against one that is not: the outputs must be equal.

    python -m benchmarks.crash --rows 1000 --kills 10 --method best-of-n --budget 8

Every kill is a SIGKILL at a random moment, start-up included; the same command is then given again. Checked: each id
is there exactly once and in order, every line is a record, and each record equals that of the unbroken run in all
but wall time. Ends with 1 where they are not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.problems import distinct, generate
from tts_cli.data.record import Record


@dataclass(frozen=True, slots=True)
class Findings:
    """`differing`: records that are not those of the unbroken run. `lines`: in the output after each kill."""

    rows: int
    ids_in_order: bool
    differing: tuple[str, ...]
    lines: tuple[int, ...]

    @property
    def equal(self) -> bool:
        return self.ids_in_order and not self.differing


def write_problems(path: Path, rows: int, seed: int) -> None:
    """Unseen nano problems as JSONL."""
    problems = distinct(generate(seed, split="test"), rows)
    path.write_text("".join(json.dumps({"id": f"p{i}", "problem": p.problem}) + "\n" for i, p in enumerate(problems)))


def command(source: Path, output: Path, flags: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "tts_cli", "batch", "--quiet", str(source), "-o", str(output), *flags]


def run_and_kill(arguments: Sequence[str], output: Path, at: int, late: float) -> bool:
    """Start, wait until the output has `at` lines and `late` seconds more, and kill; False if it ended before."""
    process = subprocess.Popen(arguments)
    while process.poll() is None and count_lines(output) < at:
        time.sleep(0.005)
    try:
        process.wait(late)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def crash(folder: Path, rows: int, kills: int, flags: Sequence[str], seed: int) -> Findings:
    """One unbroken run and one that is killed `kills` times."""
    source, whole, broken = (folder / name for name in ("problems.jsonl", "whole.jsonl", "broken.jsonl"))
    write_problems(source, rows, seed)
    subprocess.run(command(source, whole, flags), check=True)
    chance = random.Random(seed)
    moments = sorted(chance.randrange(rows) for _ in range(kills))
    lines = []
    for moment in moments:
        if not run_and_kill(command(source, broken, flags), broken, moment, chance.uniform(0, 0.5)):
            break  # it was through before the moment came
        lines.append(count_lines(broken))
    subprocess.run(command(source, broken, flags), check=True)
    return compare(whole, broken, lines)


def compare(whole: Path, broken: Path, lines: Sequence[int]) -> Findings:
    expected, found = records(whole), records(broken)
    ids = [row["id"] for row in found]
    by_id = {row["id"]: row for row in found}
    differing = tuple(row["id"] for row in expected if by_id.get(row["id"]) != row)
    return Findings(len(expected), ids == [row["id"] for row in expected], differing, tuple(lines))


def records(path: Path) -> list[dict[str, Any]]:
    """All lines, each checked to be a record, without wall time."""
    rows = [Record.model_validate_json(line).model_dump() for line in path.read_text().splitlines()]
    for row in rows:
        del row["cost"]["seconds"]
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--method", default="best-of-n")
    parser.add_argument("--budget", default="8")
    parser.add_argument("--seed", type=int, default=3, help="of the problems and of the moments")
    options = parser.parse_args()
    flags = ["--method", options.method, "--budget", options.budget]
    with tempfile.TemporaryDirectory() as folder:
        findings = crash(Path(folder), options.rows, options.kills, flags, options.seed)
    print(f"{findings.rows} problems, killed {len(findings.lines)} times, with {list(findings.lines)} lines written")
    print(f"each id once and in order: {findings.ids_in_order}; records that differ: {len(findings.differing)}")
    return 0 if findings.equal else 1


if __name__ == "__main__":
    sys.exit(main())
