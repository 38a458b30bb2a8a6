"""`tts solve` on pipes: what stands on which stream, the exit codes, and every bad input of the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import Here, Program
from tests.cli.scripted import HOSTILE, PROBLEM
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf
from tts_cli.data import schema, trace

ERROR = re.compile(r"error: .+[.?!:]\nhint: .+[.?!:]\n\Z")


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one error on stderr, after it was checked that there is nothing else anywhere."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert ERROR.fullmatch(done.stderr), done.stderr
    return done.stderr


# Channels


def test_a_pipe_gets_plain_text_with_the_answer_last(tts: Program) -> None:
    done = tts("solve", PROBLEM)
    assert done.returncode == 0
    assert re.search(r"\\boxed\{(\d+)\}\n\nAnswer: \1\n\Z", done.stdout)
    assert re.fullmatch(r"majority, N = 8, .*tokens.*\n", done.stderr)
    assert not re.search("[\x1b\u2500-\u259f]", done.stdout + done.stderr)


def test_quiet_prints_the_bare_answer(tts: Program) -> None:
    done = tts("solve", "-q", PROBLEM)
    assert re.fullmatch(r"\d+\n", done.stdout)
    assert (done.stderr, done.returncode) == ("", 0)


def test_json_is_one_line_that_satisfies_the_schema(tts: Program) -> None:
    done = tts("solve", "--json", PROBLEM)
    assert done.stdout.count("\n") == 1
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(schema.PATH.read_text()))
    assert (record["problem"], record["finish"], record["error"]) == (PROBLEM, "answered", None)
    assert sum(vote["count"] for vote in record["votes"]) <= 8


def test_json_is_json_in_every_encoding(tts: Program) -> None:
    done = tts("solve", "--json", "é ∞ 1 + 1", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["problem"] == "é ∞ 1 + 1"


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_all_of_stdin_is_one_problem(here: Here, arguments: list[str]) -> None:
    done = here("solve", "--json", *arguments, stdin="\n Compute\n\n37 + 4 * (12 - 5). \n")
    assert json.loads(done.stdout)["problem"] == "Compute\n\n37 + 4 * (12 - 5)."


def test_the_same_seed_gives_the_same_answer_and_the_same_trace(tts: Program, here: Here) -> None:
    for name in ("a", "b"):
        assert here("solve", "-q", "--method", "beam", "--trace", f"{name}.json", PROBLEM).returncode == 0
    assert here("solve", "-q", "--method", "beam", "--seed", "1", "--trace", "c.json", PROBLEM).returncode == 0
    a, b, c = ((tts.work / f"{name}.json").read_bytes() for name in "abc")
    assert a == b != c


def test_settings_come_from_the_project_file_too(tts: Program, here: Here) -> None:
    (tts.work / "tts.yaml").write_text("seed: 7\nmax-steps: 5\n")
    assert json.loads(here("solve", "--json", PROBLEM).stdout)["seed"] == 7
    assert json.loads(here("solve", "--json", "--seed", "8", PROBLEM).stdout)["seed"] == 8


def test_a_demonstration_model_says_so_once(here: Here) -> None:
    note = "note: toy is a toy.\n"
    arguments = ["solve", "--policy", "toy", "--prm", "none", PROBLEM]
    assert note not in here(*arguments, "-q").stderr
    assert here(*arguments).stderr.startswith(note)
    assert note not in here(*arguments).stderr


def test_a_home_that_cannot_be_written_to_does_no_harm(tts: Program, here: Here) -> None:
    (tts.home / "file").touch()
    done = here("solve", "--policy", "toy", "--prm", "none", PROBLEM, XDG_STATE_HOME=str(tts.home / "file"))
    assert (done.returncode, done.stderr.count("toy is a toy")) == (0, 1)


# No answer


@pytest.mark.parametrize(
    ("flags", "finish"),
    [
        (["--policy", "endless", "--max-tokens", "50"], "max-tokens"),
        (["--policy", "endless", "--max-flops", "1"], "max-flops"),
        (["--policy", "endless", "--max-time", "0.001"], "max-time"),
        (["--min-confidence", "1", "--seed", "3", "-n", "32"], "low-confidence"),
    ],
)
def test_no_answer_is_exit_code_3_and_says_why(here: Here, flags: list[str], finish: str) -> None:
    done = here("solve", "--json", *flags, PROBLEM)
    record = json.loads(done.stdout)
    assert (done.returncode, record["answer"], record["finish"]) == (3, None, finish)
    quiet = here("solve", "-q", *flags, PROBLEM)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (3, "", "")


def test_one_sample_does_not_pass_min_confidence_and_stderr_says_why(here: Here) -> None:
    done = here("solve", "--method", "greedy", "--min-confidence", "0.99", PROBLEM)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "Answer: none (low-confidence)")
    assert "one sample without a profile gives no confidence, which --min-confidence 0.99 asks for" in done.stderr
    record = json.loads(here("solve", "--method", "greedy", "--json", PROBLEM).stdout)
    assert (record["confidence"], record["finished"], record["samples"]) == (None, 1, 1)
    assert record["answer"] is not None


def test_plain_text_says_that_there_is_no_answer(here: Here) -> None:
    assert here("solve", "--policy", "endless", "--max-tokens", "50", PROBLEM).stdout.endswith(
        "Answer: none (max-tokens)\n"
    )


# Bad input


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_problem_is_a_usage_error(here: Here, text: str) -> None:
    assert "The problem is empty." in refused(here("solve", text), 2)
    assert "The problem is empty." in refused(here("solve", stdin=text), 2)


def test_a_problem_longer_than_the_context_is_an_error(here: Here) -> None:
    assert "context" in refused(here("solve", stdin="Compute 1 + 1. " * 7000), 1)


def test_more_than_a_problem_on_stdin_is_not_read_without_end(tts: Program) -> None:
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(
            tts.command("solve"), stdin=endless, capture_output=True, env=tts.env, cwd=tts.work, timeout=60, check=False
        )
    assert done.returncode == 1
    assert b"longer than 16 MiB" in done.stderr


def test_invalid_utf8_is_named_with_its_place(here: Here) -> None:
    assert "not valid UTF-8 (at byte 9)" in refused(here("solve", stdin=b"Compute \xff"), 2)
    assert "not valid UTF-8 (at byte 9)" in refused(here("solve", os.fsdecode(b"Compute \xff")), 2)


def test_a_byte_order_mark_is_no_part_of_the_problem(here: Here) -> None:
    assert json.loads(here("solve", "--json", stdin=b"\xef\xbb\xbf1 + 1").stdout)["problem"] == "1 + 1"


@pytest.mark.parametrize(
    "text", ["a\0b \x1b]0;t\x07 \x9b31m \u202e1", HOSTILE, "[/] [bold <|im_end|><|end|><|step|> 9^{9^{9^9}}"], ids=ascii
)
def test_any_text_is_a_problem_and_reaches_no_terminal(here: Here, text: str) -> None:
    """By stdin: an argument cannot hold NUL. The record keeps the text as it was, in JSON escapes."""
    done = here("solve", "--json", "--trace", "t.json", stdin=text)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problem"] == text.strip()
    plain = here("show", "t.json")
    for stream in (done.stdout, plain.stdout, plain.stderr):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", stream)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--budget", "0"], "--budget is 0"),
        (["--budget", "100000"], "--budget is 100000"),
        (["--budget", "x"], "'--budget'"),
        (["--method", "bem"], "bem"),
        (["--bugdet", "4"], "--budget"),
        (["--top-p", "0"], "--top-p is 0"),
        (["--ctx-size", "-1"], "--ctx-size is -1"),
        (["--method", "beam", "--prm", "none"], "needs a PRM"),
        (["--policy", "tinny"], "tiny"),
        (["--prm", "tiny"], "is a policy"),
        (["--method", "beam", "--prm-format", "unknown"], "format"),
    ],
    ids=str,
)
def test_wrong_usage_is_exit_code_2(here: Here, flags: list[str], says: str) -> None:
    assert says in refused(here("solve", *flags, PROBLEM), 2)


@pytest.mark.parametrize("flags", [["-n", "6"], ["-n", "5", "--beam-width", "8"]], ids=str)
@pytest.mark.parametrize("method", ["beam", "dvts"])
def test_a_budget_that_the_beam_width_does_not_divide(here: Here, method: str, flags: list[str]) -> None:
    """It is either refused, or rounded in a way that the record tells."""
    done = here("solve", "--json", "--method", method, *flags, "--max-steps", "6", PROBLEM)
    if done.returncode == 2:
        refused(done, 2)
    else:
        assert json.loads(done.stdout)["method"] == method


@pytest.mark.parametrize("method", ["majority", "beam"])
def test_temperature_0_samples_once_and_says_so(here: Here, method: str) -> None:
    done = here("solve", "--json", "--temperature", "0", "--method", method, "--max-tokens", "100", PROBLEM)
    assert done.returncode in (0, 3)
    assert "temperature 0" in json.loads(done.stdout)["why"]


def test_a_context_too_small_for_the_problem_is_an_error(here: Here) -> None:
    refused(here("solve", "--ctx-size", "16", PROBLEM * 20), 1)


def test_a_small_context_is_waited_for_and_not_crashed_in(here: Here) -> None:
    done = here("solve", "--json", "--ctx-size", "256", "-n", "16", "--max-tokens", "120", PROBLEM)
    assert done.returncode in (0, 1, 3), done.stderr
    assert "Traceback" not in done.stderr


# Models that are not there or unfit


def broken_models(folder: Path) -> dict[str, Path]:
    whole = write_tiny_gguf(folder / "whole.gguf", chat_template=CHAT_TEMPLATE)
    (folder / "truncated.gguf").write_bytes(whole.read_bytes()[:-20_000])
    (folder / "header.gguf").write_bytes(whole.read_bytes()[:100])
    (folder / "zero.gguf").touch()
    (folder / "text.gguf").write_text("This is not a model. " * 100)
    write_tiny_gguf(folder / "foreign.gguf", architecture="unheard-of", chat_template=CHAT_TEMPLATE)
    write_tiny_gguf(folder / "vocab.gguf", tensors=False)
    (folder / "folder.gguf").mkdir()
    return {path.stem: path for path in sorted(folder.iterdir()) if path.stem != "whole"}


def test_unfit_policies_are_exit_code_4(here: Here, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name, path in broken_models(tmp_path / "models").items():
        message = refused(here("solve", "--policy", str(path), PROBLEM), 4)
        assert name in message


def test_unfit_prms_are_exit_code_4(here: Here, tmp_path: Path) -> None:
    unmarked = write_tiny_gguf(tmp_path / "unmarked.gguf", special=("<|problem|>", "<|end|>"))
    for path, says in ((unmarked, "<|solution|>"), (tmp_path / "absent.gguf", "absent.gguf")):
        flags = ["--method", "beam", "--prm", str(path), "--prm-format", "nano-prm"]
        assert says in refused(here("solve", *flags, PROBLEM), 4)


# Output that cannot be written


@pytest.mark.parametrize("name", ["absent/t.json", ".", "/dev/null"])
def test_an_unwritable_trace_is_refused_before_the_search(here: Here, name: str) -> None:
    done = here("solve", "--policy", "endless", "-n", "4096", "--trace", name, PROBLEM)
    assert "The trace cannot be written" in refused(done, 1)


def test_a_full_disk_keeps_the_answer(tts: Program) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *tts.command("solve", "-q", "--trace", "t.json", PROBLEM)],
        capture_output=True,
        text=True,
        env=tts.env,
        cwd=tts.work,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"\d+\n", done.stdout)
    assert "The trace cannot be written to t.json" in done.stderr
    assert list(tts.work.iterdir()) == []


@pytest.mark.parametrize("flags", [[], ["-q"], ["--json"]])
def test_a_closed_stdout_is_exit_code_1_without_a_traceback(tts: Program, flags: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        tts.command("solve", *flags, PROBLEM),
        stdout=writer,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=tts.env,
        cwd=tts.work,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 1
    assert "rror" not in done.stderr and "Traceback" not in done.stderr


def test_no_stdout_at_all_is_said(tts: Program) -> None:
    script = 'exec "$@" >&-'
    command = ["sh", "-c", script, "sh", *tts.command("solve", "-q", PROBLEM)]
    done = subprocess.run(command, capture_output=True, text=True, env=tts.env, cwd=tts.work, check=False)
    assert done.returncode == 1
    assert "standard output is closed" in done.stderr


def test_a_full_stdout_is_said(tts: Program) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            tts.command("solve", "-q", PROBLEM),
            stdout=full,
            stderr=subprocess.PIPE,
            env=tts.env,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "The result cannot be written: no space left on device." in done.stderr


# The trace


def test_the_trace_is_shown_again(tts: Program, here: Here) -> None:
    solved = here("solve", "--trace", "t.json", PROBLEM)
    assert here("show", "t.json").stdout == solved.stdout
    assert here("show", "-q", "t.json").stdout == solved.stdout.splitlines()[-1].removeprefix("Answer: ") + "\n"
    assert here("show", "-", stdin=(tts.work / "t.json").read_bytes()).stdout == solved.stdout
    loaded = trace.load(tts.work / "t.json")
    assert json.loads(here("show", "--json", "t.json").stdout)["answer"] == loaded.record.answer
    assert loaded.settings["policy"] == "tiny"


def test_the_trace_becomes_a_page(tts: Program, here: Here) -> None:
    here("solve", "--trace", "t.json", "<script>alert(1)</script> 1 + 1")
    done = here("show", "t.json", "--html", "t.html")
    assert (done.returncode, done.stdout) == (0, "")
    page = (tts.work / "t.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    refused(here("show", "t.json", "--html", "absent/t.html"), 1)


def test_what_is_no_trace_is_refused(tts: Program, here: Here) -> None:
    (tts.work / "other.json").write_text('{"a": 1}')
    assert "is not a trace" in refused(here("show", "other.json"), 1)
    assert "cannot be read" in refused(here("show", "absent.json"), 1)
