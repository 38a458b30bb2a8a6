"""llama.cpp's own quantiser: one GGUF file to another."""

from __future__ import annotations

import ctypes
from pathlib import Path

from tts_cli.engine.library import library, physical_cores
from tts_cli.errors import TtsError

_Q4_K_M = 15  # LLAMA_FTYPE_MOSTLY_Q4_K_M
_MOST_BUFFER = 64 << 20  # bytes of rows in memory at once


def quantize(source: Path, target: Path, threads: int | None = None) -> None:
    """Write `source` (float weights) as Q4_K_M. Raises TtsError where llama.cpp cannot, when the disk is full, say."""
    loaded = library()
    parameters = loaded.api.llama_model_quantize_default_params()
    parameters.nthread = threads or physical_cores()
    parameters.ftype = _Q4_K_M
    parameters.max_buf_size = _MOST_BUFFER
    loaded.forget_errors()
    failed = loaded.api.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters))
    if failed:
        why = loaded.last_error().removeprefix("llama_model_quantize: ") or "llama.cpp does not say why"
        raise TtsError(f"The model cannot be quantised: {why}.", "Make sure that there is room on the disk.")
