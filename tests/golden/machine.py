"""What the texts of a model depend on beside the program: the CPU and the version of llama.cpp."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path


def machine() -> dict[str, str]:
    """Two machines for which this is equal print the same bytes."""
    return {"machine": platform.machine(), "cpu": _cpu(), "llama-cpp-python": version("llama-cpp-python")}


def _cpu() -> str:
    """A hash of the CPU's features, which choose llama.cpp's kernels; where the system does not list them, its name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    features = next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.processor())
    words = sorted(features.partition(":")[2].split() or [features])
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]
