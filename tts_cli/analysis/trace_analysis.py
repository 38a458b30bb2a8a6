"""A search that is over, read back from its record and events: what each step cost, and the vote held again.

Runs no model and draws nothing. What a trace does not hold (samples without text, repetitions that were drawn to be
replaced) is in the record's cost and in no step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from tts_cli.answers import Aggregate, Select, VoteClass, vote
from tts_cli.answers.vote import Equality
from tts_cli.config import MAX_BUDGET
from tts_cli.data.record import Record
from tts_cli.errors import TtsError
from tts_cli.search.context import Solution
from tts_cli.search.events import (
    Event,
    SearchStarted,
    SolutionFinished,
    StepMerged,
    StepPruned,
    StepSampled,
    StepScored,
)
from tts_cli.search.tree import Node, score_of
from tts_cli.solving.selection import confidence, weights

MOST_VOTES = 4 * MAX_BUDGET


@dataclass(frozen=True, slots=True)
class ModelCost:
    """`flops` and `share` (of all FLOPs) are None where the trace does not tell how large the models are."""

    name: str
    tokens: int
    flops: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class CostShare:
    """Some of the sampled steps. `tokens`: as often as they were sampled, `share`: of all sampled tokens; `scored`:
    distinct steps that the PRM read. `flops`: those of both models, shared out by these tokens."""

    name: str
    steps: int
    tokens: int
    share: float
    scored: int
    flops: float | None


@dataclass(frozen=True, slots=True)
class TracedStep:
    """One step of the tree; `draws`: the branch (see StepSampled) of every sample that came out as it."""

    number: int
    parent: int
    tokens: int
    finish: str
    copies: int
    depth: int
    draws: list[int | None]
    children: list[int] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.finish in ("boxed", "eos")


@dataclass(slots=True)
class TracedTree:
    """What the events tell. `parameters`: of policy and PRM, None where the trace does not say."""

    started: SearchStarted | None = None
    steps: dict[int, TracedStep] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)
    pruned: set[int] = field(default_factory=set)
    solutions: dict[int, str | None] = field(default_factory=dict)

    def path(self, number: int) -> list[TracedStep]:
        """The steps from the first one to this one."""
        found = []
        while number:
            found.append(self.steps[number])
            number = self.steps[number].parent
        return found[::-1]


@dataclass(frozen=True, slots=True)
class Ballot:
    """One sampled solution that may vote; `branch` is the number of its sample or tree."""

    branch: int | None
    solution: Solution


@dataclass(frozen=True, slots=True)
class VotingRules:
    """How scores become a score and scored solutions an answer. `told`: false where the defaults are assumed."""

    aggregate: Aggregate = "last"
    select: Select = "weighted"
    told: bool = True


def rules(settings: Mapping[str, Any] | None, method: str) -> VotingRules:
    """From the settings of a trace; a record has none. Raises TtsError for names that are not known."""
    if settings is None:
        return VotingRules("min", "max", told=False) if method == "best-first" else VotingRules(told=False)
    how, select = settings.get("aggregate", "last"), settings.get("select", "weighted")
    if how not in get_args(Aggregate) or select not in get_args(Select):
        raise damaged(f"it was aggregated by {how!r} and selected by {select!r}")
    if method == "majority":  # without scores every selection is one
        select = "majority"
    return VotingRules(cast(Aggregate, how), cast(Select, select))


def check(record: Record) -> None:
    """Raise TtsError for figures that no search could have left."""
    cost = record.cost
    if not 1 <= record.budget <= MAX_BUDGET:
        raise damaged(f"a budget of {record.budget}")
    if min(cost.policy_prompt_tokens, cost.policy_tokens, cost.prm_tokens) < 0 or not 0 <= cost.flops < float("inf"):
        raise damaged("its cost is no number from 0 up")
    if sum(one.count for one in record.votes) > MOST_VOTES:
        raise damaged(f"more than {MOST_VOTES} votes")
    for one in record.votes:
        if one.count < 1 or not 0 <= one.weight <= one.count + 1e-6:
            raise damaged(f"an answer with {one.count} votes of weight {one.weight}")


def damaged(why: str) -> TtsError:
    return TtsError(f"The search makes no sense: {why}.", "Make it anew with: tts solve --trace FILE.json")


def grow(events: Iterable[Event]) -> TracedTree:
    """The tree of checked events. Raises TtsError for a score outside of [0, 1]."""
    tree = TracedTree()
    for event in events:
        match event:
            case SearchStarted():
                tree.started = event
            case StepSampled():
                _add(tree, event)
            case StepMerged(step, branch):
                tree.steps[step].draws.append(branch)
            case StepScored(step, score):
                if not 0 <= score <= 1:
                    raise damaged(f"step {step} has the score {score}")
                tree.scores[step] = score
            case StepPruned(step):
                tree.pruned.add(step)
            case SolutionFinished(step, answer, _):
                tree.solutions[step] = answer
            case _:
                pass
    return tree


def _add(tree: TracedTree, event: StepSampled) -> None:
    parent = tree.steps.get(event.parent)
    if event.tokens < 0 or event.count > MAX_BUDGET:
        raise damaged(f"step {event.step} has {event.tokens} tokens and was sampled {event.count} times")
    depth = parent.depth + 1 if parent else 1
    tree.steps[event.step] = TracedStep(
        event.step, event.parent, event.tokens, event.finish, event.count, depth, [event.branch]
    )
    if parent:
        parent.children.append(event.step)


def model_costs(record: Record, tree: TracedTree | None) -> list[ModelCost]:
    """Prompt, policy and PRM; 2 x parameters x tokens each, if the sizes are told or only one model ran."""
    cost, started = record.cost, tree.started if tree else None
    policy, prm = (started.policy_parameters, started.prm_parameters) if started else (None, None)
    written = cost.policy_prompt_tokens + cost.policy_tokens
    if policy is None and not cost.prm_tokens and written:
        policy = round(cost.flops / 2 / written)

    def part(name: str, tokens: int, parameters: int | None) -> ModelCost:
        flops = 0.0 if not tokens else None if parameters is None else 2.0 * parameters * tokens
        return ModelCost(name, tokens, flops, flops / cost.flops if flops is not None and cost.flops else None)

    return [
        part("policy, prompt", cost.policy_prompt_tokens, policy),
        part("policy, steps", cost.policy_tokens, policy),
        part("PRM", cost.prm_tokens, prm),
    ]


def by_depth(tree: TracedTree, costs: Sequence[ModelCost]) -> list[CostShare]:
    """What went into first steps, second steps, and so on."""
    return _parts(tree, costs, lambda step: f"step {step.depth}")


def by_fate(tree: TracedTree, costs: Sequence[ModelCost], chosen: int | None) -> list[CostShare]:
    """What went into the chosen solution, other finished ones, pruned branches, and what was never finished. A step
    that several share counts for the first of these."""
    fates: dict[int, str] = {}
    ends = [("chosen solution", [chosen] if chosen else []), ("other finished solutions", list(tree.solutions))]
    ends.append(("pruned branches", [number for number in tree.steps if number in tree.pruned]))
    for name, numbers in ends:
        for number in numbers:
            for step in tree.path(number):
                fates.setdefault(step.number, name)
    order = [name for name, _ in ends] + ["unfinished"]
    parts = _parts(tree, costs, lambda step: fates.get(step.number, "unfinished"))
    return sorted(parts, key=lambda part: order.index(part.name))


def _parts(tree: TracedTree, costs: Sequence[ModelCost], name_of: Callable[[TracedStep], str]) -> list[CostShare]:
    groups: dict[str, list[TracedStep]] = {}
    for step in sorted(tree.steps.values(), key=lambda step: step.depth):
        groups.setdefault(name_of(step), []).append(step)
    _, policy, prm = (cost.flops for cost in costs)
    written = sum(_written(step) for step in tree.steps.values()) or 1
    read = sum(tree.steps[number].tokens for number in tree.scores) or 1
    parts = []
    for name, steps in groups.items():
        tokens = sum(map(_written, steps))
        scored = [step for step in steps if step.number in tree.scores]
        flops = None
        if policy is not None and prm is not None:
            flops = policy * tokens / written + prm * sum(step.tokens for step in scored) / read
        parts.append(CostShare(name, sum(len(s.draws) for s in steps), tokens, tokens / written, len(scored), flops))
    return parts


def _written(step: TracedStep) -> int:
    return step.tokens * len(step.draws)


def ballots(tree: TracedTree, how: Aggregate) -> list[Ballot]:
    """Finished solutions as often as they were sampled, in the order of their samples."""
    found: list[Ballot] = []
    for number, answer in tree.solutions.items():
        path = tree.path(number)
        scores = [tree.scores.get(step.number) for step in path]
        node = Node(number, None, "", 0, None, (number,))
        solution = Solution(node, answer, score_of(scores, how))
        found += [Ballot(branch, solution) for branch in _ended(tree, path[-1])]
    return sorted(found, key=lambda b: (-1 if b.branch is None else b.branch, b.solution.node.number))


def _ended(tree: TracedTree, step: TracedStep) -> list[int | None]:
    """The samples that ended at a step: all that came to it, less those that went on."""
    ended = step.draws * step.copies
    if step.finished:
        return ended
    for child in step.children:
        for branch in tree.steps[child].draws:
            if branch in ended and len(ended) > 1:
                ended.remove(branch)
    return ended


def elect(ballots: Sequence[Ballot], select: Select, judge: Equality) -> tuple[list[VoteClass], float | None]:
    """The vote of these ballots as `tts solve` holds it, and the winner's share."""
    solutions = [ballot.solution for ballot in ballots]
    votes = vote([solution.answer for solution in solutions], weights(solutions, select), select, judge)
    return votes, confidence(votes, select) if votes else None


def agrees(votes: Sequence[VoteClass], record: Record) -> bool:
    """Whether a vote held again is that of the record."""
    return [(v.answer, v.count) for v in votes] == [(v.answer, v.count) for v in record.votes]
