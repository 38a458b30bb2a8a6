"""The benchmark of judges, from its command to the table, with nano in the real models' place."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.judges.plan import LARGER, POLICY
from benchmarks.judges.report import best_threshold, f1_cells, first_error
from benchmarks.judges.steps import ScoredSolution
from training.problems import distinct, generate
from tts_cli.models.registry import locate, read

ROOT = Path(__file__).parents[2]


def solution(first_error: int, *scores: float, set: str = "training", flagged: int | None = None) -> ScoredSolution:
    return ScoredSolution("id", set, first_error, scores, flagged)


def test_the_threshold_separates_the_training_samples() -> None:
    samples = [solution(-1, 0.9, 0.6), solution(-1, 0.7), solution(0, 0.9, 0.2), solution(0, 0.4)]
    assert best_threshold(samples) == 0.6


def test_the_first_doubtful_step_is_below_the_threshold_or_flagged() -> None:
    read = solution(2, 0.9, 0.8, 0.1, flagged=1)
    assert (first_error(read, 0.5, False), first_error(read, 0.5, True), first_error(read, None, True)) == (2, 1, 1)
    assert first_error(solution(-1), 0.5, True) == -1


def test_f1_is_the_harmonic_mean_of_what_is_found_and_what_is_left_alone() -> None:
    test = [
        solution(0, 0.1, set="processbench"),
        solution(1, 0.1, set="processbench"),
        solution(-1, 0.9, set="processbench"),
    ]
    cell = f1_cells([solution(-1, 0.9), solution(0, 0.1), *test])[0]
    assert cell.startswith("66.7 (") and cell.endswith("[50.0, 100.0]")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Data and models under the names of the real ones."""
    known = read()
    for name, stands_for in ((POLICY, "nano"), (LARGER, "nano-large")):
        (tmp_path / f"{name}.gguf").symlink_to(locate(known.entry(stands_for)))
    problems = iter(distinct(generate(3, split="validation"), 44))
    for file, count in (("gsm8k_test", 4), ("gsm8k_train", 40)):
        rows = [
            {"id": f"{file} {i}", "problem": p.problem, "answer": p.answer}
            for i, p in enumerate(islice(problems, count))
        ]
        (tmp_path / f"{file}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    steps = [{"id": str(i), "problem": "Compute 2+3.", "steps": ["2+3=5"], "first_error": -i} for i in range(2)]
    (tmp_path / "processbench_gsm8k.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in steps))
    return tmp_path


def test_one_command_leads_to_the_table(made: Path, tmp_path: Path) -> None:
    runs, page = tmp_path / "runs", tmp_path / "page.md"
    sizes = ["--problems", "4", "--trained", "40", "--trained-larger", "40", "--judges", "reader,own,larger"]
    command = ["run", "--data", str(made), "--models", str(made), "--out", str(runs), *sizes]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.judges", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    page.write_text("<!-- judges on real weights -->\n<!-- end -->\n")
    command = ["report", "--runs", str(runs), "--doc", str(page)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.judges", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stderr.endswith("Missing: judge.\n"), "the small models cannot say yes or no"
    rows = page.read_text().split("\n")
    assert len([row for row in rows if row.startswith("| ")]) == 2 + 2 + 3
    assert rows[6].startswith("| 1.5B reads (digits) | ") and " F1 " in rows[2]
    assert "–" not in [cell.strip() for cell in rows[6].split("|")], "all is measured"
