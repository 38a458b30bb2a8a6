"""What the runs left: each one's summary, timing and records, read from files. No model and no sample is read here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.findings.plan import PARTS, POLICIES, Part, run_name
from tts_cli.evaluation.grading import EvalRecord
from tts_cli.evaluation.report import RECORDS, SUMMARY, TIMING
from tts_cli.evaluation.statistics import Estimate
from tts_cli.evaluation.summary import Result, Summary

Key = tuple[str, int]  # method, N
GREEDY: Key = ("greedy", 1)


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation. `records`: by method and N, then by the problem's text; only those that could be graded."""

    policy: str
    folder: Path
    summary: Summary
    records: Mapping[Key, Mapping[str, EvalRecord]]
    wall_seconds: float

    @property
    def results(self) -> dict[Key, Result]:
        return {(result.requested_method, result.budget): result for result in self.summary.results}

    @property
    def budgets(self) -> list[int]:
        return sorted({budget for method, budget in self.results if method != "greedy"})

    @property
    def levels(self) -> list[str]:
        return list(self.summary.results[0].by_level)

    def right(self, key: Key) -> dict[str, bool]:
        """Problem -> right or wrong."""
        return {problem: bool(record.correct) for problem, record in self.records[key].items()}

    def pass_at(self, k: int) -> Estimate | None:
        return next((one.accuracy for one in self.summary.pass_at_k if one.k == k), None)


@dataclass(frozen=True, slots=True)
class Measured:
    """All runs that are there, by name."""

    folder: Path
    runs: Mapping[str, Run]

    def get(self, part: Part, policy: str) -> Run | None:
        return self.runs.get(run_name(part, policy))

    def of(self, part: Part) -> list[Run]:
        """The part's runs, small policies first."""
        return [run for policy in POLICIES if (run := self.get(part, policy))]

    def missing(self, *parts: Part) -> list[str]:
        """Names of the parts' runs that are not there."""
        return [run_name(part, policy) for part in parts for policy in POLICIES if not self.get(part, policy)]


def read(folder: Path) -> Measured:
    """Every finished run under `folder`. Raises ValueError or OSError for files that are not those of `tts eval`."""
    found = {}
    for part in PARTS:
        for policy in POLICIES:
            name = run_name(part, policy)
            if (folder / name / SUMMARY).exists():
                found[name] = read_run(folder / name, policy)
    return Measured(folder, found)


def read_run(folder: Path, policy: str) -> Run:
    summary = TypeAdapter(Summary).validate_json((folder / SUMMARY).read_bytes())
    records: dict[Key, dict[str, EvalRecord]] = defaultdict(dict)
    with (folder / RECORDS).open(encoding="utf-8") as lines:
        for line in lines:
            record = EvalRecord.model_validate_json(line)
            if record.correct is not None:
                records[record.requested_method, record.budget][record.problem] = record
    timing = json.loads((folder / TIMING).read_bytes())
    return Run(policy, folder, summary, dict(records), timing["wall_seconds"])
