"""Figures as Markdown: numbers with their intervals, tables, and the marked blocks of a document."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.findings.compare import Gap
from tts_cli.evaluation.statistics import Estimate

PICTURES = "findings"
"""The folder beside the document."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`body`: Markdown. `pictures`: matplotlib figures by file name."""

    body: str
    pictures: Mapping[str, Any] = field(default_factory=dict)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def signed(share: float) -> str:
    """Percentage points with their sign."""
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def accuracy(estimate: Estimate) -> str:
    """54.3 (48.7–60.0)"""
    return f"{percent(estimate.value)} ({percent(estimate.low)}–{percent(estimate.high)})"


def change(estimate: Estimate) -> str:
    """+3.0 (−1.0 to +7.0)"""
    return f"{signed(estimate.value)} ({signed(estimate.low)} to {signed(estimate.high)})"


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def gap_cells(gap: Gap) -> list[str]:
    return [change(gap.difference), p_value(gap.p)]


def ratio(value: float) -> str:
    return f"{value:.0f}×" if value >= 99.5 else f"{value:.3g}×"


def flops(value: float) -> str:
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(title: str, content: str) -> str:
    """Content that a reader opens."""
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"


def picture(name: str, description: str, folder: str = PICTURES) -> str:
    return f"![{description}]({folder}/{name})"


def missing(names: Sequence[str]) -> str:
    """One sentence; nothing where all runs are there."""
    return f"*Not measured yet: {', '.join(names)}.*" if names else ""


def join(*blocks: str) -> str:
    """Paragraphs; empty ones are left out."""
    return "\n\n".join(block for block in blocks if block)


def fill(document: str, blocks: Mapping[str, str]) -> str:
    """The document with each block between its marker `<!-- name -->` and the next `<!-- end -->`.

    Raises ValueError for a block without a marker.
    """
    for name, block in blocks.items():
        pattern = re.compile(rf"<!-- {re.escape(name)} -->\n.*?<!-- end -->", re.DOTALL)
        if not pattern.search(document):
            raise ValueError(f"there is no <!-- {name} --> with its <!-- end --> in the document")
        filled = f"<!-- {name} -->\n\n{block}\n\n<!-- end -->"
        document = pattern.sub(filled.replace("\\", r"\\"), document, count=1)
    return document
