"""The problem that is asked, and the record of its solution.

A record is what `solve --json` prints and what each line of `batch` and `eval` holds (contract version 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FinishReason = Literal[
    "answered", "no-answer", "max-time", "max-flops", "max-tokens", "max-steps", "low-confidence", "error"
]


class Vote(BaseModel):
    """One class of equivalent answers: how many solutions gave it, and their summed scores (with `max` the best).

    Without scores `weight` is what the votes count. Beside stated answers one that is only the last number of its
    solution counts half in it.
    """

    model_config = ConfigDict(frozen=True)
    answer: str
    count: int
    weight: float


class Cost(BaseModel):
    """`flops` = 2 x parameters x tokens run, over policy and PRM; `seconds` is wall time."""

    model_config = ConfigDict(frozen=True)
    policy_prompt_tokens: int = 0
    policy_tokens: int = 0
    prm_tokens: int = 0
    flops: float = 0.0
    seconds: float = 0.0


class Verified(BaseModel):
    """How many solutions' answers fit the problem when put in, do not, or were not understood (docs/verify.md)."""

    model_config = ConfigDict(frozen=True)
    right: int
    wrong: int
    unknown: int


class RefutedCount(BaseModel):
    """What the calculator did: how many steps were `refuted`, as they state a false equality, how many were `redrawn`
    in their place, and the `tokens` of the former, which are among `policy_tokens`."""

    model_config = ConfigDict(frozen=True)
    refuted: int
    redrawn: int
    tokens: int


class RecordError(BaseModel):
    model_config = ConfigDict(frozen=True)
    kind: str
    message: str


class Record(BaseModel):
    """One solved (or failed) problem. `answer` is None where there is none; `finish` says why.

    By `fingerprint` (see data.fingerprint) a later run knows whether it would do the same; `solve` leaves it out.
    `confidence` is None where nothing stands behind the answer: a single finished sample, and no profile. `finished`:
    how many of the `samples` drawn came to their end; a tree search counts those that it did not give up.
    `verified` is None where answers were not checked, `calculator` where it was off.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    problem: str
    answer: str | None
    confidence: float | None = Field(ge=0, le=1)
    solution: str | None
    method: str
    budget: int
    difficulty: Literal["easy", "medium", "hard"] | None
    why: str
    votes: list[Vote]
    finished: int = 0
    samples: int = 0
    cost: Cost
    policy: str
    prm: str | None
    seed: int
    finish: FinishReason
    error: RecordError | None = None
    verified: Verified | None = None
    calculator: RefutedCount | None = None
    input: dict[str, Any] | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem to solve.

    `input`: what else the row that it came from held; it is carried through to the record, as is `fingerprint`.
    `error`: what is wrong with the row; then nothing is searched, and the record says so.
    """

    id: str
    text: str
    input: dict[str, Any] | None = None
    fingerprint: str | None = None
    error: RecordError | None = None
