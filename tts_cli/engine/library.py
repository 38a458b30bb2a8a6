"""Loads llama.cpp quietly: once per process, without its log on stderr, ready for use.

The last error lines of its log are kept, so that an error message can quote them. Nothing here knows about models.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from typing import Any

from tts_cli.errors import TtsError

_ERROR = 4  # GGML_LOG_LEVEL_ERROR
_CONTINUED = 5  # GGML_LOG_LEVEL_CONT: belongs to the line before


class Library:
    """The bindings (`api`) and what llama.cpp last complained of."""

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
        """What the first error line since `forget_errors` says ("" when there is none); later ones only repeat it."""
        line = next((line for line in self._errors if line), "")
        return line.removeprefix("llama_model_load: ").replace("error loading model: ", "")


@functools.cache
def library() -> Library:
    """llama.cpp, loaded at the first call. Raises TtsError when the package or its library does not load."""
    # An assert in llama.cpp would otherwise start a debugger to print a backtrace.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise TtsError(f"llama.cpp does not load: {error}", "Install llama-cpp-python again.") from error
    return Library(llama_cpp)
