"""With nano in real llama.cpp: a search run again from its recording costs what it cost; a wave depends on itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.evaluation.conftest import Models
from tests.evaluation.test_simulate import Same
from tests.strategy.profiles import logistic, profile, stage
from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.data.fingerprint import of_problem
from tts_cli.data.record import Record
from tts_cli.data.rows import Row
from tts_cli.evaluation import collect
from tts_cli.evaluation.collect import Collector, Item, missing
from tts_cli.evaluation.conditions import SearchJob, fewest, job_of, plan_conditions
from tts_cli.evaluation.grading import Grader, problem_of
from tts_cli.evaluation.store import SamplingCost, Store
from tts_cli.models.backends.recording import SearchRecording
from tts_cli.protocols import ModelFacts
from tts_cli.solving.solve import solve_many
from tts_cli.strategy.profile import Profile

SETTINGS = Settings(temperature=0.8, max_step_tokens=120)
SAME = Same()  # no job here asks for a judge
METHODS = ("greedy", "majority", "best-of-n", "beam", "dvts")


def test_a_replay_is_the_search_and_costs_what_it_cost(models: Models, rows: list[Row]) -> None:
    policy, prm = (ModelFacts(model.name, model.parameters) for model in models)
    conditions = plan_conditions(METHODS, (1, 4), SETTINGS, policy, prm)
    with Store(None) as store, Judge() as judge:
        Collector(SETTINGS, *models, store, judge).collect(
            [problem_of(row) for row in rows[:3]], fewest(job_of(condition.plan) for condition in conditions)
        )
        grader = Grader(conditions, SETTINGS, policy, prm, store, judge, SamplingCost())
        replayed = {(r.id, r.method, r.budget): r for row in rows[:3] for r in grader.grade(row)[1]}
        for condition in conditions:
            settings = SETTINGS.model_copy(update={"method": condition.plan.method, "budget": condition.plan.budget})
            for solved in solve_many([problem_of(row) for row in rows[:3]], settings, *models, judge=judge):
                live = solved.record
                rel = 0.02 if live.method == "dvts" else 0.0
                _assert_same(replayed[live.id, live.method, live.budget], live, rel)


def test_a_replay_of_auto_decides_as_it_did(models: Models, rows: list[Row]) -> None:
    """By a profile over rounds of best-first search; without one where it turns to a search beside the samples."""
    policy, prm = (ModelFacts(model.name, model.parameters) for model in models)
    problems = [problem_of(row) for row in rows[:3]]
    settings = SETTINGS.model_copy(update={"method": "auto", "budget": 8, "effort": "max"})
    methods = set()
    with Store(None) as store, Judge() as judge:
        for made in (_eager(), None):
            conditions = plan_conditions(["auto"], [8], settings, policy, prm, made)
            Collector(settings, *models, store, judge).collect(
                problems, [job_of(condition.plan) for condition in conditions]
            )
            grader = Grader(conditions, settings, policy, prm, store, judge, SamplingCost())
            replayed = {r.id: r for row in rows[:3] for r in grader.grade(row)[1]}
            for problem in problems:  # alone, as its recording's tokens are
                (solved,) = solve_many([problem], settings, *models, judge=judge, plan=conditions[0].plan)
                found, live = replayed[problem.id], solved.record
                assert (found.method, found.budget, found.difficulty) == (live.method, live.budget, live.difficulty)
                assert found.requested_method == "auto"
                assert found.confidence == pytest.approx(live.confidence, abs=0.02)
                _assert_same(found, live, rel=0.02)
                methods.add(found.method)
    assert methods > {"best-first"}


def _eager() -> Profile:
    """Goes on whatever it sees, to 8 samples."""
    always = logistic(9, 0)
    stages = (stage(4, {"4 read": always, "8 read": always}, read=False), stage(4, {"8 read": always}), stage(8, {}))
    return profile(stages=stages)


def _assert_same(replayed: Record, live: Record, rel: float = 0.0) -> None:
    """Scores are compared roughly: what shared a batch shows in their last bits.

    `rel`: equal steps of two trees of DVTS, or of two rounds of auto, are two branches there and one text here: a token
    each.
    """
    assert (replayed.answer, replayed.finish, replayed.why) == (live.answer, live.finish, live.why)
    assert [(v.answer, v.count) for v in replayed.votes] == [(v.answer, v.count) for v in live.votes]
    assert [v.weight for v in replayed.votes] == pytest.approx([v.weight for v in live.votes], abs=0.05)
    mine, theirs = replayed.cost, live.cost
    assert mine.policy_prompt_tokens == theirs.policy_prompt_tokens
    assert mine.prm_tokens == theirs.prm_tokens
    assert mine.policy_tokens == pytest.approx(theirs.policy_tokens, rel=rel)


JOBS = [SearchJob("greedy", 1, 1), SearchJob("best-of-n", 4, 1), SearchJob("beam", 4, 4)]


def _recordings(models: Models, rows: Sequence[Row], store: Store) -> dict[tuple[str, SearchJob], SearchRecording]:
    Collector(SETTINGS, *models, store, SAME).collect([problem_of(row) for row in rows], JOBS)
    keys = [of_problem(row.problem) for row in rows]
    return {(key, job): store.recording(key, job) for key in keys for job in JOBS}


def test_a_wave_depends_on_itself_alone(models: Models, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores too, bit for bit, though another wave has gone before or not."""
    monkeypatch.setattr(collect, "ROWS_PER_WAVE", 18)  # two problems
    with Store(None) as store:
        unbroken = _recordings(models, rows[:4], store)
    with Store(None) as store:
        resumed = _recordings(models, rows[2:4], store)
        resumed |= _recordings(models, rows[:4], store)
    assert resumed == unbroken


def test_a_stopped_run_keeps_whole_waves_and_goes_on_with_the_rest(
    models: Models, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "ROWS_PER_WAVE", 18)
    problems = [problem_of(row) for row in rows[:6]]
    items = [Item(problem, job) for problem in problems for job in JOBS]
    ended: list[SearchJob] = []
    with Store(None) as store:
        Collector(SETTINGS, *models, store, SAME, should_stop=lambda: len(ended) >= 8, on_ended=ended.append).collect(
            problems, JOBS
        )
        assert len(missing(items, store)) == 12, "the first wave is whole, the second is lost"
        ended.clear()
        Collector(SETTINGS, *models, store, SAME, on_ended=ended.append).collect(problems, JOBS)
        assert len(ended) == 12 and missing(items, store) == []


def test_large_models_store_each_search_at_its_end(
    models: Models, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "WAVES_BELOW", 0)
    problems = [problem_of(row) for row in rows[:2]]
    tokens: list[int] = []
    ended: list[SearchJob] = []
    with Store(None) as store:
        collector = Collector(
            SETTINGS,
            *models,
            store,
            SAME,
            should_stop=lambda: len(ended) >= 2,
            on_ended=ended.append,
            on_decode=tokens.append,
        )
        collector.collect(problems, JOBS)
        stored = [job for problem in problems for job in store.jobs(of_problem(problem.text))]
        spent = store.about("spent")
    assert sorted(stored) == sorted(ended) and 2 <= len(stored) < 6
    assert sum(tokens) >= spent["policy_tokens"] + spent["prm_tokens"] > 0
    assert spent["policy_seconds"] > 0 and spent["wall_seconds"] >= spent["policy_seconds"]
