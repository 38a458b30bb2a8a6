"""How well a PRM verifies: measured on the policy's labelled samples, 16 a problem or so.

    python -m training.evaluate --prm tts_cli/nano/nano-prm.gguf --samples training/out/validation.jsonl

Prints, overall and per family and level: pass@1, majority@k, best-of-k by the PRM (last, min, prod; weighted and
max), pass@k; (a) the AUC of steps up to and including the first error; (b) the within-problem AUC of solutions
(right against wrong); (c) the part of the way from majority to pass@k that the weighted vote covers.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import fmean

import numpy as np

from training.problems.problem import ended_at_box
from training.samples import Sample, read_file
from tts_cli.models.load import load_prm
from tts_cli.protocols import Job, Prefix, RewardModel, ScoredStep, Usage

AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "last": lambda scores: scores[-1],
    "min": min,
    "prod": prod,
}


@dataclass(frozen=True, slots=True)
class Scored:
    sample: Sample
    scores: tuple[float, ...]

    @property
    def answer(self) -> str:
        return self.sample.steps[-1].rpartition("\\boxed{")[2].partition("}")[0] if self.sample.finished else ""

    @property
    def solved(self) -> bool:
        """The answer is right; `sample.right` wants every step right as well."""
        return self.answer == self.sample.problem.answer


def score_all(prm: RewardModel, samples: Sequence[Sample]) -> list[Scored]:
    """Problem after problem; a problem's samples at once."""
    scored: list[Scored] = []
    for group in _by_problem(samples):
        scored += score_group(prm, group)
    return scored


def score_group(prm: RewardModel, group: Sequence[Sample]) -> list[Scored]:
    root = prm.start(group[0].problem.problem, Usage())
    prefixes: list[Prefix] = [root] * len(group)
    scores: list[list[float]] = [[] for _ in group]
    for depth in range(max(len(sample.steps) for sample in group)):
        live = [i for i, sample in enumerate(group) if depth < len(sample.steps)]
        jobs = {i: prm.score(prefixes[i], ended_at_box(group[i].steps[depth])) for i in live}
        _drive(prm, list(jobs.values()))
        for i, job in jobs.items():
            scores[i].append(job.result().score)
            prefixes[i] = job.result().prefix
    prm.release(root)
    return [Scored(sample, tuple(own)) for sample, own in zip(group, scores, strict=True)]


def _drive(prm: RewardModel, jobs: Sequence[Job[ScoredStep]]) -> None:
    while not all(job.done for job in jobs):
        prm.advance()


def _by_problem(samples: Sequence[Sample]) -> list[list[Sample]]:
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.steps:
            groups[sample.problem.problem].append(sample)
    return list(groups.values())


def auc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """The chance that a right one outscores a wrong one, ties half."""
    if not right or not wrong:
        return float("nan")
    a, b = np.asarray(right), np.sort(np.asarray(wrong))
    below, upto = np.searchsorted(b, a, "left"), np.searchsorted(b, a, "right")
    return float((below + upto).mean() / 2 / len(b))


def step_auc(scored: Sequence[Scored]) -> float:
    """(a): steps up to and including the first error."""
    right, wrong = [], []
    for one in scored:
        for verdict, score in zip(one.sample.verdicts, one.scores, strict=True):
            (right if verdict else wrong).append(score)
            if not verdict:
                break
    return auc(right, wrong)


def within_auc(groups: Sequence[Sequence[Scored]], how: str) -> float:
    """(b): mean over the problems that have both right and wrong solutions."""
    values = []
    for group in groups:
        right = [AGGREGATES[how](one.scores) for one in group if one.sample.right]
        wrong = [AGGREGATES[how](one.scores) for one in group if not one.sample.right]
        if right and wrong:
            values.append(auc(right, wrong))
    return fmean(values) if values else float("nan")


def vote(group: Sequence[Scored], weight: Callable[[Scored], float], largest: bool = False) -> bool:
    """Is the elected answer right? Unfinished solutions do not vote."""
    weights: dict[str, float] = defaultdict(float)
    for one in group:
        if one.sample.finished:
            old = weights[one.answer]
            weights[one.answer] = max(old, weight(one)) if largest else old + weight(one)
    return bool(weights) and max(weights, key=lambda answer: weights[answer]) == group[0].sample.problem.answer


def summary(scored: Sequence[Scored]) -> dict[str, float]:
    buckets: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        buckets[one.sample.problem.problem].append(one)
    groups = list(buckets.values())
    row = {
        "problems": float(len(groups)),
        "pass@1": fmean(one.solved for one in scored),
        "majority": fmean(vote(g, lambda one: 1.0) for g in groups),
        "pass@k": fmean(any(one.solved for one in g) for g in groups),
    }
    for how, function in AGGREGATES.items():
        row[f"weighted {how}"] = fmean(vote(g, lambda one, f=function: f(one.scores)) for g in groups)  # type: ignore[misc]
        row[f"max {how}"] = fmean(vote(g, lambda one, f=function: f(one.scores), True) for g in groups)  # type: ignore[misc]
        row[f"(b) {how}"] = within_auc(groups, how)
    row["(a)"] = step_auc(scored)
    way = row["pass@k"] - row["majority"]
    row["(c) last"] = (row["weighted last"] - row["majority"]) / way if way else float("nan")
    return row


def tables(scored: Sequence[Scored]) -> Iterator[tuple[str, dict[str, float]]]:
    yield "all", summary(scored)
    for name in ("subject", "level"):
        for value in sorted({str(getattr(one.sample.problem, name)) for one in scored}):
            yield value, summary([one for one in scored if str(getattr(one.sample.problem, name)) == value])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate")
    parser.add_argument("--prm", required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    prm = load_prm(options.prm, n_ctx=0, n_seq_max=64, threads=options.threads, gpu_layers=0)
    scored = score_all(prm, read_file(options.samples))
    rows = list(tables(scored))
    print("| | " + " | ".join(rows[0][1]) + " |")
    print("|---" * (len(rows[0][1]) + 1) + "|")
    for name, row in rows:
        print(
            f"| {name} | "
            + " | ".join(f"{value:.3g}" if value > 1 else f"{value:.3f}" for value in row.values())
            + " |"
        )


if __name__ == "__main__":
    main()
