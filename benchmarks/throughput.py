"""What many problems at once are worth, and what a long file costs in memory.

    python -m benchmarks.throughput --rows 64 --budget 4 --rounds 5
    python -m benchmarks.throughput --memory 100 10000

The first solves the same problems in three ways, in turns: as `tts batch`, as `tts batch --in-flight 1`, which differs
in nothing but how many are under way, and one after another as `tts solve` does, whose PRM does not wait. It prints
problems per second and ratios (medians of the rounds), start-up left out. The second runs `tts batch` on files of so
many rows and prints the peak of the resident memory of its largest process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from benchmarks.crash import command, count_lines, write_problems
from training.problems import distinct, generate
from tts_cli import Problem, Settings, Solver
from tts_cli.batch.executors import Executor, Processes, open_workers


def batch(problems: Sequence[Problem], executor: Executor) -> float:
    """Seconds that a batch takes."""
    begin = time.perf_counter()
    for record in executor.records(problems):
        assert record.error is None, record.error
    return time.perf_counter() - begin


def in_turn(problems: Sequence[Problem], solver: Solver) -> float:
    """Seconds that `tts solve` would take for one after another, if its models stayed loaded."""
    begin = time.perf_counter()
    for problem in problems:
        solver.solve(problem)
    return time.perf_counter() - begin


def compare(rows: int, rounds: int, chosen: Settings) -> list[tuple[float, float, float]]:
    """(`tts solve` in turn, --in-flight 1, many) in seconds, for each round."""
    texts = islice(distinct(generate(4, split="test"), rows), rows)
    problems = [Problem(str(i), problem.problem) for i, problem in enumerate(texts)]
    with ExitStack() as stack:
        solver = stack.enter_context(Solver(chosen))
        alone, many = (Processes(open_workers(chosen, stack, at_most)) for at_most in (1, None))
        in_turn(problems[:2], solver)  # warm: pages and buffers
        batch(problems[:2], alone)
        batch(problems[:4], many)
        return [(in_turn(problems, solver), batch(problems, alone), batch(problems, many)) for _ in range(rounds)]


def report_speed(rows: int, rounds: int, chosen: Settings) -> None:
    rounds_run = compare(rows, rounds, chosen)
    print(f"{rows} problems, {chosen.method}, N = {chosen.budget}, {os.cpu_count()} cores, medians of {rounds} rounds")
    for column, name in enumerate(("tts solve in turn", "--in-flight 1", "tts batch")):
        print(f"  {name:18} {rows / statistics.median(times[column] for times in rounds_run):7.1f} problems/s")
    for column, name in ((1, "--in-flight 1"), (0, "tts solve in turn")):
        ratio = statistics.median(times[column] / times[2] for times in rounds_run)
        print(f"  tts batch / {name}: {ratio:.2f} (target: at least 2)")


def peak(rows: int, chosen: Settings) -> float:
    """MiB of resident memory at most, of the largest process, while a file of so many rows is solved."""
    flags = ["--method", chosen.method, "--budget", str(chosen.budget), "--max-steps", str(chosen.max_steps)]
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "problems.jsonl", Path(folder) / "records.jsonl"
        write_problems(source, rows, seed=5)
        process = subprocess.Popen(command(source, output, flags))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or count_lines(output) != rows:
            raise SystemExit(f"the batch failed with {process.returncode}")
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--method", default="best-of-n")
    parser.add_argument("--budget", type=int, default=4)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--memory", type=int, nargs="+", metavar="ROWS", help="measure memory instead of speed")
    options = parser.parse_args()
    if options.memory:
        chosen = Settings(method="greedy", budget=1)
        peaks = [peak(rows, chosen) for rows in options.memory]
        for rows, most in zip(options.memory, peaks, strict=True):
            print(f"{rows:7} rows: at most {most:.0f} MiB, {most / peaks[0]:.2f} of the first")
    else:
        chosen = Settings(method=options.method, budget=options.budget, threads=options.threads)
        report_speed(options.rows, options.rounds, chosen)


if __name__ == "__main__":
    main()
