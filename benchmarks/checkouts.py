"""Is this checkout as fast as another one? The same commands in both, in turn, and the ratio of each pair.

    git worktree add ../before v0.1.0
    python -m benchmarks.checkouts ../before --rounds 11

Whole processes on one thread with the bundled models: start-up, searches, the PRM, the vote. Of each pair the processor
times are compared, which other programs on the machine disturb less than the clock; the median of the ratios is what
counts. Above 1: this checkout is slower.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
HARD = "What is 5/7 + 8/6 * 7/6?"
COMMANDS = {
    "solve, one greedy solution": ["solve", "--method", "greedy", HARD],
    "solve, beam, N = 256": ["solve", "--method", "beam", "--budget", "256", HARD],
    "eval, best-of-n and dvts, N = 64": [
        *("eval", "nano", "--limit", "6", "--methods", "best-of-n,dvts", "--budgets", "64"),
    ],
    "batch, majority, N = 16": ["batch", "--in-flight", "1", "--method", "majority", "--budget", "16", "problems.txt"],
}


def seconds(checkout: Path, command: list[str], folder: str) -> float:
    """Processor time of one run, user and system, of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(checkout), "HOME": folder}
    subprocess.run(
        [sys.executable, "-P", "-m", "tts_cli", *command, "--threads", "1", "--quiet"],
        env=environment,
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    other = options.other.resolve()
    print(f"this checkout / the other one, processor time, median (least to most) of {options.rounds} pairs")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "problems.txt").write_text(f"{HARD}\n" * 40)
        for name, command in COMMANDS.items():
            for checkout in (HERE, other):
                seconds(checkout, command, folder)  # warm: compiled modules, pages
            ratios = []
            for turn in range(options.rounds):
                pair = (HERE, other) if turn % 2 else (other, HERE)
                took = {checkout: seconds(checkout, command, folder) for checkout in pair}
                ratios.append(took[HERE] / took[other])
            print(f"  {name:34} {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})", flush=True)


if __name__ == "__main__":
    main()
