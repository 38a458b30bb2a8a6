"""Measures how well answers are extracted and graded, on MATH-500 and AIME24 files that you have.

    python -m benchmarks.grading --math500 math500.jsonl --aime24 aime24.jsonl
    python -m benchmarks.grading --layers

Prints: references equal to themselves, to the answer extracted from their own solution, and to the next
problem's answer (should be none but equal values); then rule-made rewrites accepted and near misses rejected,
and the time per pair. `--layers`: what each part of the judge is worth, on the pairs written by hand in tests/answers
(math-verify is a development dependency).
Exit 1 where a figure misses its target (0 false accepts, < 1 % false rejects, >= 498 of 500, median < 2 ms).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.grading_rules import MISS, SAME, rewrites
from tts_cli.answers import extract, stated
from tts_cli.answers.compare import AnswerComparison
from tts_cli.answers.judge import Judge
from tts_cli.answers.reading.expression import Expression
from tts_cli.answers.reading.normalize import clean

SHOWN = 25
WRITTEN = Path(__file__).resolve().parents[1] / "tests" / "answers"


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
    options.add_argument("--math500", type=Path)
    options.add_argument("--aime24", type=Path)
    options.add_argument("--layers", action="store_true")
    chosen = options.parse_args()
    if chosen.layers:
        return layers()
    if not chosen.math500:
        options.error("--math500 or --layers is needed")
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


class WithoutArithmetic(AnswerComparison):
    """Every pair of expressions that are not written alike goes to SymPy."""

    def _decided(self, a: Expression, b: Expression) -> bool | None:
        return None


def layers() -> int:
    """A table: wrong judgements of the whole judge, and of what is left without its parts."""
    pairs = list(written_pairs())
    print(f"{len(pairs)} pairs written by hand, {sum(same for *_, same in pairs)} of them equal\n")
    print("| judge | false rejects | false accepts | seconds |\n|---|---|---|---|")
    with Judge(time_limit=60) as whole, Judge(time_limit=60) as no_arithmetic, Judge(time_limit=60) as no_sympy:
        no_arithmetic._comparison = WithoutArithmetic(no_arithmetic._hard)
        no_sympy._comparison = AnswerComparison(lambda a, b: False)
        whole.equal(r"\sin x", r"\cos x")
        no_arithmetic.equal(r"\sin x", r"\cos x")
        _layer("whole", pairs, lambda a, b: whole.equal(stated(a), stated(b)))
        _layer("without SymPy", pairs, lambda a, b: no_sympy.equal(stated(a), stated(b)))
        _layer("without exact arithmetic", pairs, lambda a, b: no_arithmetic.equal(stated(a), stated(b)))
        _layer("texts made uniform, then compared as texts", pairs, lambda a, b: clean(stated(a)) == clean(stated(b)))
    _layer("math-verify alone", pairs, math_verify_alone)
    return 0


def written_pairs() -> Iterator[tuple[str, str, bool]]:
    """The pairs of answers in tests/answers, those of whole solutions left out."""
    kind = ""
    for file in (WRITTEN / "hand_written.txt", *sorted((WRITTEN / "corpus").glob("*.txt"))):
        for line in file.read_text(encoding="utf-8").splitlines():
            kind = line if line.startswith("# kind") else kind
            if line and not line.startswith("#") and "(solutions)" not in kind and "(JSON" not in kind:
                a, b, sign = line.rsplit(" | ", 2) if line.count(" | ") > 1 else line.split(" | ")
                yield a.strip(), b.strip(), sign.strip() == "="


def _layer(name: str, pairs: list[tuple[str, str, bool]], equal: Callable[[str, str], bool]) -> None:
    start = time.perf_counter()
    judged = [(same, equal(a, b)) for a, b, same in pairs]
    rejects, accepts = judged.count((True, False)), judged.count((False, True))
    print(f"| {name} | {rejects} | {accepts} | {time.perf_counter() - start:.1f} |", flush=True)


def math_verify_alone(a: str, b: str) -> bool:
    """As its README says: gold first, the texts as formulas."""
    from math_verify import parse, verify

    gold, answer = (parse(f"${text}$", parsing_timeout=5) for text in (b, a))
    return bool(verify(gold, answer, timeout_seconds=5))


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
