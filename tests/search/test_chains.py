"""greedy, majority and best-of-n against results worked out by hand."""

from __future__ import annotations

from tests.search.scripted import Bench, solutions
from tts_cli.errors import PromptTooLong
from tts_cli.protocols import Finish
from tts_cli.search.context import Limits
from tts_cli.search.events import SolutionFinished, StepMerged, StepSampled, StepScored, StepTooLong
from tts_cli.search.methods import METHODS
from tts_cli.search.tree import solution_text, tips

THREE = {
    (0, 0): "x y",
    (0, 0, 0): "is 1.",
    (1, 0): "x y",
    (1, 0, 0): "z",
    (1, 0, 0, 0): "is 2.",
    (2, 0): "x y",
    (2, 0, 0): "is 1.",
}


def test_greedy_is_one_path_and_asks_no_prm() -> None:
    bench = Bench({(0, 0): "x y", (0, 0, 0): "is 1."}, temperature=0)
    search = bench.run(METHODS["greedy"].run, 16)
    assert solutions(search) == [(["x y", "is 1"], 1)]
    assert solution_text(next(iter(search.solutions))) == "x y\n\nis 1"
    assert search.policy_usage.sampled == 4
    assert bench.prm.asked == []


def test_majority_merges_equal_steps_but_samples_each_solution_on_its_own_stream() -> None:
    bench = Bench(THREE)
    search = bench.run(METHODS["majority"].run, 3)
    assert solutions(search) == [(["x y", "is 1"], 2), (["x y", "z", "is 2"], 1)]
    assert {key.path for key in bench.policy.asked} == set(THREE)
    counts = {tuple(node.steps): node.count for node in search.nodes()}
    assert counts == {("x y",): 3, ("x y", "is 1"): 2, ("x y", "z"): 1, ("x y", "z", "is 2"): 1}
    assert len(bench.heard(StepMerged)) == 3
    assert search.policy_usage.sampled == 3 * 2 + 2 + 2 + 1 + 2
    assert bench.prm.asked == []


def test_a_step_is_named_by_the_first_sample_that_came_out_as_it_whichever_ended_first() -> None:
    bench = Bench({(0, 0): "~", (0, 1): "x 1.", (1, 0): "x 1."})  # sample 0 has to draw twice
    (node,) = bench.run(METHODS["majority"].run, 2).nodes()
    assert (node.path, node.count) == ((0, 1), 2)


def test_the_first_samples_of_a_larger_budget_are_those_of_a_smaller_one() -> None:
    small, large = Bench(THREE), Bench(THREE)
    small.run(METHODS["majority"].run, 2)
    large.run(METHODS["majority"].run, 3)
    assert set(small.policy.asked) < set(large.policy.asked)


def test_best_of_n_scores_each_distinct_step_once() -> None:
    bench = Bench(THREE, {"x y": 0.5, "is 1": 0.9, "z": 0.4, "is 2": 0.3})
    search = bench.run(METHODS["best-of-n"].run, 3)
    assert [(s.answer, s.score, s.node.ended) for s in search.solutions.values()] == [
        ("1", 0.9, 2),
        ("2", 0.3, 1),
    ]
    assert sorted(bench.prm.asked) == [
        ("x y",),
        ("x y", "is 1"),
        ("x y", "z"),
        ("x y", "z", "is 2"),
    ]
    assert search.prm_usage.evaluated == 2 + 2 + 1 + 2


def test_the_prm_works_while_the_policy_writes_on() -> None:
    long = " ".join(["word"] * 12)
    bench = Bench({(0, 0): "x", (0, 0, 0): long + "."}, {"x": 0.5, long: 0.5})
    bench.run(METHODS["best-of-n"].run, 1)
    kinds = [type(event) for event in bench.events]
    assert kinds == [StepSampled, StepScored, StepSampled, StepScored, SolutionFinished]


def test_a_cut_step_is_neither_scored_nor_finished_nor_gone_on_from() -> None:
    bench = Bench({(0, 0): "x", (0, 0, 0): "is 1~"}, {"x": 0.5})
    search = bench.run(METHODS["best-of-n"].run, 1)
    assert search.solutions == {}
    assert [tip.steps for tip in tips(search.root)] == [["x", "is 1"]]
    assert bench.prm.asked == [("x",)]


def test_an_empty_last_step_finishes_its_parent_and_is_no_step() -> None:
    bench = Bench({(0, 0): "is 1", (0, 0, 0): "."}, {"is 1": 0.9})
    search = bench.run(METHODS["best-of-n"].run, 1)
    assert solutions(search) == [(["is 1"], 1)]
    assert len(bench.heard(StepSampled)) == 1
    assert search.policy_usage.sampled == 3, "the token that ended the solution ran too"


def test_of_two_samples_at_one_step_one_may_end_there_and_the_other_go_on() -> None:
    script = {(0, 0): "is 1", (1, 0): "is 1", (0, 0, 0): ".", (1, 0, 0): "no 2."}
    search = Bench(script).run(METHODS["majority"].run, 2)
    assert solutions(search) == [(["is 1"], 1), (["is 1", "no 2"], 1)]


def test_the_same_text_ended_and_not_ended_are_two_steps() -> None:
    script = {(0, 0): "is 1.", (1, 0): "is 1", (1, 0, 0): "no 2."}
    search = Bench(script).run(METHODS["majority"].run, 2)
    assert solutions(search) == [(["is 1"], 1), (["is 1", "no 2"], 1)]


def test_an_empty_step_is_drawn_again_from_another_stream() -> None:
    search = Bench({(0, 0): "", (0, 1): "", (0, 2): "is 1."}).run(METHODS["majority"].run, 1)
    assert solutions(search) == [(["is 1"], 1)]


def test_nothing_but_empty_steps_is_a_dead_end() -> None:
    script = {(0, 0): "x", **{(0, 0, child): "" for child in range(4)}, (1, 0): "is 1."}
    search = Bench(script).run(METHODS["majority"].run, 2)
    assert solutions(search) == [(["is 1"], 1)]
    assert [tip.steps for tip in tips(search.root)] == [["x"]]


def test_an_empty_solution_is_no_solution() -> None:
    search = Bench({(0, child): "." for child in range(4)}).run(METHODS["majority"].run, 1)
    assert search.solutions == {} and search.nodes() == []


def test_the_depth_cap_leaves_a_path_unfinished() -> None:
    bench = Bench({(0,) + (0,) * depth: f"s {depth}" for depth in range(1, 9)}, limits=Limits(max_steps=3))
    search = bench.run(METHODS["majority"].run, 1)
    assert search.solutions == {}
    assert [tip.depth for tip in tips(search.root)] == [3]


def test_a_whole_solution_has_a_token_limit() -> None:
    bench = Bench({(0, 0): "a b c", (0, 0, 0): "d e", (0, 0, 0, 0): "f."}, limits=Limits(max_tokens=5))
    search = bench.run(METHODS["majority"].run, 1)
    assert [sampling.max_step_tokens for sampling in bench.policy.samplings] == [5, 2]
    assert search.solutions == {}


def test_copies_count_each_sample_many_times() -> None:
    bench = Bench({(0, 0): "x", (0, 0, 0): "is 1."}, {"x": 0.1, "is 1": 0.2}, copies=16, temperature=0)
    search = bench.run(METHODS["best-of-n"].run, 1)
    assert solutions(search) == [(["x", "is 1"], 16)]
    assert [event.count for event in bench.heard(StepSampled)] == [16, 16]


def test_a_solution_too_long_for_the_prm_keeps_the_scores_that_it_has() -> None:
    scores = {"x": 0.5, "y": PromptTooLong("no room"), "is 1": 0.9}
    bench = Bench({(0, 0): "x", (0, 0, 0): "y", (0, 0, 0, 0): "is 1."}, scores)
    search = bench.run(METHODS["best-of-n"].run, 1)
    assert [node.scores for node in search.solutions] == [[0.5, None, None]]
    assert bench.names([event.step for event in bench.heard(StepTooLong)]) == ["y"], "and it is said once"


def test_every_prefix_is_let_go_once() -> None:
    bench = Bench(THREE, {"x y": 0.5, "is 1": 0.9, "z": 0.4, "is 2": 0.3})
    bench.run(METHODS["best-of-n"].run, 3)
    assert bench.policy.held == [] and bench.prm.held == []


def test_a_search_keeps_what_it_could_be_run_again_from() -> None:
    bench = Bench(THREE, {"x y": 0.5, "is 1": 0.9, "z": 0.4, "is 2": 0.3})
    search = bench.run(METHODS["best-of-n"].run, 3)
    drawn = {path: (draw.text, draw.tokens, draw.finish) for path, draw in search.draws.items()}
    assert set(drawn) == set(THREE)
    assert drawn[1, 0] == ("x y", 2, Finish.STEP) and drawn[2, 0, 0] == ("is 1", 2, Finish.EOS)
    assert {node.text: node.prm_tokens for node in search.nodes()} == {"x y": 2, "is 1": 2, "z": 1, "is 2": 2}
    assert search.prm_usage.evaluated == 7
