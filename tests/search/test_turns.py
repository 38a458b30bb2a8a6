"""What follows an answer before the turn ends: part of its sample, never a candidate that competes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.search.scripted import Bench, Once, solutions
from tts_cli.protocols import Finish
from tts_cli.search.context import Limits
from tts_cli.search.driver import Driver
from tts_cli.search.events import StepPruned, StepSampled
from tts_cli.search.methods import METHODS
from tts_cli.search.tree import tips

PARTS = {(0, 0): "add", (0, 0, 0): "is 7!", (0, 0, 0, 0): "then", (0, 0, 0, 0, 0): "is 30."}
SCORES = {"add": 0.9, "is 7": 0.8, "then": 0.7, "is 30": 0.6}


@pytest.mark.parametrize("method", ["greedy", "majority", "best-of-n", "best-first"])
def test_a_second_part_is_answered_too(method: str) -> None:
    bench = Bench(PARTS, SCORES, temperature=0)
    search = bench.run(METHODS[method].run, 1)
    assert solutions(search) == [(["add", "is 7", "then", "is 30"], 1)]
    assert {key.path for key in bench.policy.asked} == set(search.draws) == set(PARTS)
    assert search.draws[0, 0, 0].answered
    assert bench.policy.held == [] and bench.prm.held == []


def test_every_step_of_the_turn_is_scored() -> None:
    bench = Bench(PARTS, SCORES)
    (solution,) = bench.run(METHODS["best-of-n"].run, 1).solutions
    assert solution.scores == [0.9, 0.8, 0.7, 0.6]


def test_a_turn_that_ends_after_the_separator_leaves_no_empty_step() -> None:
    bench = Bench({(0, 0): "is 7!", (0, 0, 0): "."}, {"is 7": 0.8})
    search = bench.run(METHODS["best-of-n"].run, 1)
    assert solutions(search) == [(["is 7"], 1)]
    assert [event.text for event in bench.heard(StepSampled)] == ["is 7"]
    assert bench.prm.asked == [("is 7",)]


@pytest.mark.parametrize(
    ("rest", "limits"),
    [
        ({(0, 0, 0): "and on and~"}, Limits()),
        ({(0, 0, 0): ""}, Limits()),
        ({}, Limits(max_steps=1)),
        ({}, Limits(max_tokens=2)),
    ],
)
def test_a_cut_after_the_answer_leaves_the_answer(rest: dict[Any, str], limits: Limits) -> None:
    bench = Bench({(0, 0): "is 7!", **rest}, limits=limits)
    search = bench.run(METHODS["majority"].run, 1)
    assert solutions(search) == [(["is 7"], 1)]
    assert len(search.nodes()) == 1 and tips(search.root) == []
    assert search.policy_usage.sampled == 2 + len((*rest.values(), "")[0].split() or rest), (
        "what was dropped was paid for"
    )
    assert bench.policy.held == []


def test_samples_with_one_answer_part_where_their_turns_do() -> None:
    script = {(i, 0): "is 7!" for i in range(3)} | {(0, 0, 0): ".", (1, 0, 0): "then 30.", (2, 0, 0): "then 30."}
    search = Bench(script).run(METHODS["majority"].run, 3)
    assert sorted(solutions(search)) == [(["is 7"], 1), (["is 7", "then 30"], 2)]
    assert [node.count for node in search.nodes()] == [3, 2]


def test_in_a_beam_an_answer_goes_to_its_end_without_a_slot_or_children_of_its_own() -> None:
    script = {(0,): "is 7!", (1,): "a", (2,): "b", (3,): "c", (0, 0): "I hope", (0, 0, 0): "so."}
    script |= {(1, 0): "is 8.", (1, 1): "is 9."}
    scores = {"is 7": 0.3, "I hope": 0.5, "so": 0.95, "a": 0.9, "b": 0.2, "c": 0.1, "is 8": 0.6, "is 9": 0.5}
    bench = Bench(script, scores)
    search = bench.run(METHODS["beam"].run, 4, 2)
    assert {key.path for key in bench.policy.asked} == set(script)
    assert bench.names([event.step for event in bench.heard(StepPruned)]) == ["b", "c"]
    assert solutions(search) == [(["is 7", "I hope", "so"], 1), (["a", "is 8"], 1), (["a", "is 9"], 1)]
    assert bench.policy.held == [] and bench.prm.held == []


def test_a_dvts_tree_ends_with_the_whole_turn_of_its_best_answer() -> None:
    script = {(0, 0): "is 7!", (0, 1): "is 8!", (0, 0, 0): "then 30.", (0, 1, 0): "."}
    bench = Bench(script, {"is 7": 0.3, "is 8": 0.5, "then 30": 0.9})
    search = bench.run(METHODS["dvts"].run, 2, 2)
    assert solutions(search) == [(["is 7", "then 30"], 1)]
    assert bench.names([event.step for event in bench.heard(StepPruned)]) == ["is 8"]
    assert all(tips(root) == [] for root in search.roots)


def test_best_first_starts_no_round_after_an_answer() -> None:
    first = (
        {(i, 0): "a" for i in range(4)} | {(i, 0, 0): "is 7!" for i in range(4)} | {(i, 0, 0, 0): "." for i in range(4)}
    )
    bench = Bench(defaultdict(lambda: "cut~", first), {"a": 0.95, "is 7": 0.85})
    search = bench.run(METHODS["best-first"].run, 16)
    assert solutions(search) == [(["a", "is 7"], 4)]
    later = {key.path[:-1] for key in bench.policy.asked} - {path[:-1] for path in first}
    assert {path[:2] for path in later if path[0] == 0} == {(0, 0)}, "a round started at the step before the answer"
    assert not any(path[:3] == (0, 0, 0) for path in later)


def test_a_search_that_is_stopped_after_an_answer_has_it() -> None:
    bench = Bench({(0, 0): "is 7!", (0, 0, 0): "then on and on 30."})
    once = Once(bench.search, METHODS["majority"].run, 1, stop=lambda: len(bench.policy.batches) == 4)
    (ended,) = Driver(bench.policy, bench.prm).run([once])
    bench.search.finish_rest()
    assert ended.stopped and solutions(bench.search) == [(["is 7"], 1)]
    assert [node.finish for node in bench.search.solutions] == [Finish.STEP]
    assert bench.policy.held == []
