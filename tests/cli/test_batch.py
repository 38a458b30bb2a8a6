"""`tts batch` on files and pipes: rows in, records out, and what a second run of the same command does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.conftest import Here, Program
from tests.cli.test_solve import refused
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli import solver
from tts_cli.batch import executors
from tts_cli.data import schema

ROWS = [f"Compute {number} + 1." for number in range(5)]
TEXT = "\n".join(ROWS) + "\n"
QUICK = ["--method", "greedy", "--max-steps", "4"]


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def read(path: Path) -> list[dict[str, Any]]:
    return records(path.read_text())


def timeless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records without what a clock said."""
    for row in rows:
        del row["cost"]["seconds"]
    return rows


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading a model is a failure."""

    def load(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(solver, "load_models", load)
    monkeypatch.setattr(executors, "open_workers", load)


# Rows in, records out


def test_each_line_of_text_gives_a_record_in_order_and_nothing_else(tts: Program) -> None:
    done = tts("batch", stdin=TEXT)
    assert (done.returncode, done.stderr) == (0, "")
    rows = records(done.stdout)
    for row in rows:
        jsonschema.validate(row, json.loads(schema.PATH.read_text()))
    assert [(row["id"], row["problem"]) for row in rows] == [(str(i), text) for i, text in enumerate(ROWS, start=1)]
    assert {row["finish"] for row in rows} == {"answered"}


@pytest.mark.parametrize(
    ("content", "carried"),
    [
        (
            '{"id": "x", "question": "Compute 1 + 1.", "answer": 2, "level": 1, "source": {"page": 3}}',
            {"answer": 2, "level": 1, "source": {"page": 3}},
        ),
        ("id,prompt,answer,source\nx,Compute 1 + 1.,2,book", {"answer": "2", "source": "book"}),
        ("ID,Problem,Level,Subject\nx,Compute 1 + 1.,,algebra", {"Level": "", "Subject": "algebra"}),
        ('{"id": "x", "problem": "Compute 1 + 1."}', None),
        ('{"id": "x", "prompt": "Compute 1 + 1.", "final_answer": "#### 2"}', {"final_answer": "#### 2"}),
        ('{"id": "x", "prompt": "Compute 1 + 1.", "answer": [1e-05, null]}', {"answer": [0.00001, None]}),
        (
            '{"id": "x", "prompt": "Compute 1 + 1.", "answer": 12345678901234567890123}',
            {"answer": 12345678901234567890123},
        ),
        (
            '[{"id": "x", "prompt": [{"role": "user", "content": "Compute 1 + 1."}], "subject": "sums"}]',
            {"subject": "sums"},
        ),
    ],
)
@pytest.mark.parametrize("small_file", [1 << 30, 0], ids=["workers", "one decode loop"])
def test_the_id_the_labels_and_unknown_fields_are_carried_through(
    tts: Program, here: Here, monkeypatch: pytest.MonkeyPatch, content: str, carried: Any, small_file: int
) -> None:
    monkeypatch.setattr(executors, "SMALL_FILE", small_file)
    name = "p.jsonl" if content[0] in "{[" else "p.csv"
    (tts.work / name).write_text(content + "\n")
    (row,) = records(here("batch", name, *QUICK).stdout)
    assert (row["id"], row["problem"], row["input"]) == ("x", "Compute 1 + 1.", carried)


def test_a_bad_row_is_a_record_with_its_error_and_stops_nothing(here: Here) -> None:
    rows = '{"problem": "Compute 1 + 1."}\nnonsense\n{"id": "a", "answer": 3, "k": 1}\n{"problem": "Compute 1 + 2."}\n'
    done = here("batch", *QUICK, stdin=rows)
    said = "2 rows ended in an error, first row 2: it is not JSON (Expecting value at character 1).\n"
    assert (done.returncode, done.stderr) == (3, said)
    assert here("batch", *QUICK, "--quiet", stdin=rows).stderr == ""
    good, broken, empty, last = records(done.stdout)
    assert (good["finish"], last["finish"], last["id"]) == ("answered", "answered", "4")
    assert broken["error"] == {"kind": "bad-row", "message": "Row 2: it is not JSON (Expecting value at character 1)."}
    assert (empty["id"], empty["answer"], empty["finish"]) == ("a", None, "error")
    assert empty["input"] == {"answer": 3, "k": 1}


def test_a_problem_that_no_context_holds_is_an_error_of_its_row(here: Here) -> None:
    done = here("batch", *QUICK, stdin="Compute 1 + 1.\n" + "so " * 9000 + "\nCompute 1 + 2.\n")
    assert done.returncode == 3
    assert [row["error"] and row["error"]["kind"] for row in records(done.stdout)] == [None, "prompt-too-long", None]
    assert done.stderr.startswith("1 row ended in an error: row 2: ") and done.stderr.count("\n") == 1


def test_repeated_ids_are_told_apart(here: Here) -> None:
    rows = "".join(json.dumps({"id": id, "problem": "Compute 1 + 1."}) + "\n" for id in ("a", "a-2", "a", "a"))
    done = here("batch", *QUICK, "-o", "out.jsonl", stdin=rows)
    assert done.stderr == "note: the id 'a' occurs again; the later row is written as 'a-3'.\n"


def test_no_rows_are_no_records(here: Here, no_models: None) -> None:
    done = here("batch", stdin="\n\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_special_outputs_are_written_like_a_stream(tts: Program, here: Here) -> None:
    assert here("batch", *QUICK, "-o", "/dev/null", stdin=TEXT).returncode == 0
    assert len(records(here("batch", *QUICK, "-o", "-", stdin=TEXT).stdout)) == len(ROWS)
    assert not list(tts.work.iterdir())


def test_control_characters_reach_no_terminal(here: Here) -> None:
    done = here("batch", *QUICK, stdin="Compute \x1b[31m\x9b31m 1 + 1.\n")
    assert "\\u001b[31m\\u009b31m" in done.stdout and "\x9b" not in done.stdout


# The same record whatever it shares the run with


@pytest.mark.parametrize("method", ["best-of-n", "beam"])
def test_a_record_depends_on_its_problem_and_the_settings_alone(here: Here, method: str) -> None:
    flags = ["--method", method, "-n", "8", "--temperature", "1"]
    rows = [json.dumps({"id": text[8], "problem": text}) for text in ROWS]
    one = timeless(records(here("batch", *flags, "--in-flight", "1", stdin="\n".join(rows)).stdout))
    runs = {
        "three threads": here("batch", *flags, "--threads", "3", stdin="\n".join(rows)),
        "unordered": here("batch", *flags, "--unordered", "--threads", "2", stdin="\n".join(rows)),
        "backwards": here("batch", *flags, stdin="\n".join(rows[::-1])),
    }
    for name, done in runs.items():
        found = timeless(records(done.stdout))
        assert [row["id"] for row in found] == list("01234") or name != "three threads"
        assert sorted(found, key=lambda row: str(row["id"])) == one, name
    assert len({str(row["votes"]) for row in one}) > 1, "problems have samples of their own"


def test_large_models_share_one_decode_loop(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = TEXT + "\n".join(f"Find {number} + 1." for number in range(20)) + "\n"
    alone = records(here("batch", stdin=rows).stdout)
    monkeypatch.setattr(executors, "SMALL_FILE", 0)
    monkeypatch.setattr(executors, "open_workers", None)
    together = records(here("batch", "--in-flight", "5", stdin=rows).stdout)
    assert [row["id"] for row in together] == [row["id"] for row in alone]
    assert [row["fingerprint"] for row in together] == [row["fingerprint"] for row in alone]
    assert {row["finish"] for row in together} == {"answered"}


# The second run


def test_the_same_command_again_solves_nothing(tts: Program, here: Here, request: pytest.FixtureRequest) -> None:
    assert here("batch", "-o", "out.jsonl", stdin=TEXT + "\x00\xff\n").returncode == 0
    before = (tts.work / "out.jsonl").read_bytes()
    request.getfixturevalue("no_models")
    done = here("batch", "-o", "out.jsonl", stdin=TEXT + "\x00\xff\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tts.work / "out.jsonl").read_bytes() == before


def test_what_is_missing_is_solved_and_put_in_its_place(tts: Program, here: Here) -> None:
    here("batch", "-o", "whole.jsonl", stdin=TEXT)
    lines = (tts.work / "whole.jsonl").read_text().splitlines(keepends=True)
    (tts.work / "out.jsonl").write_text(lines[3] + lines[1] + lines[4][:40])
    done = here("batch", "-o", "out.jsonl", stdin=TEXT)
    assert done.stderr == "note: the last line of out.jsonl was only half written; it has been mended.\n"
    found = read(tts.work / "out.jsonl")
    kept = [row["cost"]["seconds"] for row in found if row["id"] in "42"]
    assert kept == [json.loads(lines[i])["cost"]["seconds"] for i in (1, 3)], "they were not solved again"
    assert timeless(found) == timeless(read(tts.work / "whole.jsonl"))


def test_errors_are_tried_again_and_bad_rows_are_not_written_twice(tts: Program, here: Here) -> None:
    rows = '{"problem": "Compute 1 + 1."}\nnonsense\n'
    here("batch", *QUICK, "-o", "out.jsonl", stdin=rows)
    first, bad = read(tts.work / "out.jsonl")
    failed = first | {"finish": "error", "answer": None, "error": {"kind": "internal", "message": "it broke"}}
    (tts.work / "out.jsonl").write_text(json.dumps(failed) + "\n" + json.dumps(bad) + "\n")
    done = here("batch", *QUICK, "-o", "out.jsonl", stdin=rows)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert done.stderr.startswith("1 row ended in an error: row 2: it is not JSON"), "one of an earlier run"
    again, still_bad = read(tts.work / "out.jsonl")
    assert timeless([again]) == timeless([first]) and still_bad == bad
    assert not (tts.work / "out.jsonl.replaced").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--seed", "1"], "(seed 0, now 1)"),
        (["--policy", "endless"], "(policy tiny, now endless)"),
        (["--max-tokens", "7"], "(flags, profile or model files)"),
    ],
)
def test_changed_settings_are_said_and_old_records_put_aside(
    tts: Program, here: Here, flags: list[str], says: str
) -> None:
    here("batch", *QUICK, "-o", "out.jsonl", stdin=TEXT)
    before = (tts.work / "out.jsonl").read_text()
    done = here("batch", *QUICK, "-o", "out.jsonl", *flags, stdin=TEXT)
    assert done.stderr.count("\n") == 1
    assert f"other settings {says}: they are solved again" in done.stderr
    assert [row["id"] for row in read(tts.work / "out.jsonl")] == list("12345")
    assert (tts.work / "out.jsonl.replaced").read_text() == before


def test_settings_that_change_no_answer_change_nothing(here: Here, request: pytest.FixtureRequest) -> None:
    here("batch", *QUICK, "-o", "out.jsonl", stdin=TEXT)
    request.getfixturevalue("no_models")
    done = here("batch", *QUICK, "-o", "out.jsonl", "--threads", "2", "--ctx-size", "4096", stdin=TEXT)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_file_under_the_same_name_is_another_model(tts: Program, here: Here) -> None:
    words = ("\\boxed{65}", "\n\n")
    for seed in (1, 2):
        write_tiny_gguf(tts.work / "m.gguf", words=words, chat_template=CHAT_TEMPLATE, layers=1, seed=seed)
        done = here("batch", *QUICK, "--policy", "m.gguf", "--prm", "none", "-o", "out.jsonl", stdin=ROWS[0])
    assert "(flags, profile or model files)" in done.stderr


def test_a_changed_problem_is_solved_again(tts: Program, here: Here) -> None:
    here("batch", *QUICK, "-o", "out.jsonl", stdin=TEXT)
    done = here("batch", *QUICK, "-o", "out.jsonl", stdin=TEXT.replace("2 + 1", "2 + 7"))
    assert "rows such as '3' have another problem than before" in done.stderr
    assert [row["problem"][8] + row["problem"][12] for row in read(tts.work / "out.jsonl")][2] == "27"
    assert len(read(tts.work / "out.jsonl.replaced")) == 1


def test_rows_of_another_input_stay_and_are_counted(tts: Program, here: Here) -> None:
    for name, ids in (("a", "a"), ("b", "b"), ("c", "cd"), ("b", "b")):
        rows = [json.dumps({"id": id, "problem": "Compute 1 + 1."}) for id in ids]
        (tts.work / f"{name}.jsonl").write_text("\n".join(rows))
        said = here("batch", *QUICK, f"{name}.jsonl", "-o", "out.jsonl").stderr
        others = {row["id"] for row in read(tts.work / "out.jsonl")} - set(ids)
        records = "1 record is" if len(others) == 1 else f"{len(others)} records are"
        note = f"note: {records} kept in out.jsonl of rows that are not in this input.\n"
        assert said == (note if others else "")
    assert sorted(row["id"] for row in read(tts.work / "out.jsonl")) == ["a", "b", "c", "d"]


def test_rows_that_left_the_input_are_kept_and_counted(tts: Program, here: Here) -> None:
    here("batch", *QUICK, "-o", "out.jsonl", stdin=TEXT)
    before = {row["id"]: row for row in read(tts.work / "out.jsonl")}
    done = here("batch", *QUICK, "-o", "out.jsonl", stdin="\n".join(ROWS[:2]))
    assert "3 records are kept in out.jsonl" in done.stderr and done.returncode == 0
    assert {row["id"]: row for row in read(tts.work / "out.jsonl")} == before


# What is refused


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["absent.jsonl"], 1),
        (["-o", "absent/out.jsonl"], 1),
        (["-o", "."], 1),
        (["--format", "xml"], 2),
        (["--in-flight", "0"], 2),
        (["--policy", "nobody"], 2),
        (["--policy", "absent.gguf"], 4),
    ],
)
def test_wrong_usage_is_refused(here: Here, arguments: list[str], code: int) -> None:
    refused(here("batch", *arguments, stdin=TEXT), code)


def test_the_input_is_not_taken_for_the_output(tts: Program, here: Here) -> None:
    (tts.work / "p.txt").write_text(TEXT)
    assert "holds no record" in refused(here("batch", "p.txt", "-o", "p.txt"), 1)
    assert (tts.work / "p.txt").read_text() == TEXT


def test_a_reader_that_leaves_ends_the_batch_quietly(tts: Program) -> None:
    shell = "set -o pipefail; yes 'Compute 1 + 1.' | head -5000 | $TTS batch --method greedy | head -1"
    done = subprocess.run(
        ["bash", "-c", shell],
        env=tts.env | {"TTS": " ".join(tts.command())},
        cwd=tts.work,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout)["id"] == "1"
    assert done.stderr == "" and done.returncode != 0
