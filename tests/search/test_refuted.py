"""Steps that state a false equality: drawn again by every method, and gone on from only where all are such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.search.scripted import Bench, slips, solutions
from tts_cli.answers.false_equality import FalseEquality
from tts_cli.search.context import EMPTY_DRAWS, Limits, Search
from tts_cli.search.events import SolutionFinished, StepMerged, StepRefuted, StepSampled, StepScored
from tts_cli.search.methods import METHODS
from tts_cli.search.revival import REVIVED
from tts_cli.search.tree import tips

Path = tuple[int, ...]


class Slipping(dict[Path, str]):
    """What is not written down is a slip, each a different one; after a revived step all is well."""

    def __missing__(self, path: Path) -> str:
        return "is 1." if REVIVED in path else f"slip {path[-1]}"


def run(script: Any, method: str, budget: int = 1, scores: Any = None, **options: Any) -> tuple[Bench, Search]:
    width = options.pop("beam_width", 2)
    bench = Bench(script, scores or defaultdict(lambda: 0.5), refute=slips, **options)
    search = bench.run(METHODS[method].run, budget, width)
    assert bench.policy.held == [] and bench.prm.held == []
    return bench, search


def counts(search: Search) -> tuple[int, int, int]:
    return search.refuted.count, search.refuted.redrawn, search.refuted.tokens


@pytest.mark.parametrize("method", ["majority", "best-of-n", "best-first"])
def test_a_sample_that_slips_draws_the_step_again(method: str) -> None:
    script = {(0, 0): "a slip", (0, 1): "a", (0, 0, 0): "is 1."}
    bench, search = run(script, method, scores={"a": 0.9, "is 1": 0.9})
    assert solutions(search) == [(["a", "is 1"], 1)]
    assert bench.heard(StepRefuted) == [StepRefuted(1, "1 + 1 = 3", "2")]
    assert counts(search) == (1, 1, 2)
    assert all("a slip" not in path for path in bench.prm.asked)
    assert [node.text for node in search.nodes()] == ["a slip", "a", "is 1"], "it stays in the tree"
    assert tips(search.root) == []


def test_a_greedy_step_is_drawn_again_at_random_and_the_next_is_greedy_again() -> None:
    script = {(0, 0): "slip", (0, 1): "a", (0, 0, 0): "is 1."}
    bench, _ = run(script, "best-first", scores={"a": 0.9, "is 1": 0.9})
    assert [sampling.temperature for sampling in bench.policy.samplings] == [0, 0.7, 0]


def test_a_beam_and_a_tree_take_another_child() -> None:
    scores = {"a": 0.9, "b": 0.3, "is 1": 0.8, "is 2": 0.7}
    script = {(0,): "slip", (1,): "a", (2,): "b", (1, 0): "is 1.", (1, 1): "slip 3.", (1, 2): "is 2."}
    _, search = run(script, "beam", 2, scores)
    assert sorted(solutions(search)) == [(["a", "is 1"], 1), (["a", "is 2"], 1)]
    assert counts(search) == (2, 2, 3)
    script = {(0, *path): step for path, step in script.items()}
    bench, search = run(script, "dvts", 2, scores)
    assert solutions(search) == [(["a", "is 1"], 1)]
    assert {key.path for key in bench.policy.asked} == set(script)


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("budget", [1, 4])
def test_a_policy_that_always_slips_gives_answers_all_the_same(method: str, budget: int) -> None:
    scores = {f"slip {i}": 0.6 for i in range(8)} | {"is 1": 0.7}
    _, search = run(Slipping(), method, budget, scores)
    revived = {path for path in search.draws if REVIVED in path}
    assert sum(count for _, count in solutions(search)) == len(revived) == (1 if method == "greedy" else budget)
    assert all(steps[0].startswith("slip") and steps[1:] == ["is 1"] for steps, _ in solutions(search))
    assert not any(node.sound for node in search.solutions)
    assert counts(search)[0] == len(search.draws) - len(revived)


def test_each_sample_goes_on_from_its_first_slip() -> None:
    bench, search = run(Slipping(), "majority", 2)
    assert {key.path for key in bench.policy.asked} == {(i, n) for i in range(2) for n in range(EMPTY_DRAWS)} | {
        (i, 0, REVIVED, 0) for i in range(2)
    }
    assert solutions(search) == [(["slip 0", "is 1"], 2)], "equal steps are one node, and both samples vote"
    assert counts(search) == (8, 6, 16)
    assert search.begun == 2


def test_what_a_revived_sample_writes_is_not_refuted_any_more_but_marked() -> None:
    script = Slipping({(0, 0, REVIVED, 0): "slip too", (0, 0, REVIVED, 0, 0): "is slip."})
    bench, search = run(script, "majority")
    assert solutions(search) == [(["slip 0", "slip too", "is slip"], 1)]
    assert len(bench.heard(StepRefuted)) == EMPTY_DRAWS + 2
    assert counts(search)[:2] == (EMPTY_DRAWS + 2, EMPTY_DRAWS - 1)


def test_a_revived_step_is_scored_then() -> None:
    bench, search = run(Slipping(), "best-of-n", 1, {"slip 0": 0.4, "is 1": 0.7})
    assert [node.scores for node in search.solutions] == [[0.4, 0.7]]
    scored = [place for place, event in enumerate(bench.events) if isinstance(event, StepScored)]
    assert len(scored) == 2 and bench.prm.asked == [("slip 0",), ("slip 0", "is 1")]


def test_at_temperature_zero_nothing_is_drawn_again() -> None:
    script = {(0, 0): "slip", (0, 0, REVIVED, 0): "is 1."}
    bench, search = run(script, "majority", 1, temperature=0, copies=16)
    assert solutions(search) == [(["slip", "is 1"], 16)]
    assert counts(search) == (1, 0, 1)
    assert {key.path for key in bench.policy.asked} == set(script)


# Where it ends


def test_a_slip_in_the_last_step_is_drawn_again() -> None:
    _, search = run({(0, 0): "slip 3.", (0, 1): "is 2."}, "majority")
    assert solutions(search) == [(["is 2"], 1)]


def test_a_last_step_that_always_slips_is_a_solution_without_a_further_token() -> None:
    script = {(i, n): f"slip {n}." for i in range(2) for n in range(EMPTY_DRAWS)}
    bench, search = run(script, "majority", 2)
    assert solutions(search) == [(["slip 0"], 2)]
    assert {key.path for key in bench.policy.asked} == set(script)


def test_a_slip_that_is_drawn_twice_by_one_sample_votes_once() -> None:
    bench, search = run({(0, n): "slip 3." for n in range(EMPTY_DRAWS)}, "majority")
    assert solutions(search) == [(["slip 3"], 1)]
    assert bench.heard(StepMerged) == [] and counts(search) == (4, 3, 8)


def test_a_false_remark_takes_nothing_from_the_answer_before_it() -> None:
    bench, search = run({(0, 0): "is 7!", (0, 0, 0): "no slip."}, "best-of-n", 1, {"is 7": 0.8, "no slip": 0.1})
    assert solutions(search) == [(["is 7", "no slip"], 1)]
    assert bench.heard(StepRefuted) == [] and counts(search) == (0, 0, 0)


def test_an_answer_that_rests_on_a_slip_is_drawn_again_with_the_rest_of_its_turn() -> None:
    script = {(0, 0): "slip 7!", (0, 1): "is 8!", (0, 0, 0): "then 30."}
    _, search = run(script, "majority")
    assert solutions(search) == [(["is 8", "then 30"], 1)]


def test_an_answer_that_always_rests_on_a_slip_goes_on_to_the_end_of_its_turn() -> None:
    script = {(0, n): "slip 7!" for n in range(EMPTY_DRAWS)} | {(0, 0, REVIVED, 0): "then 30."}
    _, search = run(script, "majority")
    assert solutions(search) == [(["slip 7", "then 30"], 1)]


def test_a_cut_step_is_not_looked_at() -> None:
    bench, search = run({(0, 0): "slip 3~"}, "majority")
    assert bench.heard(StepRefuted) == [] and [tip.text for tip in tips(search.root)] == ["slip 3"]


def test_an_unfinished_sample_does_not_keep_refuted_ones_from_the_vote() -> None:
    script = {(0, 0): "a", (0, 0, 0): "b~"} | {(1, n): "slip" for n in range(4)} | {(1, 0, REVIVED, 0): "is 1."}
    _, search = run(script, "majority", 2)
    assert solutions(search) == [(["slip", "is 1"], 1)]


def test_where_nothing_goes_on_a_solution_that_was_dropped_for_another_step_votes() -> None:
    _, search = run({(0, 0): "slip 3.", (0, 1): "a", (0, 0, 0): "b~"}, "majority")
    assert solutions(search) == [(["slip 3"], 1)]


def test_one_sound_answer_is_enough() -> None:
    script = {(0, n): f"slip {n}." for n in range(4)} | {(1, 0): "is 1."}
    bench, search = run(script, "majority", 2)
    assert solutions(search) == [(["is 1"], 1)]
    assert len(bench.heard(SolutionFinished)) == 1
    assert tips(search.root) == [] and not search.refuted.forgiven


def test_limits_hold_for_revived_samples() -> None:
    _, search = run(Slipping(), "majority", 1, limits=Limits(max_steps=1))
    assert search.solutions == {} and [tip.text for tip in tips(search.root)] == ["slip 0"]


# Merged siblings


def test_equal_siblings_are_looked_at_once_and_each_sample_may_go_on() -> None:
    looked: list[str] = []

    def refute(step: str) -> FalseEquality | None:
        looked.append(step)
        return slips(step)

    # Sample 0 finds another step and lets the slip go; sample 1 comes there afterwards and finds nothing else.
    script = {(0, 0): "slip", (0, 1): "a", (0, 0, 0): "cut~", (1, 0): "", (1, 1): "slip", (1, 2): "slip", (1, 3): ""}
    script |= {(1, 0, REVIVED, 0): "is 1."}
    bench = Bench(script, defaultdict(lambda: 0.5), refute=refute)
    search = bench.run(METHODS["majority"].run, 2)
    assert solutions(search) == [(["slip", "is 1"], 1)]
    assert looked == ["slip", "a", "is 1"]
    assert search.nodes()[0].count == 2, "as many samples as came there"
    assert bench.policy.held == []


# Nothing leaks, and nothing is drawn twice


@pytest.mark.parametrize("method", list(METHODS))
def test_wherever_it_is_stopped_it_releases_all(method: str) -> None:
    scores = {f"slip {i}": 0.6 for i in range(8)} | {"is 1": 0.7, "a": 0.9, "slip": 0.5}
    script = Slipping({(0, 1): "a", (0, 0): "slip", (1,): "a", (1, 0): "a"})

    def stopped(after: int | None) -> tuple[Bench, int]:
        bench = Bench(script, scores, refute=slips)
        ran = [bench.policy.batches, bench.prm.batches]
        bench.run(METHODS[method].run, 4, 2, should_stop=lambda: sum(map(len, ran)) == after)
        return bench, sum(map(len, ran))

    _, decodes = stopped(None)
    for last in range(decodes + 1):
        bench, _ = stopped(last)
        assert bench.policy.held == [] and bench.prm.held == []
        assert not bench.policy.busy and not bench.prm.busy


class Chance(dict[Path, str]):
    """One of a few lines, so that many samples come out equal, and many slip."""

    LINES = ("a", "b", "c c", "slip", "slip slip", "is 1.", "slip 2.", ".", "", "x~", "is 3!", "slip 4!")

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def __missing__(self, path: Path) -> str:
        return Random(f"{self.seed} {path}").choice(self.LINES)


STEPS = ("a", "b", "c c", "slip", "slip slip", "is 1", "slip 2", "is 3", "slip 4")
SCORES = st.fixed_dictionaries(dict.fromkeys(STEPS, st.sampled_from([0.3, 0.6, 0.9, 1.0])))
LIMITS = st.builds(Limits, max_steps=st.integers(1, 6), max_tokens=st.integers(4, 12))
anything: Callable[..., Any] = given(
    st.integers(0, 2**32), SCORES, LIMITS, st.sampled_from(sorted(METHODS)), st.integers(1, 9), st.integers(1, 4)
)


@anything
def test_whatever_is_drawn_sound_answers_win_and_all_is_released(
    seed: int, scores: Any, limits: Limits, method: str, budget: int, width: int
) -> None:
    bench = Bench(Chance(seed), scores, limits=limits, refute=slips)
    search = bench.run(METHODS[method].run, budget, width)
    assert bench.policy.held == [] and bench.prm.held == []
    assert len({node.path for node in search.nodes()}) == len(search.nodes())
    sound = {node.sound for node in search.solutions}
    assert len(sound) < 2, "they vote together"
    assert search.refuted.redrawn <= search.refuted.count <= len(search.draws)
    refuted = {event.step for event in bench.heard(StepRefuted)}
    assert refuted == {node.number for node in search.nodes() if node.refuted}
    sampled = {event.step: event.text for event in bench.heard(StepSampled)}
    assert all("slip" in sampled[number] for number in refuted)


@example(8809, dict.fromkeys(STEPS, 0.3), Limits(max_steps=3, max_tokens=5), "beam", 8, 1)  # a repetition ends alone
@anything
def test_without_the_calculator_a_slip_is_a_step_like_others(
    seed: int, scores: Any, limits: Limits, method: str, budget: int, width: int
) -> None:
    bench = Bench(Chance(seed), scores, limits=limits)
    search = bench.run(METHODS[method].run, budget, width)
    assert bench.heard(StepRefuted) == [] and not search.refuted.parked
    assert not any(REVIVED in path for path in search.draws) and counts(search) == (0, 0, 0)
