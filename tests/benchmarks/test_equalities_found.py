"""benchmarks.equalities: what it counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import equalities

ROWS: dict[str, list[dict[str, object]]] = {
    "gsm8k_train": [{"id": "a", "solution": "3 + 4 = 7\n\n3 + 4 = 8\nso 8"}],
    "math_train": [{"id": "b", "solution": "We get $3 + 4 = 7$."}],
    "processbench_gsm8k": [
        {"id": "right", "steps": ["3 + 4 = 7"], "first_error": -1},
        {"id": "found", "steps": ["3 + 4 = 7", "7 + 1 = 9"], "first_error": 1},
        {"id": "late", "steps": ["so 5", "3 + 4 = 8"], "first_error": 0},
        {"id": "early", "steps": ["3 + 4 = 8", "so 9"], "first_error": 1},
        {"id": "silent", "steps": ["so 5"], "first_error": 0},
    ],
    "processbench_math": [
        {"id": "c", "steps": ["x"], "first_error": -1},
        {"id": "d", "steps": ["x"], "first_error": 0},
    ],
    "prm800k_val_slice": [
        {"id": "c", "steps": ["x"], "first_error": -1},
        {"id": "d", "steps": ["x"], "first_error": 0},
    ],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, rows in ROWS.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["equalities", *arguments])
    equalities.main()


def test_flagged_lines_and_found_errors_are_counted(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--data", str(data))
    table = capsys.readouterr().out
    assert "| gsm8k_train | 3 | 1 (33.333 %) |" in table
    (row,) = [line for line in table.splitlines() if line.startswith("| processbench_gsm8k")]
    cells = [cell.split()[0] for cell in row.strip("| ").split(" | ")]
    assert cells[:-1] == ["processbench_gsm8k", "1", "0.0", "4", "25.0", "25.0", "25.0"]


def test_alarms_that_need_a_look_are_shown(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--data", str(data), "--show", "processbench_gsm8k")
    assert capsys.readouterr().out.splitlines() == ["early [0 < 1] 3 + 4 = 8 (7) in '3 + 4 = 8'"]
