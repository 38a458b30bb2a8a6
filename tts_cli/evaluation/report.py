"""The files under `--out` that are made from the samples: `records.jsonl`, `summary.json`, and `timing.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tts_cli.data.files import write_atomically
from tts_cli.evaluation.grading import EvalRecord
from tts_cli.evaluation.store import SamplingCost
from tts_cli.evaluation.summary import GroupResult, Summary

RECORDS, SUMMARY, TIMING = "records.jsonl", "summary.json", "timing.json"


@dataclass(frozen=True, slots=True)
class ConditionTime:
    """Seconds of decoding per problem, by model."""

    requested_method: str
    method: str
    budget: int
    policy_seconds: float
    prm_seconds: float
    by_level: dict[str, float]
    by_subject: dict[str, float]


@dataclass(frozen=True, slots=True)
class Timing:
    """What the samples took, over all runs that filled the store, and each condition's share of it by its tokens."""

    wall_seconds: float
    policy_seconds: float
    prm_seconds: float
    policy_tokens: int
    prm_tokens: int
    cells: list[ConditionTime]


def timing(summary: Summary, spent: SamplingCost) -> Timing:
    def seconds(group: GroupResult) -> tuple[float, float]:
        return spent.seconds(group.cost.policy_prompt_tokens + group.cost.policy_tokens, group.cost.prm_tokens)

    times = [
        ConditionTime(
            *(one.requested_method, one.method, one.budget, *seconds(one.overall)),
            by_level={key: sum(seconds(group)) for key, group in one.by_level.items()},
            by_subject={key: sum(seconds(group)) for key, group in one.by_subject.items()},
        )
        for one in summary.results
    ]
    return Timing(**asdict(spent), cells=times)


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
