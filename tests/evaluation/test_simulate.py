"""A search run again from its recording is the search, for its own budget and for smaller ones."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search import test_beam, test_chains
from tests.search.scripted import ScriptedPolicy, ScriptedPrm, wandering
from tts_cli.config import Settings
from tts_cli.data.record import Cost, Problem, Record, RecordError
from tts_cli.errors import PromptTooLong
from tts_cli.evaluation.recordings import record_search, simulate
from tts_cli.models.backends.recording import NotRecorded, SearchRecording, StepScore, pack, unpack
from tts_cli.protocols import Draw, Finish, ModelFacts, PromptTokens
from tts_cli.search.driver import Driver
from tts_cli.solving.session import Session, record_error
from tts_cli.strategy.plan import Plan

PROBLEM = Problem("p", "one two")
POLICY, PRM = ModelFacts("scripted", 10), ModelFacts("scripted-prm", 1000)


def boxed(script: Any) -> Any:
    """The scripts of the searches' own tests, with answers that can be extracted: "is 1." -> "\\boxed{is 1}."""
    return {path: rf"\boxed{{{line[:-1]}}}." if line.endswith(".") else line for path, line in script.items()}


def scores_of(scores: Any, script: Any) -> Any:
    ended = {line[:-1] for line in script.values() if line.endswith(".")}
    return {rf"\boxed{{{step}}}" if step in ended else step: score for step, score in scores.items()}


THREE, BEAM, DVTS = boxed(test_chains.THREE), boxed(test_beam.BEAM), boxed(test_beam.DVTS)
THREE_SCORES = scores_of({"x y": 0.5, "is 1": 0.9, "z": 0.4, "is 2": 0.3}, test_chains.THREE)
BEAM_SCORES = scores_of(test_beam.BEAM_SCORES, test_beam.BEAM)
DVTS_SCORES = scores_of(test_beam.DVTS_SCORES, test_beam.DVTS)


class Same:
    def equal(self, a: str, b: str) -> bool:
        return a == b

    def check(self, problem: str, answer: str) -> Any:
        return "no opinion"


JUDGE = Same()


def plan(method: Any, budget: int) -> Plan:
    return Plan(method, budget, 2)


def live(
    script: Any, scores: Any, how: Plan, settings: Settings, clock: Callable[[], float] = lambda: 0.0
) -> tuple[Session, Exception | None]:
    policy, prm = ScriptedPolicy(script=script), ScriptedPrm("scripted-prm", 1000, scores=scores)
    session = Session(PROBLEM, how, settings, policy, prm, JUDGE, lambda event: None, clock)
    (ended,) = Driver(policy, prm).run([session])
    return session, ended.error


def record(session: Session, error: Exception | None = None) -> Record:
    """Without its cost: what scripted models count is not what llama.cpp runs (see test_real_models)."""
    found = session.record(error, stopped=False)[0]
    return found.model_copy(update={"cost": Cost()})


RUNS = [
    ("majority", 3, THREE, THREE_SCORES),
    ("best-of-n", 3, THREE, THREE_SCORES),
    ("beam", 4, BEAM, BEAM_SCORES),
    ("dvts", 4, DVTS, DVTS_SCORES),
]


@pytest.mark.parametrize(("method", "budget", "script", "scores"), RUNS, ids=[run[0] for run in RUNS])
def test_the_simulated_record_is_the_live_one(method: Any, budget: int, script: Any, scores: Any) -> None:
    how, settings = plan(method, budget), Settings()
    session, error = live(script, scores, how, settings)
    assert error is None
    again, error = simulate(PROBLEM, how, settings, POLICY, PRM, record_search(session.search, None), JUDGE)
    assert error is None
    assert record(again) == record(session)
    assert record(again).votes


@pytest.mark.parametrize("budget", [1, 2])
@pytest.mark.parametrize("method", ["majority", "best-of-n"])
def test_a_smaller_budget_is_what_a_run_with_it_gives(method: Any, budget: int) -> None:
    settings = Settings()
    whole, _ = live(THREE, THREE_SCORES, plan("best-of-n", 3), settings)
    smaller, _ = live(THREE, THREE_SCORES, plan(method, budget), settings)
    again, _ = simulate(PROBLEM, plan(method, budget), settings, POLICY, PRM, record_search(whole.search, None), JUDGE)
    assert record(again) == record(smaller)


def test_the_first_of_two_trees_is_dvts_with_half_of_the_budget() -> None:
    settings = Settings()
    whole, _ = live(DVTS, DVTS_SCORES, plan("dvts", 4), settings)
    smaller, _ = live(DVTS, DVTS_SCORES, plan("dvts", 2), settings)
    again, _ = simulate(PROBLEM, plan("dvts", 2), settings, POLICY, PRM, record_search(whole.search, None), JUDGE)
    assert record(again) == record(smaller)


def test_another_aggregation_and_selection_need_nothing_new() -> None:
    whole, _ = live(THREE, THREE_SCORES, plan("best-of-n", 3), Settings())
    recording = record_search(whole.search, None)
    for how in ("last", "min", "mean", "prod"):
        settings = Settings(aggregate=how, select="max")  # type: ignore[arg-type]
        fresh, _ = live(THREE, THREE_SCORES, plan("best-of-n", 3), settings)
        again, _ = simulate(PROBLEM, plan("best-of-n", 3), settings, POLICY, PRM, recording, JUDGE)
        assert record(again) == record(fresh)


@pytest.mark.parametrize("select", ["weighted", "max", "majority"])
def test_a_last_number_counts_half_from_a_recording_too(select: Any) -> None:
    """Beside a box the two count half, alone in full."""
    script = {(0, 0): wandering(20), (1, 0): wandering(20, "Take"), (2, 0): r"\boxed{5}.", (3, 0): r"so \boxed{5}."}
    settings = Settings(select=select)
    scores = {step[:-1]: 0.5 for step in script.values()}
    whole, _ = live(script, scores, plan("best-of-n", 4), settings)
    recording = record_search(whole.search, None)
    for budget, answer in ((4, "5"), (2, "20")):
        again, _ = simulate(PROBLEM, plan("best-of-n", budget), settings, POLICY, PRM, recording, JUDGE)
        fresh, _ = live(script, scores, plan("best-of-n", budget), settings)
        assert record(again) == record(fresh)
        assert record(again).answer == answer


def test_at_temperature_zero_one_sample_counts_for_all() -> None:
    settings = Settings(temperature=0)
    whole, _ = live({(0, 0): r"\boxed{1}."}, {r"\boxed{1}": 0.5}, plan("best-of-n", 16), settings)
    again, _ = simulate(PROBLEM, plan("best-of-n", 4), settings, POLICY, PRM, record_search(whole.search, None), JUDGE)
    assert [vote.count for vote in record(again).votes] == [4]


def test_a_step_that_the_prm_had_no_room_for_has_no_score_again() -> None:
    scores = THREE_SCORES | {"x y": PromptTooLong("no room")}
    whole, _ = live(THREE, scores, plan("best-of-n", 3), Settings())
    again, error = simulate(
        PROBLEM, plan("best-of-n", 3), Settings(), POLICY, PRM, record_search(whole.search, None), JUDGE
    )
    assert error is None
    assert [node.score for node in again.search.nodes()] == [None] * 4
    assert record(again) == record(whole)


def test_the_error_that_ended_a_search_ends_it_again() -> None:
    policy = ScriptedPolicy(problem_error=PromptTooLong("the problem has 9 tokens", "Shorten it."))
    session = Session(PROBLEM, plan("majority", 2), Settings(), policy, None, JUDGE, lambda event: None, lambda: 0.0)
    (ended,) = Driver(policy).run([session])
    recording = unpack(pack(record_search(session.search, record_error(ended.error))))
    again, error = simulate(PROBLEM, plan("majority", 2), Settings(), POLICY, None, recording, JUDGE)
    assert record(again, error).error == RecordError(
        kind="prompt-too-long", message="the problem has 9 tokens\nShorten it."
    )


def test_a_sample_that_was_never_drawn_is_no_result() -> None:
    whole, _ = live(THREE, THREE_SCORES, plan("best-of-n", 3), Settings())
    recording = record_search(whole.search, None)
    with pytest.raises(NotRecorded, match=r"\(3, 0\)"):
        simulate(PROBLEM, plan("best-of-n", 4), Settings(), POLICY, PRM, recording, JUDGE)
    with pytest.raises(NotRecorded, match="score"):
        simulate(PROBLEM, plan("best-of-n", 3), Settings(), POLICY, PRM, replace(recording, scores={}), JUDGE)


TEXTS = st.text(max_size=8)
SCORES = st.none() | st.floats(0, 1)


@given(
    draws=st.dictionaries(
        st.lists(st.integers(0, 99), min_size=1, max_size=4).map(tuple),
        st.builds(Draw, TEXTS, st.integers(0, 999), st.sampled_from(Finish), st.floats(-1e6, 0), st.booleans()),
        max_size=5,
    ),
    texts=st.lists(TEXTS, max_size=4),
    score=SCORES,
    error=st.none() | st.tuples(TEXTS, TEXTS),
)
def test_a_recording_comes_back_as_it_was(draws: Any, texts: list[str], score: Any, error: Any) -> None:
    paths = [tuple(texts[: i + 1]) for i in range(len(texts))]
    recording = SearchRecording(PromptTokens(3, 4), draws, {path: StepScore(score, 2) for path in paths}, error)
    assert unpack(pack(recording)) == recording


def test_a_recording_from_before_draws_said_whether_they_answer_is_read() -> None:
    recording = SearchRecording(PromptTokens(3), {(0, 0): Draw("x", 1, Finish.ANSWERED, -0.5)}, {})
    content = json.loads(zlib.decompress(pack(recording)))
    content["draws"] = [draw[:5] for draw in content["draws"]]
    assert unpack(zlib.compress(json.dumps(content).encode())) == recording


# With the calculator


class Slippery(dict[Any, str]):
    """One of a few lines for each path, many of which state a false equality."""

    LINES = ("so 2 + 2 = 4", "so 2 + 2 = 5", "so 3 + 3 = 7", r"so 2 + 2 = 6, \boxed{6}.", r"\boxed{4}.", "", "on~")

    def __init__(self, seed: int, slips: int) -> None:
        super().__init__()
        self.seed, self.slips = seed, slips

    def __missing__(self, path: tuple[int, ...]) -> str:
        luck = Random(f"{self.seed} {path}")
        return "so 2 + 2 = 5" if luck.random() < self.slips / 4 else luck.choice(self.LINES)


@given(
    st.integers(0, 2**32), st.integers(0, 4), st.sampled_from([("best-of-n", "majority"), ("dvts", "dvts")]),
    st.integers(1, 3),
)  # fmt: skip
def test_one_recording_holds_what_smaller_budgets_draw_where_all_of_theirs_slip(
    seed: int, slips: int, methods: tuple[str, str], part: int
) -> None:
    script, scores = Slippery(seed, slips), defaultdict(lambda: 0.5, {"so 2 + 2 = 4": 0.7})
    settings = Settings(max_steps=4)
    larger, method = methods
    policy, prm = ScriptedPolicy(script=script), ScriptedPrm("scripted-prm", 1000, scores=scores)
    session = Session(
        PROBLEM, plan(larger, 6), settings, policy, prm, JUDGE, lambda event: None, lambda: 0.0, for_recording=True
    )
    (ended,) = Driver(policy, prm).run([session])
    assert ended.error is None and policy.held == [] and prm.held == []
    recording = unpack(pack(record_search(session.search, None)))
    for how in (plan(method, 2 * part), plan(larger, 6)):
        fresh, _ = live(script, scores, how, settings)
        again, error = simulate(PROBLEM, how, settings, POLICY, PRM, recording, JUDGE)
        assert error is None
        assert record(again) == record(fresh)


def test_with_the_calculator_off_a_recording_is_what_it_was() -> None:
    script = {(0, 0): "so 2 + 2 = 5", (0, 0, 0): r"\boxed{5}."}
    settings = Settings(calculator=False)
    whole, _ = live(script, {}, plan("majority", 1), settings)
    again, _ = simulate(PROBLEM, plan("majority", 1), settings, POLICY, PRM, record_search(whole.search, None), JUDGE)
    assert record(again) == record(whole) and record(again).answer == "5" and record(again).calculator is None
