"""How well `tts check` finds the first wrong step of a solution, and leaves right ones alone: docs/check.md.

    python -m benchmarks.checking --count 300 --seed 1

For each of `count` problems the PRM reads its right solution, and the same with one step replaced by a near miss
(training/problems/corrupt.py; every kind equally often where it applies) and the steps after it left as they were. The
threshold is chosen on the validation split, by the harmonic mean of "found exactly" and "left alone" (the F1 of
ProcessBench, Zheng et al. 2024), and everything is then told of the test split, which no training run has seen.
Intervals: 95 %, Wilson. Prints Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from benchmarks.accuracy import percent
from training.problems import LEVELS, Problem, Split, distinct, generate
from training.problems.corrupt import KINDS, near_miss
from tts_cli.data.checked import CheckedSolution
from tts_cli.models.load import load_prm
from tts_cli.protocols import RewardModel
from tts_cli.solving.check_solution import check_solutions, default_threshold

SHOWN = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8)
TOGETHER = 32
FINE = (0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, *(i / 20 for i in range(2, 20)))


@dataclass(frozen=True, slots=True)
class Case:
    """One solution: `wrong` is the 1-based number of its first wrong step, `kind` how it was made (None: right)."""

    problem: Problem
    steps: tuple[str, ...]
    wrong: int | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    case: Case
    checked: CheckedSolution

    def found(self, threshold: float) -> bool:
        """It is right: the first wrong step exactly, or none where there is none."""
        return self.checked.first_doubtful(threshold) == self.case.wrong


def cases(split: Split, count: int, seed: int) -> Iterator[Case]:
    """The right and the corrupted solution of each of `count` problems."""
    random = Random(f"checking {seed} {split}")
    for problem in islice(distinct(generate(seed, split=split), count), count):
        yield Case(problem, problem.steps)
        yield corrupted(problem, random)


def corrupted(problem: Problem, random: Random) -> Case:
    """With a near miss in place of a random step; kinds are tried in random order until one applies."""
    places = random.sample(range(len(problem.steps)), len(problem.steps))
    kinds = random.sample(list(KINDS), len(KINDS))
    for kind in kinds:
        for index in places:
            miss = near_miss(problem, index, kind, random)
            if miss is not None:
                steps = (*problem.steps[:index], miss, *problem.steps[index + 1 :])
                return Case(problem, steps, wrong=index + 1, kind=kind)
    raise ValueError(f"no rule makes a near miss of {problem.problem!r}")


def read_all(prm: RewardModel, split: Split, count: int, seed: int) -> list[Read]:
    """TOGETHER solutions at a time."""
    every = list(cases(split, count, seed))
    reads: list[Read] = []
    for begin in range(0, len(every), TOGETHER):
        some = every[begin : begin + TOGETHER]
        checked = check_solutions([(case.problem.problem, case.steps) for case in some], prm)
        reads += [Read(case, found) for case, found in zip(some, checked, strict=True)]
    return reads


def best_threshold(reads: Sequence[Read]) -> float:
    """The middle of the thresholds that are best on these solutions."""
    scores = {threshold: harmonic(reads, threshold) for threshold in FINE}
    best = [threshold for threshold, score in scores.items() if score == max(scores.values())]
    return best[len(best) // 2]


def harmonic(reads: Sequence[Read], threshold: float) -> float:
    """The harmonic mean of the shares found among wrong solutions and left alone among right ones."""
    found, alone = (shares(reads, threshold, wrong) for wrong in (True, False))
    a, b = sum(found) / len(found), sum(alone) / len(alone)
    return 2 * a * b / (a + b) if a + b else 0.0


def shares(reads: Sequence[Read], threshold: float, wrong: bool) -> list[bool]:
    return [read.found(threshold) for read in reads if (read.case.wrong is not None) == wrong]


def report(reads: Sequence[Read], chosen: float, default: float) -> Iterator[str]:
    """By threshold; then at the default by kind, by level and by family."""
    yield "| threshold | first wrong step found exactly | any step marked | right solution left alone | F1 |"
    yield "|---|---|---|---|---|"
    wrong = [read for read in reads if read.case.wrong is not None]
    for threshold in sorted({*SHOWN, default, chosen}):
        name = f"{threshold:g}" + (" (default)" if threshold == default else "")
        found, alone = (percent(shares(reads, threshold, kind)) for kind in (True, False))
        marked = percent([read.checked.first_doubtful(threshold) is not None for read in wrong])
        yield f"| {name} | {found} | {marked} | {alone} | {harmonic(reads, threshold):.3f} |"
    yield ""
    yield f"| at {default:g} | wrong solutions | first wrong step found exactly | right solution left alone |"
    yield "|---|---|---|---|"
    for kind in KINDS:
        yield line(kind, [read for read in wrong if read.case.kind == kind], default)
    for level in LEVELS:
        yield line(f"level {level}", [read for read in reads if read.case.problem.level == level], default)
    for family in sorted({read.case.problem.subject for read in reads}):
        yield line(family, [read for read in reads if read.case.problem.subject == family], default)


def line(name: str, reads: Sequence[Read], threshold: float) -> str:
    """One row of the second table; a cell is empty where there are none."""
    found, alone = (shares(reads, threshold, wrong) for wrong in (True, False))
    return f"| {name} | {len(found)} | {percent(found) if found else ''} | {percent(alone) if alone else ''} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checking")
    parser.add_argument("--prm", default="nano-prm")
    parser.add_argument("--prm-format")
    parser.add_argument("--count", type=int, default=300, help="problems of each split")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    prm = load_prm(options.prm, prm_format=options.prm_format, n_seq_max=TOGETHER, threads=options.threads)
    assert prm is not None
    chosen = best_threshold(read_all(prm, "validation", options.count, options.seed))
    print(f"{options.prm}, {options.count} problems, seed {options.seed}; best threshold on validation: {chosen:g}\n")
    for row in report(read_all(prm, "test", options.count, options.seed), chosen, default_threshold(prm.entry.family)):
        print(row, flush=True)


if __name__ == "__main__":
    main()
