"""The family's recipes: as plans, and at toy size through real training, sampling and export (extra [train])."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.family import MODELS, RUNS, Family, Stage, follow, rehearsal
from training.tokenizer import word_list
from tts_cli.engine import Engine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A folder with a vocabulary of few words, which is quick to make."""
    pytest.importorskip("torch")
    pytest.importorskip("gguf")
    folder = tmp_path_factory.mktemp("family")
    (folder / "words.txt").write_text("\n".join(word_list(count=400, least=5)))
    return folder


def in_this_process(stage: Stage) -> None:
    """As `run_stage`, but torch is imported once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", list(stage.command))
        importlib.import_module(stage.command[0]).main()


def test_a_policy_is_made_by_one_command_and_not_twice(out):
    command = [
        sys.executable,
        "-m",
        "training.family",
        "nano",
        "--quick",
        "--out",
        str(out),
        "--models",
        str(out),
    ]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "parameters" in first and "done:" not in first
    made = (out / "nano.gguf").stat()
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in second.splitlines()] == ["done:", "done:"]
    assert (out / "nano.gguf").stat().st_mtime_ns == made.st_mtime_ns
    with Engine(out / "nano.gguf", n_ctx=512, n_seq_max=1) as engine:
        assert engine.metadata["general.name"] == "nano"


def test_a_prm_is_made_with_all_that_it_needs_and_goes_on_after_a_kill(out):
    stages = rehearsal(out, out).stages("nano-prm")
    ran = []

    def run(stage):
        ran.append(stage)
        if len(ran) == 5:
            raise KeyboardInterrupt
        in_this_process(stage)

    with pytest.raises(KeyboardInterrupt):
        follow(stages, run)
    missing = [stage for stage in stages if not stage.done]
    assert missing[0] is ran[4]
    follow(stages, run)
    assert ran[5:] == missing
    assert all(stage.done for stage in stages)
    with Engine(out / "nano-prm.gguf", n_ctx=512, n_seq_max=1) as engine:
        assert engine.metadata["tts.prm.format"] == "nano-prm"


@pytest.mark.parametrize("name", MODELS)
def test_each_stage_reads_only_what_an_earlier_one_wrote(name):
    stages = Family(Path("out"), Path("models"), RUNS).stages(name)
    written = set()
    for stage in stages:
        for argument in stage.command[1:]:
            path = Path(argument)
            if path.suffix in (".pt", ".jsonl", ".gguf") and path != stage.result:
                assert path.with_name("model.pt") in written if path.suffix == ".pt" else path in written
        written.add(stage.result)
    assert len(written) == len(stages)
    assert stages[-1].result == Path("models") / f"{name}.gguf"


@pytest.mark.parametrize("name", RUNS)
def test_the_trainer_understands_every_run(name, monkeypatch):
    pytest.importorskip("torch")
    from training import train

    *_, stage = Family(Path("out"), Path("models"), RUNS).weights(name)
    monkeypatch.setattr(sys, "argv", list(stage.command))
    options, run = train.arguments(), RUNS[name]
    assert (options.role, options.layers, options.width, options.tokens) == (
        run.role,
        run.layers,
        run.width,
        run.tokens,
    )
    assert (options.stop, options.threads, options.out / "model.pt") == (run.stop, run.threads, stage.result)
    assert bool(options.samples) == (run.role == "prm") and bool(options.base) == bool(run.base)
    assert (options.seed, options.shard) == (run.seed or 1, run.shard)


def test_shapes_stand_on_each_other():
    assert all(run.base for run in RUNS.values() if run.role == "prm")
    for run in (run for run in RUNS.values() if run.base):
        base = RUNS[run.base]
        assert run.layers > base.layers and run.width > base.width  # the identity needs channels of its own
        if run.start:
            start = RUNS[run.start]
            assert (start.layers, start.width, start.base) == (run.layers, run.width, run.base)


def test_an_export_is_made_anew_when_its_weights_are(tmp_path):
    weights, gguf = tmp_path / "model.pt", tmp_path / "nano.gguf"
    stage = Stage(("training.export",), gguf, source=weights)
    gguf.touch()
    assert not stage.done  # as in a clean clone: the model that ships is there, its weights are not
    weights.touch()
    os.utime(weights, ns=(0, gguf.stat().st_mtime_ns))
    assert stage.done
    os.utime(weights, ns=(0, gguf.stat().st_mtime_ns + 1_000_000))
    assert not stage.done


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    stages = Family(tmp_path / "out", tmp_path / "models", RUNS).stages("nano-prm-small")
    follow(stages, run=None)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(stages) and f" --out {tmp_path / 'out'}/nano-prm-small" in lines[-2]
    assert list(tmp_path.iterdir()) == []


def test_a_stage_that_fails_ends_the_run(tmp_path):
    broken = Stage(("training.export", str(tmp_path / "none.pt"), "--name", "x", "--out", "x"), tmp_path / "x.gguf")
    after = Stage(("training.export",), tmp_path / "y.gguf")
    with pytest.raises(SystemExit, match="same command"):
        follow([broken, after])
