"""The machine, the build, and what follows from them: load parameters, sizes, threads."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.engine.driving import drain, prompt, start
from tts_cli.engine import Engine, library
from tts_cli.engine.model import Model, load_model, model_params
from tts_cli.engine.plan import ContextPlan, plan
from tts_cli.errors import TtsError, UsageError

WITH_AMX = "CPU : SSE3 = 1 | AVX512 = 1 | AMX_INT8 = 1 | LLAMAFILE = 1 | REPACK = 1 | "
WITHOUT = "CPU : SSE3 = 1 | AVX512 = 1 | LLAMAFILE = 1 | OPENMP = 1 | REPACK = 1 | "


def test_the_amx_fault_is_seen_in_the_system_info() -> None:
    assert library.amx_fault(WITH_AMX)
    assert not library.amx_fault(WITHOUT)
    assert not library.amx_fault(WITH_AMX.replace("AMX_INT8 = 1", "AMX_INT8 = 0"))


def test_load_parameters_follow_the_amx_fault() -> None:
    assert model_params(library.library(), WITH_AMX, -1).use_extra_bufts is False
    assert model_params(library.library(), WITHOUT, -1).use_extra_bufts is True
    assert model_params(library.library(), WITHOUT, 7).n_gpu_layers == 7


def test_loading_asks_for_the_system_info(q8: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[bool] = []
    load = library.library().api.llama_model_load_from_file

    def spy(path: bytes, params: object) -> object:
        passed.append(params.use_extra_bufts)  # type: ignore[attr-defined]
        return load(path, params)

    monkeypatch.setattr(library.library().api, "llama_model_load_from_file", spy)
    for info in (WITH_AMX, WITHOUT):
        monkeypatch.setattr("tts_cli.engine.model.system_info", lambda info=info: info)
        load_model(q8).free()
    assert passed == [False, True]


def test_this_machine_has_cores() -> None:
    assert 1 <= library.physical_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("counted", "allowed", "cores"),
    [
        (6, list(range(12)), 6),  # hyper-threads
        (6, [0, 1], 2),  # a container, or taskset
        (None, [0, 1, 2], 3),  # not known (some virtual machines)
        (4, [], 1),
    ],
)
def test_cores_are_those_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch, counted: int | None, allowed: list[int], cores: int
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None if logical else counted)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda process: allowed, raising=False)
    monkeypatch.setattr(library, "_quota", lambda: 0)
    assert library.physical_cores() == cores
    monkeypatch.setattr(library, "_quota", lambda: 2)  # a container with --cpus 2
    assert library.physical_cores() == min(cores, 2)


QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"


@pytest.mark.parametrize(
    ("own", "groups", "cores"),
    [
        ("0::/", {"cpu.max": "250000 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),  # half a core
        ("0::/", {"cpu.max": "max 100000"}, 0),
        ("0::/a/b", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "300000 100000", "cpu.max": "max 100000"}, 3),
        ("0::/of/the/host", {"cpu.max": "300000 100000"}, 3),  # whose path is not there in a container
        (
            "4:cpu,cpuacct:/a",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "200000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
            2,
        ),
        ("1:cpu:/\n0::/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 0),
        ("4:cpuset:/", {"cpuset/cpu.max": "200000 100000"}, 0),  # of another controller
        (None, {"cpu.max": "200000 100000"}, 0),  # not Linux
    ],
)
def test_a_containers_limit(tmp_path: Path, own: str | None, groups: dict[str, str], cores: int) -> None:
    if own is not None:
        (tmp_path / "own").write_text(own + "\n")
    for name, text in groups.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    assert library._quota(tmp_path / "groups", tmp_path / "own") == cores


LOADED = "from tts_cli.engine import library as it; it.library(); print(it.waiting(it.system_info()))"
WAITING = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"


@pytest.mark.parametrize(
    ("given", "spins", "says"),
    [
        ({}, "10000", "by GOMP_SPINCOUNT=10000"),
        ({"GOMP_SPINCOUNT": "77"}, "77", "by GOMP_SPINCOUNT=77"),
        ({"OMP_WAIT_POLICY": "passive"}, "0", "by OMP_WAIT_POLICY=passive"),
    ],
)
def test_openmp_is_loaded_with_short_waits(given: dict[str, str], spins: str, says: str) -> None:
    """libgomp itself says what it took from the environment; it reads that only once."""
    library.library()
    if not library._has_libgomp():
        pytest.skip("this build has no libgomp")
    environment = {name: value for name, value in os.environ.items() if name not in WAITING}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE", **given}
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, env=environment)
    assert f"GOMP_SPINCOUNT = '{spins}'" in done.stderr
    assert done.stdout == f"{says}\n"


def test_how_threads_wait_is_said_for_any_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert "without OpenMP" in library.waiting("CPU : AVX = 1 | REPACK = 1 |")
    monkeypatch.setattr(library, "_has_libgomp", lambda: False)  # another OpenMP, which knows no spin count
    assert library.waiting("CPU : OPENMP = 1 |") == "as OpenMP decides"


def test_of_an_apple_chip_the_performance_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 10)
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)
    monkeypatch.setattr(library, "_quota", lambda: 0)
    for said, cores in (("4\n", 4), ("", 10)):  # an older Mac has one kind of cores
        done = subprocess.CompletedProcess([], 0, stdout=said)
        monkeypatch.setattr(subprocess, "run", lambda *_, done=done, **__: done)
        assert library.physical_cores() == cores


def test_memory_is_unknown_where_the_system_does_not_report_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known = library.memory()
    assert known is not None and 0 < known.available <= known.total

    def unreadable() -> None:
        raise FileNotFoundError("/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", unreadable)
    assert library.memory() is None


def test_a_context_larger_than_the_memory_is_refused(tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_cli.engine.plan.memory", lambda: library.Memory(total=10**6, available=10**5))
    with pytest.raises(UsageError, match=r"2000 tokens needs 2\.0 GB of memory, and this machine has 0\.0 GB"):
        _plan(replace(tiny, kv_bytes_per_token=10**6), n_ctx=2000)
    monkeypatch.setattr("tts_cli.engine.plan.memory", lambda: None)
    assert _plan(replace(tiny, kv_bytes_per_token=10**6), n_ctx=2000).n_ctx * 10 > 2000


def test_what_this_machine_offers() -> None:
    assert "CPU" in library.system_info()
    assert library.llama_version()[0].isdigit()
    devices = library.devices()
    assert any(device.kind == "CPU" and device.memory_total > 0 for device in devices)
    assert library.supports_gpu() == any("GPU" in device.kind for device in devices)


@pytest.fixture
def tiny(q8: Path) -> Model:
    model = load_model(q8)
    model.free()  # the plan needs its numbers only
    return model


def _plan(model: Model, n_ctx: int = 0, n_seq_max: int = 64, threads: int = 1, **more: Any) -> ContextPlan:
    return plan(model, n_ctx, n_seq_max, threads, **{"n_contexts": None, "on_gpu": False, **more})


def test_the_context_is_sized_by_need_and_memory(tiny: Model) -> None:
    def tokens(train: int, kv_bytes: int, n_seq_max: int = 64) -> int:
        model = replace(tiny, n_ctx_train=train, kv_bytes_per_token=kv_bytes)
        return _plan(model, n_seq_max=n_seq_max, n_contexts=1).n_ctx

    assert tokens(512, 1_000) == 64 * 512
    assert tokens(100, 1_000) == 64 * 100
    assert tokens(32_768, 1_000, n_seq_max=1) == 32_768
    assert tokens(131_072, 28_672) == (1 << 30) // 28_672
    assert tokens(512, 1 << 24) == 256


def test_large_models_get_one_context_and_tiny_ones_several(tiny: Model) -> None:
    small = replace(tiny, parameters=2_000_000, attention_flops_per_cell=4 * 4 * 192, n_ctx_train=512)
    large = replace(tiny, parameters=1_500_000_000, attention_flops_per_cell=4 * 28 * 1536)
    assert _plan(small).n_contexts == 8
    assert _plan(small, on_gpu=True).n_contexts == 1
    assert _plan(small, n_ctx=1024).n_contexts == 2  # each holds a path of the trained length
    assert _plan(small, n_seq_max=4).n_contexts == 1
    assert _plan(large).n_contexts == 1


def test_threads_go_to_contexts_first_and_never_grow(tiny: Model) -> None:
    def spread(parameters: int, threads: int, n_contexts: int) -> tuple[int, int]:
        model = replace(tiny, parameters=parameters)
        found = _plan(model, threads=threads, n_contexts=n_contexts)
        assert found.threads * found.workers <= threads
        return found.threads, found.workers

    assert spread(2_000_000, threads=6, n_contexts=8) == (1, 6)
    assert spread(2_000_000, threads=6, n_contexts=2) == (1, 2)
    assert spread(2_000_000, threads=1, n_contexts=8) == (1, 1)
    assert spread(25_000_000, threads=8, n_contexts=4) == (3, 2)
    assert spread(1_500_000_000, threads=8, n_contexts=1) == (8, 1)


def test_a_context_that_cannot_be_made_is_tried_smaller(q8: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, tried = library.library().api.llama_init_from_model, []

    def short_of_memory(model: object, params: object) -> object:
        tried.append(params.n_ctx)  # type: ignore[attr-defined]
        return make(model, params) if tried[-1] <= 4096 else None

    monkeypatch.setattr(library.library().api, "llama_init_from_model", short_of_memory)
    with Engine(q8, threads=1, n_contexts=1) as engine:
        assert engine.n_ctx == 4096
        job = start(engine, prompt(engine))
        drain(engine)
        assert job.done
    assert tried == [32768, 16384, 8192, 4096]
    with pytest.raises(TtsError, match="context of 8192 tokens"):
        Engine(q8, threads=1, n_ctx=8192, n_contexts=1)


def test_an_engine_says_what_it_loaded(f32: Path) -> None:
    with Engine(f32, threads=1, n_ctx=1024) as engine:
        assert engine.path == f32
        assert engine.parameters == 288 * 64 * 2 + 64 + 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64)
        assert engine.n_ctx == 1024 and engine.n_ctx_train == engine.max_length == 512
        assert "<|solution|>" in engine.metadata["tokenizer.chat_template"]
        assert engine.metadata["general.architecture"] == "llama"


def test_close_is_safe_twice_and_nothing_runs_after(q8: Path) -> None:
    engine = Engine(q8, threads=1)
    root = prompt(engine)
    job = start(engine, root)
    engine.advance()
    engine.close()
    engine.close()
    engine.release(root)
    engine.cancel(job)
    for call in (engine.advance, lambda: start(engine, root)):
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_a_process_ends_cleanly_with_engines_open(q8: Path) -> None:
    """No output of llama.cpp, exit code 0: also with a job half done and no close()."""
    code = (
        "import sys; from pathlib import Path; from tts_cli.engine import *; from tts_cli.protocols import *\n"
        "engines = [Engine(Path(sys.argv[1]), threads=1) for _ in range(2)]\n"
        "root = engines[0].root([65, 66], Usage())\n"
        "job = engines[0].generate(root, sampler=Sampler(SampleKey(0, 'p', ()), Sampling()),"
        " stop=lambda text: None, max_tokens=50)\n"
        "engines[0].advance()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(q8)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_engine_that_is_dropped_is_freed(q8: Path) -> None:
    engine = Engine(q8, threads=1)
    free = engine._free
    del engine
    assert not free.alive
