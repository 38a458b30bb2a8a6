"""The parts, in the order in which they are run: those that answer most in the least time first."""

from __future__ import annotations

from types import ModuleType

from benchmarks.speed import busy, curves, limit, mechanisms, peers, search, start

PARTS: dict[str, ModuleType] = {part.NAME: part for part in (start, busy, limit, search, curves, peers, mechanisms)}
"""By name. Each module has NAME, estimate(Choice), run(Choice), targets(rows) and report(rows)."""

TITLES = {
    "limit": "Against the limit",
    "search": "Whole searches",
    "curves": "By method and N",
    "peers": "Against what people write",
    "mechanisms": "What each mechanism is worth",
    "busy": "Beside another program",
    "start": "The first token",
}
