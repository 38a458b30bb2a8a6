"""Any language model as a PRM on the command line: nano-large reads what nano wrote."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Here, Program
from tests.cli.test_check import written
from tests.solving.test_check_solution import RIGHT, WRONG

READER = ("--prm", "nano-large", "--prm-format", "reader")
NANO = {"TTS_POLICY": "nano"}
SOLVE = ("solve", "--json", "--method", "best-of-n", "-n", "4", "--trace", "t.json", "Compute 37 + 4 * (12 - 5).")


def test_a_reader_weighs_solutions_by_their_probability(here: Here, tts: Program) -> None:
    done = here(*SOLVE, *READER, **NANO)
    record = json.loads(done.stdout)
    assert (done.returncode, record["answer"], record["prm"]) == (0, "65", "nano-large")
    assert record["cost"]["prm_tokens"] > 0
    trace = json.loads((tts.work / "t.json").read_text())
    assert trace["settings"]["aggregate"] == "prod"
    assert here("explain", "t.json").returncode == 0 and here("show", "t.json").returncode == 0
    assert here(*SOLVE, *READER, "--aggregate", "min", **NANO).returncode == 0
    assert json.loads((tts.work / "t.json").read_text())["settings"]["aggregate"] == "min"


def test_without_a_name_the_policy_reads_itself(here: Here, tts: Program) -> None:
    record = json.loads(here(*SOLVE, "--prm-format", "reader-all", **NANO).stdout)
    assert (record["policy"], record["prm"]) == ("nano", "nano")


def test_a_reader_checks_a_solution(here: Here) -> None:
    found = here("check", "-q", "-", *READER, stdin=written(WRONG), **NANO)
    assert (found.returncode, found.stdout) == (3, "2\n")
    assert here("check", "-q", "-", *READER, stdin=written(RIGHT), **NANO).returncode == 0


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (("--prm", "nano-large"), 2, "--prm-format reader"),
        (("--prm", "nano-large", "--prm-format", "judge"), 4, "a judge without the answer tokens"),
        (("--prm", "nano-large", "--prm-format", "readers"), 2, "no PRM format named 'readers'"),
        (("--prm-format", "readers"), 2, "Known formats: nano-prm"),
    ],
)
def test_what_cannot_judge_is_said(here: Here, flags: tuple[str, ...], code: int, says: str) -> None:
    done = here(*SOLVE, *flags, **NANO)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
