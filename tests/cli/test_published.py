"""A published PRM on the command line: a GGUF with a head beside it, as any other `--prm`."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Here, Program
from tests.cli.test_check import written
from tests.models.prm.test_published import write_head, write_model
from tests.solving.test_check_solution import RIGHT
from tts_cli.models.prm.published_head import side_file

SOLVE = ("solve", "--method", "best-of-n", "-n", "4", "Compute 37 + 4 * (12 - 5).")
NANO = {"TTS_POLICY": "nano", "TTS_PRM": "prm.gguf"}


@pytest.mark.parametrize("format", ["qwen-math-prm", "skywork", "outcome-verifier"])
def test_a_gguf_with_its_head_solves_and_checks(here: Here, tts: Program, format: str) -> None:
    write_head(side_file(write_model(tts.work / "prm.gguf")), format)
    record = json.loads(here(*SOLVE, "--json", **NANO).stdout)
    assert (record["answer"] is not None, record["prm"]) == (True, "prm")
    assert record["cost"]["prm_tokens"] > 0
    by_head = here(*SOLVE, "--json", **NANO | {"TTS_PRM": "prm.head.safetensors"})
    assert json.loads(by_head.stdout)["votes"] == record["votes"]
    checked = json.loads(here("check", "--json", "-", stdin=written(RIGHT), **NANO).stdout)
    assert all(0 < step["score"] < 1 for step in checked["steps"])


def test_what_is_too_long_for_a_prm_is_said(here: Here, tts: Program) -> None:
    write_head(side_file(write_model(tts.work / "prm.gguf", context=160)), "qwen-math-prm")
    solved = here(*SOLVE, **NANO)
    assert solved.returncode == 0 and "note: too long for the PRM's context, so without a score: " in solved.stderr
    checked = here("check", "-", stdin=written(RIGHT), **NANO)
    assert checked.returncode == 1 and "there is no room for step" in checked.stderr
    write_model(tts.work / "prm.gguf")
    assert "too long" not in here(*SOLVE, **NANO).stderr
