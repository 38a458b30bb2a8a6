"""tts: test-time scaling for small local language models on maths problems.

>>> from tts_cli import Solver
>>> with Solver(policy="nano", method="majority", budget=4) as solver:
...     solver.solve("Compute 37 + 4 * (12 - 5).").answer
'65'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tts_cli.errors import ModelError, PromptTooLong, TtsError, UsageError

if TYPE_CHECKING:
    from tts_cli.config import Settings
    from tts_cli.data.record import Problem, Record
    from tts_cli.solver import Solver

__version__ = "0.1.0"

__all__ = [
    "ModelError",
    "Problem",
    "PromptTooLong",
    "Record",
    "Settings",
    "Solver",
    "TtsError",
    "UsageError",
    "__version__",
]

# Imported when first asked for: `import tts_cli` and `tts --help` must cost next to nothing.
_LAZY = {
    "Problem": "tts_cli.data.record",
    "Record": "tts_cli.data.record",
    "Settings": "tts_cli.config",
    "Solver": "tts_cli.solver",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
