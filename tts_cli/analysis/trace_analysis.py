"""A search that is over, from its record and tree: what each step cost, and the vote held again.

Runs no model and draws nothing. What a trace does not hold (samples without text, repetitions that were drawn to be
replaced) is in the record's cost and in no step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from tts_cli.analysis.tree import TreeState, TreeStep
from tts_cli.answers import Aggregate, Select, VoteClass, find_answer
from tts_cli.answers.vote import Equality
from tts_cli.config import MAX_BUDGET
from tts_cli.costs import flops
from tts_cli.data.record import Record
from tts_cli.errors import TtsError
from tts_cli.search.context import Solution
from tts_cli.search.methods import METHODS
from tts_cli.search.tree import Node, score_of
from tts_cli.solving.confidence import of_vote
from tts_cli.solving.selection import vote_of

MOST_VOTES = 4 * MAX_BUDGET


@dataclass(frozen=True, slots=True)
class ModelCost:
    """`flops` and `share` (of all FLOPs) are None where the trace does not say how large the models are."""

    name: str
    tokens: int
    flops: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class CostShare:
    """Some of the sampled steps. `tokens`: as often as they were sampled, `share`: of all sampled tokens; `scored`:
    distinct steps that the PRM scored. `flops`: those of both models, shared out by these tokens."""

    name: str
    steps: int
    tokens: int
    share: float
    scored: int
    flops: float | None


@dataclass(frozen=True, slots=True)
class Ballot:
    """One sampled solution that may vote; `branch` is the number of its sample or tree."""

    branch: int | None
    solution: Solution


@dataclass(frozen=True, slots=True)
class VotingRules:
    """How step scores become a solution's, and scored solutions an answer. `known`: False where these are assumed."""

    aggregate: Aggregate = "last"
    select: Select = "weighted"
    known: bool = True


def rules_of(settings: Mapping[str, Any] | None, record: Record) -> VotingRules:
    """From the settings of a trace; a record has none. Raises TtsError for names that are not known."""
    method = METHODS.get(record.method)
    if settings is None:  # then as `auto` votes in its best-first search, or as the defaults say
        by_auto = method is not None and method.samples == "adaptive" and record.difficulty is not None
        return VotingRules("min", "max", known=False) if by_auto else VotingRules(known=False)
    how, select = settings.get("aggregate", "last"), settings.get("select", "weighted")
    if how not in get_args(Aggregate) or select not in get_args(Select):
        raise damaged(f"it was aggregated by {how!r} and selected by {select!r}")
    if method is not None and method.samples == "independent" and not method.needs_prm:
        select = "majority"  # without scores every selection is one
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


def check_tree(tree: TreeState) -> None:
    """Raise TtsError for steps that no search could have sampled or scored."""
    for step in tree.sampled:
        if step.tokens < 0 or step.copies > MAX_BUDGET:
            raise damaged(f"step {step.number} has {step.tokens} tokens and was sampled {step.copies} times")
        if step.score is not None and not 0 <= step.score <= 1:
            raise damaged(f"step {step.number} has the score {step.score}")


def model_costs(record: Record, tree: TreeState | None) -> list[ModelCost]:
    """Of prompt, policy and PRM; without FLOPs where the models' sizes are not known."""
    cost, started = record.cost, tree.started if tree else None
    policy, prm = (started.policy_parameters, started.prm_parameters) if started else (None, None)
    written = cost.policy_prompt_tokens + cost.policy_tokens
    if policy is None and not cost.prm_tokens and written:  # only one model ran
        policy = round(cost.flops / flops(1, written))

    def part(name: str, tokens: int, parameters: int | None) -> ModelCost:
        spent = 0.0 if not tokens else None if parameters is None else flops(parameters, tokens)
        return ModelCost(name, tokens, spent, spent / cost.flops if spent is not None and cost.flops else None)

    return [
        part("policy, prompt", cost.policy_prompt_tokens, policy),
        part("policy, steps", cost.policy_tokens, policy),
        part("PRM", cost.prm_tokens, prm),
    ]


def by_depth(tree: TreeState, costs: Sequence[ModelCost]) -> list[CostShare]:
    """What went into first steps, second steps, and so on."""
    return _shares(tree, costs, lambda step: f"step {step.depth}")


def by_fate(tree: TreeState, costs: Sequence[ModelCost]) -> list[CostShare]:
    """What went into the chosen solution, other finished ones, steps that state a false equality, pruned branches, and
    what was never finished. A step that several share counts for the first of these."""
    answered = tree.ended is not None and tree.ended.answer is not None  # else it may be no more than an attempt
    chosen = [step.number for step in tree.chosen()[-1:] if answered or step.solution]
    pruned = [step.number for step in tree.sampled if step.pruned]
    fates = {
        "chosen solution": [step for number in chosen for step in tree.path(number)],
        "other finished solutions": [step for number in tree.solutions for step in tree.path(number)],
        "false equalities": [step for step in tree.sampled if step.refuted],
        "pruned branches": [step for number in pruned for step in tree.path(number)],
    }
    fate_of: dict[int, str] = {}
    for fate, steps in fates.items():
        for step in steps:
            fate_of.setdefault(step.number, fate)
    order = [*fates, "unfinished"]
    shares = _shares(tree, costs, lambda step: fate_of.get(step.number, "unfinished"))
    return sorted(shares, key=lambda share: order.index(share.name))


def _shares(tree: TreeState, costs: Sequence[ModelCost], name_of: Callable[[TreeStep], str]) -> list[CostShare]:
    groups: dict[str, list[TreeStep]] = {}
    for step in sorted(tree.sampled, key=lambda step: step.depth):
        groups.setdefault(name_of(step), []).append(step)
    _, policy, prm = (cost.flops for cost in costs)
    written = _written(tree.sampled) or 1
    evaluated = _evaluated(tree.sampled) or 1
    found = []
    for name, steps in groups.items():
        tokens, samples = _written(steps), sum(len(step.branches) for step in steps)
        scored = sum(step.score is not None for step in steps)
        spent = None
        if policy is not None and prm is not None:
            spent = policy * tokens / written + prm * _evaluated(steps) / evaluated
        found.append(CostShare(name, samples, tokens, tokens / written, scored, spent))
    return found


def _written(steps: Iterable[TreeStep]) -> int:
    """Tokens of the policy, as often as they were sampled."""
    return sum(step.tokens * len(step.branches) for step in steps)


def _evaluated(steps: Iterable[TreeStep]) -> int:
    """Tokens of the steps that the PRM scored."""
    return sum(step.tokens for step in steps if step.score is not None)


def ballots(tree: TreeState, how: Aggregate) -> list[Ballot]:
    """Finished solutions as often as they were sampled, in the order of their samples."""
    found: list[Ballot] = []
    for number in tree.solutions:
        path = tree.path(number)
        node = Node(number, None, "", 0, None, (number,))
        written = find_answer("\n\n".join(step.text for step in path))
        scores = [step.score for step in path]
        solution = Solution(node, tree.steps[number].answer, score_of(scores, how), written.how if written else None)
        found += [Ballot(branch, solution) for branch in _ended(tree, tree.steps[number])]
    return sorted(found, key=lambda b: (-1 if b.branch is None else b.branch, b.solution.node.number))


def _ended(tree: TreeState, step: TreeStep) -> list[int | None]:
    """The samples that ended at a step: all that came to it, less those that went on."""
    ended = step.branches * step.copies
    if step.finished:
        return ended
    for child in step.children:
        for branch in tree.steps[child].branches:
            if branch in ended and len(ended) > 1:
                ended.remove(branch)
    return ended


def dropped(tree: TreeState, ballots: Sequence[Ballot]) -> frozenset[int]:
    """The samples that wrote a false equality and nothing that votes in its place, by their numbers."""
    refuted = {branch for step in tree.sampled if step.refuted for branch in step.branches if branch is not None}
    return frozenset(refuted - {ballot.branch for ballot in ballots})


def elect(
    ballots: Sequence[Ballot], rules: VotingRules, judge: Equality, dropped: int = 0
) -> tuple[list[VoteClass], float | None]:
    """The vote of these ballots as `tts solve` holds it, and the winner's share if there was anything to vote on."""
    votes = vote_of([ballot.solution for ballot in ballots], rules.select, judge)
    answered = [ballot for ballot in ballots if ballot.solution.answer is not None]
    voters = len({(ballot.branch, ballot.solution.node.number) for ballot in answered})  # copies are one
    share = of_vote(votes, rules.select, voters, how=rules.aggregate, dropped=dropped)
    return votes, share.value if share else None
