"""The tree as the events tell it, and which of it is chosen for a few lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli import scripted
from tts_cli.analysis.tree import TreeState, TreeStep
from tts_cli.cli.view import layout
from tts_cli.search.events import Event, SearchEnded, SolutionFinished, StepMerged, StepPruned, StepSampled, StepScored


def test_identical_siblings_count_as_sampled() -> None:
    state = TreeState(scripted.beam())
    assert state.steps[1].count == 3
    assert state.finished == 3  # step 6 twice, step 7 once


@pytest.mark.parametrize(("select", "first"), [("weighted", "65"), ("max", "65"), ("majority", "65")])
def test_the_vote_counts_and_weighs(select: str, first: str) -> None:
    tallies = TreeState(scripted.beam()).tally(select)
    assert [tally.answer for tally in tallies] == [first, "55"]
    assert (tallies[0].count, round(tallies[0].weight, 2), tallies[0].best) == (2, 1.86, 0.93)


def test_select_decides_who_leads() -> None:
    events = [
        scripted.started(),
        StepSampled(1, 0, "a", 1, "eos", 3),
        StepSampled(2, 0, "b", 1, "eos"),
        SolutionFinished(1, "1", 0.2),
        SolutionFinished(2, "2", 0.9),
    ]
    state = TreeState(events)
    assert [state.tally(select)[0].answer for select in ("weighted", "max", "majority")] == ["2", "2", "1"]


def test_pruning_the_last_child_ends_the_parent_and_a_refill_revives_it() -> None:
    state = TreeState(
        [StepSampled(1, 0, "a", 1, "step"), StepSampled(2, 1, "b", 1, "step"), StepPruned(2), StepPruned(2)]
    )
    assert state.leaves() == []
    assert state.pruned == 1
    state.apply(StepSampled(3, 1, "c", 1, "step"))
    assert [step.number for step in state.leaves()] == [3]


def test_a_solution_outlives_its_pruned_children() -> None:
    state = TreeState(
        [
            StepSampled(1, 0, "a", 1, "eos"),
            SolutionFinished(1, "1", None),
            StepSampled(2, 1, "b", 1, "step"),
            StepPruned(2),
        ]
    )
    assert [step.number for step in state.leaves()] == [1]


def test_the_last_decision_stands_with_the_difficulty_of_the_first() -> None:
    state = TreeState(scripted.auto())
    assert state.decided is not None
    assert (state.decided.samples, state.decided.confidence, state.decided.difficulty) == (4, 0.86, "medium")
    assert TreeState(scripted.auto(decided=0)).decided is None


@pytest.mark.parametrize(
    "event",
    [
        StepScored(9, 0.5),
        StepSampled(1, 9, "orphan", 1, "step"),
        StepSampled(0, 0, "twice", 1, "step"),
        SolutionFinished(9, "1", None),
        SearchEnded(9, "1", 1.0, "answered"),
        StepMerged(9),
    ],
)
def test_events_about_unknown_steps_are_refused(event: object) -> None:
    with pytest.raises(ValueError, match="step"):
        TreeState().apply(event)  # type: ignore[arg-type]


def test_the_best_branches_fit_into_the_lines() -> None:
    state = TreeState(scripted.wide(n=64, depth=6))
    for limit in range(1, 30):
        rows, hidden = layout.rows(state, limit)
        assert len(rows) <= limit
        ends = [row.step for row in rows if row.step.solution]
        assert hidden + len(ends) == 64
        worst = min(step.score or 0 for step in ends)
        better = sum((leaf.score or 0) > worst for leaf in state.leaves())
        assert better == sum((step.score or 0) > worst for step in ends), "better branches are left out"


def test_a_path_longer_than_the_lines_shows_its_end() -> None:
    state = TreeState(scripted.wide(n=1, depth=40))
    rows, hidden = layout.rows(state, 5)
    assert [row.step.number for row in rows] == [36, 37, 38, 39, 40]
    assert (rows[0].above, hidden) == (35, 0)


def test_the_chosen_solution_is_shown_first_of_all() -> None:
    events = [*scripted.beam(), SearchEnded(7, "55", None, "answered")]
    assert [row.step.number for row in layout.rows(TreeState(events), 1)[0]] == [7]
    rows, hidden = layout.rows(TreeState(events), 3)
    assert ([row.step.number for row in rows], hidden) == ([4, 6, 7], 0), "and where the others part from it"


def test_guides_begin_a_column_only_where_the_tree_branches() -> None:
    rows, _ = layout.rows(TreeState(scripted.beam()), 10)
    assert [row.guide for row in rows] == ["", "", "├─ ", "└─ "]
    assert rows[0].pruned == 1


@st.composite
def searches(draw: st.DrawFn) -> list[Event]:
    """Any order of growing, merging, pruning and finishing that names only steps that are there."""
    events: list[Event] = [scripted.started()]
    for number in range(1, draw(st.integers(1, 25)) + 1):
        parent = draw(st.integers(0, number - 1))
        events.append(StepSampled(number, parent, "text", 1, "step", draw(st.integers(1, 3))))
        step = draw(st.integers(1, number))
        happening = draw(st.sampled_from([StepPruned(step), SolutionFinished(step, "1", 0.5), StepMerged(step), None]))
        events += [happening] if happening is not None else []
    return events


def lives(state: TreeState, step: TreeStep) -> bool:
    """By definition, from scratch: a solution lives; else a step that is not pruned and has no or a living child."""
    if step.solution or not step.number:
        return True
    children = [state.steps[child] for child in step.children]
    return not step.pruned and (not children or any(lives(state, child) for child in children))


@given(searches())
def test_who_lives_is_kept_up_to_date(events: list[Event]) -> None:
    state = TreeState(events)
    for step in state.steps.values():
        if step.pruned or step.solution:
            continue
        assert step.dead != lives(state, step)


@given(searches(), st.integers(1, 30))
def test_what_is_shown_is_a_part_of_the_tree_in_order(events: list[Event], limit: int) -> None:
    state = TreeState(events)
    rows, hidden = layout.rows(state, limit)
    numbers = [row.step.number for row in rows]
    assert len(set(numbers)) == len(numbers) <= limit
    assert hidden <= len(state.leaves())
    seen = {0}
    for row in rows:
        if not row.above:
            assert row.step.parent in seen
        seen.add(row.step.number)


def test_a_solution_revives_what_was_given_up_before_it() -> None:
    events = [
        scripted.started(),
        StepSampled(1, 0, "text", 1, "step"),
        StepSampled(2, 1, "text", 1, "boxed"),
        StepPruned(2),
        SolutionFinished(2, "1", 0.5),
    ]
    state = TreeState(events)
    assert [step.number for step in state.leaves()] == [2]
    assert not state.steps[1].dead and state.steps[1].live_children == 1
