"""`python -m benchmarks.findings run|report`: see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.findings.execute import Job, jobs
from benchmarks.findings.plan import BUDGETS, LIMIT, PARTS, POLICIES
from benchmarks.two_steps import follow, several, two_steps


def main() -> int:
    parser, run = two_steps("benchmarks.findings", Path("docs/measurements/findings.md"))
    names = tuple(part.name for part in PARTS)
    run.add_argument("--limit", type=int, default=LIMIT, help="problems of each data set")
    run.add_argument("--budgets", type=several(int, BUDGETS), default=BUDGETS, metavar="N,N,..")
    run.add_argument("--policies", type=several(str, POLICIES), default=POLICIES, metavar="P,P,..")
    run.add_argument("--parts", type=several(str, names), default=names, metavar="A,B,..", help=", ".join(names))
    return follow(parser.parse_args(), _jobs, _report)


def _jobs(options: argparse.Namespace) -> Iterable[Job]:
    parts = [part for part in PARTS if part.name in options.parts]
    return jobs(parts, options.policies, options.out, options.limit, options.budgets)


def _report(runs: Path, page: Path) -> list[str]:
    from benchmarks.findings.report import report  # needs matplotlib

    return report(runs, page)


if __name__ == "__main__":
    sys.exit(main())
