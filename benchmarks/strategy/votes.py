"""Majority voting on one sample after another, and when to stop it: the nearest peer of `auto`.

Adaptive majority voting (Aggarwal et al. 2023, "Let's Sample Step by Step") stops when the leading answer is likely
enough to stay ahead of the second. With a votes for the one and b for the other, the share of the first among such
votes is Beta(a + 1, b + 1) (a flat prior); it stops when P(share > 1/2) reaches a threshold. No PRM is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from tts_cli.answers.vote import Equality, group
from tts_cli.costs import flops as flops_of
from tts_cli.data.rows import Row
from tts_cli.evaluation.grading import is_right
from tts_cli.models.backends.recording import SearchRecording, Steps
from tts_cli.protocols import Draw
from tts_cli.search.context import EMPTY_DRAWS, Search

THRESHOLDS = (0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One problem, solved in one way: both models' FLOPs."""

    right: bool
    flops: float


@dataclass(frozen=True, slots=True)
class Samples:
    """One problem's samples in their order. `answers`: the class of each one's answer, None without one; `right`: by
    class; `flops`: the policy's, after the first, the second, .. sample."""

    answers: tuple[int | None, ...]
    right: tuple[bool, ...]
    flops: tuple[float, ...]


def read_samples(
    row: Row, recording: SearchRecording, search: Search, count: int, parameters: int, judge: Equality
) -> Samples:
    """The first `count` samples of a recording. `search`: the same ones simulated, which has their answers."""
    texts = {tuple(node.steps): solution.answer for node, solution in search.solutions.items()}
    tokens, seen = recording.prompt.policy, set[Steps]()
    answers: list[str | None] = []
    flops: list[float] = []
    for index in range(count):
        steps, spent = _walk(recording, index, seen)
        tokens += spent
        answers.append(texts.get(steps))
        flops.append(flops_of(parameters, tokens))
    classes = group(answers, judge)
    place = {index: number for number, members in enumerate(classes) for index in members}
    right = tuple(is_right(answers[members[0]], row, judge) for members in classes)
    return Samples(tuple(place.get(index) for index in range(count)), right, tuple(flops))


def _walk(recording: SearchRecording, index: int, seen: set[Steps]) -> tuple[Steps, int]:
    """One sample's steps, and the tokens that it makes the policy run (as models.backends.recording counts them)."""
    steps: Steps = ()
    path: tuple[int, ...] = (index,)
    tokens = 0
    while draws := _draws(recording, path):
        if steps and steps not in seen:
            seen.add(steps)
            tokens += 1
        tokens += sum(max(0, draw.tokens - 1) for draw in draws)
        if not draws[-1].text.strip():
            break
        steps, path = (*steps, draws[-1].text), (*path, 0)
    return steps, tokens


def _draws(recording: SearchRecording, path: tuple[int, ...]) -> list[Draw]:
    """Those of one step: more than one where the first ones were empty."""
    return [recording.draws[(*path, i)] for i in range(EMPTY_DRAWS) if (*path, i) in recording.draws]


def majority(samples: Samples, n: int) -> Outcome:
    """The vote of the first n: of answers with as many votes the first seen."""
    counts = _counts(samples.answers[:n], len(samples.right))
    return Outcome(_leads_right(counts, samples), samples.flops[n - 1])


def adaptive(samples: Samples, threshold: float) -> Outcome:
    """Until the leading answer is ahead with this probability, or no sample is left."""
    last = len(samples.answers)
    for n in range(1, last + 1):
        counts = _counts(samples.answers[:n], len(samples.right))
        first, second = sorted([*counts, 0, 0], reverse=True)[:2]
        if n == last or (first and stays_ahead(first, second) >= threshold):
            return Outcome(_leads_right(counts, samples), samples.flops[n - 1])
    raise ValueError("there are no samples")


def stays_ahead(first: int, second: int) -> float:
    """P(X > 1/2) for X of Beta(first + 1, second + 1), which is P(Binomial(first + second + 1, 1/2) <= first).

    >>> stays_ahead(1, 0), stays_ahead(2, 2)
    (0.75, 0.5)
    """
    tosses = first + second + 1
    return float(sum(comb(tosses, heads) for heads in range(first + 1)) / 2**tosses)


def _counts(answers: Sequence[int | None], classes: int) -> list[int]:
    return [answers.count(one) for one in range(classes)]


def _leads_right(counts: Sequence[int], samples: Samples) -> bool:
    return any(counts) and samples.right[max(range(len(counts)), key=lambda one: counts[one])]
