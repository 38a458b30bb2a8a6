"""All findings into docs/measurements/strategy.md: its marked blocks and the pictures beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.findings.markdown import Finding
from benchmarks.findings.report import write
from benchmarks.strategy import accuracy, checks, confidence, difficulty, left_out, parts
from benchmarks.strategy.measured import Measured, read

FINDINGS: dict[str, Callable[[Measured], Finding]] = {
    "runs": checks.runs,
    "headline": accuracy.headline,
    "accuracy": accuracy.everything,
    "efforts": accuracy.efforts,
    "parts": parts.finding,
    "real": checks.real,
    "difficulty": difficulty.finding,
    "confidence": confidence.finding,
    "abstention": confidence.abstention,
    "other policy": left_out.policies,
    "other family": left_out.families,
    "easy problem": checks.easy,
    "deadline": checks.deadline,
}


def report(runs: Path, document: Path) -> list[str]:
    """Names of the policies that are missing. Raises ValueError, OSError or TtsError; then no file is changed."""
    measured = read(runs)
    write({name: partial(finding, measured) for name, finding in FINDINGS.items()}, document, accuracy.PICTURES)
    return measured.missing
