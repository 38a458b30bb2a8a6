"""How a judge scores steps: of the policy's own samples of training problems, and of ProcessBench GSM8K.

    python -m benchmarks.judges.steps --prm FILE [--prm-format F] --policy FILE --data DATA --runs RUNS --out FILE.jsonl

A line for each solution, written as it is read; what is there is not read again. Of the training samples each of the
first problems gives a right and a wrong one, where it has both: their labels choose the threshold (report.py), as
ProcessBench itself may not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from tts_cli.calculator.equalities import false_equality
from tts_cli.errors import PromptTooLong
from tts_cli.evaluation.heads.labels import labelled_problems
from tts_cli.evaluation.heads.train import head_samples, labelled_rows
from tts_cli.evaluation.store import open_store
from tts_cli.models.load import load_prm, resolve
from tts_cli.models.registry import read
from tts_cli.protocols import RewardModel
from tts_cli.solving.check_solution import check_solutions

TRAINING = 100  # solutions that choose the threshold
TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Solution:
    """`first_error`: 0-based, -1 where it is right; of a training sample only whether it is right is known, 0 stands
    for wrong."""

    id: str
    set: str
    problem: str
    steps: tuple[str, ...]
    first_error: int


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """`scores`: none where it was too long for the judge. `flagged`: the first step, from 0, with a false equality."""

    id: str
    set: str
    first_error: int
    scores: tuple[float, ...]
    flagged: int | None


def processbench(data: Path) -> Iterator[Solution]:
    lines = (data / "processbench_gsm8k.jsonl").read_text(encoding="utf-8").split("\n")
    for row in map(json.loads, filter(None, lines)):
        yield Solution(row["id"], "processbench", row["problem"], tuple(row["steps"]), row["first_error"])


def training(runs: Path, policy: str) -> Iterator[Solution]:
    """At most TRAINING of the samples, as many right as wrong ones."""
    with open_store(runs / "train", new=False) as store:
        evaluation = head_samples(store, {"policy": policy, "calculator": False})
        rows, _ = labelled_rows(evaluation)
        problems = labelled_problems(evaluation, rows, [])
    for problem in [problem for problem in problems if problem.mixed][: TRAINING // 2]:
        for right in (True, False):
            solution = next(one for one in problem.solutions if one.right == right)
            name = f"{problem.key}-{'right' if right else 'wrong'}"
            yield Solution(name, "training", problem.text, solution.steps, -1 if right else 0)


def score(prm: RewardModel, solutions: list[Solution]) -> Iterator[ScoredSolution]:
    """In groups, each solution alone where one of them does not fit."""
    for begin in range(0, len(solutions), TOGETHER):
        group = solutions[begin : begin + TOGETHER]
        for one, scores in zip(group, _scores(prm, group), strict=True):
            flagged = next((at for at, step in enumerate(one.steps) if false_equality(step)), None)
            yield ScoredSolution(one.id, one.set, one.first_error, scores, flagged)


def _scores(prm: RewardModel, group: list[Solution]) -> list[tuple[float, ...]]:
    try:
        return [found.scores for found in check_solutions([(one.problem, one.steps) for one in group], prm)]
    except PromptTooLong:
        return [()] if len(group) == 1 else [scores for one in group for scores in _scores(prm, [one])]


def missing(solutions: Iterable[Solution], out: Path) -> list[Solution]:
    known = {json.loads(line)["id"] for line in out.read_text().split("\n")[:-1]} if out.exists() else set()
    return [one for one in solutions if one.id not in known]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judges.steps")
    for name in ("prm", "policy"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--prm-format")
    for name in ("data", "runs", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    todo = missing([*training(options.runs, options.policy), *processbench(options.data)], options.out)
    if not todo:
        return
    known = read()
    entry = resolve(options.prm, "prm", known, options.prm_format, policy=resolve(options.policy, "policy", known))
    with (
        closing(load_prm(entry, prm_format=options.prm_format, n_seq_max=TOGETHER)) as prm,
        options.out.open("a") as file,
    ):
        for one in score(prm, todo):
            file.write(f"{json.dumps(asdict(one))}\n")
            file.flush()


if __name__ == "__main__":
    main()
