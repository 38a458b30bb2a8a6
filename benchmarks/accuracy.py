"""Accuracy of every method on unseen nano problems: the table in the README.

    python -m benchmarks.accuracy --count 200 --seed 1 --budgets 4 16

Prints a Markdown table: share of problems solved, with a 95 % interval (Wilson), and what a problem cost on average.
pass@1 and pass@N come from the samples of `majority`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import sqrt
from statistics import fmean

from training.problems import Problem, distinct, generate
from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.data.record import Problem as Asked
from tts_cli.data.record import Record
from tts_cli.models.load import load_policy, load_prm
from tts_cli.protocols import Policy, RewardModel
from tts_cli.solving.solve import solve_many

METHODS = ("greedy", "majority", "best-of-n", "beam", "dvts")


@dataclass(frozen=True, slots=True)
class Models:
    policy: Policy
    prm: RewardModel | None


def solve_all(models: Models, problems: Sequence[Problem], settings: Settings, judge: Judge) -> list[Record]:
    """Records in the order of the problems."""
    asked = (Asked(str(i), problem.problem) for i, problem in enumerate(problems))
    solved = solve_many(asked, settings, models.policy, models.prm, judge=judge, max_in_flight=16)
    records = {result.record.id: result.record for result in solved}
    return [records[str(i)] for i in range(len(problems))]


def wilson(right: int, count: int) -> tuple[float, float]:
    """95 % interval of a share."""
    z, share = 1.96, right / count
    middle, spread = share + z * z / (2 * count), z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (middle - spread) / scale, (middle + spread) / scale


def percent(right: Sequence[bool]) -> str:
    low, high = wilson(sum(right), len(right))
    return f"{100 * fmean(right):.1f} ({100 * low:.0f}-{100 * high:.0f})"


def row(name: str, right: Sequence[bool], records: Sequence[Record] = ()) -> str:
    """One line of the table; without records it tells no cost."""
    cells = [name, percent(right), "", "", ""]
    if records:
        cells[2] = f"{fmean(r.cost.policy_tokens for r in records):.0f}"
        cells[3] = f"{fmean(r.cost.prm_tokens for r in records):.0f}"
        cells[4] = f"{fmean(r.cost.flops for r in records):.1e}"
    return f"| {' | '.join(cells)} |"


def lines(models: Models, problems: Sequence[Problem], options: argparse.Namespace) -> Iterator[str]:
    yield f"| {len(problems)} problems | % right (95 % interval) | policy tokens | PRM tokens | FLOPs |"
    yield "|---|---|---|---|---|"
    with Judge() as judge:
        for method in options.methods:
            for budget in (1,) if method == "greedy" else options.budgets:
                settings = Settings(
                    method=method,
                    budget=budget,
                    seed=options.seed,
                    temperature=options.temperature,
                    max_step_tokens=120,
                    aggregate=options.aggregate or (options.format and options.format.aggregate),
                    select=options.select,
                    calculator=options.calculator,
                )
                records = solve_all(models, problems, settings, judge)
                right = [record.answer == p.answer for record, p in zip(records, problems, strict=True)]
                yield row("greedy" if method == "greedy" else f"{method}, N = {budget}", right, records)
                if options.levels:
                    yield from by_level(problems, right)
                # With the calculator the votes are not all samples.
                if method == "majority" and budget == max(options.budgets) and not options.calculator:
                    yield from sampled(records, problems, budget)


def sampled(records: Sequence[Record], problems: Sequence[Problem], budget: int) -> Iterator[str]:
    counts = [Counter({vote.answer: vote.count for vote in record.votes}) for record in records]
    hits = [count[p.answer] for count, p in zip(counts, problems, strict=True)]
    yield f"| pass@1 (mean of {budget} samples) | {100 * sum(hits) / budget / len(hits):.1f} | | | |"
    yield row(f"pass@{budget}", [hit > 0 for hit in hits])


def by_level(problems: Sequence[Problem], right: Sequence[bool]) -> Iterator[str]:
    for level in sorted({p.level for p in problems}):
        at_level = [ok for ok, p in zip(right, problems, strict=True) if p.level == level]
        yield f"| &nbsp; level {level} | {percent(at_level)} | | | |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy")
    parser.add_argument("--policy", default="nano")
    parser.add_argument("--prm", default="nano-prm")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--budgets", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--prm-format")
    parser.add_argument("--aggregate", help="default: what suits the PRM")
    parser.add_argument("--select", default="weighted")
    parser.add_argument("--calculator", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--levels", action="store_true", help="also by level")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    problems = list(islice(distinct(generate(options.seed, split="test"), options.count), options.count))
    size = {"n_seq_max": 128, "threads": options.threads}
    prm = load_prm(options.prm, prm_format=options.prm_format, **size)
    options.format = prm.entry.format
    models = Models(load_policy(options.policy, **size), prm)
    for line in lines(models, problems, options):
        print(line, flush=True)


if __name__ == "__main__":
    main()
