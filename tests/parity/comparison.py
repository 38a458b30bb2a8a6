"""Ours against the fixtures, and the table of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev

from tests.parity import fixtures_file, ours
from tests.parity.cases import cases
from tests.parity.checkpoints import PRMS
from tts_cli.models.importing.convert import WeightType

LARGEST: dict[WeightType, float] = {"F32": 1e-3, "F16": 1e-3, "Q8_0": 2e-2}
"""What scores may differ by."""


@dataclass(frozen=True, slots=True)
class Compared:
    """`spread`: the standard deviation of the reference's scores, beside which errors are to be seen; `other`: the
    numbers of the cases whose tokens, or places where a score is read, are not the reference's."""

    steps: int
    spread: float
    other: list[int]
    errors: list[float]

    @property
    def largest(self) -> float:
        return max(self.errors)


def compare(name: str, type: WeightType, folder: Path) -> Compared:
    """One PRM, imported with weights of one type, in all cases."""
    wanted = fixtures_file.read(name)
    other: list[int] = []
    errors: list[float] = []
    with ours.loaded(ours.imported(PRMS[name], folder, type)) as prm:
        for number, (case, want) in enumerate(zip(cases(), wanted, strict=True)):
            run = ours.scored(prm, case)
            reads = [len(tokens) - 1 for tokens in run.inputs][-len(want.reads) :]  # of whole answers the last alone
            if run.inputs[-1] != want.ids or reads != want.reads:
                other.append(number)
            errors += [abs(a - b) for a, b in zip(run.scores, want.scores, strict=True)]
    scores = [score for want in wanted for score in want.scores]
    return Compared(len(scores), pstdev(scores), other, errors)


def table(folder: Path) -> str:
    """Every read-out with every type of weights, in Markdown."""
    types = list(LARGEST)
    heads = [f"{type}: max | mean" for type in types]
    lines = [f"| PRM | token ids | steps | sd of scores | {' | '.join(heads)} |", "|---" * (4 + 2 * len(types)) + "|"]
    for name in PRMS:
        found = {type: compare(name, type, folder) for type in types}
        first = found[types[0]]
        equal = "equal" if not any(one.other for one in found.values()) else f"{len(first.other)} cases differ"
        errors = [f"{one.largest:.1e} | {fmean(one.errors):.1e}" for one in found.values()]
        lines.append(f"| {name} | {equal} | {first.steps} | {first.spread:.2f} | {' | '.join(errors)} |")
    return "\n".join(lines)
