"""All findings into the document: its marked blocks and the pictures beside it. Runs that are missing are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.findings import accuracy, best_method, choices, drawing, gains, prms, small_against_large, worlds
from benchmarks.findings.markdown import PICTURES, Finding, fill, join, missing, table
from benchmarks.findings.plan import PARTS
from benchmarks.findings.results import Measured, read
from tts_cli.data.files import write_atomically


def runs(measured: Measured) -> Finding:
    """What was measured on what, and how long it took where it was run."""
    header = ["run", "problems", "policy", "PRM", "methods", "N", "minutes"]
    rows = []
    for name, run in measured.runs.items():
        facts = run.summary.facts
        methods = dict.fromkeys(method for method, _ in run.results)
        rows.append(
            [
                *(name, f"{run.summary.problems} of {facts.dataset}", facts.policy.name),
                *(facts.prm.name if facts.prm else "none", ", ".join(methods)),
                *(", ".join(map(str, run.budgets)), f"{run.wall_seconds / 60:.1f}"),
            ]
        )
    return Finding(join(missing(measured.missing(*PARTS)), table(header, rows) if rows else ""))


FINDINGS: dict[str, Callable[[Measured], Finding]] = {
    "runs": runs,
    "finding 1": accuracy.finding,
    "finding 2": small_against_large.finding,
    "finding 3": best_method.finding,
    "finding 4": gains.finding,
    "finding 5": prms.finding,
    "finding 6": choices.finding,
    "finding C": worlds.finding,
}


def report(folder: Path, document: Path) -> list[str]:
    """Names of the runs that are missing. Raises ValueError, OSError or TtsError; then no file is changed."""
    measured = read(folder)
    write({name: partial(finding, measured) for name, finding in FINDINGS.items()}, document, PICTURES)
    return measured.missing(*PARTS)


def write(findings: Mapping[str, Callable[[], Finding]], document: Path, folder: str) -> None:
    """Each finding into its marked block, its pictures into the folder beside the document; all or nothing."""
    with drawing.style():
        found = {name: finding() for name, finding in findings.items()}
        pictures = {name: drawing.svg(figure) for one in found.values() for name, figure in one.pictures.items()}
    text = fill(document.read_text(encoding="utf-8"), {name: one.body for name, one in found.items()})
    beside = document.parent / folder
    beside.mkdir(exist_ok=True)
    for name, content in pictures.items():
        write_atomically(beside / name, content, "The picture")
    write_atomically(document, text, "The report")
