"""Measures how well answers are extracted and graded, on MATH-500 and AIME24 files that you have.

    python -m benchmarks.grading --math500 math500.jsonl --aime24 aime24.jsonl

Prints: references equal to themselves, to the answer extracted from their own solution, and to the next
problem's answer (should be none but equal values); then rule-made rewrites accepted and near misses rejected,
and the time per pair.
Exit 1 where a figure misses its target (0 false accepts, < 1 % false rejects, >= 498 of 500, median < 2 ms).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.grading_rules import MISS, SAME, rewrites
from tts_cli.answers import extract
from tts_cli.answers.judge import Judge

SHOWN = 25


@dataclass
class Tally:
    """Wrong judgements by rule, and the seconds that each judgement took."""

    pairs: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, judge: Judge, a: str, b: str, expected: bool, rule: str) -> None:
        start = time.perf_counter()
        equal = judge.equal(a, b)
        self.seconds.append(time.perf_counter() - start)
        self.pairs += 1
        if equal != expected:
            self.wrong.append((rule, a, b))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--math500", type=Path, required=True)
    options.add_argument("--aime24", type=Path)
    chosen = options.parse_args()
    rows = _rows(chosen.math500)
    with Judge() as judge:
        judge.equal(r"\sin x", r"\cos x")  # starts the worker: its start-up is no pair's time
        good = _references(judge, "MATH-500", rows, "answer", minimum=498)
        if chosen.aime24:
            aime = _rows(chosen.aime24)
            good &= _references(judge, "AIME24", aime, "extracted_groundtruth", minimum=len(aime))
        answers = list(dict.fromkeys(row["answer"] for row in rows))
        good &= _rule_made(judge, answers)
    return 0 if good else 1


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _references(judge: Judge, name: str, rows: list[dict[str, str]], field_name: str, minimum: int) -> bool:
    answers = [row[field_name] for row in rows]
    itself = sum(judge.equal(a, f" {a} ") for a in answers)
    extracted = [extract(row["solution"]) for row in rows]
    missed = [(a, e) for a, e in zip(answers, extracted, strict=True) if e is None or not judge.equal(a, e)]
    same = Counter((a, b) for a, b in zip(answers, answers[1:] + answers[:1], strict=True) if judge.equal(a, b))
    print(f"{name}: {itself}/{len(rows)} equal themselves")
    print(f"  {len(rows) - len(missed)}/{len(rows)} equal the answer extracted from their solution")
    print(f"  not: {missed}")
    print(f"  equal to the next problem's answer: {sorted(same)}")
    return itself == len(rows) and len(rows) - len(missed) >= minimum


def _rule_made(judge: Judge, answers: list[str]) -> bool:
    same, miss = Tally(), Tally()
    for answer in answers:
        for text, rule in rewrites(answer, SAME).items():
            same.add(judge, answer, text, True, rule)
        for text, rule in rewrites(answer, MISS).items():
            miss.add(judge, answer, text, False, rule)
    print(f"rule-made pairs from {len(answers)} distinct references: {same.pairs} rewrites, {miss.pairs} near misses")
    print(f"  false rejects: {len(same.wrong)} ({len(same.wrong) / same.pairs:.2%})  false accepts: {len(miss.wrong)}")
    for label, tally in (("false reject", same), ("false accept", miss)):
        for rule, a, b in tally.wrong[:SHOWN]:
            print(f"  {label} [{rule}]  {a!r}  {b!r}")
    seconds = same.seconds + miss.seconds
    median, slowest = statistics.median(seconds), max(seconds)
    p99 = statistics.quantiles(seconds, n=100)[98]
    print(f"  milliseconds per pair: median {median * 1e3:.3f}, 99 % below {p99 * 1e3:.1f}, worst {slowest * 1e3:.0f}")
    enough = same.pairs + miss.pairs >= 1_500 and len(same.wrong) < 0.01 * same.pairs and not miss.wrong
    return enough and median < 0.002 and slowest < judge.time_limit


if __name__ == "__main__":
    raise SystemExit(main())
