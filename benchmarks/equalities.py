"""How often the calculator finds a first error, and how often it is wrong: docs/measurements.

    python -m benchmarks.equalities --data DIR [--show DATASET]

DIR holds gsm8k_train, math_train, processbench_gsm8k, processbench_math and prm800k_val_slice as JSON lines. Lines of
the reference solutions are counted as steps; every flagged one is a slip of the source or a false alarm (`--show`
prints them, and those of right solutions). Of solutions with labelled steps: how many right ones are flagged, and where
the first flagged step of a wrong one lies from the first wrong one. Intervals: 95 %, Wilson. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy import percent
from tts_cli.calculator.equalities import FalseEquality, false_equality

REFERENCES = ("gsm8k_train", "math_train")
LABELLED = ("processbench_gsm8k", "processbench_math", "prm800k_val_slice")


@dataclass(frozen=True, slots=True)
class Flagged:
    """A solution: `first_error` is 0-based, -1 where it has none; `found` are its flagged steps."""

    id: str
    steps: tuple[str, ...]
    first_error: int
    found: tuple[tuple[int, FalseEquality], ...]
    seconds: float


def read(path: Path) -> Iterator[Flagged]:
    """Every solution of a file, and what the calculator says of its steps."""
    for row in map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1]):
        steps = tuple(row["steps"] if "steps" in row else filter(str.strip, row["solution"].split("\n")))
        false_equality.cache_clear()
        begun = time.process_time()
        found = tuple((at, equality) for at, step in enumerate(steps) if (equality := false_equality(step)))
        yield Flagged(str(row["id"]), steps, row.get("first_error", -1), found, time.process_time() - begun)


def of_references(name: str, solutions: Sequence[Flagged]) -> str:
    steps = sum(len(solution.steps) for solution in solutions)
    flagged = sum(len(solution.found) for solution in solutions)
    return f"| {name} | {steps} | {flagged} ({100 * flagged / steps:.3f} %) | {microseconds(solutions):.0f} |"


def microseconds(solutions: Sequence[Flagged]) -> float:
    """Mean processor time of a step, none of them remembered from another solution."""
    return 1e6 * sum(solution.seconds for solution in solutions) / sum(len(solution.steps) for solution in solutions)


def of_labelled(name: str, solutions: Sequence[Flagged]) -> str:
    right = [bool(solution.found) for solution in solutions if solution.first_error < 0]
    wrong = [solution for solution in solutions if solution.first_error >= 0]
    places = [solution.found[0][0] - solution.first_error if solution.found else None for solution in wrong]
    shares = [[place is not None and test(place) for place in places] for test in (_exactly, _earlier, _later)]
    cells = " | ".join([percent(right), str(len(wrong)), *map(percent, shares)])
    return f"| {name} | {len(right)} | {cells} | {microseconds(solutions):.0f} |"


def _exactly(place: int) -> bool:
    return place == 0


def _earlier(place: int) -> bool:
    return place < 0


def _later(place: int) -> bool:
    return place > 0


def shown(solutions: Sequence[Flagged]) -> Iterator[str]:
    """The alarms that need a look: in references, in right solutions, and before the first wrong step."""
    for solution in solutions:
        for at, equality in solution.found[:1]:
            if solution.first_error < 0 or at < solution.first_error:
                place = f"{at}" if solution.first_error < 0 else f"{at} < {solution.first_error}"
                yield f"{solution.id} [{place}] {equality.text} ({equality.value}) in {solution.steps[at]!r}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equalities")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", choices=(*REFERENCES, *LABELLED))
    options = parser.parse_args()
    if options.show:
        print(*shown(list(read(options.data / f"{options.show}.jsonl"))), sep="\n")
        return
    print("| reference solutions | steps | flagged | µs a step |\n|---|---|---|---|")
    for name in REFERENCES:
        print(of_references(name, list(read(options.data / f"{name}.jsonl"))), flush=True)
    print(
        "\n| solutions | right | of them flagged | wrong | first error found exactly | flagged earlier | later | µs |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in LABELLED:
        print(of_labelled(name, list(read(options.data / f"{name}.jsonl"))), flush=True)


if __name__ == "__main__":
    main()
