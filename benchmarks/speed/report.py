"""The results as Markdown: the targets, a table for each part, the machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.findings.markdown import fill, join, missing, table
from benchmarks.speed.parts import PARTS, TITLES
from benchmarks.speed.store import Result, Results, Target

BLOCKS = {"speed targets", "speed details"}


def write(results: Results, page: Path) -> list[str]:
    """Rewrite the marked blocks of the page; names of the parts that are missing. Raises ValueError, OSError."""
    absent = [name for name in PARTS if name not in results]
    page.write_text(fill(page.read_text(), {"speed targets": headline(results), "speed details": details(results)}))
    return absent


def headline(results: Results) -> str:
    """Every target, what came out, and of how many rounds it is the median."""
    lines = [_line(target) for name in PARTS if name in results for target in PARTS[name].targets(results[name].rows)]
    header = ["what", "target", "measured", "rounds", ""]
    return join(missing([name for name in PARTS if name not in results]), table(header, lines) if lines else "")


def _line(target: Target) -> list[str]:
    goal = f"{'≥' if target.least else '≤'} {target.goal:g}"
    met = "met" if target.met else "**missed**"
    return [target.what, goal, f"{target.value:.3f}", str(target.rounds), met]


def details(results: Results) -> str:
    blocks = [_part(name, results[name], results) for name in PARTS if name in results]
    return join(*blocks, _machines(results))


def _part(name: str, result: Result, results: Results) -> str:
    body = PARTS[name].report(result.rows)
    command = f"`python -m benchmarks.speed run --part {name}`"
    which = f", machine {_numbers(results)[name]}" if len(set(_numbers(results).values())) > 1 else ""
    measured = f"{command}, {result.machine.get('measured', '')}, {result.seconds / 60:.1f} minutes{which}"
    return join(f"### {TITLES[name]}", body, measured)


def _numbers(results: Results) -> dict[str, int]:
    """Parts that were measured on the same machine and build, at whatever load, have the same number."""
    seen: list[Any] = []
    numbers = {}
    for name, result in results.items():
        steady = _steady(result.machine)
        if steady not in seen:
            seen.append(steady)
        numbers[name] = seen.index(steady) + 1
    return numbers


def _steady(machine: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in machine.items() if key not in ("measured", "others' load at the start")}


def _machines(results: Results) -> str:
    numbers = _numbers(results)
    lines = []
    for number in sorted(set(numbers.values())):
        parts = [name for name in results if numbers[name] == number]
        load = max(results[name].machine.get("others' load at the start", 0.0) for name in parts)
        facts = [f"{key}: {value}" for key, value in _steady(results[parts[0]].machine).items()]
        lines.append(
            f"Machine {number} ({', '.join(parts)}). {'; '.join(facts)}. Others' load, at most: {load:g} cores."
        )
    return "\n\n".join(lines)
