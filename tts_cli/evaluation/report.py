"""The files under `--out` that are made from the samples: `records.jsonl`, `summary.json`, `timing.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tts_cli.data.files import write_atomically
from tts_cli.data.rows import Row
from tts_cli.errors import TtsError
from tts_cli.evaluation.collect import SamplingCost
from tts_cli.evaluation.grading import EvalRecord, Graded, Grader, Rates, ungradable
from tts_cli.evaluation.summary import Summary, Timing, condition_times

RECORDS, SUMMARY, TIMING = "records.jsonl", "summary.json", "timing.json"


def grade_all(
    rows: Sequence[Row], grader: Grader, on_graded: Callable[[], None] = lambda: None
) -> tuple[list[Graded], list[EvalRecord]]:
    """All rows in their order. Raises TtsError where not one of them can be graded."""
    graded: list[Graded] = []
    records: list[EvalRecord] = []
    for row in rows:
        if ungradable(row) is not None:
            records += grader.ungraded(row)
        else:
            one, its_records = grader.grade(row)
            graded.append(one)
            records += its_records
        on_graded()
    if not graded:
        raise nothing_to_grade(rows)
    return graded, records


def nothing_to_grade(rows: Sequence[Row]) -> TtsError:
    """The first row says why."""
    errors = [error.message for error in map(ungradable, rows) if error is not None]
    why = f" ({errors[0]})" if errors else ""
    return TtsError(
        f"The data set has no problem with an answer to compare with{why}.",
        'Each row needs "problem" and "answer".',
    )


def rates(spent: SamplingCost) -> Rates:
    """Seconds of decoding per token."""
    return Rates(
        spent.policy_seconds / spent.policy_tokens if spent.policy_tokens else 0.0,
        spent.prm_seconds / spent.prm_tokens if spent.prm_tokens else 0.0,
    )


def timing(summary: Summary, spent: SamplingCost) -> Timing:
    return Timing(**asdict(spent), cells=condition_times(summary, rates(spent)))


def to_json(value: Summary | Timing) -> dict[str, Any]:
    """The document, floats rounded to what can be meant by them."""
    document: dict[str, Any] = _rounded(asdict(value))
    return document


def write(folder: Path, records: Sequence[EvalRecord], summary: Summary, timing: Timing) -> None:
    """Each file whole or not at all. Raises TtsError."""
    lines = "".join(record.model_dump_json() + "\n" for record in records)
    write_atomically(folder / RECORDS, lines, "The records")
    write_atomically(folder / SUMMARY, json.dumps(to_json(summary), indent=1) + "\n", "The summary")
    write_atomically(folder / TIMING, json.dumps(to_json(timing), indent=1) + "\n", "The timing")


def _rounded(value: Any) -> Any:
    """Ten significant figures: further ones depend on how numpy adds up on this machine."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
