"""What this machine and this build of llama.cpp offer. Loads no model."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tts_cli.engine.library import library

_KINDS = {0: "CPU", 1: "GPU", 2: "integrated GPU", 3: "accelerator"}


@dataclass(frozen=True, slots=True)
class Device:
    """One compute device as ggml lists it; memory in bytes, 0 where it does not tell."""

    name: str
    description: str
    kind: str
    memory_free: int
    memory_total: int


def system_info() -> str:
    """llama.cpp's line of CPU features."""
    return str(library().api.llama_print_system_info().decode("utf-8", "replace"))


def supports_gpu() -> bool:
    """True when the build has a GPU back end and a usable device is there."""
    return bool(library().api.llama_supports_gpu_offload())


def llama_version() -> str:
    """The version of llama-cpp-python: it pins the llama.cpp that it brings."""
    return str(library().api.__version__)


def amx_fault(info: str) -> bool:
    """True when this build may crash on quantized models unless extra weight buffers are off.

    GCC 12 miscompiles llama.cpp's AMX kernels (ggml-org/llama.cpp#20824); only builds that report AMX_INT8 have them.
    """
    return re.search(r"\bAMX_INT8 = 1\b", info) is not None


def physical_cores() -> int:
    """Cores that this process may use, hyper-threads counted once; at least 1."""
    cores = _cores_of_cpuinfo() if platform.system() == "Linux" else _cores_of_sysctl()
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores or allowed, allowed))


def cores_in(cpuinfo: str) -> int:
    """Distinct (socket, core) pairs in the text of /proc/cpuinfo; 0 where it does not tell (many ARM machines)."""
    sockets = re.findall(r"^physical id\s*:\s*(\d+)", cpuinfo, re.MULTILINE)
    cores = re.findall(r"^core id\s*:\s*(\d+)", cpuinfo, re.MULTILINE)
    return len(set(zip(sockets, cores, strict=False)))


def _cores_of_cpuinfo() -> int:
    path = Path("/proc/cpuinfo")
    return cores_in(path.read_text(errors="replace")) if path.is_file() else 0


def _cores_of_sysctl() -> int:
    if platform.system() != "Darwin":
        return 0
    # Efficiency cores slow a whole step down to their speed: count the performance cores where the chip has both kinds.
    for name in ("hw.perflevel0.physicalcpu", "hw.physicalcpu"):
        answer = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip().isdigit():
            return int(answer.stdout)
    return 0


def devices() -> list[Device]:
    """The devices that ggml registered; the CPU is one of them. [] where the library does not tell."""
    base = _ggml("ggml-base")
    registry = _ggml("ggml")
    if base is None or registry is None:
        return []
    registry.ggml_backend_dev_count.restype = ctypes.c_size_t
    registry.ggml_backend_dev_get.restype = ctypes.c_void_p
    registry.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    return [_device(base, registry.ggml_backend_dev_get(i)) for i in range(registry.ggml_backend_dev_count())]


def _ggml(name: str) -> ctypes.CDLL | None:
    """A ggml library that came with the bindings (they bind llama.h only)."""
    folder = Path(library().api.__file__).parent / "lib"
    for file in (f"lib{name}.so", f"lib{name}.dylib", f"{name}.dll", f"lib{name}.dll"):
        if (folder / file).is_file():
            return ctypes.CDLL(str(folder / file))
    return None


def _device(base: ctypes.CDLL, handle: int) -> Device:
    for function in (base.ggml_backend_dev_name, base.ggml_backend_dev_description):
        function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    base.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    size = ctypes.POINTER(ctypes.c_size_t)
    base.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
    base.ggml_backend_dev_memory.restype = None
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    base.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
    return Device(
        name=base.ggml_backend_dev_name(handle).decode("utf-8", "replace"),
        description=base.ggml_backend_dev_description(handle).decode("utf-8", "replace"),
        kind=_KINDS.get(base.ggml_backend_dev_type(handle), "other"),
        memory_free=free.value,
        memory_total=total.value,
    )
