"""`python -m training.problems --seed S --count K [--level L] [--family F] [--split test]`: JSONL on stdout."""

from __future__ import annotations

import argparse
import json
import sys

from training.problems import FAMILIES, LEVELS, SPLITS, bundled, distinct, generate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.problems", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--level", type=int, choices=LEVELS)
    parser.add_argument("--family", choices=tuple(FAMILIES))
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test, which no training run reads")
    parser.add_argument("--bundled", action="store_true", help="write the test set that ships, and nothing else")
    options = parser.parse_args()
    if options.bundled:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in bundled.rows())
        return
    stream = generate(
        options.seed,
        split=options.split,
        levels=(options.level,) if options.level else LEVELS,
        families=(options.family,) if options.family else tuple(FAMILIES),
    )
    for i, problem in enumerate(distinct(stream, options.count)):
        row = {
            "id": f"{options.split}-{options.seed}-{i + 1}",
            "problem": problem.problem,
            "answer": problem.answer,
            "level": problem.level,
            "subject": problem.subject,
            "solution": problem.solution,
        }
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
