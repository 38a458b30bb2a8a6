"""The main job, as a person does it on a fresh account: the bundled models, no flags, no network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from docs import picture
from tests.cli.conftest import Program
from tests.cli.screen import Screen
from tests.cli.scripted import PROBLEM
from tests.cli.test_terminal import finish, without_styles


@pytest.fixture
def fresh(tts: Program) -> Program:
    """No settings at all but one thread, which keeps tests quick on a busy machine."""
    kept = {name: value for name, value in tts.env.items() if not name.startswith("TTS_")}
    return Program(tts.home, kept | {"TTS_THREADS": "1"})


def test_the_first_command_gives_the_answer(fresh: Program) -> None:
    done = fresh("solve", PROBLEM)
    assert done.stdout.endswith("\\boxed{65}.\n\nAnswer: 65\n")
    assert done.stderr.startswith("note: nano is a demonstration model")
    assert fresh("solve", "--quiet", PROBLEM).stdout == "65\n"


@pytest.mark.parametrize("method", ["greedy", "majority", "best-of-n", "beam", "dvts"])
def test_every_method_does_a_sum(fresh: Program, method: str) -> None:
    record = json.loads(fresh("solve", "--json", "--method", method, "-n", "8", PROBLEM).stdout)
    assert (record["answer"], record["policy"], record["method"]) == ("65", "nano", method)
    assert record["cost"]["policy_tokens"] > 0
    assert (record["cost"]["prm_tokens"] > 0) == (method in ("best-of-n", "beam", "dvts"))


def test_the_live_tree_and_the_picture_on_a_terminal(fresh: Program) -> None:
    fresh("solve", "--method", "greedy", PROBLEM)  # the note on nano has been read
    output = finish(fresh.terminal("solve", "--method", "beam", "-n", "64", PROBLEM))
    live = Screen(80, 24, output[: output.rindex("\x1b[?25h")])
    assert live.scrolled == 0
    assert re.search(r"[01]\.\d\d [█▉-▏]+ ", without_styles(output))
    assert re.search(r"\n Answer  65 ", Screen(80, 1000, output).text)


def test_hostile_problems_get_an_answer_or_none_but_no_crash(fresh: Program) -> None:
    for text in ("\\boxed{" * 100, "9^{9^{9^9}}", "<|end|>" * 20, "\x00\x1b[31m?"):
        done = fresh("solve", "--json", "-n", "4", stdin=text)
        assert done.returncode in (0, 3), done.stderr
        assert json.loads(done.stdout)["problem"] == text


def test_the_readme_picture_is_made_from_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(picture, "TARGET", tmp_path / "solve.svg")
    picture.main(PROBLEM)
    drawn = (tmp_path / "solve.svg").read_text()
    assert capsys.readouterr().out.endswith(": 65\n")
    assert "Answer" in drawn and "solutions" in drawn
    assert "@font-face" not in drawn


@pytest.mark.parametrize("method", ["greedy", "majority"])
def test_a_method_that_asks_no_prm_does_not_want_its_file(fresh: Program, method: str) -> None:
    policy = "{role: policy, file: nano.gguf, prm: gone, prompt: {user: '{problem}'}}"
    registry = fresh.home / "mine.yaml"
    registry.write_text(f"models: {{mine: {policy}, gone: {{role: prm, file: gone.gguf, format: nano-prm}}}}")
    asked = ["solve", "-q", "-n", "4", "--policy", "mine", PROBLEM]
    assert fresh(*asked, "--method", method, TTS_MODELS_FILE=str(registry)).stdout == "65\n"
    assert fresh(*asked, "--method", "best-of-n", TTS_MODELS_FILE=str(registry)).returncode == 4


@pytest.mark.parametrize("policy", ["nano", "nano-medium"])
def test_a_profile_ships_for_the_files_that_ship(fresh: Program, policy: str) -> None:
    record = json.loads(fresh("solve", "--json", "--policy", policy, PROBLEM).stdout)
    assert record["why"].startswith("auto by the profile of") and "the chance" in record["why"]
    assert 0 < record["confidence"] < 1 and record["difficulty"] in ("easy", "medium", "hard")


def test_an_easy_problem_stops_at_one_greedy_solution_and_a_tenth_of_the_tokens(fresh: Program) -> None:
    auto = json.loads(fresh("solve", "--json", "Compute 3 + 4.").stdout)
    fixed = json.loads(fresh("solve", "--json", "--method", "best-of-n", "-n", "64", "Compute 3 + 4.").stdout)
    assert auto["answer"] == fixed["answer"] == "7" and (auto["method"], auto["budget"]) == ("greedy", 1)
    assert spent(auto) < 0.1 * spent(fixed)


def spent(record: dict[str, Any]) -> int:
    """All tokens, of both models."""
    cost = record["cost"]
    return int(cost["policy_prompt_tokens"] + cost["policy_tokens"] + cost["prm_tokens"])


def test_a_hard_problem_is_gone_on_with(fresh: Program) -> None:
    """Where four samples disagree it reads, goes on from what convinces most, and says how far it went."""
    record = json.loads(fresh("solve", "--json", "--effort", "max", "What is 5/6 - 1/4?").stdout)
    assert record["method"] == "best-first" and record["budget"] >= 8
    assert record["cost"]["prm_tokens"] > 0 and f"after {record['budget']} samples" in record["why"]
