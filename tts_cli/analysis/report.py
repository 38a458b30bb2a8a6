"""What `tts explain` says of a finished search: what was spent where, how the vote went, what another budget would do.

Made from a record alone, or from a record with the tree of its trace, which shows much more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tts_cli.analysis import trace_analysis, what_if
from tts_cli.analysis.trace_analysis import Ballot, CostShare, ModelCost, VotingRules
from tts_cli.analysis.tree import TreeState
from tts_cli.analysis.what_if import WhatIf
from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.record import Record


@dataclass(frozen=True, slots=True)
class VoteShare:
    """One answer in the vote. `counts`: its share of the votes, `weighs`: of the weight."""

    answer: str
    count: int
    counts: float
    weight: float
    weighs: float


@dataclass(frozen=True, slots=True)
class SearchReport:
    """Without a trace `by_depth` and `by_fate` are empty, and `voters` (finished solutions, as often as they were
    sampled) is None. `lead`: by how much the winner is ahead, in words; None where nothing was voted on."""

    record: Record
    traced: bool
    rules: VotingRules
    costs: list[ModelCost]
    by_depth: list[CostShare]
    by_fate: list[CostShare]
    voters: int | None
    vote: list[VoteShare]
    lead: str | None
    half: WhatIf
    twice: WhatIf


def explain(
    record: Record, tree: TreeState | None, settings: Mapping[str, Any] | None, judge: Equality
) -> SearchReport:
    """`tree` and `settings` are the trace's, None for a record alone. Raises TtsError for what makes no sense."""
    trace_analysis.check(record)
    if tree is not None:
        trace_analysis.check_tree(tree)
    rules = trace_analysis.rules_of(settings, record)
    voters = None if tree is None else trace_analysis.ballots(tree, rules.aggregate)
    costs = trace_analysis.model_costs(record, tree)
    half, twice = _other_budgets(record, tree, voters, rules, judge)
    return SearchReport(
        record=record,
        traced=tree is not None,
        rules=rules,
        costs=costs,
        by_depth=trace_analysis.by_depth(tree, costs) if tree else [],
        by_fate=trace_analysis.by_fate(tree, costs) if tree else [],
        voters=None if voters is None else len(voters),
        vote=_vote_shares(record),
        lead=_lead(record, rules),
        half=half,
        twice=twice,
    )


def _other_budgets(
    record: Record, tree: TreeState | None, voters: list[Ballot] | None, rules: VotingRules, judge: Equality
) -> tuple[WhatIf, WhatIf]:
    """The ballots of the trace are used only where they give the record's vote."""
    width = tree.started.beam_width if tree and tree.started else Settings().beam_width
    if width < 1:
        raise trace_analysis.damaged(f"a beam width of {width}")
    count = what_if.trajectories(record, width)
    voted = trace_analysis.elect(voters or [], rules, judge)[0]
    if voters is not None and [(v.answer, v.count) for v in voted] == [(v.answer, v.count) for v in record.votes]:
        so_far = what_if.answers_in(voters, rules, judge, count)
        numbered = voters if all(ballot.branch is not None for ballot in voters) else None
    else:
        so_far, numbered = what_if.answers_in_record(record, rules, count), None
    dropped = trace_analysis.dropped(tree, numbered) if tree and numbered is not None else frozenset()
    half = what_if.half(record, width, numbered, so_far, rules, judge, dropped)
    return half, what_if.twice(record, so_far, rules, count)


def _vote_shares(record: Record) -> list[VoteShare]:
    count = sum(one.count for one in record.votes)
    weight = sum(one.weight for one in record.votes)
    return [
        VoteShare(one.answer, one.count, one.count / count, one.weight, one.weight / weight if weight else 0.0)
        for one in record.votes
    ]


def _lead(record: Record, rules: VotingRules) -> str | None:
    """Why the first answer won, by the measure that the selection goes by."""
    if not record.votes:
        return None
    if len(record.votes) == 1:
        return "no other answer was given"
    first, second = record.votes[:2]
    if rules.select == "majority" or (first.weight == first.count and second.weight == second.count):
        votes = f"{first.count} votes against {second.count}"
        return f"{votes}, of which last numbers count half" if first.count < second.count else votes
    if rules.select == "max":
        return f"its best score is {first.weight:.2f}, that of the next {second.weight:.2f}"
    return f"the scores of its solutions sum up to {first.weight:.2f}, those of the next to {second.weight:.2f}"
