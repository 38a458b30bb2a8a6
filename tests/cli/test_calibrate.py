"""`tts calibrate` as a user runs it, with tiny real models: the profile, who uses it, who must not, what is refused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli import calibrating
from tests.cli.conftest import BIAS, WORDS, Here, Program
from tests.cli.screen import Screen
from tests.cli.scripted import PROBLEM
from tests.cli.test_batch import TEXT
from tests.cli.test_solve import refused
from tests.cli.test_terminal import finish, live_part, without_styles
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.evaluation import run
from tts_cli.strategy.profile import read

HOME = (".local", "share", "tts", "profiles")
AUTO = ("--method", "auto", "--json")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    calibrating.shrink(monkeypatch)


@pytest.fixture
def dataset(tts: Program) -> Path:
    """The models say 65 more often than 56, and never 7."""
    answers = ["65", "56", "65", "7"] * 4
    rows = [{"problem": f"Compute {i} + 1.", "answer": answer} for i, answer in enumerate(answers)]
    path = tts.work / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def content(path: Path) -> dict[str, Any]:
    """But for the day."""
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    del found["made"]
    return found


def test_the_profile_is_written_told_of_and_used(tts: Program, here: Here, dataset: Path) -> None:
    done = here("calibrate", str(dataset))
    assert done.returncode == 0, done.stderr
    folder = tts.home.joinpath(*HOME)
    path = folder / "tiny+tiny-prm.yaml"
    assert done.stderr == f"Written to {path}; its samples are in {folder / 'tiny+tiny-prm.samples'}.\n"
    for words in ("labelled.jsonl: 16 problems, tiny + tiny-prm", "best-of-n 4", "beam 4", "auto, effort", "normal"):
        assert words in done.stdout
    made = read(path)
    assert (made.policy.name, made.prm.name, made.data.problems) == ("tiny", "tiny-prm", 16)
    names = ["1 drawn", "2 drawn", "2 read", "4 read"]
    assert [stage.name for stage in made.stages] == names
    assert [sorted(stage.later) for stage in made.stages] == [sorted(names[at:]) for at in range(1, 5)]

    solved = document(here("solve", *AUTO, PROBLEM))
    assert f"auto by the profile of {made.made}, at --effort normal; at most N = 8" in solved["why"]
    assert "the chance of a right answer is" in solved["why"] and solved["method"] in (
        "greedy",
        "majority",
        "best-first",
    )
    assert solved["difficulty"] in ("easy", "medium", "hard")
    told = document(here("solve", "--method", "best-of-n", "-n", "4", "--json", PROBLEM))
    shares = [vote["weight"] for vote in told["votes"]]
    assert told["confidence"] != pytest.approx(shares[0] / sum(shares)), "not the share of the votes"


def test_without_a_prm_votes_and_likelihoods_are_calibrated(tts: Program, here: Here, dataset: Path) -> None:
    done = here("calibrate", str(dataset), "--prm", "none")
    assert done.returncode == 0, done.stderr
    made = read(tts.home.joinpath(*HOME) / "tiny+none.yaml")
    assert made.prm is None and [stage.name for stage in made.stages] == ["1 drawn", "2 drawn", "4 drawn"]
    assert set(made.figures["fixed"]) == {"majority 1", "majority 2", "majority 4"}
    assert "labelled.jsonl: 16 problems, tiny + no PRM" in done.stdout

    solved = document(here("solve", *AUTO, "--prm", "none", PROBLEM))
    assert f"auto by the profile of {made.made}" in solved["why"] and solved["prm"] is None
    assert solved["method"] in ("greedy", "majority") and solved["confidence"] is not None
    assert solved["cost"]["prm_tokens"] == 0
    at_most = document(here("solve", *AUTO, "--prm", "none", "-n", "3", "--effort", "max", PROBLEM))
    assert at_most["budget"] <= 3 and at_most["prm"] is None
    with_prm = document(here("solve", *AUTO, PROBLEM))
    assert "by the paper's table, as these models have no profile" in with_prm["why"]


def test_the_figures_add_up(tts: Program, here: Here, dataset: Path) -> None:
    found = document(here("calibrate", str(dataset), "--json", "--profile", "p.yaml", "--out", "samples"))
    assert found["profile"] == "p.yaml" and found["data"]["problems"] == 16
    figures = found["figures"]
    assert set(figures["fixed"]) == {"best-of-n 1", "best-of-n 2", "best-of-n 4", "beam 4", "dvts 4"}
    flops = [figures["fixed"][f"best-of-n {n}"]["flops"] for n in (1, 2, 4)]
    assert flops == sorted(flops)
    assert 0 < figures["fixed"]["best-of-n 4"]["right"]["value"] <= 0.75, "a quarter has an answer that none gives"
    assert sum(figures["difficulty"]["problems"].values()) == 16
    assert set(figures["efforts"]) == {"low", "normal", "high", "max"}
    for effort in figures["efforts"].values():
        assert 1 <= effort["samples"] <= 4 and effort["flops"] > 0
    spent = [figures["efforts"][effort]["flops"] for effort in ("low", "normal", "high", "max")]
    assert spent == sorted(spent)
    assert read(tts.work / "p.yaml").figures == figures
    assert sorted(file.name for file in (tts.work / "samples").iterdir()) == ["samples.sqlite"]


def test_what_the_profile_says_of_the_first_samples_is_what_a_solve_reads(
    tts: Program, here: Here, dataset: Path
) -> None:
    """Stage by stage the same evidence live and when it was calibrated: else no number in it would hold."""
    here("calibrate", str(dataset), "--profile", "p.yaml", "--out", "samples")
    rows = "".join(json.dumps({"problem": f"Compute {i} + 1."}) + "\n" for i in range(16))
    flags = ("--method", "best-of-n", "-n", "4", "--profile", "p.yaml")
    mine = [json.loads(line)["confidence"] for line in here("batch", *flags, stdin=rows).stdout.splitlines()]
    done = here("eval", str(dataset), "--methods", "best-of-n", "--budgets", "4", "--out", "e", "--profile", "p.yaml")
    assert done.returncode == 0, done.stderr
    replayed = [json.loads(line)["confidence"] for line in (tts.work / "e" / "records.jsonl").read_text().splitlines()]
    assert mine == pytest.approx(replayed, abs=0.02)
    assert len(set(mine)) > 1


# Who must not use it


def other_file(tts: Program, name: str, **shape: Any) -> dict[str, str]:
    """A models directory in which one file is another model."""
    folder = tts.work / "other-models"
    shutil.copytree(tts.env["TTS_MODELS_DIR"], folder)
    write_tiny_gguf(folder / name, words=WORDS, layers=1, context=2048, seed=99, **shape)
    return {"TTS_MODELS_DIR": str(folder)}


@pytest.mark.parametrize(("name", "role"), [("tiny.gguf", "policy"), ("tiny-prm.gguf", "PRM")])
def test_another_model_file_of_the_same_name_is_refused(
    tts: Program, here: Here, dataset: Path, name: str, role: str
) -> None:
    shape = {"chat_template": CHAT_TEMPLATE, "bias": BIAS} if name == "tiny.gguf" else {}
    other = other_file(tts, name, **shape)
    assert here("calibrate", str(dataset)).returncode == 0
    why = document(here("solve", *AUTO, PROBLEM, **other))["why"]
    assert "by the paper's table, as the profile tiny+tiny-prm.yaml is not for this run" in why
    assert f"its {role} is another file of {name.removesuffix('.gguf')}" in why
    path = tts.home.joinpath(*HOME) / "tiny+tiny-prm.yaml"
    says = refused(here("solve", *AUTO, "--profile", str(path), PROBLEM, **other), 2)
    assert f"cannot be used: its {role} is another file of" in says and "tts calibrate DATASET" in says
    again = document(here("solve", *AUTO, PROBLEM))["why"]
    assert "auto by the profile of" in again, "with the files that it was made with it still is"


def test_other_settings_and_none_leave_it_aside(here: Here, dataset: Path) -> None:
    here("calibrate", str(dataset))
    hot = document(here("solve", *AUTO, "--temperature", "1", PROBLEM))["why"]
    assert "is not for this run (it was made with temperature 0.7, not 1.0)" in hot
    none = document(here("solve", *AUTO, "--profile", "none", PROBLEM))["why"]
    assert "as these models have no profile" in none
    alone = document(here("solve", *AUTO, "--prm", "none", PROBLEM))
    assert alone["method"] == "majority" and "no profile" in alone["why"]


def test_a_broken_profile_stops_only_those_who_go_by_it(tts: Program, here: Here) -> None:
    folder = tts.home.joinpath(*HOME)
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("nonsense")
    assert "broken.yaml is not a profile" in refused(here("solve", *AUTO, PROBLEM), 2)
    assert here("solve", "--method", "majority", "-q", PROBLEM).returncode == 0
    assert here("solve", *AUTO, "--profile", "none", PROBLEM).returncode == 0


@pytest.mark.parametrize("profile", ["absent.yaml", ".", "labelled.jsonl"])
def test_what_is_no_profile_is_refused(here: Here, dataset: Path, profile: str) -> None:
    assert profile in refused(here("solve", *AUTO, "--profile", profile, PROBLEM), 2)


# What is refused before anything is sampled


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(run, "load_models", load)


@pytest.mark.usefixtures("no_models")
@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--temperature", "0"], 2, "all samples are equal"),
        (["--limit", "7"], 2, "7 problems with an answer are too few to calibrate on; 8 is the least"),
        (["--profile", "labelled.jsonl/p.yaml"], 1, "cannot be made"),
        (["--profile", "."], 1, "not a regular file"),
        (["--profile", "/proc/p.yaml"], 1, "cannot be written"),
        (["--out", "labelled.jsonl"], 1, "cannot be made"),
    ],
)
def test_it_is_refused_at_once(here: Here, dataset: Path, flags: list[str], code: int, says: str) -> None:
    assert says in refused(here("calibrate", str(dataset), *flags), code)


@pytest.mark.usefixtures("no_models")
def test_only_distinct_problems_with_an_answer_count(tts: Program, here: Here) -> None:
    rows = [{"problem": "Compute 1 + 1.", "answer": "2"}] * 9 + [{"problem": f"no answer {i}"} for i in range(9)]
    (tts.work / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "1 problems with an answer are too few" in refused(here("calibrate", "p.jsonl"), 2)


@pytest.mark.usefixtures("no_models")
def test_without_a_data_set_there_must_be_samples(here: Here) -> None:
    assert "No data set was given" in refused(here("calibrate"), 2)
    assert "No data set was given" in refused(here("calibrate", "--out", "absent"), 2)


@pytest.mark.parametrize(
    "form",
    ["so 12 - 5 = 7.\n#### {}", "#### {}", "so $\\boxed{{{}}}$.", "12 - 5 = 7. The answer is {}.", "**Answer:** {}"],
)
def test_whole_solutions_as_references_give_the_profile_of_their_answers(
    tts: Program, here: Here, dataset: Path, form: str
) -> None:
    rows = [json.loads(line) for line in dataset.read_text().splitlines()]
    texts = [row | {"answer": form.format(row["answer"])} for row in rows]
    (tts.work / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in texts))
    for name in (dataset.name, "texts.jsonl"):
        done = here("calibrate", name, "--out", f"{name}.samples", "--profile", f"{name}.yaml")
        assert done.returncode == 0 and "warning" not in done.stderr
    bare, found = (content(tts.work / f"{name}.yaml") for name in (dataset.name, "texts.jsonl"))
    assert found["data"].pop("name") != bare["data"].pop("name")
    assert found == bare


def test_references_that_no_sample_states_make_no_profile(tts: Program, here: Here, dataset: Path) -> None:
    rows = [
        json.loads(line) | {"answer": "half of the ducks that swim on the big lake at night"}
        for line in dataset.read_text().splitlines()
    ]
    dataset.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = here("calibrate", str(dataset), "--profile", "p.yaml")
    assert done.returncode == 2 and "No sample of any problem states its reference" in done.stderr
    assert "warning: the reference of 16 of 16 rows" in done.stderr and "'half of the ducks" in done.stderr
    assert not (tts.work / "p.yaml").exists()


def test_a_problem_that_no_context_holds_is_left_out(tts: Program, here: Here, dataset: Path) -> None:
    with dataset.open("a") as file:
        file.write(json.dumps({"problem": "so " * 9000, "answer": "1"}) + "\n")
    found = document(here("calibrate", str(dataset), "--json", "--profile", "p.yaml"))
    assert found["data"]["problems"] == 16


# Going on


def test_the_same_samples_are_not_drawn_again(tts: Program, here: Here, dataset: Path, request: Any) -> None:
    flags = ("--out", "samples", "--profile", "p.yaml", "-q")
    assert here("calibrate", str(dataset), *flags).returncode == 0
    first = content(tts.work / "p.yaml")
    request.getfixturevalue("no_models")
    assert here("calibrate", *flags).returncode == 0
    assert content(tts.work / "p.yaml") == first


def test_killed_and_resumed_it_makes_the_same_profile(tts: Program, dataset: Path) -> None:
    def command(folder: str, *arguments: str) -> list[str]:
        flags = ["--out", folder, "--profile", f"{folder}.yaml", "-q"]
        return [sys.executable, "-m", "tests.cli.calibrating", "calibrate", *arguments, *flags]

    def run(folder: str, *arguments: str) -> None:
        done = subprocess.run(
            command(folder, *arguments), env=tts.env, cwd=tts.work, capture_output=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")

    run("unbroken", str(dataset))
    log = tts.work / "killed" / "samples.sqlite-wal"
    child = subprocess.Popen(command("killed", str(dataset)), env=tts.env, cwd=tts.work)
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline and not (log.exists() and log.stat().st_size > 60_000):
        time.sleep(0.005)
    child.kill()
    assert child.wait(60) == -signal.SIGKILL, "it was killed while it worked"
    assert not (tts.work / "killed.yaml").exists()
    run("killed")
    assert content(tts.work / "killed.yaml") == content(tts.work / "unbroken.yaml")


# The other commands


def test_a_batch_by_another_profile_is_another_batch(tts: Program, here: Here, dataset: Path) -> None:
    flags = ("--method", "auto", "-o", "out.jsonl")
    assert here("batch", *flags, stdin=TEXT).stderr == ""
    here("calibrate", str(dataset))
    done = here("batch", *flags, stdin=TEXT)
    assert "rows were solved with other settings (flags, profile or model files): they are solved again" in done.stderr
    lines = [json.loads(line) for line in (tts.work / "out.jsonl").read_text().splitlines()]
    assert all("auto by the profile of" in line["why"] for line in lines)
    again = here("batch", *flags, stdin=TEXT)
    assert (again.returncode, again.stderr) == (0, ""), "the same profile: all is done"
    assert here("batch", *flags, "--effort", "max", stdin=TEXT).stderr.count("other settings") == 1


def test_a_trace_of_auto_is_shown_and_explained(tts: Program, here: Here, dataset: Path) -> None:
    here("calibrate", str(dataset), "--profile", "p.yaml")
    promise_much(tts.work / "p.yaml")
    flags = ("--method", "auto", "-n", "4", "--profile", "p.yaml", "--trace", "t.json", "--json")
    record = document(here("solve", *flags, PROBLEM))
    assert (record["method"], record["budget"]) == ("best-first", 4)
    found = document(here("explain", "t.json", "--json"))
    assert (found["half"]["kind"], found["half"]["budget"]) == ("unknown", 2)
    assert found["vote"][0]["weight"] == record["votes"][0]["weight"]
    assert document(here("show", "t.json", "--json"))["why"] == record["why"]
    assert here("show", "t.json", "--html", "t.html").returncode == 0
    page = (tts.work / "t.html").read_text()
    assert f"<p>{record['difficulty']} · auto by the profile of" in page
    checkpoints = [
        event for event in json.loads((tts.work / "t.json").read_text())["events"] if event["event"] == "Decided"
    ]
    assert [checkpoint["samples"] for checkpoint in checkpoints] == [1, 2, 2, 4]


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_what_auto_decides_is_shown_on_a_terminal(tts: Program, size: tuple[int, int]) -> None:
    child = tts.terminal("solve", "--method", "auto", "-n", "16", PROBLEM, size=size)
    output = finish(child)
    assert child.exitstatus == 0
    live = Screen(*size, live_part(output))
    assert live.scrolled == 0
    assert "auto  at most N = 16" in without_styles(output)
    final = Screen(*size, output).text
    assert "the paper's table" in " ".join(final.split()) and "Answer" in final


def test_a_profile_changes_nothing_for_methods_that_do_not_go_by_it(tts: Program, here: Here, dataset: Path) -> None:
    assert here("batch", "-o", "out.jsonl", stdin=TEXT).stderr == ""
    here("calibrate", str(dataset))
    assert here("batch", "-o", "out.jsonl", stdin=TEXT).stderr == ""


def test_eval_measures_auto_by_the_profile(tts: Program, here: Here, dataset: Path) -> None:
    here("calibrate", str(dataset), "--profile", "p.yaml")
    promise_much(tts.work / "p.yaml")
    flags = ("--methods", "auto,best-of-n", "--budgets", "1,2,4", "--profile", "p.yaml")
    summary = document(here("eval", str(dataset), *flags, "--out", "e", "--json"))
    named = [(r["requested_method"], r["method"], r["budget"]) for r in summary["results"]]
    assert named == [(method, method, budget) for method in ("auto", "best-of-n") for budget in (1, 2, 4)]
    lines = [json.loads(line) for line in (tts.work / "e" / "records.jsonl").read_text().splitlines()]
    auto = [line for line in lines if line["requested_method"] == "auto"]
    assert all("auto by the profile of" in line["why"] for line in auto)
    assert {line["budget"] for line in auto} == {1, 2, 4}, "it went as far as it might"
    assert all(line["method"] == ("greedy" if line["budget"] == 1 else "best-first") for line in auto)
    fixed = {(line["problem"], line["budget"]): line for line in lines if line["requested_method"] == "best-of-n"}
    for mine in auto:
        other = fixed[mine["problem"], mine["budget"]]
        assert mine["cost"]["prm_tokens"] <= other["cost"]["prm_tokens"], "it does not read more of them"


def promise_much(path: Path) -> None:
    """Edit a profile as a person may: whatever the evidence, further samples nearly always help."""
    found = yaml.safe_load(path.read_text())
    for stage in found["stages"]:
        for model in stage["later"].values():
            model["right"].update(bias=6.0, weights=[0.0] * len(model["right"]["weights"]))
    path.write_text(yaml.safe_dump(found))


def test_eval_of_another_effort_or_profile_is_another_search_and_the_same_one_is_not(
    here: Here, dataset: Path, request: Any
) -> None:
    here("calibrate", str(dataset), "--profile", "p.yaml")
    flags = ("--methods", "auto", "--budgets", "4", "--out", "e", "--json")
    low = document(here("eval", str(dataset), *flags, "--profile", "p.yaml", "--effort", "low"))
    document(here("eval", "--out", "e", "--effort", "max", "--json"))
    document(here("eval", "--out", "e", "--profile", "none", "--json"))
    request.getfixturevalue("no_models")
    again = document(here("eval", "--out", "e", "--profile", "p.yaml", "--effort", "low", "--json"))
    assert again["results"] == low["results"]
