"""The command line of a benchmark in two steps: `run` carries out commands, `report` writes the page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from benchmarks.findings.execute import Job, execute
from tts_cli.errors import TtsError

Chosen = TypeVar("Chosen")


def two_steps(name: str, page: Path) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The parser and that of `run`, to which the benchmark adds its own options."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run every command, or what is left of it")
    run.add_argument("--out", type=Path, required=True, metavar="RUNS", help="a folder for each run is made here")
    run.add_argument("--dry-run", action="store_true", help="only print the commands")
    told = commands.add_parser("report", help="write tables and pictures of the runs that are there")
    told.add_argument("--runs", type=Path, required=True, metavar="RUNS")
    told.add_argument("--doc", type=Path, default=page)
    return parser, run


def follow(
    options: argparse.Namespace,
    jobs: Callable[[argparse.Namespace], Iterable[Job]],
    report: Callable[[Path, Path], list[str]],
) -> int:
    """The exit code. `report` (runs, page) names what is missing."""
    try:
        return _run(options, list(jobs(options))) if options.command == "run" else _report(options, report)
    except (TtsError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, todo: list[Job]) -> int:
    if options.dry_run:
        print("\n".join(job.shown for job in todo))
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    return execute(todo, lambda line: print(line, file=sys.stderr, flush=True))


def _report(options: argparse.Namespace, report: Callable[[Path, Path], list[str]]) -> int:
    absent = report(options.runs, options.doc)
    print(f"Written to {options.doc}." + (f" Missing: {', '.join(absent)}." if absent else ""), file=sys.stderr)
    return 0


def several(kind: Callable[[str], Chosen], known: tuple[Chosen, ...]) -> Callable[[str], tuple[Chosen, ...]]:
    """Values with commas between, all of them known; they come in their own order."""

    def parse(text: str) -> tuple[Chosen, ...]:
        asked = [kind(part.strip()) for part in text.split(",")]
        unknown = [one for one in asked if one not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"{', '.join(map(str, unknown))} is not among {', '.join(map(str, known))}"
            )
        return tuple(one for one in known if one in asked)

    return parse
