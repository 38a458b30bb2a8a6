"""The speed benchmark: its loops run on a tiny model, its page is written from stored results. Nothing is timed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.speed import busy, limit, mechanism_run, search, store
from benchmarks.speed.__main__ import PAGE, choice, main, parser
from benchmarks.speed.bare import LAYOUTS, Bare
from benchmarks.speed.loop import Loop
from benchmarks.speed.ours import draw, prompts
from benchmarks.speed.parts import PARTS, TITLES
from benchmarks.speed.probe import Decode, covered, watched
from benchmarks.speed.report import details, headline
from benchmarks.speed.store import Result, Row, Target, ratio
from benchmarks.speed.weights import TOKEN_PAIR, Choice
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.engine import Engine
from tts_cli.engine.model import load_model
from tts_cli.models.load import load_policy, load_prm
from tts_cli.models.registry import ModelEntry

NO_END = {"<|end|>": -100.0}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It never ends, and writes steps."""
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    return write_tiny_gguf(path, dtype="F32", bias={**NO_END, "\n\n": 1.0}, chat_template=CHAT_TEMPLATE)


@pytest.fixture
def chosen(tiny: Path) -> Choice:
    return Choice(tiny.parent, tiny, tiny, rounds=1, threads=1, max_tokens=12, full=False, peers=None)


def row(what: str, rates: list[float], **setting: object) -> Row:
    return Row(what, setting, [{"tokens": rate, "seconds": 1.0} for rate in rates])


# The loops


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_bare_loop_decodes_rows_of_all_sequences_and_takes_them_back(tiny: Path, layout: object) -> None:
    with watched() as probe:
        model = load_model(tiny)
        try:
            with Bare(model, layout, 4, 40, 6, 1) as loop:  # type: ignore[arg-type]
                assert [one.rows for one in probe.take()] == [40]
                for _ in range(2):  # the cells of the first run are free again
                    loop.run(4)
                    assert [(one.rows, one.marked) for one in probe.take()] == [(4, 4)] * 5
        finally:
            model.free()


def test_our_engine_draws_at_full_width_without_running_the_prompts_again(tiny: Path) -> None:
    with watched() as probe, Engine(tiny, threads=1, n_seq_max=8, n_contexts=1) as engine:
        roots = prompts(engine, 4, 40)
        assert sum(one.rows for one in probe.take()) >= 4 * 40
        tokens, _ = draw(engine, roots, 5, key=0)
        assert tokens == 4 * 5
        assert all(one.rows <= 4 for one in probe.take())
        assert not engine.busy


def test_limit_and_busy_give_rows_that_can_be_reported(tiny: Path) -> None:
    model = load_model(tiny)
    try:
        with Engine(tiny, threads=1, n_seq_max=8) as engine:
            rows = limit.measure(model, engine, 2, 128, rounds=2, decodes=3, threads=1)
    finally:
        model.free()
    rounds = [len(one.rounds) for one in rows]
    assert rounds[2] == rounds[4] == 2, "our layout's bare loop, and ours"
    assert rounds.count(1) in (1, 2), "the others are the slower ones"
    assert rows[-1].what == "ours" and len(limit.targets(rows)) == 1


def test_only_bare_loops_of_all_rounds_can_be_the_best() -> None:
    rows = [row("bare, unified", [100.0], width=1), row("bare, streams", [40.0, 42.0], width=1)]
    assert limit.best(rows).what == "bare, streams"


def test_a_search_is_measured_with_its_prm(tiny: Path, chosen: Choice) -> None:
    with watched() as probe:
        policy = load_policy(str(tiny), threads=1)
        prm = load_prm(ModelEntry(name="prm", role="prm", file=str(tiny), format=TOKEN_PAIR), threads=1)
        try:
            one = search.measure(search.Workload("beam", 4), (policy, prm), chosen, 0, probe)
            many = search.measure(search.Workload("majority", 4, problems=3), (policy, prm), chosen, 0, probe)
        finally:
            policy.close()
            prm.close()
    assert "start" not in vars(prm) and "score" not in vars(prm)
    assert one["prm tokens"] >= one["distinct prm tokens"] > 0 < one["decoding"] < one["seconds"]
    assert many["prm tokens"] == 0 and many["tokens"] == pytest.approx(3 * 4 * 12, rel=0.2)


@pytest.mark.filterwarnings("ignore")  # llama_cpp's own
def test_the_loop_of_others_draws_what_it_says(tiny: Path) -> None:
    loop = Loop.open(tiny, tiny, threads=1, n_ctx=256, temperature=0.7)
    try:
        loop.best_of_n("<|problem|>1 + 1<|solution|>", 3, 8)
        assert 3 * 8 <= loop.tokens <= 3 * 11  # it never ends; the class ends no character in its middle
        loop.tokens = 0
        loop.beam("<|problem|>1 + 1<|solution|>", 4, 2, steps=2, step_tokens=6)
        assert 8 <= loop.tokens <= 8 * 9  # 4 candidates in each of 2 steps, some of which end at a separator
    finally:
        loop.close()


@pytest.mark.parametrize("increments", [True, False])
def test_a_mechanism_off_is_more_work_for_the_same_result(tiny: Path, increments: bool) -> None:
    with watched() as probe:
        done = mechanism_run.work(
            str(tiny), {"threads": 1, "n_ctx": 4096, "n_contexts": 1}, prm=True, increments=increments
        )
        rows = sum(one.rows for one in probe.take())
    steps = 16 * 4 * 24
    assert done["tokens"] == steps
    assert (rows == mechanism_run.PROMPT + steps) if increments else rows > 2 * steps


def test_samples_share_a_prompt_or_have_their_own(tiny: Path) -> None:
    ran = {}
    for shared in (True, False):
        with watched() as probe:
            done = mechanism_run.work(str(tiny), {"threads": 1}, width=3, shared=shared, tokens=4)
            ran[shared] = sum(one.rows for one in probe.take())
        assert done["tokens"] == 3 * 4
    assert ran[False] - ran[True] == 2 * mechanism_run.PROMPT


def test_time_in_decodes_at_the_same_time_counts_once() -> None:
    assert covered([Decode(0, 4, 1, 1, 0), Decode(1, 3, 1, 1, 0), Decode(3, 6, 1, 1, 0), Decode(7, 8, 1, 1, 0)]) == 7


# The command line and the page


def test_the_command_line_names_its_parts() -> None:
    options = parser().parse_args(["run", "--part", "busy,start", "--rounds", "2", "--threads", "1"])
    assert options.part == ("start", "busy")  # in their own order
    assert choice(options).rounds == 2
    assert set(TITLES) == set(PARTS)
    with pytest.raises(SystemExit):
        parser().parse_args(["run", "--part", "nothing"])


def test_how_long_it_takes_is_said_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    assert main(["run", "--dry-run", "--part", "limit", "--results", str(results)]) == 0
    assert "about" in capsys.readouterr().err and not results.exists()


def stored() -> dict[str, Result]:
    machine = {"cpu": "x", "measured": "2026-01-01", "others' load at the start": 0.1}
    rows = [row("alone", [100.0, 50.0, 80.0], width=1), row("beside", [50.0, 20.0, 48.0], width=1)]
    return {"busy": Result(machine, 60.0, rows)}


def test_results_are_kept_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert store.read(path) == {}
    store.write(path, stored())
    assert store.read(path) == stored()
    path.write_text(json.dumps({"busy": {}}))
    with pytest.raises(ValueError, match="no results"):
        store.read(path)


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    alone, beside = stored()["busy"].rows
    assert ratio(beside, alone) == 0.5
    (target,) = busy.targets([alone, beside])
    assert target == Target("beside two busy threads / alone, width 1", 0.45, 0.5, 3) and target.met
    assert not Target("", 1.2, 1.3, 5, least=False).met


def test_the_page_is_written_from_stored_results(tmp_path: Path) -> None:
    results, page = tmp_path / "results.json", tmp_path / "README.md"
    page.write_text(PAGE.read_text())
    store.write(results, stored())
    assert main(["report", "--results", str(results), "--page", str(page)]) == 0
    text = page.read_text()
    assert "| beside two busy threads / alone, width 1 | ≥ 0.45 | 0.500 | 3 | met |" in text
    assert headline(stored()) in text and details(stored()) in text and "Not measured yet: start" in text
