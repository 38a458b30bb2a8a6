"""`python -m benchmarks.judges run|report`: see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.findings.execute import Job
from benchmarks.judges.plan import JUDGES, LARGER, Plan, jobs
from benchmarks.two_steps import follow, several, two_steps


def main() -> int:
    parser, run = two_steps("benchmarks.judges", Path("docs/measurements/judges.md"))
    run.add_argument("--data", type=Path, required=True, help="gsm8k_test, gsm8k_train, processbench_gsm8k as .jsonl")
    run.add_argument("--models", type=Path, required=True, help="the two GGUF files (plan.py)")
    run.add_argument("--problems", type=int, default=Plan.problems, help="of the test set")
    run.add_argument("--trained", type=int, default=Plan.trained, help="training problems, own states")
    run.add_argument("--trained-larger", type=int, default=Plan.trained_larger, help="the same, larger model's states")
    names = tuple(judge.name for judge in JUDGES)
    run.add_argument("--judges", type=several(str, names), default=names, metavar="A,B,..", help=", ".join(names))
    return follow(parser.parse_args(), _jobs, _report)


def _jobs(options: argparse.Namespace) -> Iterable[Job]:
    names = ("data", "models", "out", "problems", "trained", "trained_larger")
    plan = Plan(*(getattr(options, name) for name in names))
    beside = plan.runs / f"{LARGER}.gguf"  # where a head looks for the model that it reads
    if not options.dry_run and not beside.exists():
        plan.runs.mkdir(parents=True, exist_ok=True)
        beside.symlink_to(Path(plan.model(LARGER)).absolute())
    return jobs(plan, options.judges)


def _report(runs: Path, page: Path) -> list[str]:
    from benchmarks.judges.report import report

    return report(runs, page)


if __name__ == "__main__":
    sys.exit(main())
