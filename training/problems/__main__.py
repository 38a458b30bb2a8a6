"""`python -m training.problems --seed S --count K [--level L] [--family F] [--split test]`: JSONL on stdout.

With `--held-out family` or `--held-out size` problems that no training run can have seen (held_out.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from itertools import islice

from training.problems import FAMILIES, LEVELS, SPLITS, Problem, bundled, distinct, generate, held_out


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.problems", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--level", type=int, choices=LEVELS)
    parser.add_argument("--family", choices=tuple(FAMILIES))
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test, which no training run reads")
    parser.add_argument("--bundled", action="store_true", help="write the test set that ships, and nothing else")
    parser.add_argument("--held-out", choices=tuple(held_out.WORLDS), help="a world out of training's distribution")
    options = parser.parse_args()
    if options.bundled:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in bundled.rows())
        return
    if options.held_out and (options.level or options.family):
        parser.error("a held-out world has all of its levels and families in turn")
    if options.held_out:
        problems = islice(held_out.problems(options.held_out, options.seed), options.count)
        _write(problems, f"{options.held_out}-{options.seed}")
        return
    stream = generate(
        options.seed,
        split=options.split,
        levels=(options.level,) if options.level else LEVELS,
        families=(options.family,) if options.family else tuple(FAMILIES),
    )
    _write(distinct(stream, options.count), f"{options.split}-{options.seed}")


def _write(problems: Iterable[Problem], name: str) -> None:
    for i, problem in enumerate(problems):
        row = {
            "id": f"{name}-{i + 1}",
            "problem": problem.problem,
            "answer": problem.answer,
            "level": problem.level,
            "subject": problem.subject,
            "solution": problem.solution,
        }
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
