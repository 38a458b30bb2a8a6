"""Is `--max-time` kept? A hard problem at `--effort max`, again and again, with the models loaded.

    python -m benchmarks.deadline --runs 50

The problem is first solved once without a limit, to show that it would take much longer; by default with N = 4096
and without a profile, so that nothing but the limit ends it soon. Each run is timed from the call of `solve` to its
return, the vote included. Prints Markdown; with --json, a document.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.loading import effective, models_of
from tts_cli.solver import Solver
from tts_cli.solving.solve import solve

HARD = "What is 5/7 + 8/6 * 7/6?"
LIMIT, GRACE = 2.0, 0.5
MUCH_LONGER, LONG_ENOUGH = 2.0, 5.0  # times the limit


@dataclass(frozen=True, slots=True)
class Timed:
    """One run. `answered`: it gave an answer; `finish`: why it ended."""

    seconds: float
    answered: bool
    finish: str
    samples: int


@dataclass(frozen=True, slots=True)
class Setting:
    """All that a run needs; every model is loaded."""

    problem: str
    settings: Settings
    solver: Solver
    judge: Judge

    def run(self, seed: int, limit: float | None) -> Timed:
        settings = self.settings.model_copy(update={"seed": seed, "max_time": limit})
        models, how = (self.solver.policy, self.solver.prm), {"plan": self.solver.plan, "judge": self.judge}
        begin = time.perf_counter()
        solved = solve(self.problem, settings, *models, **how)
        seconds = time.perf_counter() - begin
        record = solved.record
        votes = sum(vote.count for vote in record.votes)
        return Timed(round(seconds, 4), record.answer is not None, record.finish, votes)


def opened(chosen: Settings, problem: str, stack: ExitStack) -> Setting:
    settings = effective(chosen, models_of(chosen))
    return Setting(problem, settings, stack.enter_context(Solver(chosen)), stack.enter_context(Judge()))


def measure(setting: Setting, runs: int, limit: float) -> dict[str, Any]:
    """One run without the limit, but for five times it at most, then so many with it."""
    free = setting.run(0, LONG_ENOUGH * limit)
    timed = []
    for seed in range(1, runs + 1):
        timed.append(setting.run(seed, limit))
        print(f"{seed} of {runs}: {timed[-1].seconds:.2f} s", file=sys.stderr, flush=True)
    return {
        "problem": setting.problem,
        "policy": setting.solver.policy.name,
        "prm": setting.solver.prm.name if setting.solver.prm else None,
        "budget": setting.settings.budget,
        "cores": os.cpu_count(),
        "limit": limit,
        "free": asdict(free),
        "runs": [asdict(one) for one in timed],
    }


def summary(found: dict[str, Any]) -> str:
    """Markdown: how many were in time and answered, and the worst."""
    limit, free = found["limit"], found["free"]
    seconds = sorted(one["seconds"] for one in found["runs"])
    in_time = sum(one <= limit + GRACE for one in seconds)
    answered = sum(one["answered"] for one in found["runs"])
    stopped = sum(one >= limit for one in seconds)
    more = "more than " if free["seconds"] > LONG_ENOUGH * limit else ""
    warning = "" if free["seconds"] > MUCH_LONGER * limit else " **That is not much longer: take a larger --budget.**"
    return (
        f"`{found['problem']}` with {found['policy']} and {found['prm']}, `--effort max --budget {found['budget']}`, "
        f"{found['cores']} cores. Without a limit it takes {more}{free['seconds']:.1f} s.{warning} "
        f"With `--max-time {limit:g}` **{in_time} of {len(seconds)}** runs returned within {limit + GRACE:g} s, "
        f"{answered} with an answer; {stopped} were stopped by the limit. "
        f"Median {seconds[len(seconds) // 2]:.3f} s, worst {seconds[-1]:.3f} s."
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deadline")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--policy", default="nano-medium")
    parser.add_argument("--budget", type=int, default=4096)
    parser.add_argument("--problem", default=HARD)
    parser.add_argument("--profile", default="none", help="a file; none: the paper's table, which draws all of N")
    parser.add_argument("--max-time", type=float, default=LIMIT)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = Settings(
        effort="max",
        policy=options.policy,
        budget=options.budget,
        profile=options.profile,
        threads=options.threads,
    )
    with ExitStack() as stack:
        found = measure(opened(chosen, options.problem, stack), options.runs, options.max_time)
    print(json.dumps(found, indent=1) if options.json else summary(found))


if __name__ == "__main__":
    main()
