"""From observations to a profile and its figures: by hand, and with nano in real llama.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.conftest import Models
from tests.evaluation.test_simulate import Same
from tests.strategy.profiles import POLICY, PRM, observation, profile, values
from tts_cli.config import Settings
from tts_cli.data.fingerprint import of_problem
from tts_cli.data.rows import Row
from tts_cli.evaluation import observations
from tts_cli.evaluation.calibrate import content_of
from tts_cli.evaluation.calibration_figures import figures
from tts_cli.evaluation.collect import Collector
from tts_cli.evaluation.conditions import job_of
from tts_cli.evaluation.grading import problem_of
from tts_cli.evaluation.observations import VARIANTS, CalibrationProblem, Checkpoint, Observer, plans
from tts_cli.evaluation.profile_fit import CalibrationFacts, cross_profiles, profile_of, simulate_rule
from tts_cli.evaluation.store import Store, StoredSearch
from tts_cli.models.backends.recording import SearchRecording
from tts_cli.protocols import ModelFacts, PromptTokens
from tts_cli.search.driver import Driver
from tts_cli.search.revival import REVIVED
from tts_cli.solving.session import Session
from tts_cli.strategy.mixture import Mixture
from tts_cli.strategy.plan import Plan, make_plan
from tts_cli.strategy.profile import Data
from tts_cli.strategy.rules import CalibratedRule

FACTS = CalibrationFacts(POLICY, PRM, Data(name="d", problems=3, content="cc"), Settings())
STAGES = ((4, False), (4, True), (8, True), (16, True))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observations, "STAGES", STAGES)
    monkeypatch.setattr(observations, "BEST_OF_N", (1, 4, 8, 16))
    monkeypatch.setattr(observations, "SEARCHES", (("beam", 4),))


def seen(stage: tuple[int, bool], agreement: float, right: bool, *, convinced: bool = False) -> Checkpoint:
    """A sample costs 100 FLOPs, and so does its reading."""
    samples, read = stage
    return Checkpoint(
        observation(samples, agreement, read=read, convinced=convinced), right, 100.0 * samples * (1 + read)
    )


def observed(
    agreement: float, right: Sequence[bool] = (True,) * 4, solved: float = 1.0, *, convinced: bool = False
) -> CalibrationProblem:
    """`right`: at as many stages as were gone through; `convinced`: at the last of them."""
    last = len(right) - 1
    checkpoints = [seen(STAGES[i], agreement, ok, convinced=convinced and i == last) for i, ok in enumerate(right)]
    fixed = {f"best-of-n {n}": seen((n, True), agreement, right[-1]) for n in (1, 4, 8, 16)}
    return CalibrationProblem(solved, tuple(checkpoints), fixed | {"beam 4": seen((4, True), agreement, right[-1])})


def some(count: int = 200) -> list[CalibrationProblem]:
    """As likely right as their samples agree, a little more so after 16; every tenth convinces when it is read."""
    rng = np.random.default_rng(1)
    found = []
    for place, chance in enumerate(rng.random(count)):
        first, late = rng.random() < chance, rng.random() < min(1.0, chance + 0.2)
        right = (first, bool(rng.random() < 0.9)) if place % 10 == 0 else (first, first, first, bool(late))
        found.append(observed(float(chance), right, float(chance), convinced=len(right) == 2))
    return found


# The profile


def test_a_profile_tells_the_chances_that_it_was_fitted_to() -> None:
    made = profile_of(some(2000), FACTS, {})
    first, read, last = made.stages[0], made.stages[1], made.stages[-1]
    assert [stage.name for stage in made.stages] == ["4 drawn", "4 read", "8 read", "16 read"]
    assert sorted(first.later) == ["16 read", "4 read", "8 read"] and last.later == {}
    for chance in (0.2, 0.5, 0.8):
        at = values(chance)
        assert first.right(at) == pytest.approx(chance, abs=0.07)
        assert read.later["8 read"].right(at) == pytest.approx(chance, abs=0.07)
        assert read.later["16 read"].right(at) == pytest.approx(min(1, chance + 0.2), abs=0.1)
        assert first.solved is not None and first.solved(at) == pytest.approx(chance, abs=0.07)
        assert made.convinced(at) == pytest.approx(0.9, abs=0.05)
        assert made.best_of_n[8](at) == pytest.approx(min(1, chance + 0.2), abs=0.15)
    assert [stage.solved is None for stage in made.stages] == [False, False, True, True]


def test_what_going_on_costs_is_told_of_problems_that_nothing_has_decided() -> None:
    """Ten of them go on for 400, 800 and 1600 FLOPs; those that end when they are read cost nothing after that."""
    made = profile_of([observed(0.5)] * 10 + [observed(0.5, (True, True), convinced=True)] * 30, FACTS, {})
    first, read = made.stages[:2]
    assert {name: one.flops for name, one in read.later.items()} == {"8 read": 800, "16 read": 2400}
    assert {name: one.flops for name, one in first.later.items()} == {"4 read": 400, "8 read": 600, "16 read": 1000}
    assert (first.flops, read.flops, made.solution_flops) == (400, 800, 200)


def test_stages_that_no_problem_reaches_are_left_out() -> None:
    made = profile_of([observed(0.5, (True, True), convinced=True)] * 20, FACTS, {})
    assert [stage.name for stage in made.stages] == ["4 drawn"] and made.stages[0].later == {}
    nobody = profile_of([observed(0.5, (i < 10,) * 4) for i in range(20)], FACTS, {})
    assert nobody.convinced(values(0.5)) == pytest.approx(0.5, abs=0.01), "as right as those that end"


def test_a_problems_own_profile_never_saw_it() -> None:
    problems = some(60)
    mine = cross_profiles(problems, FACTS)
    turned = [*problems]
    checkpoints = tuple(replace(one, right=not one.right) for one in problems[7].checkpoints)
    turned[7] = replace(problems[7], checkpoints=checkpoints, solved=1 - problems[7].solved)
    other = cross_profiles(turned, FACTS)
    assert other[7] == mine[7], "whatever came of it"
    assert sum(a != b for a, b in zip(mine, other, strict=True)) >= 50


# What auto would have made of it


def test_play_stops_and_goes_on_as_the_rule_says() -> None:
    rule = CalibratedRule(profile(), "normal", 16)
    stop = simulate_rule(observed(1.0), rule)
    assert (stop.samples, stop.flops, stop.right) == (4, 400, True), "nothing was read"
    assert stop.confidence == pytest.approx(0.982, abs=0.001)
    on = simulate_rule(observed(0.25, (False, False, False, True)), rule)
    assert (on.samples, on.flops, on.right, on.difficulty) == (16, 3200, True, "medium")
    sure = simulate_rule(observed(0.25, (False, True), convinced=True), rule)
    assert (sure.samples, sure.flops, sure.right) == (4, 800, True)
    assert sure.confidence == pytest.approx(0.953, abs=0.001)


def test_the_figures_are_those_of_the_observations() -> None:
    problems = some(80)
    found = figures(problems, FACTS)
    for name in ("best-of-n 8", "beam 4"):
        row = found["fixed"][name]
        assert row["right"]["value"] == pytest.approx(sum(o.fixed[name].right for o in problems) / 80, abs=1e-4)
        assert row["right"]["low"] <= row["right"]["value"] <= row["right"]["high"]
    assert found["fixed"]["best-of-n 8"]["flops"] == 1600
    counts = found["difficulty"]["problems"]
    assert sum(counts.values()) == 80 and counts["easy"] > 20 < counts["medium"]
    assert found["difficulty"]["rank_correlation"] > 0.95, "agreement is the share of right samples here"
    assert found["difficulty"]["mean_error"] < 0.1
    spent = [found["efforts"][effort]["flops"] for effort in ("low", "normal", "high", "max")]
    assert spent == sorted(spent) and spent[0] < spent[-1]
    assert profile_of(problems, FACTS, found).figures == found


@pytest.mark.parametrize("right", [True, False])
def test_problems_that_are_all_alike_have_figures_too(right: bool) -> None:
    found = figures([observed(0.5, (right,) * 4, float(right)) for _ in range(20)], FACTS)
    assert found["fixed"]["best-of-n 4"]["right"]["value"] == right
    assert found["difficulty"]["rank_correlation"] is None and found["difficulty"]["auc_of_hard"] is None
    assert profile_of([observed(0.5, (right,) * 4)] * 20, FACTS, found).stages


def test_the_data_are_named_by_their_problems_and_answers() -> None:
    a, b = Row(1, "1", "p", "5"), Row(2, "2", "q", "6")
    assert content_of([a, b]) == content_of([replace(a, id="x", number=9), b])
    assert len({content_of(rows) for rows in ([a, b], [b, a], [a], [replace(a, reference="7"), b])}) == 4


# With nano

SETTINGS = Settings()
MIXTURE = Mixture(aggregate="min", prm=0.5, likelihood=0.3, calculator=0.2)
EVER = SETTINGS.model_copy(update={"method": "auto", "min_confidence": 1.0})  # worth any price


@pytest.fixture(scope="module")
def rows(rows: list[Row]) -> list[Row]:
    return rows[:4]


def live(row: Row, plan: Plan, models: Models) -> Session:
    session = Session(problem_of(row), plan, SETTINGS, *models, Same(), lambda event: None, lambda: 0.0)
    (ended,) = Driver(*models).run([session])
    assert ended.error is None
    return session


def test_auto_sees_live_what_was_observed(models: Models, rows: list[Row]) -> None:
    """The evidence that a profile is fitted to is the evidence that its rule is asked with, stage by stage."""
    facts = [ModelFacts(model.name, model.parameters) for model in models]
    with Store(None) as store:
        jobs = [job_of(plan) for plan in plans(SETTINGS.beam_width)]
        Collector(SETTINGS, *models, store, Same()).collect([problem_of(row) for row in rows], jobs)
        observer = Observer(SETTINGS, *facts, store, Same())
        for row in rows:
            assert observer.complete(row)
            found = observer.observe(row, MIXTURE)
            assert tuple(found) == VARIANTS
            for variant, observation in found.items():
                aggregate, select = variant.vote or MIXTURE.vote
                vote = {"aggregate": aggregate, "select": select, "mixed": variant.vote is None}
                made = profile(start=variant.start, vote=vote, mixture=MIXTURE)
                session = live(row, make_plan(EVER, *facts, made), models)
                same_checkpoints(session, observation)


def same_checkpoints(session: Session, observation: CalibrationProblem) -> None:
    assert len(observation.checkpoints) > 1 and 0 <= observation.solved <= 1
    for (mine, flops), theirs in zip(session.checkpoints, observation.checkpoints, strict=False):
        assert (mine.samples, mine.read) == (theirs.observation.samples, theirs.observation.read)
        assert mine.leader == theirs.observation.leader
        assert mine.values == pytest.approx(theirs.observation.values, abs=0.3), "log odds, in other batches"
        assert flops == pytest.approx(theirs.flops)


def test_the_samples_of_auto_after_the_greedy_one_are_those_of_best_of_n(models: Models, rows: list[Row]) -> None:
    """Word by word where both decode the same batches; auto draws its later ones in batches of their own."""
    plan = make_plan(SETTINGS.model_copy(update={"method": "auto", "budget": 8}), *models, profile())
    for row in rows:
        auto, fixed = live(row, plan, models), live(row, Plan("best-of-n", 4, 1), models)
        drawn, theirs = ({path: draw.text for path, draw in one.search.draws.items()
                          if 0 < path[0] < 4 and REVIVED not in path}
                         for one in (auto, fixed))  # fmt: skip
        assert drawn == theirs
        alone = live(row, Plan("greedy", 1, 1), models).search.draws
        greedy = {path: draw for path, draw in alone.items() if REVIVED not in path}
        assert {path: draw.text for path, draw in auto.search.draws.items() if path in greedy} == {
            path: draw.text for path, draw in greedy.items()
        }
        assert {path[0] for path in auto.search.draws} == set(range(auto.record(None, stopped=False)[0].budget))


def test_a_problem_whose_search_failed_is_no_observation(rows: list[Row]) -> None:
    failed = SearchRecording(PromptTokens(0), {}, {}, ("prompt-too-long", "9 tokens"))
    with Store(None) as store:
        key = of_problem(rows[0].problem)
        store.put([StoredSearch(key, job_of(plan), failed) for plan in plans(4)], {})
        facts = ModelFacts("p", 10)
        assert not Observer(SETTINGS, facts, facts, store, Same()).complete(rows[0])
