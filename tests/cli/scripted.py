"""Searches as event lists: what the view gets to see, without models."""

from __future__ import annotations

from tts_cli.data.record import Cost, Record, Vote
from tts_cli.search.events import (
    Decided,
    Event,
    SearchEnded,
    SearchStarted,
    SolutionFinished,
    Spent,
    StepMerged,
    StepPruned,
    StepSampled,
    StepScored,
)

PROBLEM = "Compute 37 + 4 * (12 - 5)."
HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]bold[/red] <|im_end|> <script>alert('x')</script> \x00\x9b31m & \u202e"


def started(method: str = "beam", budget: int = 8, problem: str = PROBLEM) -> SearchStarted:
    return SearchStarted(problem, method, budget, 4, "nano", "nano-prm", "the static rule")


def beam() -> list[Event]:
    """Two levels of a beam search: one identical sibling, one cut step, three pruned branches, two answers."""
    return [
        started(),
        StepSampled(1, 0, "12 - 5 = 7", 8, "step", 2),
        StepSampled(2, 0, "12 - 5 = 8", 8, "step"),
        StepSampled(3, 0, "37 + 4 = 41", 8, "length"),
        StepScored(1, 0.97),
        StepScored(2, 0.08),
        StepScored(3, 0.31),
        StepMerged(1),
        StepPruned(2),
        StepPruned(3),
        Spent(20, 24, 40),
        StepSampled(4, 1, "4 * 7 = 28", 8, "step", 2),
        StepSampled(5, 1, "4 * 7 = 21", 8, "step"),
        StepScored(4, 0.95),
        StepScored(5, 0.44),
        StepSampled(6, 4, "37 + 28 = \\boxed{65}", 10, "boxed", 2),
        StepSampled(7, 4, "37 + 28 = \\boxed{55}", 10, "boxed"),
        StepPruned(5),
        StepScored(6, 0.93),
        StepScored(7, 0.22),
        SolutionFinished(6, "65", 0.93),
        SolutionFinished(7, "55", 0.22),
        Spent(20, 62, 90),
    ]


def ended() -> list[Event]:
    return [*beam(), SearchEnded(6, "65", 0.9, "answered")]


DECIDED = (
    Decided(
        2, 0.31, "medium", "after 2 samples the chance of a right answer is 31%, and 4 samples promise +5.0 points"
    ),
    Decided(4, 0.86, None, "after 4 samples the chance of a right answer is 86%, and more compute promises too little"),
)


def auto(decided: int = 2) -> list[Event]:
    """Two rounds of samples with a look after each; with fewer looks the rest is still to come."""
    events: list[Event] = [started("auto", 64)]
    for number, answer in enumerate(["65", "65", "55", "65"], start=1):
        scored = [StepScored(number, 0.9 - number / 10), SolutionFinished(number, answer, 0.9 - number / 10)]
        events += [StepSampled(number, 0, f"37 + 28 = \\boxed{{{answer}}}", 9, "boxed", branch=number - 1), *scored]
        if number in (2, 4):
            events += [Spent(20, 9 * number, 9 * number), DECIDED[number > 2]]
    checkpoints = [place for place, event in enumerate(events) if isinstance(event, Decided)]
    return events[: checkpoints[decided - 1] + 1] if decided else events[: checkpoints[0]]


def auto_record(**changes: object) -> Record:
    """What comes of `auto`."""
    fields: dict[str, object] = {
        "method": "best-of-n",
        "budget": 4,
        "difficulty": "medium",
        "confidence": 0.86,
        "why": f"auto by the profile of 2026-01-02, at --effort normal; at most N = 64; {DECIDED[1].why}.",
        "votes": [Vote(answer="65", count=3, weight=2.0), Vote(answer="55", count=1, weight=0.6)],
    }
    return record(**fields | changes)


def wide(n: int = 64, depth: int = 6) -> list[Event]:
    """Best-of-n with many chains: the case that must stay readable on a small terminal."""
    events: list[Event] = [started("best-of-n", n, "A long problem. " * 30)]
    number = 0
    for chain in range(n):
        parent = 0
        for level in range(depth):
            number += 1
            finish = "boxed" if level == depth - 1 else "step"
            text = f"chain {chain}, step {level}: " + "some more words " * 12
            events += [
                StepSampled(number, parent, text, 30, finish, branch=chain),
                StepScored(number, (chain % 10) / 10),
            ]
            parent = number
        events.append(SolutionFinished(number, str(chain % 7), (chain % 10) / 10))
    return [*events, Spent(400, n * depth * 30, n * depth * 30)]


def record(**changes: object) -> Record:
    fields: dict[str, object] = {
        "id": "1",
        "problem": PROBLEM,
        "answer": "65",
        "confidence": 0.9,
        "solution": "12 - 5 = 7\n\n4 * 7 = 28\n\n37 + 28 = \\boxed{65}",
        "method": "beam",
        "budget": 8,
        "difficulty": None,
        "why": "A small policy with its own PRM: beam search.",
        "votes": [Vote(answer="65", count=2, weight=1.86), Vote(answer="55", count=1, weight=0.22)],
        "cost": Cost(policy_prompt_tokens=20, policy_tokens=62, prm_tokens=90, flops=6.1e9, seconds=1.84),
        "policy": "nano",
        "prm": "nano-prm",
        "seed": 0,
        "finish": "answered",
    }
    return Record.model_validate(fields | changes)
