"""From observations to a profile and its figures: by hand, and with nano in real llama.cpp."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.evaluation.conftest import Models
from tests.evaluation.test_replay import Same
from tests.strategy.profiles import COUNT, POLICY, PRM, profile, with_search
from tts_cli.data.record import RecordError
from tts_cli.data.rows import Row
from tts_cli.evaluation import calibrate, calibration_figures
from tts_cli.evaluation.calibrate import (
    Facts,
    Observation,
    Observer,
    Seen,
    content_of,
    cross_profiles,
    pays,
    plans,
    play,
    profile_of,
)
from tts_cli.evaluation.calibration_figures import figures
from tts_cli.evaluation.collect import Collector
from tts_cli.evaluation.grade import problem_of
from tts_cli.evaluation.replay import ModelFacts
from tts_cli.evaluation.store import Row as Stored
from tts_cli.evaluation.store import Store, problem_key
from tts_cli.evaluation.tape import Tape
from tts_cli.evaluation.units import unit_of
from tts_cli.search.context import PromptTokens
from tts_cli.search.driver import Driver
from tts_cli.strategy.attempt import Attempt
from tts_cli.strategy.evidence import Evidence, gather
from tts_cli.strategy.plan import Plan, make_plan
from tts_cli.strategy.profile import Data
from tts_cli.strategy.rule import Measured
from tts_cli.strategy.settings import SolveSettings
from tts_cli.strategy.static import Known
from tts_cli.strategy.verdict import decide

FACTS = Facts(POLICY, PRM, Data(name="d", problems=3, content="cc"), SolveSettings())
STAGES = (4, 8, 16)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "STAGES", STAGES)
    monkeypatch.setattr(calibration_figures, "STAGES", STAGES)
    monkeypatch.setattr(calibrate, "SEARCHES", (("beam", 16),))


def seen(samples: int, agreement: float, right: bool, flops: float) -> Seen:
    return Seen(Evidence(samples, "1", (agreement, *[0.0] * (COUNT - 1))), right, flops)


def observed(
    agreement: float, right: Any = (True, True, True), searched: bool = True, solved: float = 1.0
) -> Observation:
    """A sample costs 100 FLOPs, the search as much as eight. `right`: after 4, 8 and 16 samples."""
    stages = {n: seen(n, agreement, ok, 100.0 * n) for n, ok in zip(STAGES, right, strict=True)}
    searches = {(n, "beam 16"): seen(n + 16, agreement, searched, 800.0) for n in STAGES}
    return Observation(solved, stages, {"beam 16": seen(16, agreement, searched, 800.0)}, searches)


def some(count: int = 200) -> list[Observation]:
    """As likely right as their samples agree; easy ones at once, others a little more so after 16."""
    rng = np.random.default_rng(1)
    found = []
    for chance in rng.random(count):
        first, late = rng.random() < chance, rng.random() < min(1.0, chance + 0.2)
        found.append(observed(float(chance), (first, first, late), bool(late), float(chance)))
    return found


# What pays


def test_a_search_that_is_better_than_as_many_samples_pays() -> None:
    better = [observed(0.5, (False, False, False), True) for _ in range(30)]
    assert pays(better, "beam 16", 0)


def test_a_search_pays_only_against_samples_of_the_same_cost() -> None:
    """After 4 samples it costs as much as 12 in all: 16 are the first that cost no less, and they are as good."""
    assert not pays([observed(0.5, (False, False, True), True) for _ in range(30)], "beam 16", 0)
    assert pays([observed(0.5, (False, True, False), True) for _ in range(30)], "beam 16", 0)


def test_with_too_little_data_to_tell_them_apart_the_cheaper_one_is_kept() -> None:
    few = [observed(0.5, (False,) * 3, True)] + [observed(0.5, (True,) * 3, True)] * 5
    assert not pays(few, "beam 16", 0)
    assert profile_of(few, FACTS, {}).searches == {}


def test_what_paid_is_in_the_profile_at_every_stage() -> None:
    made = profile_of([observed(0.5, (i % 4 == 0,) * 3, i % 5 > 0) for i in range(60)], FACTS, {})
    assert list(made.searches) == ["beam 16"] and made.searches["beam 16"].flops == 800
    assert all(list(stage.searches) == ["beam 16"] for stage in made.stages)


# The profile


def test_a_profile_tells_the_chances_that_it_was_fitted_to() -> None:
    made = profile_of(some(2000), FACTS, {})
    first, last = made.stages[0], made.stages[-1]
    assert [stage.flops for stage in made.stages] == [400, 800, 1600]
    assert sorted(first.later) == [8, 16] and last.later == {}
    for chance in (0.2, 0.5, 0.8):
        values = (chance, *[0.0] * (COUNT - 1))
        assert first.right(values) == pytest.approx(chance, abs=0.07)
        assert first.later[8](values) == pytest.approx(chance, abs=0.07)
        assert first.later[16](values) == pytest.approx(min(1, chance + 0.2), abs=0.1)
        assert made.solved(values) == pytest.approx(chance, abs=0.07)


def test_a_problems_own_profile_never_saw_it() -> None:
    problems = some(60)
    mine = cross_profiles(problems, FACTS)
    turned = [*problems]
    stages = {n: replace(one, right=not one.right) for n, one in problems[7].stages.items()}
    turned[7] = replace(problems[7], stages=stages, solved=1 - problems[7].solved)
    other = cross_profiles(turned, FACTS)
    assert other[7] == mine[7], "whatever came of it"
    assert sum(a != b for a, b in zip(mine, other, strict=True)) >= 50


# What auto would have made of it


def test_play_stops_goes_on_and_searches_as_the_rule_says() -> None:
    rule = Measured(profile(), "normal", 16)
    stop = play(observed(1.0), rule)
    assert (stop.samples, stop.flops, stop.right) == (4, 400, True)
    assert stop.confidence == stop.first.confidence == pytest.approx(0.982, abs=0.001)
    on = play(observed(0.25, (False, False, True)), rule)
    assert (on.samples, on.flops, on.right) == (16, 1600, True)
    assert on.first.difficulty == "medium"
    search = play(observed(0.25, (False,) * 3, True), Measured(with_search(), "normal", 16))
    assert (search.samples, search.flops, search.right) == (4, 400 + 800, True)
    assert search.confidence == pytest.approx(0.731, abs=0.001)


def test_the_figures_are_those_of_the_observations() -> None:
    problems = some(80)
    found = figures(problems, FACTS)
    for n in STAGES:
        row = found["fixed"][f"best-of-n {n}"]
        assert row["right"]["value"] == pytest.approx(sum(o.stages[n].right for o in problems) / 80, abs=1e-4)
        assert row["flops"] == 100 * n and row["right"]["low"] <= row["right"]["value"] <= row["right"]["high"]
    counts = found["difficulty"]["problems"]
    assert sum(counts.values()) == 80 and counts["easy"] > 20 < counts["medium"]
    assert found["difficulty"]["rank_correlation"] > 0.95, "agreement is the share of right samples here"
    assert found["difficulty"]["mean_error"] < 0.1
    spent = [found["efforts"][effort]["flops"] for effort in ("low", "normal", "high", "max")]
    assert spent == sorted(spent) and spent[0] < spent[-1]
    assert profile_of(problems, FACTS, found).figures == found


@pytest.mark.parametrize("right", [True, False])
def test_problems_that_are_all_alike_have_figures_too(right: bool) -> None:
    found = figures([observed(0.5, (right,) * 3, right, float(right)) for _ in range(20)], FACTS)
    assert found["fixed"]["best-of-n 4"]["right"]["value"] == right
    assert found["difficulty"]["rank_correlation"] is None and found["difficulty"]["auc_of_hard"] is None
    assert profile_of([observed(0.5, (right,) * 3)] * 20, FACTS, found).stages


def test_the_data_are_named_by_their_problems_and_answers() -> None:
    a, b = Row(1, "1", "p", "5"), Row(2, "2", "q", "6")
    assert content_of([a, b]) == content_of([replace(a, id="x", number=9), b])
    assert len({content_of(rows) for rows in ([a, b], [b, a], [a], [replace(a, reference="7"), b])}) == 4


# With nano

SETTINGS = SolveSettings()


@pytest.fixture(scope="module")
def rows(rows: list[Row]) -> list[Row]:
    return rows[:4]


def live(row: Row, plan: Plan, models: Models) -> Attempt:
    attempt = Attempt(problem_of(row), plan, SETTINGS, *models, Same(), lambda event: None, lambda: 0.0)
    (ended,) = Driver(*models).run([attempt])
    assert ended.error is None
    return attempt


def test_auto_sees_live_what_was_observed(models: Models, rows: list[Row], monkeypatch: Any) -> None:
    """The evidence that a profile is fitted to is the evidence that its rule is asked with, stage by stage."""
    monkeypatch.setattr(calibrate, "SEARCHES", (("beam", 4), ("dvts", 4)))
    facts = [ModelFacts(model.name, model.parameters) for model in models]
    with Store(None) as store:
        units = [unit_of(plan) for plan in plans(SETTINGS.beam_width)]
        Collector(SETTINGS, *models, store, Same()).collect([problem_of(row) for row in rows], units)
        observer = Observer(SETTINGS, *facts, store, Same())
        for row in rows:
            observation = observer.observe(row)
            assert observation is not None
            for n in STAGES:
                attempt = live(row, Plan("best-of-n", n, 1, ""), models)
                verdict = decide(attempt.search, SETTINGS.aggregate, SETTINGS.select, Same())
                mine = gather(verdict.ballots, verdict.votes, n)
                assert mine.leader == observation.stages[n].evidence.leader
                assert mine.values == pytest.approx(observation.stages[n].evidence.values, abs=0.1)
                assert observation.stages[n].right == (verdict.answer == row.reference)
                assert observation.stages[n].flops == pytest.approx(attempt.flops())
            beside = observation.searches[4, "beam 4"]
            assert beside.evidence.samples == 8 and beside.flops == observation.alone["beam 4"].flops > 0
            assert 0 <= observation.solved <= 1


def test_the_first_samples_of_auto_are_those_of_best_of_n(models: Models, rows: list[Row]) -> None:
    """Word by word where both decode the same batches; auto draws its later ones in batches of their own."""
    plan = make_plan(replace(SETTINGS, budget=8), *models, Known(profile=profile()))
    for row in rows:
        auto, fixed = live(row, plan, models), live(row, Plan("best-of-n", 4, 1, ""), models)
        drawn = {path: draw for path, draw in auto.search.draws.items() if path[0] < 4}
        assert drawn == fixed.search.draws
        assert {path[0] for path in auto.search.draws} == set(range(auto.record(None, stopped=False)[0].budget))


def test_a_problem_whose_search_failed_is_no_observation(rows: list[Row]) -> None:
    failed = Tape(PromptTokens(0), {}, {}, RecordError(kind="prompt-too-long", message="9 tokens"))
    with Store(None) as store:
        key = problem_key(rows[0].problem)
        store.put([Stored(key, unit_of(plan), failed) for plan in plans(4)], {})
        facts = ModelFacts("p", 10)
        assert Observer(SETTINGS, facts, facts, store, Same()).observe(rows[0]) is None
