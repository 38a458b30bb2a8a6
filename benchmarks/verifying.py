"""Measures how often the verifier has an opinion, and that it never calls a reference wrong.

    python -m benchmarks.verifying [--math500 math500.jsonl] [--samples 500]

For nano's test set, for problems of the training generator, and for MATH-500 where a file of it is given: on how many
references it says "right", "wrong" (must be none) and "no opinion", and on how many of three sorts of wrong answers it
says "wrong": the next problem's answer, one more, the other sign. Exit 1 where a reference is called wrong, or
a wrong answer right. CPU time is measured in this process, without the worker's pipe.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from training.problems import generate
from tts_cli.answers.judge import Judge
from tts_cli.verification.judge import is_checkable
from tts_cli.verification.opinion import opinion

NANO = Path(__file__).resolve().parents[1] / "tts_cli" / "nano" / "test.jsonl"
Rows = Sequence[tuple[str, str]]
INTEGER = re.compile(r"-?\d+")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--math500", type=Path)
    options.add_argument("--samples", type=int, default=500)
    chosen = options.parse_args()
    sets = {
        "nano test set": _rows(NANO),
        "generated": [(p.problem, p.answer) for p in islice(generate(0), chosen.samples)],
    }
    if chosen.math500:
        sets["MATH-500"] = _rows(chosen.math500)
    with Judge() as judge:
        good = [_measure(name, rows, judge) for name, rows in sets.items()]
    return 0 if all(good) else 1


def _rows(path: Path) -> Rows:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(row["problem"], row["answer"]) for row in rows]


def _measure(name: str, rows: Rows, judge: Judge) -> bool:
    references = Counter(opinion(problem, answer) for problem, answer in rows)
    checkable = [index for index, (problem, _) in enumerate(rows) if is_checkable(problem)]
    print(f"{name}: {len(rows)} problems, {len(checkable)} understood; the reference is {dict(references)}")
    good = not references["wrong"]
    for sort, spoil in SPOILED.items():
        pairs = [(rows[i][0], spoilt, rows[i][1]) for i in checkable if (spoilt := spoil(rows, i)) is not None]
        said = Counter(opinion(p, wrong) for p, wrong, reference in pairs if not judge.equal(wrong, reference))
        print(f"  {sort}: {dict(said)}")
        good &= not said["right"]
    _print_times(rows, checkable)
    return good


def _print_times(rows: Rows, checkable: Sequence[int]) -> None:
    seconds = []
    for index in checkable:
        start = time.process_time()
        opinion(*rows[index])
        seconds.append(time.process_time() - start)
    print(f"  CPU milliseconds: median {statistics.median(seconds) * 1e3:.1f}, worst {max(seconds) * 1e3:.0f}")


def _next(rows: Rows, index: int) -> str | None:
    return rows[(index + 1) % len(rows)][1]


def _one_more(rows: Rows, index: int) -> str | None:
    answer = rows[index][1]
    return str(int(answer) + 1) if INTEGER.fullmatch(answer) else None


def _other_sign(rows: Rows, index: int) -> str | None:
    answer = rows[index][1]
    if not re.match(r"-?[\d\\.]", answer) or re.search(r"[+=]|(?<!^)-", answer):
        return None
    return answer[1:] if answer.startswith("-") else "-" + answer


SPOILED: dict[str, Callable[[Rows, int], str | None]] = {
    "the next problem's answer": _next,
    "one more": _one_more,
    "the other sign": _other_sign,
}

if __name__ == "__main__":
    raise SystemExit(main())
