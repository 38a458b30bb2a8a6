"""What the texts of a model depend on beside the program: the CPU, and llama.cpp's version and build."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

import llama_cpp


def machine() -> dict[str, str]:
    """Two machines for which this is equal print the same bytes."""
    llama = {"llama-cpp-python": version("llama-cpp-python"), "build": _hash(llama_cpp.llama_print_system_info())}
    return {"machine": platform.machine(), "cpu": _cpu(), **llama}


def _cpu() -> str:
    """A hash of the CPU's features, which choose llama.cpp's kernels; where the system does not list them, its name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    features = next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.processor())
    words = sorted(features.partition(":")[2].split() or [features])
    return _hash(" ".join(words).encode())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
