"""What was measured: rounds of figures under a name and a setting, in a JSON file that later runs extend."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Figures = Mapping[str, float]
"""One round: seconds, tokens, and what else a part counts."""


@dataclass(frozen=True, slots=True)
class Row:
    """`what` was measured in one `setting` (width, depth, ..), and the figures of each round."""

    what: str
    setting: Mapping[str, Any]
    rounds: list[Figures]

    def rate(self) -> float:
        """Tokens per second, median of the rounds."""
        return statistics.median(one["tokens"] / one["seconds"] for one in self.rounds)

    def median(self, figure: str) -> float:
        return statistics.median(one[figure] for one in self.rounds)


@dataclass(frozen=True, slots=True)
class Target:
    """What was asked, and what came out: a ratio, the median of `rounds` of them. `least`: else at most."""

    what: str
    goal: float
    value: float
    rounds: int
    least: bool = True

    @property
    def met(self) -> bool:
        return self.value >= self.goal if self.least else self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Result:
    """One part's rows, and the machine on which they were measured."""

    machine: Mapping[str, Any]
    seconds: float
    rows: list[Row]


Results = dict[str, Result]


def ratio(above: Row, below: Row) -> float:
    """Tokens per second of one / of the other: the median of the rounds' ratios."""
    pairs = zip(above.rounds, below.rounds, strict=False)  # a loop that was not in question is measured less often
    return statistics.median(a["tokens"] / a["seconds"] / (b["tokens"] / b["seconds"]) for a, b in pairs)


def find(rows: Iterable[Row], what: str, **setting: Any) -> Row | None:
    """The row of this name whose setting agrees in what is given."""
    matches = (row for row in rows if row.what == what and setting.items() <= dict(row.setting).items())
    return next(matches, None)


def read(path: Path) -> Results:
    """Of a file that may not be there. Raises ValueError where it is none of ours."""
    if not path.exists():
        return {}
    try:
        raw = json.loads(path.read_text())
        return {
            name: Result(part["machine"], part["seconds"], [Row(**row) for row in part["rows"]])
            for name, part in raw.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no results of this benchmark: {error!r}") from error


def write(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".part")
    whole.write_text(json.dumps({name: asdict(result) for name, result in results.items()}, indent=1) + "\n")
    whole.replace(path)


def say(line: str) -> None:
    """Progress, to stderr."""
    print(line, file=sys.stderr, flush=True)
