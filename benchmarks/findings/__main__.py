"""`python -m benchmarks.findings run|report`: see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.findings.execute import execute, jobs
from benchmarks.findings.plan import BUDGETS, LIMIT, PARTS, POLICIES
from tts_cli.errors import TtsError

Chosen = TypeVar("Chosen")


def main() -> int:
    options = _parser().parse_args()
    try:
        return _run(options) if options.command == "run" else _report(options)
    except (TtsError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    parts = [part for part in PARTS if part.name in options.parts]
    todo = list(jobs(parts, options.policies, options.out, options.limit, options.budgets))
    if options.dry_run:
        print("\n".join(job.shown for job in todo))
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    return execute(todo, lambda line: print(line, file=sys.stderr, flush=True))


def _report(options: argparse.Namespace) -> int:
    from benchmarks.findings.report import report

    absent = report(options.runs, options.doc)
    print(f"Written to {options.doc}." + (f" Missing: {', '.join(absent)}." if absent else ""), file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.findings")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run every evaluation, or what is left of it")
    run.add_argument("--out", type=Path, required=True, metavar="RUNS", help="a folder for each run is made here")
    run.add_argument("--limit", type=int, default=LIMIT, help="problems of each data set")
    run.add_argument("--budgets", type=several(int, BUDGETS), default=BUDGETS, metavar="N,N,..")
    run.add_argument("--policies", type=several(str, POLICIES), default=POLICIES, metavar="P,P,..")
    names = tuple(part.name for part in PARTS)
    run.add_argument("--parts", type=several(str, names), default=names, metavar="A,B,..", help=", ".join(names))
    run.add_argument("--dry-run", action="store_true", help="only print the commands")
    told = commands.add_parser("report", help="write tables and pictures of the runs that are there")
    told.add_argument("--runs", type=Path, required=True, metavar="RUNS")
    told.add_argument("--doc", type=Path, default=Path("docs/findings.md"))
    return parser


def several(kind: Callable[[str], Chosen], known: tuple[Chosen, ...]) -> Callable[[str], tuple[Chosen, ...]]:
    """A parser of a list with commas, in the order of what is known."""

    def parse(text: str) -> tuple[Chosen, ...]:
        asked = [kind(part) for part in text.split(",")]
        unknown = [str(one) for one in asked if one not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not among {', '.join(map(str, known))}")
        return tuple(one for one in known if one in asked)

    return parse


if __name__ == "__main__":
    sys.exit(main())
