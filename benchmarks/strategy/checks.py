"""What was run on the real engine: `auto` next to what was played, the easy problem, and the deadline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.deadline import summary
from benchmarks.findings.markdown import Finding, accuracy, change, flops, join, missing, percent, table
from benchmarks.findings.results import read_run
from benchmarks.strategy.measured import Measured, Policy
from benchmarks.strategy.plan import EASY, EASY_WAYS, EFFORTS, samples
from benchmarks.strategy.ways import Way
from tts_cli.evaluation.grading import EvalRecord
from tts_cli.evaluation.report import SUMMARY
from tts_cli.evaluation.statistics import difference, estimate

TENTH = 0.1


def runs(measured: Measured) -> Finding:
    """What the profiles were made with, and on what everything is told."""
    rows = [
        [
            *(policy.name, f"{policy.profile.policy.parameters:,}", f"{policy.profile.prm.parameters:,}"),
            *(str(policy.profile.data.problems), str(len(policy.cases))),
            *(flops(policy.profile.solution_flops), f"{policy.profile.made}, {policy.profile.key}"),
        ]
        for policy in measured.policies.values()
    ]
    header = ["policy", "parameters", "PRM", "calibrated on", "told of", "FLOPs of a solution", "profile"]
    return Finding(join(missing(measured.missing), table(header, rows) if rows else ""))


def real(measured: Measured) -> Finding:
    """Every effort as `tts eval` ran it, against what was played from best-first search to its end."""
    absent, rows = [], []
    for policy in measured.policies.values():
        for effort in EFFORTS:
            folder = measured.places.auto(policy.name, effort)
            if (folder / SUMMARY).exists():
                rows.append(_compared(policy, effort, ran(folder, policy.name)))
            else:
                absent.append(folder.name)
    header = [
        "policy",
        "effort",
        "problems",
        "% right: run (95 %)",
        "played",
        "run less played (95 %)",
        "FLOPs: run",
        "played",
    ]
    return Finding(join(missing(absent), table(header, rows) if rows else ""))


def ran(folder: Path, policy: str) -> dict[str, EvalRecord]:
    """The records of `auto` by problem, whatever N it is called by."""
    found = read_run(folder, policy).records
    return {problem: one for (method, _), some in found.items() if method == "auto" for problem, one in some.items()}


def _compared(policy: Policy, effort: str, records: dict[str, EvalRecord]) -> list[str]:
    played: Way = policy.efforts[effort]
    both = [i for i, case in enumerate(policy.cases) if case.row.problem in records]
    found = [records[policy.cases[i].row.problem] for i in both]
    right, as_played = [bool(one.correct) for one in found], [bool(played.right[i]) for i in both]
    spent = sum(one.cost.flops for one in found) / len(found)
    gap = change(difference(right, as_played))
    share = percent(sum(as_played) / len(as_played))
    return [
        *(policy.name, effort, str(len(both)), accuracy(estimate(right)), share, gap),
        *(flops(spent), flops(float(played.flops[both].mean()))),
    ]


def easy(measured: Measured) -> Finding:
    """An easy problem by `auto` and by best-of-n: what each spent."""
    absent, rows, why = [], [], []
    for policy in measured.policies:
        files = {way: measured.places.easy(policy, way) for way in EASY_WAYS}
        if not all(file.exists() for file in files.values()):
            absent.append(policy)
            continue
        records = {way: json.loads(file.read_bytes()) for way, file in files.items()}
        rows += [[policy, *row] for row in _spent(*(records[way]["cost"] for way in EASY_WAYS))]
        why.append(f"`why` of {policy}: {records['auto']['why']}")
    header = ["policy", "spent", "`auto`", f"best-of-n, N = {samples()}", "share", "under a tenth"]
    body = join(f"`{EASY}`", table(header, rows), *why) if rows else ""
    return Finding(join(missing(absent), body))


def _spent(auto: dict[str, Any], fixed: dict[str, Any]) -> Iterator[list[str]]:
    """Three rows: what the policy sampled, all that both models ran, and FLOPs."""
    every = [name for name in auto if name.endswith("_tokens")]
    counted = {"tokens sampled": ["policy_tokens"], "all tokens of both models": every, "FLOPs": ["flops"]}
    for what, names in counted.items():
        mine, other = (sum(cost[name] for name in names) for cost in (auto, fixed))
        share = mine / other
        show = flops if what == "FLOPs" else str
        yield [what, show(mine), show(other), f"{percent(share)} %", "yes" if share < TENTH else "**no**"]


def deadline(measured: Measured) -> Finding:
    """As benchmarks.deadline left it."""
    file = measured.places.deadline
    return Finding(summary(json.loads(file.read_bytes())) if file.exists() else missing(["the deadline"]))
