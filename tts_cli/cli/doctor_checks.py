"""The checks of `tts doctor`: each examines one thing and reports ok, warn or fail, with a fix where there is one.

Everything that touches llama.cpp runs in a subprocess (`native_probe`), because bad native code does not raise.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tts_cli import __version__
from tts_cli.config import environment_names, resolve
from tts_cli.errors import TtsError
from tts_cli.paths import config_files

if TYPE_CHECKING:
    from tts_cli.models.registry import ModelEntry, Registry

Status = Literal["ok", "warn", "fail"]
PROBE_SECONDS = 120
LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Check:
    """One line of the report. A `fail` means that `tts solve` cannot do its work."""

    name: str
    status: Status
    detail: str
    fix: str = ""


def run() -> Iterator[Check]:
    """All checks, in the order in which a person would go through them."""
    from tts_cli.engine import library

    yield Check("tts", "ok", f"{__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")
    found = _probe("system")
    yield from _llama(found)
    machine = library.memory()
    memory = machine.available if machine else None
    yield _memory(memory)
    yield from _models(memory)
    yield from _config()


def _llama(found: dict[str, Any]) -> Iterator[Check]:
    if "error" in found:
        yield Check("llama.cpp", "fail", found["error"], found["hint"])
        return
    yield Check("llama.cpp", "ok", f"llama-cpp-python {found['version']}")
    parts = found["features"].replace(":", "|").split("|")
    features = [part.split(" = ")[0].strip() for part in parts if "= 1" in part]
    yield Check("CPU", "ok", ", ".join(features) or "no features reported")
    if found["amx_fault"]:
        yield Check("AMX", "ok", "AMX_INT8 is on, whose kernels crash in some builds: kept off, nothing to do")
    how = f"waiting for each other {found['waiting']}"
    yield Check("threads", "ok", f"{found['cores']} physical cores (change with --threads); {how}")
    yield _load(found["cores"])
    yield _gpu(found)


def _load(threads: int) -> Check:
    """How many cores other programs leave, measured for a moment."""
    from tts_cli.engine.pace import CoreMeter, is_contended

    meter = CoreMeter()
    meter.look()
    time.sleep(LOOK_SECONDS)
    meter.look()
    if meter.others is None:
        return Check("load", "ok", "this system does not say how many cores are free")
    free = f"{meter.cores - meter.others:.1f} of {meter.cores} logical cores are free now"
    if not is_contended(threads, meter.others, meter.cores):
        return Check("load", "ok", free)
    fix = "Large models will be slower than this computer can run them: close other programs, or wait for them."
    return Check("load", "warn", f"{free}; other programs use {meter.others:.1f}", fix)


def _gpu(found: dict[str, Any]) -> Check:
    devices = [device for device in found["devices"] if device["kind"] != "CPU"]
    if not found["gpu"] or not devices:
        fix = "If there is a GPU, install llama-cpp-python built for it (docs/install.md: CUDA, Metal, Vulkan)."
        return Check("GPU", "ok", "this build offers none: all work is done on the CPU", fix)
    names = (f"{it['name']} {it['description']} ({it['memory_free'] / 1e9:.1f} GB free)" for it in devices)
    return Check("GPU", "ok", "; ".join(names))


def _memory(available: int | None) -> Check:
    if available is None:
        return Check("memory", "warn", "this system does not say how much is free")
    status: Status = "ok" if available > 500e6 else "warn"
    return Check("memory", status, f"{available / 1e9:.1f} GB available", "" if status == "ok" else "Close programs.")


def _models(memory: int | None) -> Iterator[Check]:
    """What is on this machine and fits; then whether the models that `tts solve` takes by default really run."""
    from tts_cli.models import registry

    try:
        known = registry.read()
    except TtsError as error:
        yield Check("models", "fail", error.what, error.hint)
        return
    entries = known.models.values()
    for entry in entries:
        if registry.find_file(entry):
            yield _fits(entry, memory)
    absent = [entry.name for entry in entries if not registry.find_file(entry)]
    if absent:
        fix = "`tts models show NAME` says how to get one."
        yield Check("models", "ok", f"known, not here: {', '.join(absent)}", fix)
    yield from _default_models(known)


def _fits(entry: ModelEntry, memory: int | None) -> Check:
    from tts_cli.models import registry
    from tts_cli.models.room import memory_needed

    path = registry.locate(entry)
    name, size, need = f"model {entry.name}", path.stat().st_size, memory_needed(path)
    if memory is not None and need is not None and need.lasting > memory:
        fix = "Take a smaller model or a smaller quantisation of it."
        return Check(name, "warn", f"needs {need} of memory, more than fits now", fix)
    return Check(name, "ok", f"{size / 1e6:.1f} MB, fits")


def _default_models(known: Registry) -> Iterator[Check]:
    from tts_cli.models.load import prm_of

    try:
        chosen = resolve({})
        own = prm_of(chosen.policy, known, chosen.prm_format)
    except TtsError as error:
        yield Check("policy", "fail", error.what, error.hint)
        return
    format = [chosen.prm_format] if chosen.prm_format else []
    for role, name, *more in (("policy", chosen.policy), ("prm", chosen.prm or own, *format)):
        if name == "none":
            continue
        found = _probe(role, name, *more)
        if "error" in found:
            yield Check(f"default {role}", "fail", f"{name}: {found['error']}", found["hint"])
        else:
            how = f"{found['parameters'] / 1e6:.1f} M parameters, loads and runs in {found['seconds']:.1f} s"
            yield Check(f"default {role}", "ok", f"{name}: {how}")


def _config() -> Iterator[Check]:
    present = [str(path) for path in config_files() if path.exists()]
    variables = sorted(key for key in os.environ if key in environment_names())
    detail = ", ".join([*present, *variables]) or f"none (would be {' or '.join(map(str, config_files()))})"
    try:
        resolve({})
    except TtsError as error:
        yield Check("config", "fail", error.what, error.hint)
        return
    yield Check("config", "ok", detail)


def _probe(*arguments: str) -> dict[str, Any]:
    """Run `native_probe`; a crash or a hang becomes an "error" with a "hint"."""
    command = [sys.executable, "-m", "tts_cli.cli.native_probe", *arguments]
    hint = "Build it anew for this machine: pip install --force-reinstall --no-binary llama-cpp-python llama-cpp-python"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"it did not answer within {PROBE_SECONDS} s", "hint": "Try a smaller model."}
    if done.returncode < 0:
        return {"error": f"llama.cpp crashed ({signal.Signals(-done.returncode).name})", "hint": hint}
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"error": f"llama.cpp cannot be used: {last}", "hint": hint}
    return answer
