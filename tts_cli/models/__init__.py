"""Policy and PRM: what a search may ask of a model, the registry of models, and models that run on llama.cpp.

`load_policy` and `load_prm` are imported when first asked for: the protocols must cost nothing to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tts_cli.models.load import load_policy, load_prm

__all__ = ["load_policy", "load_prm"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tts_cli.models import load

    return getattr(load, name)
