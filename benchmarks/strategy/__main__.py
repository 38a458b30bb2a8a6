"""`python -m benchmarks.strategy run|report`: see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.findings.execute import Job
from benchmarks.strategy.plan import COUNT, PARTS, POLICIES, REAL, TESTED, Places, Size, jobs
from benchmarks.two_steps import follow, several, two_steps


def main() -> int:
    parser, run = two_steps("benchmarks.strategy", Path("docs/measurements/strategy.md"))
    run.add_argument("--policies", type=several(str, POLICIES), default=POLICIES[:2], metavar="P,P,..")
    run.add_argument("--parts", type=several(str, PARTS), default=PARTS, metavar="A,B,..", help=", ".join(PARTS))
    run.add_argument("--count", type=int, default=COUNT, help="problems to calibrate on")
    run.add_argument("--tested", type=int, default=TESTED, help="test problems")
    run.add_argument("--real", type=int, default=REAL, help="test problems that `auto` is really run on")
    run.add_argument("--threads", type=int)
    return follow(parser.parse_args(), _jobs, _report)


def _jobs(options: argparse.Namespace) -> Iterable[Job]:
    size = Size(options.count, options.tested, options.real, options.threads)
    return jobs(Places(options.out), options.parts, options.policies, size)


def _report(runs: Path, page: Path) -> list[str]:
    from benchmarks.strategy.report import report  # needs matplotlib

    return report(runs, page)


if __name__ == "__main__":
    sys.exit(main())
