"""How speed goes with the method and N: each search once; with `--full` for all three policies."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.speed import search
from benchmarks.speed.store import Row, Target
from benchmarks.speed.weights import POLICIES, Choice

NAME = "curves"


def estimate(chosen: Choice) -> float:
    return chosen.max_tokens * 4.5 * (4 if chosen.full else 1)


def run(chosen: Choice) -> list[Row]:
    policies = [chosen.folder / file for file in POLICIES.values()] if chosen.full else [chosen.policy]
    workloads = [workload for workload in search.WORKLOADS if workload.problems == 1]
    once = replace(chosen, rounds=1)
    return [row for policy in policies for row in search.searches(once, policy, workloads)]


def targets(rows: list[Row]) -> list[Target]:
    return []


def report(rows: list[Row]) -> str:
    return search.report(rows)
