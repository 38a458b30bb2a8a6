"""What a generated problem is, and how the three splits are kept apart."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One claim of a planned solution; it may be made once the steps in `needs` (by index) were made."""

    claim: str
    needs: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with its checked solution.

    `rule` says how the checker judges a step: by the value of the whole expression, by the root of the
    equation (both in `target`), or by the plan (in `plan`). `key` is the same for two problems that ask
    the same thing in other words; it decides the split.
    """

    problem: str
    answer: str
    level: int
    subject: str
    steps: tuple[str, ...]
    key: str
    rule: Literal["value", "root", "plan"]
    target: Fraction | None = None
    plan: tuple[PlannedStep, ...] = field(default=())

    @property
    def solution(self) -> str:
        return "\n\n".join(self.steps)

    @property
    def split(self) -> Split:
        """One key lies in one split whatever the seed, so the splits cannot share a problem."""
        bucket = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:4], "big") % 20
        return "test" if bucket == 0 else "validation" if bucket == 1 else "train"


def boxed(claim: str, answer: str) -> str:
    """The last step: its claim and the answer."""
    return f"{claim}, so \\boxed{{{answer}}}."


def ended_at_box(step: str) -> str:
    """The step as a search has it: a solution ends with its box, whatever the policy would write after it."""
    return re.sub(r"(\\boxed\{[^{}]*\})\.$", r"\1", step)


def fraction_text(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def plan_steps(plan: tuple[PlannedStep, ...], answer: str) -> tuple[str, ...]:
    """The plan as text, one step a claim."""
    body = [f"{step.claim}{', ' + step.note if step.note else ''}." for step in plan[:-1]]
    return (*body, boxed(plan[-1].claim, answer))
