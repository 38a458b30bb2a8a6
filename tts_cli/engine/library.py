"""llama.cpp itself, loaded quietly, and what this machine offers it: devices, cores, memory.

`library()` loads it once per process, without its log on stderr; the last error lines of the log are kept, so that an
error message can quote them. Nothing here knows about models.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import re
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_cli.errors import TtsError

SPINS = "10000"
_ERROR = 4  # GGML_LOG_LEVEL_ERROR
_CONTINUED = 5  # GGML_LOG_LEVEL_CONT: belongs to the line before
_KINDS = {0: "CPU", 1: "GPU", 2: "integrated GPU", 3: "accelerator"}


class Library:
    """The bindings (`api`), and the last complaints of llama.cpp."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self._errors: deque[str] = deque(maxlen=8)
        self._level = 0
        # The callback object must outlive every native call, or llama.cpp calls freed memory.
        self._callback = api.llama_log_callback(self._log)
        api.llama_log_set(self._callback, None)
        api.llama_backend_init()

    def _log(self, level: int, text: bytes | None, _data: Any) -> None:
        self._level = self._level if level == _CONTINUED else level
        if self._level == _ERROR and text:
            self._errors.append(text.decode("utf-8", "replace").strip())

    def forget_errors(self) -> None:
        self._errors.clear()

    def last_error(self) -> str:
        """The first error line since `forget_errors` ("" when there is none); later ones only repeat it."""
        line = next((line for line in self._errors if line), "")
        return line.removeprefix("llama_model_load: ").replace("error loading model: ", "")


@functools.cache
def library() -> Library:
    """llama.cpp, loaded at the first call. Raises TtsError when the package or its library does not load."""
    _set_environment()
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise TtsError(f"llama.cpp does not load: {error}", "Install llama-cpp-python again.") from error
    return Library(llama_cpp)


def _set_environment() -> None:
    """What ggml and OpenMP read once, when they are loaded. What the user has set stays."""
    # An assert in llama.cpp would otherwise start a debugger to print a backtrace.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    # How often a thread of libgomp looks whether the others have come before it sleeps. By default 300,000 times, which
    # burns whole time slices when another program holds a core that one of them needs. On two cores, 0.5B parameters,
    # 16 rows: 15 to 33 tokens per second beside two busy processes, 36 to 54 with this; on idle cores no difference.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


# --- this build of llama.cpp ---


def llama_version() -> str:
    """The version of llama-cpp-python, which pins the llama.cpp that it brings."""
    return str(library().api.__version__)


def system_info() -> str:
    """llama.cpp's line of CPU features."""
    return str(library().api.llama_print_system_info().decode("utf-8", "replace"))


def amx_fault(info: str) -> bool:
    """True when this build may crash on quantized models unless extra weight buffers are off.

    GCC 12 miscompiles llama.cpp's AMX kernels (ggml-org/llama.cpp#20824); only builds that report AMX_INT8 have them.
    """
    return re.search(r"\bAMX_INT8 = 1\b", info) is not None


def waiting(info: str) -> str:
    """How the threads of a decode wait for each other, in words; `info`: llama.cpp's `system_info`."""
    if not re.search(r"\bOPENMP = 1\b", info):
        return "as llama.cpp decides (this build is without OpenMP)"
    names = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"] if _has_libgomp() else ["OMP_WAIT_POLICY"]
    return next((f"by {name}={os.environ[name]}" for name in names if name in os.environ), "as OpenMP decides")


def _has_libgomp() -> bool:
    """Whether GCC's OpenMP is loaded, and not another that does not know GOMP_SPINCOUNT."""
    maps = Path("/proc/self/maps")
    return maps.is_file() and "libgomp" in maps.read_text()


def supports_gpu() -> bool:
    """True when the build has a GPU back end and a usable device is there."""
    return bool(library().api.llama_supports_gpu_offload())


@dataclass(frozen=True, slots=True)
class Device:
    """One compute device as ggml lists it; memory in bytes, 0 where it is not reported."""

    name: str
    description: str
    kind: str
    memory_free: int
    memory_total: int


def abort_callback() -> Any:
    """For `llama_set_abort_callback`: true where the text that its data points to is not empty.

    llama.cpp calls it some thousand times in a decode. C's `strlen` answers without the interpreter lock, for which the
    decode would wait while other threads run, and without Python code, in which an exception of a signal handler would
    be lost.
    """
    strlen = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None).strlen
    return ctypes.cast(strlen, library().api.ggml_abort_callback)


def devices() -> list[Device]:
    """The devices that ggml registered, the CPU among them; [] where its library cannot be found."""
    base, registry = _ggml("ggml-base"), _ggml("ggml")
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


# --- this machine ---


def allowed_cores() -> int:
    """Cores that this process may use, hyper-threads counted; at least 1."""
    import psutil

    process = psutil.Process()
    # macOS knows no affinity: there every core is allowed.
    allowed = len(process.cpu_affinity() or ()) if hasattr(process, "cpu_affinity") else os.cpu_count()
    return allowed or 1


def physical_cores() -> int:
    """Cores that this process may use (affinity, a container's limit), hyper-threads counted once; at least 1."""
    import psutil

    allowed = allowed_cores()
    least = min(_performance_cores() or psutil.cpu_count(logical=False) or allowed, allowed)
    return max(1, min(least, _quota() or least))


def _quota(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Whole cores that the cgroups of this process may use (a container's limit), at least 1; 0 where unlimited.

    Rounded down: threads that wait for each other are as slow as the one that has used up its share.
    """
    if not own.is_file():
        return 0
    limits: list[float] = []
    for line in own.read_text().splitlines():
        _, controllers, path = line.split(":", 2)  # no controllers: version 2
        if not controllers or "cpu" in controllers.split(","):
            parts = path.strip("/").split("/")
            # A group's limit holds for those below it too. In a container the path may be the host's, and absent.
            folders = (groups.joinpath(controllers, *parts[:depth]) for depth in range(len(parts) + 1))
            limits += filter(None, map(_limit, folders))
    return max(1, int(min(limits))) if limits else 0


def _limit(group: Path) -> float:
    """Cores; 0 where the group sets no limit."""
    for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
        with suppress(OSError, ValueError):  # absent; "max"
            quota, period = " ".join((group / name).read_text() for name in names).split()
            return max(0.0, int(quota) / int(period))  # -1: no limit
    return 0.0


def _performance_cores() -> int:
    """Of an Apple chip with two kinds of cores; else 0. The others would slow each decode down to their own speed."""
    if platform.system() != "Darwin":
        return 0
    command = ["/usr/sbin/sysctl", "-n", "hw.perflevel0.physicalcpu"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return int(answer) if answer.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Main memory in bytes. `available`: what a new program may use without swapping."""

    total: int
    available: int


def memory() -> Memory | None:
    """Of this machine; None where the system does not report it."""
    import psutil

    try:
        found = psutil.virtual_memory()
    except (OSError, RuntimeError, psutil.Error):
        return None
    return Memory(found.total, found.available)
