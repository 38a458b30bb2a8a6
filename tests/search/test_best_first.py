"""Best-first search against scripts worked out by hand: what the PRM is asked, where each round starts, what is shared.

Sample `i` from the root has the streams (i, 0), (i, 0, 0), ...; number `k` after the prefix at path p: (*p, k, 0), ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search import scripted
from tests.search.scripted import Bench, Once, Prefix, Run, ScriptedPolicy, conclude, solutions
from tts_cli.data.datasets import open_dataset
from tts_cli.errors import PromptTooLong
from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
from tts_cli.models.load import load_policy, load_prm
from tts_cli.protocols import Job, SampledStep, SampleKey, Sampling
from tts_cli.search.best_first import ROUND, BestFirst, Start
from tts_cli.search.context import Limits, Search
from tts_cli.search.driver import Driver
from tts_cli.search.events import StepPruned
from tts_cli.search.methods import METHODS
from tts_cli.search.tree import Node
from tts_cli.solving import selection

Path = tuple[int, ...]


class Script(dict[Path, str]):
    """What is not written down is cut: a sample that comes to nothing. With a `seed` it is one of a few
    lines, so that many samples come out equal."""

    LINES = ("a", "b", "c c", "d", "is 1.", "is 2.", ".", "", "x~", "is 3!")

    def __init__(self, lines: dict[Path, str] | None = None, seed: int | None = None) -> None:
        super().__init__(lines or {})
        self.seed = seed

    def __missing__(self, path: Path) -> str:
        return "cut~" if self.seed is None else Random(f"{self.seed} {path}").choice(self.LINES)


def sample(index: int, *steps: str) -> dict[Path, str]:
    """Sample `index` from the root, without an empty step."""
    return {(index,) + (0,) * (depth + 1): step for depth, step in enumerate(steps)}


def grown_by(grown: BestFirst, *stages: int, after: Callable[[], None] = lambda: None) -> Run:
    async def method(search: Search, budget: int, beam_width: int = 1) -> None:
        for samples in stages:
            await grown.grow(samples)
            after()

    return method


def grow(bench: Bench, *stages: int, start: Start = "prefix", **options: Any) -> BestFirst:
    grown = BestFirst(bench.search, start)
    bench.run(grown_by(grown, *stages), stages[-1], **options)
    return grown


def asked(bench: Bench) -> list[Path]:
    return [key.path for key in bench.policy.asked]


def starts(bench: Bench) -> list[Path]:
    """Where each round after the first began, if its samples are one draw long."""
    paths = [path for path in asked(bench) if bench.policy.script[path] == "cut~" and path not in bench.script]
    rounds = [paths[at : at + ROUND] for at in range(0, len(paths), ROUND)]
    assert all(len({path[:-2] for path in paths}) == 1 for paths in rounds), "a round begins at one prefix"
    return [paths[0][:-2] for paths in rounds]


DOUBTED = {
    **sample(0, "a", "is 1."),
    (1, 0): "",  # an empty step is drawn anew
    (1, 1): "b",
    (1, 0, 0): "is 2.",
    **{path: step for i in range(2, 8) for path, step in sample(i, f"c {i}", f"is {i}.").items()},
}


def test_what_starts_at_the_root_has_the_streams_of_best_of_n() -> None:
    scores = dict.fromkeys(DOUBTED.values(), 0.1) | {f"is {i}": 0.1 for i in range(8)}
    for n in (3, 4, 8):
        ours, theirs = Bench(DOUBTED, scores), Bench(DOUBTED, scores)
        assert grow(ours, n).drawn == n
        theirs.run(METHODS["best-of-n"].run, n)
        assert ours.search.draws == theirs.search.draws
        assert sorted(map(str, solutions(ours.search))) == sorted(map(str, solutions(theirs.search)))


def test_the_first_sample_is_greedy_and_no_other() -> None:
    bench = Bench(DOUBTED, dict.fromkeys(DOUBTED.values(), 0.1) | {f"is {i}": 0.1 for i in range(8)})
    grow(bench, 8)
    used = {key.path: s.temperature for key, s in zip(bench.policy.asked, bench.policy.samplings, strict=True)}
    assert {path for path, temperature in used.items() if temperature == 0} == {(0, 0), (0, 0, 0)}
    assert {temperature for path, temperature in used.items() if path[0] > 0} == {0.7}


def test_an_empty_step_of_the_greedy_sample_is_not_drawn_anew() -> None:
    bench = Bench(Script({(0, 0): ""}))
    grow(bench, 4)
    assert {path for path in asked(bench) if path[0] == 0} == {(0, 0)}


VOTES = {**sample(0, "p", "is 1."), **sample(1, "q", "is 2."), **sample(2, "r", "is 2."), **sample(3, "r", "is 2.")}


def test_it_scores_by_votes_up_to_the_first_doubt_and_until_one_convinces() -> None:
    bench = Bench(VOTES, {"r": 0.6, "is 2": 0.6, "q": 0.4, "p": 0.9, "is 1": 0.9})
    grown = grow(bench, 16)
    assert bench.prm.asked == [("r",), ("r", "is 2"), ("q",), ("p",), ("p", "is 1")]
    assert grown.convinced is not None and grown.convinced.steps == ["p", "is 1"]
    assert (grown.drawn, asked(bench)) == (4, list(dict.fromkeys(asked(bench))))


def test_as_a_method_it_goes_on_until_one_convinces_or_the_budget_is_spent() -> None:
    method = METHODS["best-first"]
    assert (method.needs_prm, method.samples, method.grows_trees) == (True, "adaptive", False)
    scores = {"r": 0.9, "is 2": 0.9}
    by_method, by_rounds = Bench(VOTES, scores), Bench(VOTES, scores)
    by_method.run(method.run, 16)
    grow(by_rounds, 16)
    assert asked(by_method) == asked(by_rounds) and len(by_method.policy.asked) < 16
    assert by_method.prm.asked == by_rounds.prm.asked == [("r",), ("r", "is 2")]
    nothing = Bench(Script())
    nothing.run(method.run, 10)
    assert len(nothing.policy.asked) == 10 and nothing.prm.asked == []


def test_what_is_unscored_when_one_convinces_stays_so() -> None:
    bench = Bench(VOTES, {"r": 0.9, "is 2": 0.9})
    grown = grow(bench, 4, 8, 16)
    assert bench.prm.asked == [("r",), ("r", "is 2")] and grown.drawn == 4
    assert [node.steps for node in grown.unscored] == [["p", "is 1"], ["q", "is 2"]]


PRUNED = {
    **sample(0, "a", "b", "is 1."),
    **sample(1, "a", "b", "d", "is 2."),
    **sample(2, "a", "b", "d", "is 3."),
    **sample(3, "a", "b", "is 4."),
    **{(0, 0, number, 0): "b" for number in (1, 2, 3)},  # ... and no more: KeyError
    (0, 0, 4, 0): "c",
    (0, 0, 4, 0, 0): "is 5.",
}


def test_a_step_in_doubt_is_pruned_with_all_under_it_and_nobody_goes_on_from_there() -> None:
    bench = Bench(PRUNED, {"a": 0.8, "b": 0.4, "c": 0.9, "is 5": 0.9})
    held: list[Any] = []
    method = grown_by(BestFirst(bench.search), 4, 8, after=lambda: held.append((bench.policy.held, bench.prm.held)))
    bench.run(method, 8)
    assert held[0] == ([(), ("a",)], [(), ("a",)]), "of the step in doubt and what is after it"
    assert held[1][1] == [(), ("a",), ("a", "c")], "nor the last step of a solution"
    assert bench.names([event.step for event in bench.heard(StepPruned)]) == ["b"], "once"
    assert bench.prm.asked == [("a",), ("a", "b"), ("a", "c"), ("a", "c", "is 5")]
    assert set(asked(bench)) == set(PRUNED)
    assert len(bench.search.solutions) == 5, "solutions after it stay"


TIED = {**sample(0, "a", "1."), **sample(1, "c", "b", "2."), **sample(2, "c", "b", "2.")}


@pytest.mark.parametrize(
    ("written", "scores", "expected"),
    [
        # 0.8, 0.72; root 0.5; 0.4, 0.36, 0.25
        (sample(0, "a", "b", "1."), {"b": 0.9}, [(0, 0), (0, 0, 0), (), (0, 0), (0, 0, 0), ()]),
        # three of 0.8: the longest, then the earliest, whichever was scored first
        (TIED, {"b": 1.0}, [(1, 0, 0), (0, 0), (1, 0), (), (1, 0, 0)]),
        # a step that another sample made first is known by that one's path
        (sample(0, "b", "2~") | sample(1, "b", "1."), {"b": 0.7}, [(0, 0), (), (0, 0), ()]),
        (sample(0, "b", "1."), {"b": 0.49}, [(), (), ()]),
        # the solution ended there, by an empty step; it may as well go on
        (sample(0, "b", "."), {"b": 0.89}, [(0, 0), (), (0, 0)]),
    ],
)
def test_a_round_starts_at_the_most_promising_prefix(written: Any, scores: Any, expected: list[Path]) -> None:
    written = {(index, 0): "cut~" for index in range(ROUND)} | written
    bench = Bench(Script(written), {"a": 0.8, "c": 0.8, "1": 0.6, "2": 0.6} | scores)
    grow(bench, ROUND * (1 + len(expected)))
    assert starts(bench) == expected


def test_from_the_root_no_prefix_is_gone_on_from_however_promising() -> None:
    bench = Bench(
        Script({(i, 0): "cut~" for i in range(ROUND)} | sample(0, "a", "b", "1.")), {"a": 1, "b": 1, "1": 0.6}
    )
    grow(bench, ROUND * 4, start="root")
    assert starts(bench) == [()] * 3
    assert {path[0] for path in asked(bench)} == set(range(ROUND * 4))


def test_a_solution_that_ends_at_a_step_scored_before_may_convince_for_nothing() -> None:
    script = Script(sample(0, "is 1", "is 2.") | {(0, 0, 1, 0): "."})
    bench = Bench(script, {"is 1": 0.9, "is 2": 0.8})
    grown = grow(bench, 16)
    assert (grown.convinced and grown.convinced.steps, grown.drawn) == (["is 1"], 8)
    assert bench.prm.asked == [("is 1",), ("is 1", "is 2")]


def test_asking_for_no_more_than_was_drawn_is_no_round() -> None:
    bench = Bench(Script(sample(0, "a", "1.")), {"a": 0.4})
    grown = BestFirst(bench.search)

    async def method(search: Search, budget: int, beam_width: int = 1) -> None:
        for samples in (6, 6, 2):
            await grown.sample(samples)

    bench.run(method, 6)
    assert (grown.drawn, grown.starts.total(), len(grown.unscored), bench.prm.asked) == (6, 6, 1, [])


STEPS = ("a", "b", "c c", "d", "is 1", "is 2", "is 3")
SCORE = st.sampled_from([0.3, 0.5, 0.6, 0.85, 0.9, 1.0]) | st.just(PromptTooLong("no room"))
SCORES = st.fixed_dictionaries(dict.fromkeys(STEPS, SCORE))
LIMITS = st.builds(Limits, max_steps=st.integers(1, 6), max_tokens=st.integers(4, 12))
SEEDS = st.integers(0, 2**32)


def outcome(search: Search, grown: BestFirst) -> Any:
    """All that may show afterwards, in an order that does not depend on who was ready first."""
    nodes = {node.path: (node.steps, node.count, node.ended, node.score, node.pruned) for node in search.nodes()}
    return search.draws, nodes, grown.drawn, grown.convinced and grown.convinced.steps


@given(SEEDS, SCORES, LIMITS, st.integers(1, 40))
def test_any_search_stays_within_what_it_may_do(seed: int, scores: Any, limits: Limits, samples: int) -> None:
    bench = Bench(Script(seed=seed), scores, limits=limits)
    grown = grow(bench, samples)
    assert len(asked(bench)) == len(set(asked(bench))), "streams of two samples collide"
    assert len({node.path for node in bench.search.nodes()}) == len(bench.search.nodes())
    assert grown.starts.total() == grown.drawn <= samples
    assert grown.drawn == samples or grown.convinced is not None
    assert len(bench.prm.asked) == len(set(bench.prm.asked)), "a step was scored twice"
    assert bench.policy.held == [] and bench.prm.held == []
    _is_pruned_by_its_score(bench.search.nodes())


def _is_pruned_by_its_score(nodes: list[Node]) -> None:
    for node in nodes:
        assert node.pruned == (node.score is not None and node.score < 0.5)
        assert not (node.parent and node.parent.pruned and node.score is not None), "scored after a doubt"


@given(SEEDS, SCORES, st.lists(st.integers(1, 8), min_size=1, max_size=3))
def test_in_stages_of_whole_rounds_it_is_the_same(seed: int, scores: Any, rounds: list[int]) -> None:
    once, staged = Bench(Script(seed=seed), scores), Bench(Script(seed=seed), scores)
    stages = sorted(ROUND * n for n in rounds)
    assert outcome(once.search, grow(once, stages[-1])) == outcome(staged.search, grow(staged, *stages))
    assert once.prm.asked == staged.prm.asked and asked(once) == asked(staged)


@given(SEEDS, SCORES, st.integers(1, ROUND - 1))
def test_a_stop_at_the_first_samples_before_they_are_scored_changes_nothing(seed: int, scores: Any, first: int) -> None:
    once, looked = Bench(Script(seed=seed), scores), Bench(Script(seed=seed), scores)
    grown = BestFirst(looked.search)

    async def method(search: Search, budget: int, beam_width: int = 1) -> None:
        await grown.sample(first)
        await grown.sample(ROUND)
        await grown.grow(budget)

    looked.run(method, 3 * ROUND)
    assert outcome(once.search, grow(once, 3 * ROUND)) == outcome(looked.search, grown)
    assert once.prm.asked == looked.prm.asked and set(asked(once)) == set(asked(looked))


class Unsteady(ScriptedPolicy):
    """Takes its time, now for one sample, now for another, as one does that others keep busy."""

    luck = Random(0)

    def sample(self, prefix: Prefix, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        job = super().sample(prefix, key, sampling)
        self.jobs[job] = (self.luck.randint(1, 9), self.jobs[job][1])
        return job


@given(SEEDS, SCORES, st.integers(0, 99))
def test_whatever_shares_the_batch_it_is_the_same(seed: int, scores: Any, luck: int) -> None:
    alone = Bench(Script(seed=seed), scores)
    expected = outcome(alone.search, grow(alone, 16))
    bench = Bench(Script(seed=seed), scores)
    policy = Unsteady(script=Script(seed=seed))
    policy.luck = Random(luck)
    named = partial(Search, policy=policy, prm=bench.prm, conclude=conclude, seed=0, limits=Limits())
    searches = [named(id, id=id, sampling=Sampling(0.7, max_step_tokens=32)) for id in ("p", "q")]
    grown = [BestFirst(search) for search in searches]
    runs = [Once(search, grown_by(one, 16), 16) for search, one in zip(searches, grown, strict=True)]
    assert [ended.error for ended in Driver(policy, bench.prm).run(runs)] == [None, None]
    assert [outcome(search, one) for search, one in zip(searches, grown, strict=True)] == [expected] * 2


def test_wherever_it_is_stopped_it_releases_all() -> None:
    scores = {"a": 0.8, "b": 0.4, "c": 0.9, "is 5": 0.9}
    whole = Bench(PRUNED, scores)
    grow(whole, 8)
    decodes = len(whole.policy.batches) + len(whole.prm.batches)
    for last in range(decodes):
        bench = Bench(PRUNED, scores)
        ran = [bench.policy.batches, bench.prm.batches]
        grow(bench, 8, should_stop=lambda ran=ran, last=last: sum(map(len, ran)) == last)
        assert sum(map(len, ran)) == last
        assert bench.policy.held == [] and bench.prm.held == []
        assert not bench.policy.busy and not bench.prm.busy


def test_without_a_solution_it_draws_all_and_asks_no_prm() -> None:
    dead: dict[Path, str] = {(0, 0): "x", **{(0, 0, attempt): "" for attempt in range(4)}}
    bench = Bench(Script(dead | sample(1, "a", "b", "c")), limits=Limits(max_steps=2))
    grown = grow(bench, 10)
    assert (grown.drawn, grown.convinced, bench.search.solutions, bench.prm.asked) == (10, None, {}, [])
    assert (9, 0) in asked(bench)


def test_a_solution_without_an_answer_is_never_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        scripted, "conclude", lambda node: replace(conclude(node), answer=None if node.text == "why" else "1")
    )
    bench = Bench(Script(sample(0, "a", "why.") | sample(1, "a", "why.") | sample(2, "b", "is 1.")), {"b": 0.4})
    assert grow(bench, 8).convinced is None
    assert bench.prm.asked == [("b",)] and len(bench.search.solutions) == 2


def test_a_solution_is_scored_as_far_as_the_prm_has_room_and_gone_on_from_there() -> None:
    again = {(0, 0, 1, 0): "b", (0, 0, 1, 0, 0): "is 1."}
    bench = Bench(Script(sample(0, "a", "b", "is 1.") | again), {"a": 0.9, "b": PromptTooLong("no room")})
    grown = grow(bench, 8)
    assert bench.prm.asked == [("a",), ("a", "b")], "not asked again where another sample comes out the same"
    assert solutions(bench.search) == [(["a", "b", "is 1"], 2)]
    assert grown.convinced is None and [node.text for node in grown.prefixes] == ["a"]


def test_the_token_limit_holds_from_wherever_it_goes_on() -> None:
    script = Script(sample(0, "a a a", "is 1.") | {(0, 0, 1, 0): "b", (0, 0, 1, 0, 0): "c"})
    bench = Bench(script, {"a a a": 0.8, "is 1": 0.8}, limits=Limits(max_tokens=5))
    grow(bench, 8)
    caps = {key.path: s.max_step_tokens for key, s in zip(bench.policy.asked, bench.policy.samplings, strict=True)}
    assert (caps[0, 0], caps[0, 0, 0], caps[0, 0, 1, 0], caps[0, 0, 1, 0, 0]) == (5, 2, 2, 1)
    assert max(node.solution_tokens for node in bench.search.nodes()) == 5


@pytest.fixture(scope="module")
def nano() -> Iterator[tuple[LlamaPolicy, LlamaPRM]]:
    policy, prm = load_policy("nano", threads=1), load_prm("nano-prm", threads=1)
    assert prm is not None
    yield policy, prm
    policy.close()
    prm.close()


def test_nanos_prm_scores_fewer_tokens_than_best_of_n_and_no_step_twice(nano: tuple[LlamaPolicy, LlamaPRM]) -> None:
    def searched(method: Run) -> list[Search]:
        runs = [Once(_search(problem, *nano), method, 16) for problem in problems]
        assert all(ended.error is None for ended in Driver(*nano).run(runs))
        return [run.search for run in runs]

    with open_dataset("nano", lambda question: False) as rows:
        problems = [row.problem for row in islice(rows, 4)]
    ours = searched(lambda search, n, width: BestFirst(search).grow(n))
    theirs = searched(METHODS["best-of-n"].run)
    for search in ours:
        read = sum(node.prm_tokens for node in search.nodes())
        assert search.prm_usage.evaluated == (search.prompt_tokens.prm or 0) + read, "each step's tokens once"
    assert 0 < sum(s.prm_usage.evaluated for s in ours) < sum(s.prm_usage.evaluated for s in theirs)


def _search(problem: str, policy: LlamaPolicy, prm: LlamaPRM) -> Search:
    return Search(
        problem,
        id=problem,
        policy=policy,
        prm=prm,
        conclude=lambda node: selection.conclude(node, "min"),
        seed=0,
        sampling=Sampling(0.8, 1.0, 120),
        limits=Limits(),
    )
