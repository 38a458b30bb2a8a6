"""Let the policy solve generated problems many times, and let the checker label every step.

    python -m training.sample --policy tts_cli/nano/nano.gguf --split train --problems 20000 --per-problem 4 \\
        --temperatures 0.7 0.9 1.1 --out training/out/samples.jsonl
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from training.problems import FAMILIES, LEVELS, SPLITS, Problem, distinct, generate, label
from training.samples import Sample, write_samples
from training.tokenizer import PROBLEM, SOLUTION
from tts_cli.engine import Engine, Sampler
from tts_cli.protocols import Finish, Job, SampleKey, Sampling, Usage

LONGEST = 220  # tokens of a solution
AT_ONCE = 16  # problems under way


def sample(
    engine: Engine, problems: Iterator[Problem], per_problem: int, temperatures: list[float], seed: int
) -> Iterator[Sample]:
    """`per_problem` solutions of each problem, temperatures in turn; problems end in the order they began."""
    under_way: list[tuple[Problem, list[Job]]] = []  # type: ignore[type-arg]
    for number, problem in enumerate(problems):
        under_way.append((problem, list(_jobs(engine, problem, number, per_problem, temperatures, seed))))
        while len(under_way) >= AT_ONCE:
            yield from _finish_first(engine, under_way)
    while under_way:
        yield from _finish_first(engine, under_way)


def _jobs(engine, problem, number, per_problem, temperatures, seed):  # type: ignore[no-untyped-def]
    vocab = engine.vocab
    tokens = [
        vocab.id_of(PROBLEM),
        *vocab.tokenize(problem.problem, special=False),
        vocab.id_of(SOLUTION),
    ]
    root = engine.root(tokens, Usage())
    for i in range(per_problem):
        sampling = Sampling(temperature=temperatures[i % len(temperatures)])
        sampler = Sampler(SampleKey(seed, str(number), (i,)), sampling)
        yield engine.generate(root, sampler=sampler, stop=lambda text: None, max_tokens=LONGEST)


def _finish_first(engine: Engine, under_way: list) -> Iterator[Sample]:  # type: ignore[type-arg]
    problem, jobs = under_way.pop(0)
    while not all(job.done for job in jobs):
        engine.advance()
    for job in jobs:
        result = job.result()
        engine.release(result.branch)
        steps = tuple(part for part in result.text.decode(errors="replace").split("\n\n") if part)
        yield Sample(problem, steps, tuple(label(problem, steps)), result.finish == Finish.EOS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.sample")
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--problems", type=int, required=True)
    parser.add_argument("--per-problem", type=int, default=4)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.7, 0.9, 1.1])
    parser.add_argument("--levels", type=int, nargs="+", default=list(LEVELS))
    parser.add_argument("--families", nargs="+", default=list(FAMILIES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    stream = generate(options.seed, split=options.split, levels=tuple(options.levels), families=tuple(options.families))
    problems = distinct(stream, options.problems) if options.split == "test" else islice(stream, options.problems)
    started = time.time()
    with Engine(options.policy, n_ctx=16_384, n_seq_max=64, threads=options.threads) as engine:
        samples = list(sample(engine, iter(problems), options.per_problem, options.temperatures, options.seed))
    write_samples(options.out, samples)
    right = sum(one.right for one in samples) / len(samples)
    print(f"{len(samples)} samples, {right:.3f} right, {time.time() - started:.0f} s")


if __name__ == "__main__":
    main()
