"""`python -m benchmarks.strategy run|report`: see the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.findings.__main__ import several
from benchmarks.findings.execute import execute
from benchmarks.strategy.plan import COUNT, PARTS, POLICIES, Places, Size, jobs
from tts_cli.errors import TtsError


def main() -> int:
    options = _parser().parse_args()
    try:
        return _run(options) if options.command == "run" else _report(options)
    except (TtsError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    size = Size(options.count, options.limit, options.threads)
    todo = list(jobs(Places(options.out), options.parts, options.policies, size))
    if options.dry_run:
        print("\n".join(job.shown for job in todo))
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    return execute(todo, lambda line: print(line, file=sys.stderr, flush=True))


def _report(options: argparse.Namespace) -> int:
    from benchmarks.strategy.report import report

    absent = report(options.runs, options.doc)
    print(f"Written to {options.doc}." + (f" Missing: {', '.join(absent)}." if absent else ""), file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strategy")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run every command, or what is left of it")
    run.add_argument("--out", type=Path, required=True, metavar="RUNS", help="a folder for each run is made here")
    run.add_argument("--policies", type=several(str, POLICIES), default=POLICIES[:2], metavar="P,P,..")
    run.add_argument("--parts", type=several(str, PARTS), default=PARTS, metavar="A,B,..", help=", ".join(PARTS))
    run.add_argument("--count", type=int, default=COUNT, help="problems to calibrate on")
    run.add_argument("--limit", type=int, help="test problems (default: all)")
    run.add_argument("--threads", type=int)
    run.add_argument("--dry-run", action="store_true", help="only print the commands")
    told = commands.add_parser("report", help="write tables and pictures of the runs that are there")
    told.add_argument("--runs", type=Path, required=True, metavar="RUNS")
    told.add_argument("--doc", type=Path, default=Path("docs/strategy.md"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
