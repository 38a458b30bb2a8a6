"""The receipt of a search that is over: what was spent on what, how the vote went, what other budgets would answer.

Made from a record alone, or from a record with the events of its trace, which tell much more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts_cli.analysis import trace_analysis as retrace
from tts_cli.analysis import what_if as outlook
from tts_cli.analysis.trace_analysis import Ballot, CostShare, ModelCost, TracedTree, VotingRules
from tts_cli.analysis.what_if import WhatIf
from tts_cli.answers.vote import Equality
from tts_cli.config import Settings
from tts_cli.data.record import Record
from tts_cli.search.events import Event, SearchEnded


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


def write(
    record: Record, events: Sequence[Event] | None, settings: Mapping[str, Any] | None, judge: Equality
) -> SearchReport:
    """`events` and `settings` are the trace's, None for a record alone. Raises TtsError for what makes no sense."""
    retrace.check(record)
    rules = retrace.rules(settings, record.method)
    tree = None if events is None else retrace.grow(events)
    ballots = None if tree is None else retrace.ballots(tree, rules.aggregate)
    costs = retrace.model_costs(record, tree)
    half, twice = _outlooks(record, tree, ballots, rules, judge)
    return SearchReport(
        record=record,
        traced=tree is not None,
        rules=rules,
        costs=costs,
        by_depth=retrace.by_depth(tree, costs) if tree else [],
        by_fate=retrace.by_fate(tree, costs, _chosen(events or ())) if tree else [],
        voters=None if ballots is None else len(ballots),
        vote=_places(record),
        lead=_lead(record, rules),
        half=half,
        twice=twice,
    )


def _chosen(events: Sequence[Event]) -> int | None:
    return next((event.step for event in reversed(events) if isinstance(event, SearchEnded)), None)


def _outlooks(
    record: Record, tree: TracedTree | None, ballots: list[Ballot] | None, rules: VotingRules, judge: Equality
) -> tuple[WhatIf, WhatIf]:
    """The ballots are gone by only where they give the record's vote."""
    width = tree.started.beam_width if tree and tree.started else Settings().beam_width
    if width < 1:
        raise retrace.damaged(f"a beam width of {width}")
    units = outlook.units(record, width)
    if ballots is not None and retrace.agrees(retrace.elect(ballots, rules.select, judge)[0], record):
        seen = outlook.seen_in(ballots, rules, judge, units)
        known = ballots if all(ballot.branch is not None for ballot in ballots) else None
    else:
        seen, known = outlook.seen_in_record(record, units), None
    return outlook.half(record, width, known, seen, rules, judge), outlook.twice(record, seen, rules, units)


def _places(record: Record) -> list[VoteShare]:
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
        return f"{first.count} votes against {second.count}"
    if rules.select == "max":
        return f"its best score is {first.weight:.2f}, that of the next {second.weight:.2f}"
    return f"the scores of its solutions sum up to {first.weight:.2f}, those of the next to {second.weight:.2f}"
