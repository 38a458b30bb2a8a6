"""An evaluation without the command line: what it is asked, what it reports while it samples, and how it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tts_cli.config import Settings
from tts_cli.errors import TtsError, UsageError
from tts_cli.evaluation.conditions import SearchJob
from tts_cli.evaluation.config import EvalConfig, method_names, resolve, stored_config
from tts_cli.evaluation.run import EvalRun
from tts_cli.evaluation.store import Store, open_store

SETTINGS = Settings(threads=1, gpu_layers=0)
ASKED = EvalConfig(dataset="nano", methods=("greedy", "best-of-n"), budgets=(2,), limit=2, settings=SETTINGS)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


# What is asked


def test_methods_and_budgets_are_put_in_order() -> None:
    asked = EvalConfig(dataset="nano", methods=("beam", "greedy", "beam"), budgets=(16, 1, 4, 4))
    assert (asked.methods, asked.budgets) == (("beam", "greedy"), (1, 4, 16))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"methods": ("beem",)}, "no choice 'beem'"),
        ({"budgets": (0,)}, "'0' is not a number from 1 to 4096"),
        ({"budgets": ()}, "--budgets names nothing"),
    ],
)
def test_what_cannot_be_asked_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        EvalConfig(**{"dataset": "nano", "methods": ("greedy",), **fields})


@pytest.mark.parametrize("fields", [{"limit": True}, {"limit": False}, {"budgets": (True,)}, {"budgets": (4, False)}])
def test_a_truth_value_is_no_number(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="should be a valid integer"):
        EvalConfig(dataset="nano", **fields)


def test_a_list_of_methods_must_name_some() -> None:
    with pytest.raises(UsageError, match="--methods names nothing"):
        method_names([" "])


def test_without_a_data_set_the_last_question_is_asked_again_but_for_what_is_given(tmp_path: Path) -> None:
    first = resolve(None, {"temperature": 0.5, "threads": 2}, dataset="nano", methods=("majority",), limit=3)
    assert (first.budgets, first.shuffle, first.settings.method) == ((1, 4, 16), False, "auto")
    with Store(tmp_path / "s.sqlite") as store:
        EvalRun(first, store)
    with Store(tmp_path / "s.sqlite") as store:
        before = stored_config(store)
    assert before is not None and before.settings.threads is None, "a machine may set it as it likes"
    again = resolve(before, {"aggregate": "min"}, budgets=(2,), shuffle=True)
    assert (again.methods, again.budgets, again.limit, again.shuffle) == (("majority",), (2,), 3, True)
    assert (again.settings.temperature, again.settings.aggregate) == (0.5, "min")
    afresh = resolve(before, {}, dataset="nano")
    assert (afresh.limit, afresh.settings.temperature) == (None, None)
    with Store(None) as store:
        methods = EvalRun(afresh, store).asked.methods
    assert methods == ("greedy", "majority", "best-of-n", "beam", "dvts"), "all whose cost the budget settles"


def test_samples_from_before_the_calculator_go_on_without_it_and_are_not_mixed(tmp_path: Path) -> None:
    asked = EvalConfig(dataset="nano", methods=("majority",), limit=2, settings=Settings(calculator=False))
    with Store(tmp_path / "s.sqlite") as store:
        EvalRun(asked, store)
        config, origin = store.about("config"), store.about("origin")  # as they were stored then
        del config["settings"]["calculator"], origin["calculator"]
        store.set_about(config=config, origin=origin)
    with Store(tmp_path / "s.sqlite") as store:
        again = resolve(stored_config(store), {})
        assert EvalRun(again, store).settings.calculator is False
        for flags in ({"calculator": True}, {}):
            fresh = resolve(stored_config(store), flags, dataset=None if flags else "nano", methods=("majority",))
            with pytest.raises(UsageError, match="another calculator: off, not on"):
                EvalRun(fresh, store)
    with pytest.raises(UsageError, match="No data set was given"):
        resolve(None, {})


def test_the_prm_alone_needs_scored_samples_and_no_more() -> None:
    assert resolve(None, {}, dataset="nano", prm_quality=True).methods == ("best-of-n",)
    with pytest.raises(UsageError, match="Add best-of-n"):
        resolve(None, {}, dataset="nano", methods=("majority",), prm_quality=True)


# What is done


def test_it_reports_what_it_does_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    loaded: list[str] = []
    started: list[tuple[int, int]] = []
    ended: list[SearchJob] = []
    tokens: list[int] = []

    def sample(store: Store, **hooks: Any) -> tuple[EvalRun, bool]:
        run = EvalRun(ASKED, store)
        rows = run.rows()
        return run, run.sample(
            rows,
            on_load=lambda policy: loaded.append(policy.name),
            on_start=lambda searches, total: started.append((searches, total)),
            on_decode=tokens.append,
            on_ended=ended.append,
            **hooks,
        )

    with open_store(tmp_path, new=True) as store:
        run, complete = sample(store, should_stop=lambda: bool(tokens))
        assert not complete and ended == []
        with pytest.raises(TtsError, match="are not stored"):
            run.measure(run.rows())
        run, complete = sample(store)
        assert complete and loaded == ["nano", "nano"] and started == [(4, 4), (4, 4)]
        assert {job.method for job in ended} == {"greedy", "best-of-n"} and len(ended) == 4 and sum(tokens) > 100
        summary, timing = run.measure(run.rows(), tmp_path)
    with open_store(tmp_path, new=False) as store:
        run, complete = sample(store)
        assert complete and len(loaded) == 2, "nothing is missing, so no model is loaded"
        assert run.measure(run.rows()) == (summary, timing)
    assert [(one.label, one.overall.problems) for one in summary.results] == [("greedy", 2), ("best-of-n, N = 2", 2)]
    names = ["records.jsonl", "samples.sqlite", "summary.json", "timing.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_samples_of_another_origin_are_refused() -> None:
    with Store(None) as store:
        EvalRun(ASKED, store)
        EvalRun(ASKED.model_copy(update={"budgets": (4,)}), store)
        other = ASKED.model_copy(update={"settings": SETTINGS.model_copy(update={"seed": 1})})
        with pytest.raises(UsageError, match="made with another seed: 0, not 1"):
            EvalRun(other, store)


def test_what_has_been_drawn_is_scored_and_not_drawn_again() -> None:
    sampled = ASKED.model_copy(update={"methods": ("majority",), "budgets": (4,)})
    scored = sampled.model_copy(update={"methods": ("best-of-n",)})
    with Store(None) as store:
        EvalRun(sampled, store).sample(rows := EvalRun(sampled, store).rows())
        drawn = store.spent.policy_tokens
        EvalRun(scored, store).sample(rows)
        assert store.spent.policy_tokens == drawn > 0 and store.spent.prm_tokens > 0
        summary, _ = EvalRun(scored, store).measure(rows)
    with Store(None) as store:
        EvalRun(scored, store).sample(rows)
        afresh, _ = EvalRun(scored, store).measure(rows)
    assert summary.results[0].overall.cost == afresh.results[0].overall.cost
    assert summary.results[0].overall.right == afresh.results[0].overall.right
