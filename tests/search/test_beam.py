"""Beam search and DVTS against trees worked out by hand: what is kept, pruned and voted on at each depth."""

from __future__ import annotations

import pytest

from tests.search.scripted import Bench, solutions
from tts_cli.errors import PromptTooLong
from tts_cli.search.context import Limits
from tts_cli.search.events import StepMerged, StepPruned, StepSampled
from tts_cli.search.methods import METHODS
from tts_cli.search.tree import shares, tips

beam, dvts = METHODS["beam"].run, METHODS["dvts"].run

BEAM = {
    (0,): "a",
    (1,): "b",
    (2,): "a",  # a repetition ...
    (3,): "c",
    (4,): "d",  # ... for which one more is drawn
    (1, 0): "b1",
    (1, 1): "b2 5.",
    (3, 0): "c1~",
    (3, 1): "c2",
    (3, 1, 0): "e 5.",
    (3, 1, 1): "f 6.",
}
BEAM_SCORES = {
    "a": 0.2, "b": 0.9, "c": 0.8, "d": 0.1,
    "b1": 0.3, "b2 5": 0.7, "c2": 0.6,
    "e 5": 0.5, "f 6": 0.4,
}  # fmt: skip


def test_beam_keeps_the_best_by_their_last_score() -> None:
    bench = Bench(BEAM, BEAM_SCORES)
    search = bench.run(beam, 4, 2)
    pruned = bench.names([event.step for event in bench.heard(StepPruned)])
    assert pruned == ["a", "d", "b1"]
    assert {key.path for key in bench.policy.asked} == set(BEAM)
    assert solutions(search) == [(["b", "b2 5"], 1), (["c", "c2", "e 5"], 1), (["c", "c2", "f 6"], 1)]


def test_beam_runs_each_token_once() -> None:
    bench = Bench(BEAM, BEAM_SCORES)
    search = bench.run(beam, 4, 2)
    assert search.policy_usage.sampled == 5 + (1 + 2 + 1 + 1) + (2 + 2)
    assert search.prm_usage.evaluated == 4 + (1 + 2 + 1) + (2 + 2), "the cut step is not scored"
    assert len(bench.prm.asked) == len(set(bench.prm.asked)) == 9


def test_beam_lets_go_of_what_it_prunes_at_once_and_of_all_at_the_end() -> None:
    bench = Bench(BEAM, BEAM_SCORES)
    held: list[list[tuple[str, ...]]] = []
    bench.run(beam, 4, 2, on_advance=lambda: held.append(sorted(bench.policy.held)))
    last_depth = next(at for at in held if len(at) <= 2 and ("c", "c2") in at)
    assert last_depth == [(), ("c", "c2")]
    assert bench.policy.held == [] and bench.prm.held == []


def test_beam_stops_when_finished_solutions_hold_all_slots() -> None:
    script = {(0,): "1.", (1,): "2.", (2,): "go on", (3,): "go far"}
    search = Bench(script, {"1": 0.9, "2": 0.8, "go on": 0.7, "go far": 0.6}).run(beam, 4, 2)
    assert solutions(search) == [(["1"], 1), (["2"], 1)]


def test_a_finished_candidate_below_the_cut_votes_but_takes_no_slot() -> None:
    script = {(0,): "1.", (1,): "a", (2,): "b", (3,): "c"}
    script |= {(n, child): f"{n}{child}." for n in (1, 2) for child in (0, 1)}
    scores = {"1": 0.1, "a": 0.9, "b": 0.8, "c": 0.2, "10": 0.5, "11": 0.4, "20": 0.3, "21": 0.2}
    search = Bench(script, scores).run(beam, 4, 2)
    assert [steps for steps, _ in solutions(search)] == [
        ["1"],
        ["a", "10"],
        ["a", "11"],
        ["b", "20"],
        ["b", "21"],
    ]


def test_repetitions_count_once_per_sample_but_not_again_when_drawn_anew() -> None:
    script = {(0,): "1.", (1,): "1.", (2,): "1.", (3,): "2.", (4,): "1."}
    bench = Bench(script, {"1": 0.9, "2": 0.1})
    search = bench.run(beam, 4, 2)
    assert solutions(search) == [(["1"], 3), (["2"], 1)]
    assert len(bench.heard(StepMerged)) == 2
    assert search.policy_usage.sampled == 5


def test_drawing_anew_goes_on_while_it_brings_something_new() -> None:
    script = {(0,): "1.", (1,): "1.", (2,): "1.", (3,): "1."}
    script |= {(4,): "2.", (5,): "3.", (6,): "3."}
    bench = Bench(script, {"1": 0.9, "2": 0.8, "3": 0.7})
    search = bench.run(beam, 4, 2)
    assert [steps for steps, _ in solutions(search)] == [["1"], ["2"], ["3"]]
    assert len(bench.policy.asked) == 7


def test_at_most_n_more_are_drawn() -> None:
    script = {(index,): "1." for index in range(8)}
    script |= {(8 + index,): f"{2 + index // 2}." for index in range(8)}  # one new step in each round of two
    bench = Bench(script, {str(n): 0.5 for n in range(1, 6)})
    search = bench.run(beam, 8, 4)
    assert len(bench.policy.asked) == 16
    assert [steps for steps, _ in solutions(search)] == [["1"], ["2"], ["3"], ["4"], ["5"]]


def test_a_repeated_candidate_takes_as_many_slots_as_it_was_sampled() -> None:
    script = {(0,): "a", (1,): "b", (2,): "a", (3,): "c", (4,): "a"}
    script |= {(0, index): f"{index}." for index in range(4)}
    scores = {"a": 0.9, "b": 0.8, "c": 0.7, **{str(n): 0.5 for n in range(4)}}
    bench = Bench(script, scores)
    search = bench.run(beam, 4, 2)
    assert bench.names([event.step for event in bench.heard(StepPruned)]) == ["b", "c"]
    assert [steps[0] for steps, _ in solutions(search)] == ["a"] * 4
    assert bench.prm.asked.count(("a",)) == 1


def test_slots_of_repetitions_are_cut_off_at_the_beams_end() -> None:
    script = {(0,): "b", (1,): "a", (2,): "a", (3,): "a", (4,): "a"}
    script |= {(0, 0): "1.", (0, 1): "2.", (1, 0): "3.", (1, 1): "4."}
    scores = {"a": 0.5, "b": 0.9, **{str(n): 0.5 for n in range(1, 5)}}
    search = Bench(script, scores).run(beam, 4, 2)
    assert [steps[0] for steps, _ in solutions(search)] == ["b", "b", "a", "a"]


def test_where_dead_ends_leave_one_candidate_it_gets_all_children() -> None:
    script = {(0,): "a", (1,): "x~", (2,): "y~", (3,): "z~"} | {(0, index): f"{index}." for index in range(4)}
    search = Bench(script, {"a": 0.5, **{str(n): 0.5 for n in range(4)}}).run(beam, 4, 2)
    assert len(search.solutions) == 4


def test_an_empty_last_step_makes_the_parent_a_finished_candidate() -> None:
    script = {(0,): "is 1", (1,): "x", (0, 0): ".", (0, 1): "no 2."}
    bench = Bench(script, {"is 1": 0.9, "x": 0.1, "no 2": 0.3})
    search = bench.run(beam, 2, 2)
    assert solutions(search) == [(["is 1"], 1), (["is 1", "no 2"], 1)]
    assert len(bench.heard(StepSampled)) == 3


def test_beam_with_nothing_but_dead_ends_stops_without_a_solution() -> None:
    bench = Bench({(0,): "a", (1,): "b", (0, 0): "x~", (0, 1): "y~"}, {"a": 0.9, "b": 0.1})
    search = bench.run(beam, 2, 2)
    assert search.solutions == {}
    assert [tip.text for tip in tips(search.root)] == ["x", "y"]


def test_beam_stops_at_the_depth_cap() -> None:
    script = {(0,): "a", (1,): "b", (0, 0): "c", (0, 1): "d"}
    scores = {"a": 0.9, "b": 0.1, "c": 0.8, "d": 0.1}
    search = Bench(script, scores, limits=Limits(max_steps=2)).run(beam, 2, 2)
    assert search.solutions == {}
    assert [tip.steps for tip in tips(search.root)] == [["a", "c"]]


def test_a_step_that_the_prm_cannot_take_is_not_kept() -> None:
    script = {(0,): "a", (1,): "b", (1, 0): "1.", (1, 1): "2."}
    scores = {"a": PromptTooLong("no room"), "b": 0.1, "1": 0.5, "2": 0.5}
    search = Bench(script, scores).run(beam, 2, 2)
    assert [steps for steps, _ in solutions(search)] == [["b", "1"], ["b", "2"]]


def test_a_beam_of_one_sample_works() -> None:
    search = Bench({(0,): "a", (0, 0): "is 1."}, {"a": 0.1, "is 1": 0.2}).run(beam, 1, 4)
    assert solutions(search) == [(["a", "is 1"], 1)]


@pytest.mark.parametrize(
    ("budget", "width", "expected"),
    [
        (16, 4, [4] * 4),
        (4, 4, [4]),
        (10, 4, [4, 3, 3]),
        (5, 4, [3, 2]),
        (3, 4, [3]),
        (1, 4, [1]),
        (3, 1, [1] * 3),
    ],
)
def test_a_budget_is_shared_out_completely(budget: int, width: int, expected: list[int]) -> None:
    assert shares(budget, width) == expected
    assert sum(expected) == budget


def test_beam_with_a_budget_that_the_width_does_not_divide() -> None:
    script = {(0,): "a", (1,): "b", (2,): "c", (3,): "d", (4,): "e"}
    script |= {(3, child): f"{child}." for child in range(3)} | {(0, child): f"{child + 3}." for child in range(2)}
    scores = {"a": 0.8, "b": 0.1, "c": 0.1, "d": 0.9, "e": 0.1, **{str(n): 0.5 for n in range(5)}}
    search = Bench(script, scores).run(beam, 5, 4)
    assert [steps[0] for steps, _ in solutions(search)] == ["d"] * 3 + ["a"] * 2


DVTS = {
    (0, 0): "a", (0, 1): "b", (1, 0): "a", (1, 1): "c",
    (0, 0, 0): "1.", (0, 0, 1): "2.",
    (1, 0, 0): "d", (1, 0, 1): "3.", (1, 0, 0, 0): "4.", (1, 0, 0, 1): "5~",
}  # fmt: skip
DVTS_SCORES = {"a": 0.9, "b": 0.5, "c": 0.4, "1": 0.3, "2": 0.6, "d": 0.8, "3": 0.7, "4": 0.2}


def test_dvts_keeps_the_best_child_of_each_tree_and_ends_with_one_trajectory_each() -> None:
    bench = Bench(DVTS, DVTS_SCORES)
    search = bench.run(dvts, 4, 2)
    assert solutions(search) == [(["a", "2"], 1), (["a", "d", "4"], 1)]
    assert {key.path for key in bench.policy.asked} == set(DVTS)
    pruned = bench.names([event.step for event in bench.heard(StepPruned)])
    assert pruned == ["b", "c", "1", "3"]
    assert bench.policy.held == [] and bench.prm.held == []


def test_trees_of_dvts_share_no_step_and_wait_for_no_other() -> None:
    bench = Bench(DVTS, DVTS_SCORES)
    search = bench.run(dvts, 4, 2)
    assert [node.text for node in search.nodes()].count("a") == 2
    assert search.policy_usage.sampled == len(DVTS)


def test_a_tree_that_dies_leaves_the_others_alone() -> None:
    script = {(0, 0): "x~", (0, 1): "y~", (1, 0): "1.", (1, 1): "2."}
    search = Bench(script, {"1": 0.1, "2": 0.2}).run(dvts, 4, 2)
    assert solutions(search) == [(["2"], 1)]
