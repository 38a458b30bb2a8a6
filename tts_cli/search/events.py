"""What happens in a search, reported as it happens.

The live view, the trace file and `tts show` all go by this one stream; none of them touches a search.
Steps are named by a number that counts up from 1 within a problem; 0 is the problem itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, get_args


@dataclass(frozen=True, slots=True)
class SearchStarted:
    """Method and budget are settled; `why` is one sentence. The models' sizes say what each token costs."""

    problem: str
    method: str
    budget: int
    beam_width: int
    policy: str
    prm: str | None
    why: str
    policy_parameters: int | None = None
    prm_parameters: int | None = None


@dataclass(frozen=True, slots=True)
class StepSampled:
    """A step was written after `parent`; `count` > 1 where identical siblings are one node.

    `branch`: the first number of its random stream's path: which sample it belongs to (majority, best-of-n), which
    tree (dvts), which first step (beam).
    """

    step: int
    parent: int
    text: str
    tokens: int
    finish: str  # a protocols.Finish value
    count: int = 1
    branch: int | None = None


@dataclass(frozen=True, slots=True)
class StepScored:
    step: int
    score: float


@dataclass(frozen=True, slots=True)
class StepTooLong:
    """The PRM's context has no room for this step: neither it nor what follows it gets a score."""

    step: int


@dataclass(frozen=True, slots=True)
class StepPruned:
    """The search will not go on from this step."""

    step: int


@dataclass(frozen=True, slots=True)
class StepRefuted:
    """The step states a false `equality`, a side of which comes to `value`. It is gone on from only where all are such:
    then steps after it, or its own solution, follow."""

    step: int
    equality: str
    value: str


@dataclass(frozen=True, slots=True)
class StepMerged:
    """One more sample came out identical to this step (its count grew by one); `branch` as in StepSampled."""

    step: int
    branch: int | None = None


@dataclass(frozen=True, slots=True)
class SolutionFinished:
    """The path to `step` is a candidate solution. `answer` is None where none could be extracted."""

    step: int
    answer: str | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Decided:
    """`auto` decided after so many samples. `confidence`: that the leading answer is right, where that is known."""

    samples: int
    confidence: float | None
    difficulty: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Spent:
    """Cost so far: tokens run through each model."""

    policy_prompt_tokens: int
    policy_tokens: int
    prm_tokens: int


@dataclass(frozen=True, slots=True)
class SearchEnded:
    """`step` is the last step of the chosen solution, or of the best attempt (None: nothing was written)."""

    step: int | None
    answer: str | None
    confidence: float | None
    finish: str


@dataclass(frozen=True, slots=True)
class StepUnderWay:
    """No event, and in no trace: what a display may ask for between two events (under_way.py).

    A step that is being written after the step numbered `parent` (0: the problem), from the random stream `path`.

    `text` is stripped and may end in the middle of a word.
    """

    parent: int
    path: tuple[int, ...]
    text: str
    tokens: int


Event = (
    SearchStarted
    | StepSampled
    | StepScored
    | StepTooLong
    | StepPruned
    | StepRefuted
    | StepMerged
    | SolutionFinished
    | Decided
    | Spent
    | SearchEnded
)
EVENTS: dict[str, type[Event]] = {cls.__name__: cls for cls in get_args(Event)}


def to_json(event: Event) -> dict[str, Any]:
    """{"event": "StepScored", "step": 3, "score": 0.9}"""
    return {"event": type(event).__name__, **asdict(event)}
