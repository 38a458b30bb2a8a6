"""The machine and the build that figures belong to, and whether anything else is running."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import psutil

import tts_cli
from tts_cli.engine.library import llama_version, physical_cores, system_info

IDLE = 0.15
"""Cores that others may use, at most, on a machine that is called idle."""


def describe() -> dict[str, Any]:
    """What a reader needs in order to compare figures; JSON."""
    return {
        "cpu": _cpu(),
        "cores": physical_cores(),
        "hardware threads": os.cpu_count(),
        "memory GB": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "tts": tts_cli.__version__,
        "llama-cpp-python": llama_version(),
        "build": system_info(),
        "others' load at the start": round(others(), 2),
    }


def others(seconds: float = 1.0) -> float:
    """Cores that are at work while this process waits so long."""
    return psutil.cpu_percent(seconds) / 100 * (os.cpu_count() or 1)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
