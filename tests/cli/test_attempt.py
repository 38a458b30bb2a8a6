"""Where there is no answer: what ended the search, what the model wrote, and that it is a base model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import ENDLESS, WORDS, Here, Program
from tests.cli.scripted import PROBLEM
from tests.cli.test_terminal import finish, without_styles
from tests.models.gguf_files import with_metadata
from tests.tiny_gguf import write_tiny_gguf
from tts_cli.analysis.reading import replay
from tts_cli.cli.view import finished
from tts_cli.data import trace

STUCK = ("--policy", "endless")
CASES = [
    (("--max-steps", "3"), "max-steps"),
    (("--max-steps", "1", "--method", "greedy"), "max-steps"),
    (("--max-steps", "2", "--method", "beam", "-n", "4", "--prm", "tiny-prm"), "max-steps"),
    (("--max-steps", "2", "--method", "dvts", "-n", "4", "--prm", "tiny-prm"), "max-steps"),
    (("--max-steps", "2", "--method", "best-of-n", "-n", "4", "--prm", "tiny-prm"), "max-steps"),
    (("--max-steps", "2", "--temperature", "0"), "max-steps"),
    (("--max-tokens", "30"), "max-tokens"),
    (("--max-step-tokens", "1", "--max-steps", "3"), "max-tokens"),
    (("--max-flops", "2e7"), "max-flops"),
]


@pytest.mark.parametrize(("flags", "finish_reason"), CASES)
def test_what_ended_it_and_what_was_written(here: Here, flags: tuple[str, ...], finish_reason: str) -> None:
    done = here("solve", "--json", *STUCK, *flags, PROBLEM)
    record = json.loads(done.stdout)
    assert (done.returncode, record["answer"], record["finish"]) == (3, None, finish_reason)
    assert record["solution"] and record["votes"] == []
    plain = here("solve", *STUCK, *flags, PROBLEM)
    assert plain.stdout == f"Answer: none ({finish_reason})\n"
    assert f"The model wrote:\n{record['solution'].strip()}\n" in plain.stderr
    quiet = here("solve", "-q", *STUCK, *flags, PROBLEM)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (3, "", "")


def test_a_terminal_and_a_trace_show_it_too(tts: Program, here: Here) -> None:
    output = finish(tts.terminal("solve", *STUCK, "--max-steps", "3", "--trace", "t.json", PROBLEM))
    shown = without_styles(output)
    assert "No answer (max-steps); above is what the model wrote" in shown
    assert shown.rindex("12 - 5 = 7") > shown.rindex(PROBLEM)
    again = here("show", "t.json")
    assert (again.stdout, "12 - 5 = 7" in again.stderr) == ("Answer: none (max-steps)\n", True)
    assert "chosen solution" not in here("explain", "t.json").stdout


def test_nothing_written_is_nothing_shown(here: Here) -> None:
    done = here("solve", *STUCK, "--max-time", "0.000001", PROBLEM)
    assert (done.returncode, done.stdout) == (3, "Answer: none (max-time)\n")
    assert "The model wrote" not in done.stderr


@pytest.mark.parametrize("text", ["x" * 9_000, "line\n" * 500, "\x1b[2J" + "é\n\n" * 3_000])
def test_of_a_long_attempt_its_end_is_shown(text: str) -> None:
    end = finished._end(text + "the end")
    assert end.startswith("…") and end.endswith("the end")
    assert len(end) < 2_100 and end.count("\n") < 25 and "\x1b" not in end


def test_the_best_scored_attempt_is_taken(here: Here, tts: Program) -> None:
    flags = ("--max-steps", "2", "--method", "best-of-n", "-n", "8", "--prm", "tiny-prm", "--trace", "t.json", "--json")
    assert here("solve", "--policy", "endless", *flags, PROBLEM).returncode == 3
    tree = replay(trace.load(tts.work / "t.json").events, "t.json")
    assert tree.ended is not None and tree.ended.step is not None
    scores = {leaf.number: leaf.score for leaf in tree.leaves()}
    assert len(scores) > 1 and scores[tree.ended.step] == max(score for score in scores.values() if score is not None)


# Base models


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base") / "base-model_q4_1.gguf"
    return write_tiny_gguf(path, words=WORDS, bias=ENDLESS, context=2048, layers=1)


NOTE = re.compile(
    r"^note: (\S+) has no chat template, so a plain completion prompt is used\..* base model", re.MULTILINE
)


@pytest.mark.parametrize(
    "command", ["solve", "solve --json", "batch", "batch --unordered", "eval nano --limit 1 --json"]
)
def test_a_base_model_is_noted(here: Here, base: Path, command: str) -> None:
    name, *flags = command.split()
    more = ("--methods", "greedy") if name == "eval" else ("--method", "greedy")
    text = (PROBLEM,) if name == "solve" else ()
    asked = (name, *text, *flags, *more, "--policy", str(base), "--max-steps", "1")
    done = here(*asked, stdin="1 + 1\n")
    noted = NOTE.findall(done.stderr)
    assert noted == ["base-model_q4_1"], done.stderr
    if name == "solve":
        assert not NOTE.search(here(*asked, "-q").stderr)


def test_an_empty_template_is_none(here: Here, tts: Program, base: Path) -> None:
    for place, template in enumerate(("", " \n")):
        path = with_metadata(base, tts.work / f"blank{place}.gguf", tokenizer__chat_template=template)
        done = here("solve", "--policy", str(path), "--max-steps", "1", PROBLEM)
        assert (done.returncode, NOTE.findall(done.stderr)) == (3, [f"blank{place}"])


@pytest.mark.parametrize("model", ["tiny", "toy", "endless", "nano"])
def test_models_with_a_template_and_prms_are_not_noted(here: Here, model: str) -> None:
    done = here(
        "solve", "--policy", model, "--method", "beam", "-n", "4", "--prm", "tiny-prm", "--max-steps", "1", PROBLEM
    )
    assert not NOTE.search(done.stderr)
