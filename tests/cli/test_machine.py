"""`tts models` and `tts doctor`: what is on this machine, as a table, as columns and as JSON."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Here, Program
from tests.cli.test_terminal import finish, without_styles
from tests.models.gguf_files import with_metadata
from tests.tiny_gguf import write_tiny_gguf
from tts_cli.cli import doctor_checks as checks
from tts_cli.engine import library, pace

METER = pace.CoreMeter


def test_models_are_listed_in_columns(here: Here) -> None:
    lines = here("models", "list").stdout.splitlines()
    assert lines[0].split() == ["name", "role", "here", "size", "parameters", "description"]
    cells = {line.split()[0]: line.split() for line in lines[1:]}
    assert cells["tiny"][1:3] == ["policy", "yes"]
    assert cells["tiny-prm"][1:3] == ["prm", "yes"]
    assert cells["qwen2.5-0.5b-instruct"][1:5] == ["policy", "no", "-", "-"]
    assert cells["nano"][3:5] == ["0.2MB", "133k"]
    assert "; measured: " in next(line for line in lines if line.startswith("nano "))


def test_models_are_listed_as_one_document(here: Here) -> None:
    rows = {row["name"]: row for row in json.loads(here("models", "list", "--json").stdout)}
    assert Path(rows["tiny"]["path"]).is_file()
    assert rows["tiny"]["size"] == Path(rows["tiny"]["path"]).stat().st_size
    assert rows["nano"]["parameters"] == 133_440  # as in the model's own README
    assert rows["nano"]["measured"] and rows["nano"]["measured_by"]
    assert rows["qwen2.5-0.5b-instruct"]["path"] is None
    assert rows["qwen2.5-0.5b-instruct"]["measured"] is None
    assert here("models", "list", "-q").stdout.split() == list(rows)


def test_a_damaged_file_is_listed_without_its_parameters(here: Here, tmp_path: Path, model_files: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes((model_files / "tiny.gguf").read_bytes()[:3000])
    done = here("models", "list", "--json", TTS_MODELS_DIR=str(tmp_path))
    [tiny] = [row for row in json.loads(done.stdout) if row["name"] == "tiny"]
    assert (tiny["size"], tiny["parameters"]) == (3000, None)


def test_models_are_tables_on_a_terminal(tts: Program) -> None:
    """At 80 columns: nothing is cut, and a description never gets narrower than a third of the terminal."""
    text = without_styles(finish(tts.terminal("models", "list", size=(80, 60)))).replace("\r", "")
    assert re.search(r"^tiny-prm +prm +yes", text, re.MULTILINE)
    assert "…" not in text and max(map(len, text.splitlines())) <= 80
    assert re.search(r"^ +measured: \w", text, re.MULTILINE)
    heads = [line for line in text.splitlines() if line.startswith("name ")]
    assert [head.split() for head in heads] == [
        ["name", "role", "here", "size", "parameters", "description"],
        ["name", "role", "here", "description"],
    ]
    assert all(80 - head.index("description") >= 27 for head in heads)


def test_one_model_is_shown_and_how_to_get_it(here: Here) -> None:
    present = here("models", "show", "tiny").stdout
    assert re.search(r"^path +/.+/tiny\.gguf$", present, re.MULTILINE)
    absent = here("models", "show", "qwen2.5-0.5b-instruct")
    assert re.search(r"^get +`tts models pull", absent.stdout, re.MULTILINE)
    assert json.loads(here("models", "show", "tiny", "--json").stdout)["name"] == "tiny"
    assert here("models", "show", "-q", "qwen2.5-0.5b-instruct").returncode == 4
    assert here("models", "show", "-q", "tiny").stdout.endswith("/tiny.gguf\n")


FACTS = ("architecture", "quantization", "context", "chat_template", "fits", "family", "prompt_style", "role")


def facts(here: Here, model: str) -> tuple[object, ...]:
    done = here("models", "show", "--json", model)
    assert done.returncode == 0, done.stderr
    return tuple(json.loads(done.stdout).get(name) for name in FACTS)


def test_any_file_is_shown(here: Here, tts: Program, model_files: Path) -> None:
    tiny = model_files / "tiny.gguf"
    made: dict[str, tuple[dict[str, Any], tuple[object, ...]]] = {
        "plain": ({}, ("llama", None, 2048, True, True, None, "generic", "policy")),
        "named": ({"general__name": "Qwen2.5 Math"}, ("llama", None, 2048, True, True, "qwen", "qwen", "policy")),
        "llama-3-q8": ({"general__file_type": 7}, ("llama", "Q8_0", 2048, True, True, "llama-3", "llama-3", "policy")),
        "base": ({"tokenizer__chat_template": ""}, ("llama", None, 2048, False, True, None, "generic", "policy")),
        "odd": ({"general__file_type": 999}, ("llama", None, 2048, True, True, None, "generic", "policy")),
        "scores": (
            {"tts__prm__format": "nano-prm"},
            ("llama", None, 2048, True, True, "nano-prm", None, "prm"),
        ),
        "foreign": ({"tts__prm__format": "from-the-future"}, ("llama", None, 2048, True, True, None, None, "prm")),
    }
    for name, (metadata, expected) in made.items():
        path = with_metadata(tiny, tts.work / f"{name}.gguf", **metadata)
        assert facts(here, str(path)) == expected, name
        assert facts(here, path.name) == expected, "a name that ends in .gguf is a file"
        text = here("models", "show", path.name).stdout
        assert re.search(rf"^size +{path.stat().st_size}$", text, re.MULTILINE)
        assert re.search(r"^parameters +[1-9]\d+$", text, re.MULTILINE)
        assert here("models", "show", "-q", path.name).stdout == f"{path}\n"


def test_the_file_of_a_registered_model_is_shown_as_that_model(here: Here, model_files: Path) -> None:
    shown = json.loads(here("models", "show", "--json", str(model_files / "tiny-prm.gguf")).stdout)
    assert (shown["name"], shown["role"], shown["fits"]) == ("tiny-prm", "prm", True)


def test_what_is_no_model_file_is_exit_code_4(here: Here, tts: Program) -> None:
    (tts.work / "text.gguf").write_text("This is not a model.")
    (tts.work / "empty.gguf").touch()
    for name, says in (
        ("text.gguf", "not a GGUF"),
        ("empty.gguf", "empty"),
        ("absent.gguf", "no file"),
        ("./", "no file"),
    ):
        done = here("models", "show", name)
        assert (done.returncode, done.stdout) == (4, "")
        assert says in done.stderr


def test_a_model_that_does_not_fit_is_shown_so(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "memory", lambda: library.Memory(total=10**5, available=10**5))
    assert facts(here, "tiny")[4] is False
    monkeypatch.setattr(library, "memory", lambda: None)
    assert facts(here, "tiny")[4] is None


def test_doctor_finds_a_working_machine(tts: Program) -> None:
    done = tts("doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True)
    found = {check["name"]: check for check in report["checks"]}
    names = "tts", "llama.cpp", "CPU", "threads", "load", "GPU", "memory", "default policy", "default prm", "config"
    assert set(names) <= set(found)
    assert "tiny: " in found["default policy"]["detail"]
    assert "TTS_POLICY" in found["config"]["detail"]
    assert all(check["fix"] for check in report["checks"] if check["status"] != "ok")


@pytest.mark.parametrize(
    ("others", "status", "says"),
    [
        (0.1, "ok", "1.9 of 2 logical cores are free now"),
        (1.5, "warn", "0.5 of 2 logical cores are free now; other programs use 1.5"),
        (None, "ok", "does not say"),
    ],
)
def test_doctor_says_whether_other_programs_take_cores(
    monkeypatch: pytest.MonkeyPatch, others: float | None, status: str, says: str
) -> None:
    """`others` cores are used during the look, whose clock is a counter."""
    seconds = [0.0]
    monkeypatch.setattr(checks.time, "sleep", lambda wait: seconds.__setitem__(0, seconds[0] + wait))

    def read() -> pace.CoreTimes | None:
        return None if others is None else pace.CoreTimes(everyone=others * seconds[0], own=0, cores=2)

    monkeypatch.setattr(pace, "CoreMeter", lambda: METER(read, lambda: seconds[0]))
    check = checks._load(threads=2)
    assert (check.status, bool(check.fix)) == (status, status == "warn")
    assert says in check.detail


def test_doctor_fails_where_solving_would(tts: Program, tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "vocab.gguf", tensors=False)
    done = tts("doctor", TTS_POLICY=str(tmp_path / "vocab.gguf"), TTS_BUDGET="many")
    assert done.returncode == 1
    assert re.search(r"^fail  .+\n +fix: .+$", done.stdout, re.MULTILINE)
    assert "TTS_BUDGET is 'many'" in done.stdout
    quiet = tts("doctor", "-q", TTS_POLICY="absent.gguf")
    assert quiet.returncode == 1
    assert re.search(r"^fail  default policy", quiet.stdout, re.MULTILINE)


def test_doctor_is_drawn_on_a_terminal(tts: Program) -> None:
    child = tts.terminal("doctor", size=(100, 60))
    output = finish(child)
    assert child.exitstatus == 0
    assert "\x1b[32mok" in output and "llama-cpp-python" in output


def probe_with(monkeypatch: pytest.MonkeyPatch, script: str) -> dict[str, Any]:
    """What the checks make of a probe process that does this instead."""
    run = checks.subprocess.run
    monkeypatch.setattr(checks.subprocess, "run", lambda _, **options: run([sys.executable, "-c", script], **options))
    return checks._probe("system")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "crashed (SIGILL)"),
        ("raise ImportError('libllama.so is missing')", "libllama.so is missing"),
        ("pass", "no message"),
        ("import time; time.sleep(30)", "did not answer"),
    ],
)
def test_native_code_that_crashes_is_a_finding(monkeypatch: pytest.MonkeyPatch, script: str, says: str) -> None:
    monkeypatch.setattr(checks, "PROBE_SECONDS", 2)
    found = probe_with(monkeypatch, script)
    assert says in found["error"]
    assert found["hint"]


def machine(**changes: Any) -> dict[str, Any]:
    found = {"version": "0.3.36", "features": "CPU : AVX2 = 1 | AMX_INT8 = 1 | NEON = 0 |", "amx_fault": False}
    return found | {"cores": 4, "waiting": "by GOMP_SPINCOUNT=10000", "gpu": False, "devices": []} | changes


def test_the_amx_fault_is_mentioned_where_it_may_strike() -> None:
    assert not [check for check in checks._llama(machine()) if check.name == "AMX"]
    [amx] = [check for check in checks._llama(machine(amx_fault=True)) if check.name == "AMX"]
    assert (amx.status, "kept off" in amx.detail) == ("ok", True)
    [cpu] = [check for check in checks._llama(machine()) if check.name == "CPU"]
    assert cpu.detail == "AVX2, AMX_INT8"


def test_gpus_are_named_with_their_memory() -> None:
    device = {"name": "CUDA0", "description": "A GPU", "kind": "GPU", "memory_free": 8e9, "memory_total": 9e9}
    assert checks._gpu(machine(gpu=True, devices=[device])).detail == "CUDA0 A GPU (8.0 GB free)"
    assert checks._gpu(machine()).fix


@pytest.mark.parametrize(("available", "status"), [(None, "warn"), (100_000_000, "warn"), (8_000_000_000, "ok")])
def test_little_memory_is_a_warning(available: int | None, status: str) -> None:
    assert checks._memory(available).status == status
