"""`tts eval` as a user runs it: files, figures, stopping and going on, asking again, and what is refused."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from tests.cli.conftest import Here, Program
from tts_cli.data.schema import PATH as SCHEMA
from tts_cli.evaluation.grading import EvalRecord

PROBLEMS = 'a,65,1\nb,56,1\n"c, with a comma",65,2\nd,7,Level 10\n'
SMALL = ("--methods", "greedy,majority,best-of-n", "--budgets", "1,4")


@pytest.fixture
def dataset(tts: Program) -> Path:
    path = tts.work / "problems.csv"
    path.write_text("problem,answer,level\n" + PROBLEMS)
    return path


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def test_files_and_table(tts: Program, here: Here, dataset: Path) -> None:
    done = here("eval", str(dataset), *SMALL, "--out", "results")
    assert done.returncode == 0, done.stderr
    assert "greedy" in done.stdout and "best-of-n" in done.stdout and "pass@4" in done.stdout
    assert "\x1b" not in done.stdout and "│" not in done.stdout
    assert done.stderr.endswith("Written to results.\n")
    folder = tts.work / "results"
    assert sorted(file.name for file in folder.iterdir()) == [
        "records.jsonl",
        "samples.sqlite",
        "summary.json",
        "timing.json",
    ]
    lines = records(folder)
    assert [(line["problem"], line["method"], line["budget"]) for line in lines[:5]] == [
        ("a", "greedy", 1),
        ("a", "majority", 1),
        ("a", "majority", 4),
        ("a", "best-of-n", 1),
        ("a", "best-of-n", 4),
    ]
    assert len(lines) == 4 * 5
    schema = json.loads(SCHEMA.read_text())
    for line in lines:
        validate(line, schema)
        record = EvalRecord.model_validate(line)
        assert record.requested_method == record.method
        assert record.correct == (record.answer == record.reference)


def test_the_summary_adds_up(tts: Program, here: Here, dataset: Path) -> None:
    summary = document(here("eval", str(dataset), *SMALL, "--out", "results", "--json"))
    lines = records(tts.work / "results")
    for result in summary["results"]:
        mine = [x for x in lines if (x["method"], x["budget"]) == (result["method"], result["budget"])]
        overall = result["overall"]
        assert overall["right"] == sum(line["correct"] for line in mine)
        assert overall["accuracy"]["value"] == overall["right"] / 4
        assert overall["cost"]["policy_tokens"] == sum(line["cost"]["policy_tokens"] for line in mine) / 4
        assert overall["cost"]["flops"] == pytest.approx(sum(line["cost"]["flops"] for line in mine) / 4)
        assert list(result["by_level"]) == ["1", "2", "Level 10"]
        assert sum(group["right"] for group in result["by_level"].values()) == overall["right"]
    assert [one["k"] for one in summary["pass_at_k"]] == [1, 2, 4]
    rates = [one["accuracy"]["value"] for one in summary["pass_at_k"]]
    assert rates == sorted(rates)
    assert len(summary["rescored"]) == 2 * 12
    assert summary["timing"]["policy_seconds"] > 0
    on_disk = json.loads((tts.work / "results" / "summary.json").read_text())
    assert on_disk == {key: value for key, value in summary.items() if key != "timing"}
    assert "seconds" not in json.dumps(on_disk["results"])


def test_a_smaller_budget_is_the_first_samples_of_the_larger(tts: Program, here: Here, dataset: Path) -> None:
    here("eval", str(dataset), "--methods", "best-of-n", "--budgets", "2,8", "--out", "both")
    here("eval", str(dataset), "--methods", "best-of-n", "--budgets", "2", "--out", "alone")
    both = [line for line in records(tts.work / "both") if line["budget"] == 2]
    for mine, alone in zip(both, records(tts.work / "alone"), strict=True):
        assert [(v["answer"], v["count"]) for v in mine["votes"]] == [(v["answer"], v["count"]) for v in alone["votes"]]
        assert {**mine["cost"], "seconds": 0} == {**alone["cost"], "seconds": 0}


def test_asking_again_needs_no_model_and_no_token(tts: Program, here: Here, dataset: Path) -> None:
    first = document(here("eval", str(dataset), *SMALL, "--out", "results", "--json"))
    gone = {"TTS_MODELS_DIR": str(tts.work / "no-models")}
    again = document(here("eval", "--out", "results", "--json", **gone))
    assert again == first
    other = document(here("eval", "--out", "results", "--aggregate", "min", "--select", "max", "--json", **gone))
    assert other["facts"]["settings"]["aggregate"] == "min"
    wanted = next(
        one for one in first["rescored"] if (one["budget"], one["aggregate"], one["select"]) == (4, "min", "max")
    )
    best = next(r for r in other["results"] if (r["method"], r["budget"]) == ("best-of-n", 4))
    assert best["overall"]["accuracy"]["value"] == wanted["accuracy"]
    fewer = document(here("eval", "--out", "results", "--budgets", "3", "--limit", "2", "--json", **gone))
    assert fewer["problems"] == 2 and {r["budget"] for r in fewer["results"]} == {1, 3}
    new = here("eval", "--out", "results", "--budgets", "8", **gone)
    assert new.returncode == 4 and "not on this machine" in new.stderr


def test_samples_of_different_settings_are_never_mixed(here: Here, dataset: Path) -> None:
    here("eval", str(dataset), "--methods", "majority", "--budgets", "2", "--out", "results", "--temperature", "0.5")
    other = here("eval", str(dataset), "--out", "results", "--temperature", "0.9")
    assert other.returncode == 2
    assert "made with another temperature: 0.5, not 0.9" in other.stderr and "--out" in other.stderr
    assert here("eval", "--out", "results").returncode == 0
    model = here("eval", str(dataset), "--out", "results", "--temperature", "0.5", "--policy", "endless")
    assert model.returncode == 2 and "another policy: tiny" in model.stderr


def test_rows_that_cannot_be_graded_count_nowhere_and_are_recorded(tts: Program, here: Here) -> None:
    path = tts.work / "rows.jsonl"
    path.write_text('{"problem": "a", "answer": 65}\n{"problem": "b"}\n[1]\n')
    summary = document(here("eval", str(path), "--methods", "majority", "--budgets", "2", "--out", "o", "--json"))
    assert (summary["problems"], summary["facts"]["ungraded"]) == (1, 2)
    lines = records(tts.work / "o")
    assert [line["correct"] is None for line in lines] == [False, True, True]
    assert [line["error"] and line["error"]["kind"] for line in lines] == [None, "no-reference", "bad-row"]


FORMS = {
    "gsm8k": "12 - 5 = <<12-5=7>>7 a day.\nShe makes 9 * 7 = ${0}.\n#### {0}",
    "mark alone": "#### {0}",
    "box": "We add and get $x = \\boxed{{{0}}}$.",
    "sentence": "First 12 - 5 = 7. The answer is {0}.",
    "final": "12 - 5 = 7\n\nFinal answer: {0}",
    "bold": "12 - 5 = 7. **Answer:** {0}",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_whole_solution_as_reference_counts_as_its_answer(tts: Program, here: Here, form: str) -> None:
    bare = [("a", "65"), ("b", "56"), ("c", "65"), ("d", "7")]
    found = {}
    for name, text in (("bare", "{0}"), ("texts", FORMS[form])):
        rows = [{"question": problem, "answer": text.format(answer)} for problem, answer in bare]
        (tts.work / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = here("eval", f"{name}.jsonl", *SMALL, "--out", name)
        assert done.returncode == 0 and "warning" not in done.stderr
        summary = json.loads((tts.work / name / "summary.json").read_text())
        del summary["facts"]["dataset"]
        found[name] = summary, [(row["reference"], row["correct"]) for row in records(tts.work / name)]
    assert found["texts"] == found["bare"]
    assert any(result["overall"]["right"] for result in found["bare"][0]["results"])


PROSE = "The farmer sells the ducks and buys some geese of all the money that he gets for them."


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        (PROSE, "row 2) is a text that marks no answer"),
        ("3 + 4 = 7, " * 20, "row 2) is a text that marks no answer"),
        ("鸭子" * 101, "row 2) is a text that marks no answer"),
        (PROSE + " The answer is 65.", None),
        ("\\text{both ducks and geese}", None),
        ("\\begin{pmatrix} \\frac{1}{3} & -\\frac{2}{3} \\\\ -\\frac{2}{3} & \\frac{1}{3} \\end{pmatrix}", None),
    ],
)
def test_a_reference_that_no_answer_can_equal_is_warned_of(
    tts: Program, here: Here, reference: str, says: str | None
) -> None:
    rows = [{"problem": "a", "answer": "65"}, {"problem": "b", "answer": reference}]
    (tts.work / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ("eval", "p.jsonl", "--methods", "majority", "--budgets", "4")
    said = here(*arguments).stderr
    assert ("warning: the reference of 1 of 2 rows" in said) == (says is not None) and (says or "") in said
    assert "warning" not in here(*arguments, "-q").stderr


def test_an_accuracy_of_nothing_is_warned_of(tts: Program, here: Here) -> None:
    (tts.work / "p.jsonl").write_text(
        '{"problem": "a"}\n{"problem": "b", "answer": "x\x9b = 5 or so"}\n'.replace("\x9b", "\\u009b")
    )
    done = here("eval", "p.jsonl", "--methods", "greedy,majority", "--budgets", "1,4")
    assert "warning: not one answer equals its reference. That of row 2 is 'x\\x9b = 5 or so'" in done.stderr


def test_a_problem_too_long_for_the_model_is_wrong_and_stops_nothing(tts: Program, here: Here) -> None:
    path = tts.work / "rows.jsonl"
    rows = [{"problem": "x " * 3000, "answer": "1"}, {"problem": "a", "answer": "65"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = here("eval", str(path), "--methods", "majority", "--budgets", "4", "--out", "o")
    assert done.returncode == 0, done.stderr
    assert "1 problems ended in an error and count as wrong" in done.stdout
    long, short = records(tts.work / "o")
    assert (long["error"]["kind"], long["correct"], short["error"]) == ("prompt-too-long", False, None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--methods", "beem"], "Did you mean beam?"),
        (["--methods", ","], "--methods names nothing"),
        (["--budgets", "4,x"], "'x' is not a number"),
        (["--budgets", "0"], "from 1 to 4096"),
        (["--methods", "beam", "--prm", "none"], "beam needs a PRM"),
        (["--prm-quality", "--methods", "majority"], "Add best-of-n"),
        (["--plot", "curves.pdf"], "neither a PNG nor an SVG"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_wrong_usage(here: Here, dataset: Path, arguments: list[str], says: str) -> None:
    done = here("eval", str(dataset), *arguments)
    assert done.returncode == 2
    assert says in done.stderr and done.stdout == ""


def test_nothing_to_measure_is_said(tts: Program, here: Here) -> None:
    none = here("eval")
    assert none.returncode == 2 and "No data set was given" in none.stderr
    unknown = here("eval", "nanoo")
    assert unknown.returncode == 2 and "nano" in unknown.stderr
    (tts.work / "plain.jsonl").write_text('{"problem": "a"}\n')
    empty = here("eval", "plain.jsonl")
    assert empty.returncode == 1 and "no answer to compare with" in empty.stderr


def test_shuffle_takes_others_and_the_seed_decides_which(tts: Program, here: Here) -> None:
    path = tts.work / "many.jsonl"
    path.write_text("".join(json.dumps({"problem": f"p{i}", "answer": "65"}) + "\n" for i in range(30)))
    chosen = []
    for flags in (["--shuffle"], ["--shuffle"], ["--shuffle", "--seed", "1"], []):
        out = f"o{len(chosen)}"
        here("eval", str(path), "--methods", "greedy", "--limit", "5", "--out", out, *flags)
        chosen.append([line["problem"] for line in records(tts.work / out)])
    assert chosen[0] == chosen[1] != chosen[2]
    assert chosen[3] == ["p0", "p1", "p2", "p3", "p4"] != sorted(chosen[0])


def test_curves_as_pictures(tts: Program, here: Here, dataset: Path) -> None:
    pytest.importorskip("matplotlib")
    fonts = {"MPLCONFIGDIR": str(Path(tempfile.gettempdir()) / "tts-tests-matplotlib")}  # made once: it takes seconds
    assert here("eval", str(dataset), *SMALL, "--out", "o", "--plot", "curves.svg", **fonts).returncode == 0
    first = (tts.work / "curves.svg").read_bytes()
    assert first.startswith(b"<?xml") and b"<svg" in first
    here("eval", "--out", "o", "--plot", "curves.svg", **fonts)
    assert (tts.work / "curves.svg").read_bytes() == first, "the same figures are the same picture"
    here("eval", "--out", "o", "--plot", "curves.png", **fonts)
    assert (tts.work / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_auto_has_curves_in_a_picture_too(tts: Program, here: Here, dataset: Path) -> None:
    pytest.importorskip("matplotlib")
    fonts = {"MPLCONFIGDIR": str(Path(tempfile.gettempdir()) / "tts-tests-matplotlib")}
    done = here("eval", str(dataset), "--methods", "greedy,auto", "--budgets", "1,4", "--plot", "c.svg", **fonts)
    assert (done.returncode, done.stderr) == (0, "Written to c.svg.\n")
    assert b"<!-- auto -->" in (tts.work / "c.svg").read_bytes()


def test_on_a_terminal_there_is_a_table_and_curves(tts: Program, dataset: Path) -> None:
    child = tts.terminal("eval", str(dataset), *SMALL, size=(100, 60))
    output = child.read()
    child.close()
    assert child.exitstatus == 0, output
    assert "% right by level" in output and "accuracy against N" in output and "●" in output


def test_prm_quality_alone_asks_for_what_it_needs(here: Here, dataset: Path) -> None:
    summary = document(here("eval", str(dataset), "--prm-quality", "--budgets", "4", "--json"))
    assert [r["method"] for r in summary["results"]] == ["best-of-n"]
    quality = summary["prm_quality"]
    assert quality["solutions"]["count"] > 0 and 0 <= quality["steps"]["calibration_error"] <= 1
    assert "the right answer" in quality["labels"]


MANY = ("--methods", "majority,beam", "--budgets", "16", "--seed", "3")
PER_WAVE = 16  # problems: 512 rows, 32 for each
AFTER_A_WAVE = 60_000  # bytes of the log; tables and config alone are 54,000


@pytest.fixture
def many(tts: Program) -> Path:
    path = tts.work / "many.jsonl"
    rows = [{"id": f"r{i}", "problem": f"problem {i}", "answer": "65", "level": i % 3} for i in range(3 * PER_WAVE)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def stop(tts: Program, arguments: tuple[str, ...], number: int, *, more_than: int) -> tuple[int, bytes]:
    """Start `tts eval`, send it a signal when its store's log has grown; exit code and stderr."""
    log = tts.work / "stopped" / "samples.sqlite-wal"
    child = subprocess.Popen(
        tts.command("eval", *arguments), env=tts.env, cwd=tts.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline:
        if log.exists() and log.stat().st_size > more_than:
            break
        time.sleep(0.01)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert out == b""
    return child.returncode, err


def stored(tts: Program) -> int:
    connection = sqlite3.connect(tts.work / "stopped" / "samples.sqlite")
    (count,) = connection.execute("SELECT count(*) FROM recordings").fetchone()
    connection.close()
    return int(count)


def test_stopped_by_ctrl_c_then_killed_then_resumed_it_gives_the_same_summary(tts: Program, many: Path) -> None:
    assert tts("eval", str(many), *MANY, "--out", "unbroken").returncode == 0
    code, err = stop(tts, (str(many), *MANY, "--out", "stopped"), signal.SIGINT, more_than=AFTER_A_WAVE)
    assert code == 130 and b"go on with: tts eval --out stopped" in err
    after_ctrl_c = stored(tts)
    assert after_ctrl_c in (2 * PER_WAVE, 4 * PER_WAVE), "whole waves, but not all"
    code, _ = stop(tts, ("--out", "stopped"), signal.SIGKILL, more_than=0)
    assert code == -signal.SIGKILL and stored(tts) >= after_ctrl_c
    assert not (tts.work / "stopped" / "summary.json").exists()
    resumed = tts("eval", "--out", "stopped")
    assert resumed.returncode == 0, resumed.stderr
    summaries = [(tts.work / folder / "summary.json").read_bytes() for folder in ("stopped", "unbroken")]
    assert summaries[0] == summaries[1]
    assert len(records(tts.work / "stopped")) == 2 * 3 * PER_WAVE
