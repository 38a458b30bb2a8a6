"""Is this checkout as fast as another one? The same commands in both, in turn, and the ratio of each pair.

    git worktree add ../before v0.1.0
    python -m benchmarks.checkouts ../before --rounds 11

Whole processes on one thread with the bundled models: start-up, searches, the PRM, the vote. Of each pair the processor
times are compared, which other programs on the machine disturb less than the clock; the median of the ratios is what
counts. Above 1: this checkout is slower.

    python -m benchmarks.checkouts ../before --rounds 5 --policy model.gguf

With a policy of one's own, tokens per second of whole searches are compared, by the clock: nothing else may run.
Above 1: this checkout is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.speed.weights import problem

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

SEARCHES = {
    "greedy": ["--method", "greedy", "--max-tokens", "160"],
    "majority, N = 16": ["--method", "majority", "--budget", "16", "--max-tokens", "220"],
}


def seconds(checkout: Path, command: list[str], folder: str) -> float:
    """Processor time of one run, user and system, of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(checkout, [*command, "--threads", "1", "--quiet"], folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tokens_per_second(checkout: Path, search: list[str], policy: Path, folder: str) -> float:
    """Of one search, without start-up."""
    asked = ["solve", "--policy", str(policy), "--prm", "none", "--profile", "none", *search, "--json", problem()]
    cost = json.loads(_run(checkout, asked, folder))["cost"]
    return float(cost["policy_tokens"] / cost["seconds"])


def _run(checkout: Path, command: list[str], folder: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "HOME": folder}
    whole = [sys.executable, "-P", "-m", "tts_cli", *command]
    done = subprocess.run(whole, env=environment, cwd=folder, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 3):  # 3: no answer, for as many tokens
        raise SystemExit(f"{' '.join(command)} failed in {checkout}")
    return done.stdout


def compare(name: str, other: Path, rounds: int, measure: Callable[[Path], float]) -> None:
    """Print the median of the pairs' ratios, this checkout / the other one."""
    for checkout in (HERE, other):
        measure(checkout)  # warm: compiled modules, pages
    ratios = []
    for turn in range(rounds):
        pair = (HERE, other) if turn % 2 else (other, HERE)
        found = {checkout: measure(checkout) for checkout in pair}
        ratios.append(found[HERE] / found[other])
    print(f"  {name:34} {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--policy", type=Path, metavar="FILE.gguf", help="compare searches with this model")
    options = parser.parse_args()
    other = options.other.resolve()
    what = "tokens per second" if options.policy else "processor time"
    print(f"this checkout / the other one, {what}, median (least to most) of {options.rounds} pairs")
    with tempfile.TemporaryDirectory() as folder:
        if options.policy:
            policy = options.policy.expanduser().resolve()
            for name, search in SEARCHES.items():
                compare(
                    name, other, options.rounds, partial(tokens_per_second, search=search, policy=policy, folder=folder)
                )
            return
        Path(folder, "problems.txt").write_text(f"{HARD}\n" * 40)
        for name, command in COMMANDS.items():
            compare(name, other, options.rounds, partial(seconds, command=command, folder=folder))


if __name__ == "__main__":
    main()
