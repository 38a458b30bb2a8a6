"""`tts train-prm` as a user runs it, with tiny real models: the head, its card, going on, what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Here, Program
from tests.cli.test_calibrate import document
from tests.cli.test_solve import refused
from tts_cli.evaluation import run
from tts_cli.evaluation.heads import train
from tts_cli.models.content import of_file
from tts_cli.models.prm.head_file import HeadFile

OUT = ("--out", "h.safetensors", "--store", "samples", "--samples", "4")


@pytest.fixture
def dataset(tts: Program) -> Path:
    """The models say 65 more often than 56, and never 7."""
    answers = ["65", "56", "65", "7"] * 6
    rows = [{"problem": f"Compute {i} + 1.", "answer": answer} for i, answer in enumerate(answers)]
    return written(tts, rows)


def written(tts: Program, rows: list[dict[str, Any]]) -> Path:
    path = tts.work / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(run, "load_models", load)
    monkeypatch.setattr(train, "load_models", load)


def test_the_head_is_written_with_its_card(tts: Program, here: Here, dataset: Path) -> None:
    done = here("train-prm", str(dataset), *OUT)
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("Written to h.safetensors; samples and states are in samples.\n")
    for words in ("labelled.jsonl: 24 problems,", "solutions of tiny, its own states", "AUC of solutions", "> "):
        assert words in done.stdout
    model = Path(tts.env["TTS_MODELS_DIR"]) / "tiny.gguf"
    head = HeadFile.read(tts.work / "h.safetensors", of_file(model))
    card = head.card
    assert (card.policy, card.backbone.name, card.own_states, card.data.problems) == ("tiny", "tiny", True, 24)
    assert (card.data.labels, card.layout.separator, card.backbone.architecture) == ("outcome", "\n\n", "llama")
    assert card.layout.prompt == "<|problem|>{problem}<|solution|>"
    assert card.figures["worth"] in " ".join(done.stdout.split())
    state = np.zeros(card.backbone.n_embd)
    assert 0 <= head.score(state, state, np.zeros(len(card.likelihoods)), state) <= 1


def test_a_base_reads_what_the_policy_wrote(tts: Program, here: Here, dataset: Path) -> None:
    found = document(here("train-prm", str(dataset), *OUT, "--base", "endless", "--json"))
    assert found["head"] == "h.safetensors" and found["policy"] == "tiny"
    assert found["backbone"]["name"] == "endless" and not found["own_states"]
    assert set(found["figures"]) >= {"auc_of_steps", "gain_of_weighted", "worth", "recipe", "losses", "mixed"}
    assert HeadFile.read(tts.work / "h.safetensors").card.model_dump(mode="json") == {
        name: value for name, value in found.items() if name != "head"
    }
    again = here("train-prm", str(dataset), *OUT[2:])
    assert (again.returncode, (tts.work / "tiny-head.safetensors").exists()) == (0, True), again.stderr
    folders = [path.name for path in (tts.work / "samples").iterdir() if path.is_dir()]
    assert len(folders) == 2, "the states of two models, the samples of one"


def test_samples_of_eval_are_used(tts: Program, here: Here, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eval_flags = ("--methods", "majority", "--budgets", "4", "--prm", "none", "--out", "samples", "-q")
    assert here("eval", str(dataset), *eval_flags).returncode == 0

    def load(*_: object, **__: object) -> None:
        raise AssertionError("it samples anew")

    monkeypatch.setattr(run, "load_models", load)
    assert here("train-prm", "--out", "h.safetensors", "--store", "samples").returncode == 0
    assert HeadFile.read(tts.work / "h.safetensors").card.data.problems == 24
    monkeypatch.undo()
    assert here("eval", "--out", "samples", "--prm", "tiny-prm", "--methods", "best-of-n", "-q").returncode == 0
    assert here("train-prm", "--out", "h.safetensors", "--store", "samples", "-q").returncode == 0, "a PRM meanwhile"


def test_what_is_stored_is_neither_sampled_nor_read_again(
    tts: Program, here: Here, dataset: Path, request: Any
) -> None:
    assert here("train-prm", str(dataset), *OUT, "-q").returncode == 0
    first = HeadFile.read(tts.work / "h.safetensors")
    request.getfixturevalue("no_models")
    assert here("train-prm", "--out", "h.safetensors", "--store", "samples", "-q").returncode == 0
    again = HeadFile.read(tts.work / "h.safetensors")
    assert again.card == first.card
    assert all((again.tensors[name] == first.tensors[name]).all() for name in first.tensors)


def test_killed_while_it_reads_it_goes_on_and_makes_the_same_head(tts: Program, dataset: Path) -> None:
    flags = ("train-prm", str(dataset), "-q", "--samples", "4")

    def run(folder: str) -> HeadFile:
        done = tts(*flags, "--store", folder, "--out", f"{folder}.safetensors")
        assert (done.returncode, done.stderr) == (0, "")
        return HeadFile.read(tts.work / f"{folder}.safetensors")

    unbroken = run("unbroken")
    command = tts.command(*flags, "--store", "killed", "--out", "killed.safetensors")
    child = subprocess.Popen(command, env=tts.env, cwd=tts.work)
    deadline = time.monotonic() + 60
    states = list[Path]()
    while child.poll() is None and time.monotonic() < deadline and not states:
        states = list((tts.work / "killed").glob("states-*/*.npz"))
    child.kill()
    assert child.wait(60) == -signal.SIGKILL, "it was killed while it worked"
    kept = {path: path.stat().st_mtime_ns for path in (tts.work / "killed").glob("states-*/*.npz")}
    assert 0 < len(kept) < 24
    resumed = run("killed")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert resumed.card == unbroken.card
    assert all((resumed.tensors[name] == unbroken.tensors[name]).all() for name in resumed.tensors)


def test_rows_with_labelled_steps_are_not_sampled(tts: Program, here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("it samples")

    monkeypatch.setattr(run, "load_models", load)
    steps = ["12 - 5 = 7", "4 * 7 = 28", "so 28"]
    rows = [{"problem": f"Compute {i}.", "steps": steps, "first_error": (-1, 1)[i % 2]} for i in range(24)]
    found = document(here("train-prm", str(written(tts, rows)), *OUT, "--json"))
    assert (found["data"]["labels"], found["aggregate"], found["figures"]["majority"]) == ("steps", "min", None)
    assert found["data"]["samples"] == 24


@pytest.mark.parametrize(("answer", "says"), [("7", "are wrong"), ("65", "are right")])
def test_labels_that_are_all_alike_are_refused(tts: Program, here: Here, answer: str, says: str) -> None:
    rows = [{"problem": f"Compute {i}.", "answer": answer} for i in range(24)]
    flags = () if answer == "7" else ("--temperature", "0.05")
    path = written(tts, rows)
    assert says in refused(here("train-prm", str(path), *OUT, *flags), 2)
    assert not (tts.work / "h.safetensors").exists()


@pytest.mark.usefixtures("no_models")
@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--temperature", "0"], 2, "all samples are equal"),
        (["--limit", "19"], 2, "19 problems with labelled solutions are too few to train on; 20 is the least"),
        (["--samples", "1"], 2, "--samples"),
        (["--base", "absent"], 2, "There is no model named 'absent'"),
        (["--base", "tiny-prm"], 2, "is a PRM and cannot be used as a policy"),
        (["--base", "absent.gguf"], 4, "no model file"),
        (["--out", "."], 1, "not a regular file"),
        (["--out", "gone/h.safetensors"], 1, "cannot be written"),
    ],
)
def test_it_is_refused_at_once(here: Here, dataset: Path, flags: list[str], code: int, says: str) -> None:
    assert says in refused(here("train-prm", str(dataset), *flags), code)


@pytest.mark.usefixtures("no_models")
def test_other_samples_are_not_mixed_in(here: Here, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No data set was given" in refused(here("train-prm"), 2)
    assert "No data set was given" in refused(here("train-prm", "--store", "absent"), 2)


def test_another_temperature_is_another_store(here: Here, dataset: Path) -> None:
    assert here("train-prm", str(dataset), *OUT, "-q").returncode == 0
    says = refused(here("train-prm", str(dataset), *OUT, "--temperature", "0.9"), 2)
    assert "another temperature: 0.7, not 0.9" in says and "--store" in says
